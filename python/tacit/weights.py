"""The weight columns of a model: by their names, by the constants that they are made of, and where two models differ."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tacit.circuit import decode
from tacit.primitives.program import Program

Columns = dict[str, list[tuple[int, np.ndarray]]]
"""Constant's name -> exponent and integers of each weight column made of it."""


def split_weights(circuit: bytes, weights: bytes) -> dict[str, np.ndarray]:
    """Splits a weights buffer (docs/circuit.md, Buffers) into its columns, by name."""
    found, offset = {}, 0
    for column in decode(circuit).columns:
        if column.home == "weights":
            count = int(np.prod(column.shape, dtype=np.int64))
            cells = np.frombuffer(weights, dtype=f"<i{column.bytes}", count=count, offset=offset)
            found[column.name] = cells.reshape(column.shape)
            offset += count * column.bytes
    return found


def by_constant(program: Program, tensors: Mapping[str, np.ndarray]) -> Columns:
    """The columns of each constant, in the constant's shape."""
    steps = [step for step in program.steps if step.gadget == "weight"]
    found: Columns = {}
    for step, array in zip(steps, tensors.values(), strict=True):
        entry = (int(step.arguments["exponent"]), array.reshape(step.arguments["shape"]))
        found.setdefault(step.name, []).append(entry)
    return found


def difference(mine: Columns, theirs: Columns) -> str:
    """Why two models have no common commitment, in words."""
    names = [*mine, *(name for name in theirs if name not in mine)]
    name = next((name for name in names if not _same(mine.get(name), theirs.get(name))), None)
    return "the order of its weights differs" if name is None else f"the constant {name!r} differs with the shapes"


def _same(a: list[tuple[int, np.ndarray]] | None, b: list[tuple[int, np.ndarray]] | None) -> bool:
    """Whether two models made the same weight columns of a constant."""
    if a is None or b is None or len(a) != len(b):
        return False
    return all(p == q and np.array_equal(x, y) for (p, x), (q, y) in zip(a, b))
