"""Widths of range tables: chosen for a whole program, never dearer than what each call chose, the same values."""

from itertools import combinations

import numpy as np
import pytest

from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import range_check, round_wide
from tacit.primitives.gadgets.digits import cuts, digit_widths
from tacit.primitives.program import Program, ProgramBuilder, run
from tacit.primitives.ranges import cheapest, price, read, total, with_ranges

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
