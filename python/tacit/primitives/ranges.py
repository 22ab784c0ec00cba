"""The widths of a program's range tables, chosen by the price of everything that is looked up in them, and the grids beyond tables.

A call knows what its own numbers cost, not which tables others pay for. Digits change no value, so the widths are chosen when a
program is complete: how many numbers of each width it checks is counted, and the widths that check all of them at the lowest price,
tables included, are searched for. A program keeps them where it costs less with them than where each call chose its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from math import inf
from operator import itemgetter

from tacit.primitives.cost import Cost
from tacit.primitives.gadgets.digits import CELL, ENTRY, LEAF, cuts
from tacit.primitives.gadgets.grids import Grid, Leaving
from tacit.primitives.program import Program, run

WIDEST = 18
"""A range table has at most 2^18 rows."""
WIDEST_CELL, MOST_CELLS = 20, 1 << 20
"""A cell of a grid has at most 2^20 integers, and a grid as many cells."""
READINGS = 2
"""So often widths are chosen, each time for the numbers that are left with the last ones: gadgets decide by what digits cost."""


def with_tables(program: Program) -> Program:
    """The program with the grids beyond its tables, then the range tables, that make it cheapest."""
    cost = read(program)
    grids = cheapest_grids(cost.leaving)
    changed = replace(program, grids=grids)
    return with_ranges(changed if grids and price(read(changed)) < price(cost) else program)


def with_ranges(program: Program) -> Program:
    """The program with the widths of range tables that make it cheapest, or with its own."""
    best = program
    cost = read(program)
    lowest = price(cost)
    for _ in range(READINGS):
        changed = replace(program, ranges=cheapest(cost.checked))
        if changed.ranges == best.ranges or not changed.ranges:
            break
        cost = read(changed)
        if price(cost) < lowest:
            best, lowest = changed, price(cost)
    return best


def read(program: Program) -> Cost:
    cost = Cost(program.batch)
    run(program, cost)
    return cost


def price(cost: Cost) -> int:
    """Nanoseconds of one core."""
    return cost.cells * CELL + cost.lookups * LEAF + cost.table_rows * ENTRY


def cheapest(numbers: Mapping[int, int]) -> tuple[int, ...]:
    """The widths, ascending, by which numbers of a whole program are checked at the lowest price, tables included; `numbers` has
    how many there are of each width. The best of some starts, each a width and what is left of all numbers beside it, and from
    there one width more, less, or another one, as long as that pays."""
    numbers = {width: size for width, size in numbers.items() if width and size}
    if not numbers:
        return ()
    starts = [frozenset({base, *(width % base or base for width in numbers)}) for base in range(1, WIDEST + 1)]
    best = min(starts, key=lambda ranges: total(numbers, ranges))
    while True:
        step = min(neighbours(best), key=lambda ranges: total(numbers, ranges))
        if total(numbers, step) >= total(numbers, best):
            return used(numbers, best)
        best = step


def neighbours(ranges: frozenset[int]) -> Iterator[frozenset[int]]:
    every = range(1, WIDEST + 1)
    yield from (ranges ^ {width} for width in every)
    yield from (ranges - {old} | {new} for old in sorted(ranges) for new in every if new not in ranges)


def total(numbers: Mapping[int, int], ranges: frozenset[int]) -> float:
    """The price of checking the numbers by digits of these widths, and of the tables; infinite where one has no such digits."""
    fewest, rows = [0.0], sum(1 << width for width in ranges)
    for number in range(1, max(numbers) + 1):
        fewest.append(1 + min((fewest[number - width] for width in ranges if width <= number), default=inf))
    return rows * ENTRY + sum(size * (fewest[width] * (LEAF + CELL) - CELL) for width, size in numbers.items())


def used(numbers: Mapping[int, int], ranges: frozenset[int]) -> tuple[int, ...]:
    """Those of the widths that `cuts` takes for the numbers."""
    found = cuts(tuple(sorted(ranges)), max(numbers))
    return tuple(sorted({width for number in numbers for width in found[number] or ()}))


def cheapest_grids(numbers: Iterable[Leaving]) -> tuple[Grid, ...]:
    """For the numbers of a whole program the grids that spare most: cells and a lookup of each number on them, less the rows of
    their tables. Numbers of one shift share a table of rests, so their grids have cells of one size."""
    kinds: dict[tuple[int, int], list[Leaving]] = {}
    for each in numbers:
        kinds.setdefault((each.shift, each.cells), []).append(each)
    chosen: list[Grid] = []
    for (shift, _), those in sorted(kinds.items()):
        options = (grids_of(those, cell) for cell in range(shift + 1, WIDEST_CELL + 1))
        spared, grids = max(options, key=itemgetter(0), default=(0, ()))
        if spared > 0:
            chosen.extend(grids)
    return tuple(chosen)


def grids_of(numbers: list[Leaving], cell: int) -> tuple[int, tuple[Grid, ...]]:
    """(nanoseconds that they spare, grids) of numbers of one kind with cells of 2^cell integers."""
    spared, grids = -(2 << cell) * ENTRY, []
    for key in sorted({each.key for each in numbers}):
        those = sorted((each for each in numbers if each.key == key and cell <= each.bits + each.shift), key=reach)
        best: tuple[int, Grid | None] = (0, None)
        for count in range(1, len(those) + 1):
            some, first = those[:count], those[0]
            size = sum(each.size for each in some)
            grid = replace(first, least=min(each.least for each in some), most=max(each.most for each in some)).grid(cell)
            outside = grid.high - grid.low + 1 - grid.inside(first.bits)
            # Where none are left, their own table is not needed.
            rows = outside + (1 << first.bits) - (first.parts << first.bits) * (count == len(those))
            gain = size * (first.cells * CELL + LEAF) - rows * ENTRY
            if gain > best[0] and outside < MOST_CELLS:
                best = gain, grid
        if best[1] is not None:
            spared += best[0]
            grids.append(best[1])
    return spared, tuple(grids)


def reach(numbers: Leaving) -> int:
    return max(numbers.most, -numbers.least)
