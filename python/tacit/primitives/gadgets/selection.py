"""Selection by computed indices: an index as a row of zeros and a one, and the contraction of that row with a table."""

from __future__ import annotations

import numpy as np

from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, gadget, range_table
from tacit.primitives.gadgets.comparison import compare, maximum, minimum
from tacit.primitives.gadgets.digits import require_fits
from tacit.primitives.tensor import Tensor, constant

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def before_and_steps(b: Builder, name: str, reached: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """(p_(j-1), p_j - p_(j-1)) of a column p along one dimension, p_-1 = 0, with one step of 1 and all others 0.

    Relations: p_j - p_(j-1) in {0, 1} for every j, and p_(n-1) = 1: steps of 0 and 1 that add up to 1 are one 1, for n < p.
    """
    axis = movement.normal(reached, axis)
    size = reached.shape[axis]
    before = movement.pad(b, reached, [(1, -1) if i == axis else (0, 0) for i in range(len(reached.shape))])
    steps = (reached - before).bounded(0, 1)
    b.lookup(f"{name}/steps", range_table(2), [steps])
    b.contract(f"{name}/end", movement.slice_(b, reached, axis, size - 1, size) - 1)
    return before, steps


@gadget("position")
def position(b: Builder, name: str, index: Tensor, size: int, margin: int = 0) -> Tensor:
    """The place that an index means on an axis of `size`: index + size [index < 0], clamped to -margin .. size - 1 + margin.

    Comparison with 0, maximum and minimum, each left out where the proved interval makes it idle: 0 to 3 cells and
    leaves an index (more by digits). Unique: a chain of gadgets that are.
    """
    if index.low < 0:
        low, high = index.low + size, size - 1
        if index.high >= 0:
            counted = compare(b, f"{name}/counted", index, constant(index.shape, 0, index.exponent))
            index = movement.plus(b, index, (1 - counted) * size)
            low, high = min(low, 0), max(high, index.high)
        else:
            index = index + size
        index = index.bounded(low, high)
    if index.low < -margin:
        index = maximum(b, f"{name}/lowest", index, constant(index.shape, -margin, index.exponent))
    if index.high > size - 1 + margin:
        index = minimum(b, f"{name}/highest", index, constant(index.shape, size - 1 + margin, index.exponent))
    return index


@gadget("one_hot")
def one_hot(b: Builder, name: str, index: Tensor, size: int) -> Tensor:
    """[j = index] for j = 0 .. size - 1 along a new last dimension, 0 <= index < size by its proved interval.

    Cells and leaves: `size` an index (`reach`). Raises ModelError for an interval that leaves 0 .. size - 1.
    """
    return reach(b, name, index, size)[1]


def reach(b: Builder, name: str, index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """(p, z): p_j = [j >= index] and z_j = [j = index] along a new last dimension.

    p is committed; z are its steps (`before_and_steps`), and index = size - sum_j p_j. Unique for every field value of the
    index: the one step that is 1 stands at the place size - sum_j p_j.
    """
    require_fits(name, index, 0, size - 1)
    if size == 1:
        b.contract(f"{name}/index", index)
        return constant((*index.shape, 1), 1), constant((*index.shape, 1), 1)
    shape, places = (*index.shape, size), np.arange(size)
    reached = b.commit(f"{name}/reached", shape, 0, 1, lambda: (places >= b.value(index)[..., None]).astype(np.int64))
    _, steps = before_and_steps(b, name, reached, -1)
    count = arithmetic.reduce_sum(b, reached, [-1])
    b.contract(f"{name}/index", movement.plus(b, index, count - size))
    return reached, steps


@gadget("select")
def select(b: Builder, name: str, table: Tensor, index: Tensor, batch: int = 0) -> Tensor:
    """table[*batch, n, *row] at index[*batch, *places]: [*batch, *places, *row], exact; the exponent is the table's.

    An index in -n .. -1 counts from the end, one outside -n .. n - 1 means the nearest that is inside (`position`). The
    result is the contraction of `one_hot` with the table, an accumulator: n cells and leaves an index, one product a row
    element. Unique: the table and the one-hot row are fixed.
    """
    size = table.shape[batch]
    hits = one_hot(b, f"{name}/hits", position(b, f"{name}/position", index, size), size)
    shared, own, row = letters(batch, len(index.shape) - batch, len(table.shape) - batch - 1)
    result = arithmetic.einsum(b, f"{shared}{own}Z,{shared}Z{row}->{shared}{own}{row}", hits, table)
    return result.bounded(table.low, table.high)


def letters(*counts: int) -> list[str]:
    """Different letters for several groups of dimensions."""
    stops = np.cumsum([0, *counts]).tolist()
    return [LETTERS[start:stop] for start, stop in zip(stops, stops[1:])]
