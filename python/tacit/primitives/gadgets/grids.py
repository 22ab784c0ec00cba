"""Integers that may leave the table that they are looked up in: in place of a check of the excess, a coarser grid beyond the table.

With T the integer, counted from the table's beginning in units of 2^-shift of its steps: T = cell 2^place + rest, place > shift.
Where the cell lies in the table, the step inside the cell is rest >> shift; elsewhere it is said to be OUTSIDE, and nothing else of
rest matters. So `rest` has one table for all steps and OUTSIDE, and (cell, step) has one that gives the function inside and its ends
outside. The grid reaches as far as the numbers of a whole program leave a table by (see `primitives.ranges`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tacit.circuit import Constant, Iota
from tacit.primitives.builder import Builder, Rows, Table
from tacit.primitives.gadgets.digits import once, require_injective
from tacit.primitives.gadgets.segments import graph_rows
from tacit.primitives.tensor import Tensor

OUTSIDE = -1
"""The step of a number that is in no table's cell."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Cells low .. high of 2^place integers, for the table named `key` of steps of 2^shift integers."""

    key: str
    shift: int
    place: int
    low: int
    high: int

    def covers(self, leaving: Leaving) -> bool:
        """Whether these numbers can be looked up on this grid."""
        cells = self.low <= leaving.least >> self.place and leaving.most >> self.place <= self.high
        return (self.key, self.shift) == (leaving.key, leaving.shift) and cells

    def inside(self, bits: int) -> int:
        """Cells inside a table of 2^bits steps."""
        return 1 << (bits + self.shift - self.place)


@dataclass(frozen=True, slots=True)
class Leaving:
    """`size` integers least .. most, counted from the beginning of the table `key` of 2^bits steps of 2^shift integers."""

    key: str
    shift: int
    bits: int
    least: int
    most: int
    size: int

    def grid(self, place: int) -> Grid:
        """The smallest with cells of 2^place integers, shift < place <= bits + shift."""
        last = (1 << (self.bits + self.shift - place)) - 1
        return Grid(self.key, self.shift, place, min(self.least >> place, 0), max(self.most >> place, last))


def on_grid(
    b: Builder, name: str, x: Tensor, first: int, bits: int, grid: Grid, values: np.ndarray, at: Callable[[np.ndarray], np.ndarray], exponent: int
) -> Tensor:
    """y = values[clamp(q - first)], q = round(x / 2^shift), clamped to the 2^bits values; `at` gives y for an array of q.

    Relation: x + 2^(shift-1) - first 2^shift = cell 2^place + rest, with (rest, step) in one table, step = rest >> shift or OUTSIDE,
    and (cell, step, y) in another: y = values[cell 2^(place - shift) + step] inside, values[0] before, values[-1] after, and step =
    OUTSIDE in both. rest is virtual. Cells y, cell, step; leaves 2. Unique: the grid's integers are fewer than p and fix (cell,
    rest); the cell fixes whether a step is OUTSIDE, rest which it is otherwise, and both fix y.
    """
    shift, place, inside = grid.shift, grid.place, grid.inside(bits)
    require_injective(name, (grid.high - grid.low + 1) << place)
    offset = (1 << shift >> 1) - (first << shift)
    total = once(lambda: b.value(x) + offset)
    where = once(lambda: total() >> place)
    most = (1 << (place - shift)) - 1

    def step_of() -> np.ndarray:
        cells = where()
        return np.where((cells >= 0) & (cells < inside), (total() >> shift) & most, OUTSIDE)

    y = b.commit(
        name, x, int(values.min()), int(values.max()), lambda: at((total() >> shift) + first), exponent=exponent
    )
    cell = b.commit(f"{name}/cell", x, (x.low + offset) >> place, (x.high + offset) >> place, where)
    step = b.commit(f"{name}/step", x, OUTSIDE, most, step_of)
    rest = (x.bounded(0, 0) + offset - cell.bounded(0, 0) * (1 << place)).bounded(0, (1 << place) - 1)
    b.lookup(f"{name}/rest", rests(shift, place), [rest, step])
    b.lookup(f"{name}/table", cells_of(grid, bits, values), [cell, step, y])
    return y


def rests(shift: int, place: int) -> Table:
    """Tuples (rest, rest >> shift) and (rest, OUTSIDE), 0 <= rest < 2^place."""
    steps = [Rows(1 << shift, (Iota(step << shift), Constant(step))) for step in range(1 << (place - shift))]
    return Table(f"rest/{shift}/{place}", (*steps, Rows(1 << place, (Iota(0), Constant(OUTSIDE)))))


def cells_of(grid: Grid, bits: int, values: np.ndarray) -> Table:
    """Tuples (cell, step, y)."""
    steps, inside = 1 << (grid.place - grid.shift), grid.inside(bits)
    rows = [row for step in range(steps) for row in graph_rows(0, values[step::steps], (step,))]
    for start, count, end in ((grid.low, -grid.low, values[0]), (inside, grid.high + 1 - inside, values[-1])):
        if count:
            rows.append(Rows(count, (Iota(start), Constant(OUTSIDE), Constant(int(end)))))
    return Table(f"{grid.key}/grid{grid.place}/{grid.low}..{grid.high}", tuple(rows))
