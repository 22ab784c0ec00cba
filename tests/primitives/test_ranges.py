"""Widths of range tables, and grids: chosen for a whole program, never dearer than what each call chose, the same values."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import range_check, round_saturate, round_wide
from tacit.primitives.gadgets.digits import cuts, digit_widths
from tacit.primitives.program import Program, ProgramBuilder, run
from tacit.primitives.ranges import cheapest, cheapest_grids, grids_of, price, read, total, with_ranges, with_tables

NUMBERS = [
    {9: 400, 13: 60, 20: 10},
    {7: 100_000, 8: 50, 14: 3000},
    {17: 2_000_000, 23: 1000, 31: 400_000},
    {1: 5},
    {26: 10**7, 16: 10**7},
]


def recorded(sizes: dict[int, int]) -> ProgramBuilder:
    """Numbers of these widths, held in their ranges, and one rounding."""
    builder = ProgramBuilder()
    builder.computed = sum(sizes.values())
    for width, size in sizes.items():
        range_check(builder, f"held{width}", builder.input(f"x{width}", (size,), 0, (1 << width) - 1, 0), 0, (1 << width) - 1)
    x = builder.input("x", (300,), -(1 << 24), (1 << 24) - 1, 12)
    builder.output("y", round_wide(builder, "round", x, 11))
    return builder


@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
def test_no_few_widths_are_cheaper(numbers):
    """Every set of up to three widths, each number cut into the fewest digits of it."""
    found = total(numbers, frozenset(cheapest(numbers)))
    small = [frozenset(c) for count in (1, 2, 3) for c in combinations(range(1, 19), count)]
    assert found <= min(total(numbers, ranges) for ranges in small)


def test_the_fewest_digits_add_up():
    for ranges in ((3, 5), (1, 4, 9), (2, 7, 16, 17)):
        found = cuts(ranges, 40)
        assert all(sum(cut) == width and set(cut) <= set(ranges) for width, cut in enumerate(found) if cut is not None)
        assert found[0] == () and all(len(found[width]) == 1 for width in ranges)
    assert cuts((3, 5), 8) == ((), None, None, (3,), None, (5,), (3, 3), None, (5, 3))
    assert digit_widths(10, 8, 0, (3, 5)) == [5, 3]
    assert digit_widths(10, 7, 0, (3, 5)) == digit_widths(10, 7)


def test_a_program_shares_few_tables_and_keeps_its_values():
    sizes = {9: 300, 10: 300, 11: 200, 12: 40, 13: 20}
    program = recorded(sizes).program()
    shared = with_ranges(program)
    assert shared.ranges and price(read(shared)) < 0.9 * price(read(program))
    assert Program.from_json(shared.to_json()).ranges == shared.ranges
    generator = np.random.default_rng(0)
    given = {f"x{width}": generator.integers(0, 1 << width, size) for width, size in sizes.items()}
    given["x"] = generator.integers(-(1 << 24), 1 << 24, 300)
    found = []
    for each in (program, shared):
        b = Evaluate(given, check=True)
        run(each, b)
        found.append(b.outputs()["y"])
    np.testing.assert_array_equal(*found)


def test_many_wide_remainders_get_a_wider_table():
    program = recorded({16: 1000, 17: 3_000_000}).program()
    assert 17 in with_ranges(program).ranges


def test_widths_that_no_program_is_cheaper_with_are_not_kept():
    program = recorded({}).program()
    chosen = with_ranges(program)
    assert price(read(chosen)) <= price(read(program)) and with_ranges(chosen).ranges == chosen.ranges
    assert cheapest({}) == () and cheapest({0: 7}) == ()


def leavers(sizes):
    """Roundings by 8 bits to tables of 8 bits; of each (bits that numbers reach, how many)."""
    builder = ProgramBuilder()
    for place, (reach, size) in enumerate(sizes):
        x = builder.input(f"x{place}", (size,), -(1 << reach), (1 << reach) - 1, 8)
        builder.output(f"y{place}", round_saturate(builder, f"y{place}", x, 8, 8, form="wide"))
    return builder.program()


def integers_of(program, sizes):
    generator = np.random.default_rng(1)
    given = {f"x{place}": generator.integers(-(1 << reach), 1 << reach, size) for place, (reach, size) in enumerate(sizes)}
    b = Evaluate(given, check=True)
    run(program, b)
    return b.outputs()


def test_numbers_that_leave_their_tables_share_a_grid():
    sizes = ((20, 30_000), (22, 30_000), (20, 30))
    program = leavers(sizes)
    chosen = with_tables(program)
    (grid,) = chosen.grids
    assert price(read(chosen)) < price(read(with_ranges(program))) and all(grid.covers(each) for each in read(chosen).leaving)
    assert Program.from_json(chosen.to_json()).grids == chosen.grids
    for name, values in integers_of(program, sizes).items():
        np.testing.assert_array_equal(values, integers_of(chosen, sizes)[name])


def test_a_grid_leaves_out_who_reaches_too_far_for_it():
    """Ten numbers that reach a thousand times as far stay with a table of three parts."""
    chosen = with_tables(leavers(((20, 60_000), (32, 10))))
    (grid,) = chosen.grids
    assert [grid.covers(each) for each in read(chosen).leaving] == [True, False]


def test_few_numbers_have_no_grid():
    assert with_tables(leavers(((20, 40),))).grids == () and cheapest_grids([]) == ()


def test_the_cheapest_cells_are_chosen():
    """Against every size of cells, by the price of the whole program."""
    program = leavers(((20, 30_000), (24, 50_000)))
    (grid,) = cheapest_grids(read(program).leaving)
    every = [replace(program, grids=grids_of(read(program).leaving, cell)[1]) for cell in range(9, 16)]
    assert price(read(replace(program, grids=(grid,)))) == min(price(read(each)) for each in every)
