"""Comparison, maximum and minimum of two tensors, exact for every width up to 61 bits of difference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.circuit import Constant, Iota
from tacit.errors import ModelError
from tacit.primitives import arithmetic, movement
from tacit.primitives.axes import of_one_rank
from tacit.primitives.builder import Builder, Rows, Table, gadget
from tacit.primitives.gadgets.digits import CELL, DIGIT, ENTRY, LEAF, digit_widths, digits, once, price, require_injective
from tacit.primitives.tensor import Tensor
from tacit.primitives.threads import Elementwise

WIDEST_TABLE = 18
"""A table over all differences has at most 2^18 entries."""
WIDEST_DIFFERENCE = 62


def halves(low: int, high: int, at_negative: Constant | Iota, at_others: Constant | Iota) -> tuple[Rows, ...]:
    """Segments (d, rule) for d = low .. -1 and for d = max(low, 0) .. high; at_others counts from d = max(low, 0)."""
    pieces = ((low, min(high, -1), at_negative), (max(low, 0), high, at_others))
    return tuple(Rows(b - a + 1, (Iota(a), rule)) for a, b, rule in pieces if a <= b)


def step_table(low: int, high: int) -> Table:
    """(d, [d >= 0]) for d = low .. high."""
    return Table(f"step/{low}..{high}", halves(low, high, Constant(0), Constant(1)))


def relu_table(low: int, high: int) -> Table:
    """(d, max(d, 0)) for d = low .. high."""
    return Table(f"relu/{low}..{high}", halves(low, high, Constant(0), Iota(max(low, 0))))


def difference_width(name: str, d: Tensor) -> int:
    """The smallest w with -2^w <= d < 2^w."""
    width = max(max(d.low, ~d.low).bit_length(), max(d.high, ~d.high).bit_length())
    if width >= WIDEST_DIFFERENCE:
        raise ModelError(
            f"differences at {name} need {width + 1} bits, more than {WIDEST_DIFFERENCE}; round them first"
        )
    return width


def cut_place(size: int, width: int, everything: int = 0, ranges: Sequence[int] = ()) -> int:
    """Where `size` differences of `width` bits and a sign are cut into a top digit, with the sign, and the rest: in halves, or
    where three digits and more are needed at the lowest price."""
    if width < 2 * DIGIT:
        return max((width + 1) // 2, width + 1 - DIGIT, 0)

    def total(place: int) -> int:
        return (ENTRY << (width - place + 1)) + price(size, digit_widths(size, place, everything, ranges), everything)

    return min(range(width + 1 - DIGIT, width), key=total)


def by_table(size: int, d: Tensor, width: int) -> bool:
    """Whether one table over all of `size` differences is cheaper than cutting them into digits."""
    entries = d.high - d.low + 1
    place = cut_place(size, width)
    cut = size * (2 * CELL + 2 * LEAF) + ((1 << place) + (2 << (width - place))) * ENTRY
    return entries <= 1 << WIDEST_TABLE and size * (CELL + LEAF) + entries * ENTRY <= cut


def sign_by_digits(b: Builder, name: str, d: Tensor, width: int) -> Tensor:
    """[d >= 0] as a cell for -2^w <= d < 2^w: d = top 2^k + low, (top, [top >= 0]) in a table, low in R_k by digits.

    Unique: top and low are the digits of one integer, 2^(w + 1) < p of which are told apart.
    """
    require_injective(name, 2 << width)
    place = cut_place(b.elements(d), width, b.everything, b.ranges)
    end = 1 << (width - place)
    above = once(lambda: b.value(d) >> place)
    top = b.commit(f"{name}/top", d, -end, end - 1, above)
    flag = b.commit(f"{name}/flag", d, 0, 1, lambda: (above() >= 0).astype(np.int64))
    b.lookup(f"{name}/flag", step_table(-end, end - 1), [top, flag])
    digits(b, f"{name}/low", (d - top * (1 << place)).bounded(0, (1 << place) - 1), place)
    return flag


def common_exponent(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    exponent = max(a.exponent, b.exponent)
    return movement.shifted(a, exponent), movement.shifted(b, exponent)


@gadget("compare")
def compare(b: Builder, name: str, left: Tensor, right: Tensor) -> Tensor:
    """[left >= right] as integers 0 and 1 of exponent 0; shapes broadcast, exponents are aligned.

    Relation: (left - right, flag) in the table of the step over the difference's interval (1 cell, 1 leaf), or by
    digits when that table is too large or dearer (2 cells, 2 leaves; `sign_by_digits`). Unique: a table row is fixed by
    its difference.
    """
    left, right = common_exponent(left, right)
    d = movement.plus(b, left, -right)
    width = difference_width(name, d)
    if not by_table(b.elements(d), d, width):
        return sign_by_digits(b, name, d, width)
    flag = b.commit(name, d, 0, 1, lambda: (b.value(d) >= 0).astype(np.int64))
    b.lookup(name, step_table(d.low, d.high), [d, flag])
    return flag


@gadget("maximum")
def maximum(b: Builder, name: str, left: Tensor, right: Tensor) -> Tensor:
    """max(left, right); shapes broadcast, exponents are aligned to the finer.

    Relation: (left - right, m - right) in the table of the ramp over the difference's interval (1 cell, 1 leaf); or, by
    digits, flag = [left >= right] and m - right = flag (left - right) (3 cells, 2 leaves, 1 product).
    Unique: the difference fixes its table row, or the flag, and that fixes m.
    """
    left, right = of_one_rank(*common_exponent(left, right))
    d = movement.plus(b, left, -right)
    width = difference_width(name, d)
    low, high = max(left.low, right.low), max(left.high, right.high)
    direct = by_table(b.elements(d), d, width)
    if not direct and (d.degree > 1 or len(d.terms) > 2):
        left, right = b.copy(left, f"{name}/left"), b.copy(right, f"{name}/right")
        d = movement.plus(b, left, -right)
    flag = None if direct else sign_by_digits(b, name, d, width)
    larger = lambda: Elementwise(np.maximum, b.value(left), b.value(right))  # noqa: E731
    m = b.commit(name, d, low, high, larger, exponent=left.exponent)
    gain = movement.plus(b, m, -right)
    if flag is None:
        b.lookup(name, relu_table(d.low, d.high), [d, gain.bounded(max(d.low, 0), max(d.high, 0))])
    else:
        b.contract(f"{name}/choice", gain - arithmetic.multiply(b, flag, d))
    return m


@gadget("minimum")
def minimum(b: Builder, name: str, left: Tensor, right: Tensor) -> Tensor:
    """min(left, right) = -max(-left, -right): see `maximum`."""
    return -maximum(b, name, -left, -right)


@gadget("limited")
def limited(b: Builder, name: str, x: Tensor, bound: Tensor) -> Tensor:
    """x, saturated to -bound .. bound; bound >= 0 by its proved interval; shapes broadcast, exponents are aligned.

    By `minimum` and, where x may be negative, `maximum`. Unique: both are.
    """
    x, bound = movement.align_all(b, (x, bound))
    inside = minimum(b, f"{name}/most" if x.low < 0 else name, x, bound)
    if x.low < 0:
        inside = maximum(b, name, inside, -bound)
    shift = inside.exponent - x.exponent
    b.saturates(lambda: int(np.count_nonzero(b.value(inside) != b.value(x) << shift)))
    return inside


@gadget("maximum_of")
def maximum_of(b: Builder, name: str, taps: Sequence[Tensor]) -> Tensor:
    """The maximum of several tensors of one shape (the taps of a pooling window), by a tree of `maximum`.

    len(taps) - 1 cells and leaves a value. Raises ValueError without taps.
    """
    level = list(taps)
    if not level:
        raise ValueError(f"{name} has nothing to take a maximum of")
    depth = 0
    while len(level) > 1:
        pairs = [level[i : i + 2] for i in range(0, len(level), 2)]
        level = [
            maximum(b, f"{name}/{depth}.{i}" if len(pairs) > 1 else name, *pair) if len(pair) == 2 else pair[0]
            for i, pair in enumerate(pairs)
        ]
        depth += 1
    return level[0]


@gadget("maximum_along")
def maximum_along(b: Builder, name: str, x: Tensor, axis: int) -> Tensor:
    """The maximum along one dimension, which keeps length 1: halves of the dimension against each other.

    (length - 1) cells and leaves a row, about log2(length) relations.
    """
    axis = movement.normal(x, axis)
    depth = 0
    while x.shape[axis] > 1:
        size = x.shape[axis]
        middle = size // 2
        first = movement.slice_(b, x, axis, 0, middle)
        second = movement.slice_(b, x, axis, middle, 2 * middle)
        larger = maximum(b, f"{name}/{depth}" if size > 2 else name, first, second)
        if size % 2:
            larger = movement.concat(b, [larger, movement.slice_(b, x, axis, size - 1, size)], axis)
        x, depth = larger, depth + 1
    return x
