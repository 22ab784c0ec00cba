"""Selection by computed indices: an index as a row of zeros and a one, and the contraction of that row with a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, gadget, range_table
from tacit.primitives.gadgets.comparison import compare, maximum, minimum
from tacit.primitives.gadgets.digits import require_fits
from tacit.primitives.tensor import Factor, Tensor, constant

LETTERS = "abcdefghijklmnopqrstuvwxyz"
MANY = 1 << 14
"""So many cells of one-hot rows are dearer than rows of two digits."""


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
def select(b: Builder, name: str, table: Tensor, index: Tensor, batch: int = 0, digits: int | None = None) -> Tensor:
    """table[*batch, n, *row] at index[*batch, *places]: [*batch, *places, *row], exact; the exponent is the table's.

    An index in -n .. -1 counts from the end, one outside -n .. n - 1 means the nearest that is inside (`position`). The
    result is the contraction of `one_hot` with the table, an accumulator: n cells and leaves an index, one product a row
    element; of many indices or a long table, whose rows are a view, the contraction of the two rows of `two_digits` with it: about
    4 sqrt(n) cells and 2 sqrt(n) leaves an index, three factors. `digits`: 1 or 2, chosen by price if it is None. Unique: the
    table and the one-hot rows are fixed.
    """
    size = table.shape[batch]
    place = position(b, f"{name}/position", index, size)
    shared, own, row = letters(batch, len(index.shape) - batch, len(table.shape) - batch - 1)
    many = b.elements(index) * size >= MANY if digits is None else digits == 2
    if many and size > 1 and len(table.terms) == 1 and table.is_affine:
        high, low = two_digits(b, f"{name}/hits", place, size)
        count, length = high.shape[-1], low.shape[-1]
        pads = [(0, count * length - size) if i == batch else (0, 0) for i in range(len(table.shape))]
        rows = movement.pad(b, table, pads)
        rows = without_values(movement.reshape(b, rows, (*table.shape[:batch], count, length, *table.shape[batch + 1 :])))
        both = arithmetic.contracted(high, low, f"{shared}{own}Y", f"{shared}{own}Z", f"{shared}{own}YZ")
        found = arithmetic.contracted(
            both.bounded(0, 1), rows.bounded(0, 0), f"{shared}{own}YZ", f"{shared}YZ{row}", f"{shared}{own}{row}"
        )
        terms = tuple(replace(term, reach=one.reach) for term, one in zip(found.terms, rows.terms, strict=True))
        found = replace(found, terms=terms, exponent=table.exponent)
        return found.bounded(min(table.low, 0), max(table.high, 0))
    hits = one_hot(b, f"{name}/hits", place, size)
    result = arithmetic.einsum(b, f"{shared}{own}Z,{shared}Z{row}->{shared}{own}{row}", hits, table)
    return result.bounded(table.low, table.high)


def without_values(tensor: Tensor) -> Tensor:
    """The same tensor without the values of its weights: no bound is wanted of sums of all of them, where one is selected."""

    def forgotten(factor: Factor) -> Factor:
        return replace(factor, column=replace(factor.column, known=None))

    return replace(tensor, terms=tuple(replace(t, factors=tuple(map(forgotten, t.factors))) for t in tensor.terms))


def two_digits(b: Builder, name: str, index: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """One-hot rows of the digits of index = high B + low, 0 <= low < B, as columns along a new last dimension; B is a power of two,
    about the root of `size`, and 0 <= index < size by its proved interval.

    Relations: of each row p_j = [j >= digit], the steps z_j (`before_and_steps`) and their copy; index - (A - sum p) B - (B - sum
    p') = 0. Cells 2 (A + B), leaves A + B an index. Unique for every field value of the index: a step of 1 stands at one place of
    each row, and A B < p pairs of places are as many different numbers.
    """
    require_fits(name, index, 0, size - 1)
    length = 1 << -(-(size - 1).bit_length() // 2)
    count = -(-size // length)

    def hit(key: str, places: int, digit: Callable[[], np.ndarray]) -> tuple[Tensor, Tensor]:
        """The row of a digit, and the digit as a sum."""
        computed = lambda: (np.arange(places) >= digit()[..., None]).astype(np.int64)  # noqa: E731
        reached = b.commit(f"{name}/{key}/reached", (*index.shape, places), 0, 1, computed)
        steps = before_and_steps(b, f"{name}/{key}", reached, -1)[1]
        return b.copy(steps, f"{name}/{key}/hit"), places - arithmetic.reduce_sum(b, reached, [-1])

    high, above = hit("high", count, lambda: b.value(index) // length)
    low, rest = hit("low", length, lambda: b.value(index) % length)
    parts = movement.plus(b, index, -above * length)
    b.contract(f"{name}/index", movement.plus(b, parts, -rest))
    return high, low


def letters(*counts: int) -> list[str]:
    """Different letters for several groups of dimensions."""
    stops = np.cumsum([0, *counts]).tolist()
    return [LETTERS[start:stop] for start, stop in zip(stops, stops[1:])]
