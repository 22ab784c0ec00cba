"""The options of `compile` that mean nothing, or nothing together."""

from __future__ import annotations

from tacit.errors import InputError, ModelError
from tacit.model import Model
from tacit.search import Tolerance

WIDTHS = ("lean", "standard", "faithful")


def require_options(
    widths: str,
    tolerance: float | Tolerance | None,
    trips: int | None,
    like: Model | None,
    openings: int | None,
    batch: int | None,
    seed: bytes | None,
) -> None:
    """Raises ModelError or InputError for options that mean nothing, or not together."""
    if widths not in WIDTHS:
        raise ModelError(f"widths={widths!r} is unknown; use one of {', '.join(WIDTHS)}.")
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
