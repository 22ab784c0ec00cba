"""Integers that may leave the table that they are looked up in: beyond it a coarser grid, in place of a check of the excess.

Let T be an integer, counted from the beginning of a table of 2^bits steps of 2^shift integers each. Inside the table T =
place 2^shift + rest with rest < 2^shift, and `place` is the row. Outside, `place` is a multiple of 2^(cell - shift), so that
the same sum says T with rest < 2^cell: nobody asks which step it is. A lookup of (rest, mark) holds rest in the range that
the mark says; one of (place, mark, ..) gives what belongs to the row, or what all of a side outside share. The grid reaches
as far as the numbers of a whole program leave a table by (see `primitives.ranges`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tacit.circuit import Constant, Iota, Line
from tacit.primitives.builder import Builder, Rows, Table
from tacit.primitives.gadgets.digits import once, require_injective
from tacit.primitives.gadgets.segments import graph_rows
from tacit.primitives.tensor import Tensor
from tacit.primitives.threads import Elementwise


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells low .. high of 2^cell integers, for the table named `key` of steps of 2^shift integers; cell > shift."""

    key: str
    shift: int
    cell: int
    low: int
    high: int

    def covers(self, leaving: Leaving) -> bool:
        """Whether these numbers can be looked up on this grid."""
        cells = self.low <= leaving.least >> self.cell and leaving.most >> self.cell <= self.high
        return (self.key, self.shift) == (leaving.key, leaving.shift) and cells

    def inside(self, bits: int) -> int:
        """Cells inside a table of 2^bits steps."""
        return 1 << (bits + self.shift - self.cell)

    def outside(self, bits: int, mark: int, before: int, after: int) -> list[Rows]:
        """Rows (place, mark, before or after) of the cells on both sides of a table of 2^bits steps."""
        sides = ((self.low, -self.low, before), (self.inside(bits), self.high + 1 - self.inside(bits), after))
        stride = 1 << (self.cell - self.shift)
        rules = ((Line(start * stride, stride), Constant(mark), Constant(end)) for start, _, end in sides)
        return [Rows(count, rule) for (_, count, _), rule in zip(sides, rules) if count]

    def rests(self, inside: tuple[int, ...], outside: int) -> Table:
        """Tuples (rest, mark): rest < 2^shift for the marks inside, rest < 2^cell for the one outside."""
        rows = [Rows(1 << self.shift, (Iota(0), Constant(mark))) for mark in inside]
        marks = f"{','.join(map(str, inside))}/{outside}"
        return Table(f"rest/{self.shift}/{self.cell}/{marks}", (*rows, Rows(1 << self.cell, (Iota(0), Constant(outside)))))


@dataclass(frozen=True, slots=True)
class Leaving:
    """`size` integers least .. most, counted from the beginning of the table `key` of 2^bits steps of 2^shift integers. On a grid
    each needs so many `cells` and one lookup less, and all of them so many times the table's rows less."""

    key: str
    shift: int
    bits: int
    least: int
    most: int
    size: int
    cells: int = 1
    parts: int = 3

    def grid(self, cell: int) -> Grid:
        """The smallest with cells of 2^cell integers, shift < cell <= bits + shift."""
        last = (1 << (self.bits + self.shift - cell)) - 1
        return Grid(self.key, self.shift, cell, min(self.least >> cell, 0), max(self.most >> cell, last))


def grid_of(b: Builder, leaving: Leaving) -> Grid | None:
    """The program's grid for these numbers, if it has one."""
    b.leaves(leaving)
    return next((grid for grid in b.grids if grid.covers(leaving)), None)


def placed(
    b: Builder,
    name: str,
    x: Tensor,
    offset: int,
    bits: int,
    grid: Grid,
    integers: Callable[[], np.ndarray],
    reach: tuple[int, int],
) -> tuple[Tensor, Tensor, Callable[[np.ndarray], np.ndarray]]:
    """(place, rest, what says which of given integers lie inside) of x + offset, which lies in `reach`; `integers` gives those of
    x, and rest is virtual.

    Relation: x + offset = place 2^shift + rest. With the lookups of (rest, mark) and (place, mark, ..), unique: inside and outside,
    place and rest give every integer of the grid once, and the grid's integers are fewer than p.
    """
    shift, cell, end = grid.shift, grid.cell, 1 << (bits + grid.shift)
    require_injective(name, (grid.high - grid.low + 1) << cell)

    def within(part: np.ndarray) -> np.ndarray:
        return (part >= -offset) & (part < end - offset)

    def coarse(part: np.ndarray) -> np.ndarray:
        return np.where(within(part), (part + offset) >> shift, (part + offset) >> cell << (cell - shift))

    low, high = reach[0] >> cell << (cell - shift), max(reach[1] >> shift, 0)
    place = b.commit(f"{name}/place", x, min(low, 0), high, lambda: Elementwise(coarse, integers()))
    rest = x.bounded(0, 0) + offset - place.bounded(0, 0) * (1 << shift)
    return place, rest.bounded(0, (1 << cell) - 1), within


def on_grid(
    b: Builder,
    name: str,
    x: Tensor,
    first: int,
    bits: int,
    grid: Grid,
    values: np.ndarray,
    at: Callable[[np.ndarray, int], Elementwise],
    exponent: int,
) -> Tensor:
    """y = values[clamp(q - first)], q = round(x / 2^shift), clamped to the 2^bits values; `at` gives y for x and shift.

    (place, o, y) is a row of the values for o = 0, and values[0] before them and values[-1] after them for o = 1; see `placed`.
    Cells y, place, o; leaves 2. Unique: place fixes o, and both fix y.
    """
    offset = (1 << grid.shift >> 1) - (first << grid.shift)
    integers = once(lambda: b.value(x))
    y = b.commit(name, x, int(values.min()), int(values.max()), lambda: at(integers(), grid.shift), exponent=exponent)
    place, rest, within = placed(b, name, x, offset, bits, grid, integers, (x.low + offset, x.high + offset))
    outside = b.commit(f"{name}/outside", x, 0, 1, lambda: Elementwise(lambda part: ~within(part), integers()))
    b.lookup(f"{name}/rest", grid.rests((0,), 1), [rest, outside])
    rows = (*graph_rows(0, values, (0,)), *grid.outside(bits, 1, int(values[0]), int(values[-1])))
    b.lookup(f"{name}/table", Table(f"{grid.key}/{grid.cell}/{grid.low}..{grid.high}", rows), [place, outside, y])
    return y
