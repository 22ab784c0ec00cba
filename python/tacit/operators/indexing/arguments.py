"""What indexing operators read: tables exact or rounded once, indices as integers, places along an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.registry import Rounds, as_output
from tacit.primitives import gadgets
from tacit.primitives.builder import Builder
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


def values_of(context: Context, name: str) -> Tensor:
    """A value to be selected from or written: a view as it is, an accumulator rounded once, one number everywhere as no
    column at all."""
    array = context.constant(name)
    if array is None or not array.size or not np.isfinite(array).all() or (array != array.reshape(-1)[0]).any():
        return context.wide(name)
    exponent = tables.exact_exponent(array, tables.FINEST_CONSTANT) if array.dtype.kind == "f" else 0
    return constant(array.shape, int(np.floor(np.ldexp(float(array.reshape(-1)[0]), exponent) + 0.5)), exponent)


def rounds_if_constant(position: int) -> Rounds:
    """The `rounds` of an operator that is a view where the input at `position` is constant, and else reads its inputs as
    they are."""

    def rounds(context: Context, node: Node, name: str) -> int | None:
        return None if context.constant(node.input(position)) is None else as_output(context, node, name)

    return rounds


def places(builder: Builder, name: str, size: int) -> Tensor:
    """0 .. size - 1 as running sums of ones: public structure, no weight. One cell a place."""
    return gadgets.running_sum(builder, name, constant((size,), 1), 0) - 1


def wrapped(indices: np.ndarray, size: int) -> np.ndarray:
    """Constant indices counted from the front and clamped, as `gadgets.position` does it."""
    return np.clip(np.where(indices < 0, indices + size, indices), 0, size - 1)
