"""Monotone functions of few values: which of the intervals between given bounds an integer lies in."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np

from tacit.circuit import Constant, Iota
from tacit.primitives.builder import Builder, Rows, Table, gadget, listed
from tacit.primitives.gadgets.digits import CELL, ENTRY, LEAF, digit_widths, digits, once, price, require_injective
from tacit.primitives.tensor import Tensor, constant

WIDEST_TABLE = 18
"""A table over all integers of an interval has at most 2^18 entries."""


@gadget("stepped")
def stepped(b: Builder, name: str, x: Tensor, bounds: Sequence[int], first: int, *, cut: bool = False) -> Tensor:
    """first + how many of the bounds, which ascend, are at most x (as an integer); exponent 0.

    Relation: (x, y) in a table over x's interval (1 cell, 1 leaf); or, where that is too large or dearer, or for `cut`, (y, x - e,
    g) in the table of y's intervals, their least integers and by how much the greatest ones exceed these, e and g - e in R_w, by
    digits. Cells y, e, g (and digits), leaves 3 and more. Unique: e <= g for integers, so x is an integer of the interval that y
    names; these are disjoint, and less than p apart.
    """
    inside = [bound for bound in bounds if x.low < bound <= x.high]
    base = first + bisect_right(bounds, x.low)
    if not inside:
        return constant(x.shape, base)
    ends = [x.low, *inside, x.high + 1]
    width = (max(after - before for before, after in zip(ends, ends[1:])) - 1).bit_length()
    require_injective(name, 2 * (x.high - x.low + (1 << width)))
    places = np.array(inside, dtype=np.int64)
    found = once(lambda: np.searchsorted(places, b.value(x), side="right"))
    y = b.commit(name, x, base, base + len(inside), lambda: base + found())
    if not cut and by_table(b.elements(x), x, len(ends), width):
        rows = tuple(Rows(h - l, (Iota(l), Constant(base + i))) for i, (l, h) in enumerate(zip(ends, ends[1:])))
        b.lookup(name, Table(f"steps/{name}", rows), [x.with_exponent(0), y])
        return y
    least, reach = ends[:-1], [after - before - 1 for before, after in zip(ends, ends[1:])]
    starts, lengths = np.array(least, dtype=np.int64), np.array(reach, dtype=np.int64)
    beyond = b.commit(f"{name}/beyond", x, 0, max(reach), lambda: b.value(x) - starts[found()])
    gap = b.commit(f"{name}/gap", x, min(reach), max(reach), lambda: lengths[found()])
    rules = (listed(range(base, base + len(least))), listed(least), listed(reach))
    start = (x.with_exponent(0) - beyond).bounded(least[0], least[-1])
    b.lookup(f"{name}/interval", Table(f"steps/{name}", (Rows(len(least), rules),)), [y, start, gap])
    digits(b, f"{name}/beyond", beyond, width)
    digits(b, f"{name}/before", (gap - beyond).bounded(0, (1 << width) - 1), width)
    return y


def by_table(size: int, x: Tensor, rows: int, width: int) -> bool:
    """Whether one table over all integers of x is cheaper than the ends of intervals and two checks by digits."""
    entries = x.high - x.low + 1
    cut = size * (2 * CELL + LEAF) + rows * ENTRY + 2 * price(size, digit_widths(size, width))
    return entries <= 1 << WIDEST_TABLE and size * LEAF + entries * ENTRY <= cut
