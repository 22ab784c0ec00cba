"""The options of `compile` that mean nothing, or nothing together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tacit.circuit import Parameters, decode
from tacit.commitments import limbs
from tacit.errors import InputError, ModelError
from tacit.graph import Graph
from tacit.key import Key, Signature
from tacit.links import find
from tacit.model import Model
from tacit.quantize import InputScale
from tacit.search import Tolerance

Links = Mapping[str, tuple[Key, str]]
"""{input: (key of another model, name of its output)}"""

WIDTHS = ("lean", "standard", "faithful")
RECEIPTS = ("quick", "small")


def require_options(
    widths: str,
    tolerance: float | Tolerance | None,
    trips: int | None,
    like: Model | None,
    openings: int | None,
    batch: int | None,
    seed: bytes | None,
    receipts: str,
) -> None:
    """Raises ModelError or InputError for options that mean nothing, or not together."""
    if widths not in WIDTHS:
        raise ModelError(f"widths={widths!r} is unknown; use one of {', '.join(WIDTHS)}.")
    if receipts not in RECEIPTS:
        raise ModelError(f"receipts={receipts!r} is unknown; use one of {', '.join(RECEIPTS)}.")
    if trips is not None and trips < 1:
        raise InputError(f"trips={trips} is no number of turns; use 1 or more.")
    if batch is not None and not 1 <= batch < 1 << 20:
        raise InputError(f"batch={batch} is no number of samples; use 1 to 1,000,000, or none for single ones.")
    if openings is not None and not 0 <= openings < 1 << 20:
        raise InputError(f"openings={openings} is no number of proofs; use 0 (nothing can be hidden) to 1,000,000.")
    if like is None:
        return
    if tolerance is not None:
        raise InputError("like= takes the widths of the other model: give tolerance= when compiling that one.")
    if seed is not None:
        raise InputError("like= takes the commitment of the other model, hence its seed: leave seed= out.")
    if openings is not None and bool(openings) != bool(like.openings):
        hides = "hides: take 1 or more of its openings" if like.openings else "hides nothing (openings=0): leave openings= out"
        raise InputError(f"The commitment of the model given as like= {hides}.")
    like.require_places(openings)


def linked(
    links: Links | None, like: Parameters | None, openings: int | None, batch: int | None
) -> tuple[dict[str, InputScale], Parameters | None]:
    """The integers of linked inputs, and the parameters whose limbs all commitments get: of the links' circuits, or of `like`.

    Raises InputError for links that are none, to what hides nothing, or to circuits whose limbs differ.
    """
    pinned: dict[str, InputScale] = {}
    found = like
    for name, output in _outputs(links).items():
        pinned[name] = InputScale(output.exponent, output.lowest, output.highest)
    for name, (key, _) in (links or {}).items():
        parameters = decode(key.core.circuit()).parameters
        if not parameters.reserved:
            raise InputError(
                f"The model that {name!r} is linked to hides nothing (openings=0), so it commits to no output: compile it without."
            )
        if found is not None and limbs(found) != limbs(parameters):
            raise InputError(
                f"The model that {name!r} is linked to has other limbs than another one that is named: link or compile one like "
                "the other."
            )
        found = found or parameters
    if links and batch is not None:
        raise InputError("links= and batch= do not go together: compile it for single samples.")
    if links and openings is not None:
        raise InputError("links= takes the openings of the linked model: leave openings= out.")
    return pinned, found


def _outputs(links: Links | None) -> dict[str, Signature]:
    found = {}
    for name, link in (links or {}).items():
        if not (isinstance(link, tuple) and len(link) == 2 and isinstance(link[0], Key) and isinstance(link[1], str)):
            raise InputError(f"The link of {name!r} must be (a key, the name of an output).")
        _, found[name] = find(link[0].signatures, link[1])
    return found


def require_shapes(graph: Graph, links: Links | None) -> None:
    """Raises InputError unless every linked input has the dtype and the shape of the output."""
    for name, output in _outputs(links).items():
        if name not in graph.inputs:
            raise InputError(f"There is no input {name!r} to link; there are {', '.join(map(repr, graph.inputs))}.")
        value = graph.values[name]
        if (str(value.dtype), tuple(value.shape)) != (output.dtype, output.shape):
            raise InputError(
                f"The input {name!r} is {value.dtype}{list(value.shape)}, the output that it is linked to "
                f"{output.dtype}{list(output.shape)}."
            )


def require_chunk(*given: Any) -> None:
    """Raises InputError for options (None where they are not given) that a chunk of a sequence does not take."""
    if any(option is not None for option in given):
        raise InputError(
            "A chunk of a sequence takes samples=, held=, widths=, like=, openings= and seed=: leave the other options out."
        )
