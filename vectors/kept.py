"""What the vectors of formats 2 and 3 share. Receipts that hide hold fresh randomness: they are kept, and only `--prove` makes
others. Keys follow from a fixed seed. From keys and receipts the same version writes the same manifest on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import generate
import layer
import relations
from generate import CONTEXTS, Case

from tacit import _core
from tacit.circuit import encode

SEED = bytes(range(32))
OPENINGS = 2


class Wanted(NamedTuple):
    """A receipt: what it hides (the weights, then the bindings), its context, which bindings are named, the seed of its inputs."""

    hidden: tuple[int, ...]
    context: int
    named: tuple[int, ...] | None = None
    seed: int = 1

    def said(self) -> dict[str, Any]:
        """In the manifest."""
        found = {"context": CONTEXTS[self.context].hex(), "hidden": bytes(self.hidden).hex()}
        return found if self.named is None else found | {"named": list(self.named)}


Models = Mapping[str, Mapping[str, Wanted]]
"""Model -> file -> receipt."""


def of(name: str, seed: int) -> relations.Case:
    """A model's circuit, whose commitments can hide, and buffers."""
    if name == "layer":
        return layer.case(seed, OPENINGS)
    case = relations.case(seed)
    circuit = encode(replace(relations.skeleton(), parameters=layer.hiding_in(OPENINGS)))
    return relations.Case(circuit, case.weights, case.public, case.witness)


def prover(name: str) -> _core.Prover:
    made = of(name, 1)
    return _core.Prover(made.circuit, made.weights, _core.Progress(), seed=SEED)


def secret(binding: int) -> bytes:
    """What a tensor's commitment follows from: receipts that name it carry the same commitment of one tensor."""
    return bytes([64 + binding]) * 32


def proved(name: str, wanted: Wanted) -> bytes:
    made, secrets = of(name, wanted.seed), [(binding, secret(binding)) for binding in wanted.named or ()]
    arguments = made.public, made.witness, CONTEXTS[wanted.context], _core.Progress()
    return prover(name).prove(*arguments, hide=bytes(wanted.hidden), named=secrets)


def complete(
    number: int,
    models: Models,
    keys: Mapping[str, bytes],
    receipts: Mapping[str, bytes],
    refused: Callable[[str, Mapping[str, bytes]], list[Case]],
) -> dict[str, bytes]:
    """Every file of a format by its name. `refused`: the cases of a model's receipts, from its files by name."""
    files, entries = {}, {}
    for name, wanted in models.items():
        files[name] = {"key.bin": keys[name]} | {file: receipts[f"{name}/{file}"] for file in wanted}
        accepted = {file: each.said() for file, each in wanted.items()}
        cases = refused(name, files[name]) + generate.keys(keys, name)
        entries[name] = generate.entry(name, files[name], accepted, cases)
    return generate.complete(number, files, entries)


def write(
    arguments: Sequence[str],
    folder: Path,
    models: Models,
    complete: Callable[[Mapping[str, bytes]], dict[str, bytes]],
) -> int:
    """`[FOLDER] [--prove]`: everything that is `complete` with the receipts of `models`, those that are kept or other ones."""
    names = [argument for argument in arguments if argument != "--prove"]
    folder, wanted = Path(names[0]) if names else folder, [(name, *each) for name in models for each in models[name].items()]
    if "--prove" in arguments:
        receipts = {f"{name}/{file}": proved(name, each) for name, file, each in wanted}
    else:
        receipts = {f"{name}/{file}": (folder / name / file).read_bytes() for name, file, _ in wanted}
    generate.write(complete(receipts), folder)
    return 0
