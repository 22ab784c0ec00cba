"""Range tables serve a whole program: one call of many does not cut its digits as if it paid for a table alone."""

from math import prod

import numpy as np

from tacit.primitives.cost import Cost
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import range_check, round_saturate
from tacit.primitives.gadgets.digits import digit_widths, price
from tacit.primitives.program import Program, ProgramBuilder, run

SIZE, MANY = 20_000, 1_000_000


def test_a_share_of_a_table_is_charged():
    assert len(digit_widths(SIZE, 16)) == 2 and digit_widths(SIZE, 16, MANY) == [16]
    assert digit_widths(SIZE, 16, SIZE // 2) == digit_widths(SIZE, 16)
    assert price(SIZE, [16], MANY) < price(SIZE, [16]) and price(0, [16], 0) == 0


def test_a_program_keeps_how_many_values_it_computes():
    builder = ProgramBuilder(batch=2)
    builder.computed = MANY
    range_check(builder, "held", builder.input("x", (SIZE,), 0, 65535, 0), 0, 65535)
    program = Program.from_json(builder.program().to_json())
    assert program.computed == MANY
    spent = Cost(2)
    run(program, spent)
    assert (spent.everything, spent.cells, spent.lookups) == (2 * MANY, 0, 2 * SIZE)
    alone = Cost(2)
    run(Program(program.steps, 2), alone)
    assert alone.cells == 2 * SIZE


def test_a_remainder_of_two_digits_joins_the_excess():
    """Many values of a shift beyond one digit: 4 cells and 3 lookups each, and the same integers as in two digits."""
    x = np.arange(-(1 << 24), 1 << 24, 1 << 13, dtype=np.int64) * 129
    found = {}
    for form in ("wide", "joined", None):
        b = Evaluate({"x": x}, check=True)
        b.computed = MANY
        y = round_saturate(b, "y", b.input("x", x.shape, int(x.min()), int(x.max()), 20), 18, 8, form=form)
        found[form] = b.value(y)
        cells = sum(prod(c.shape) for c in b.columns.values() if c.home == "witness")
        assert (form == "joined" and cells == 4 * x.size) or form != "joined"
    np.testing.assert_array_equal(found["joined"], found["wide"])
    np.testing.assert_array_equal(found["joined"], np.clip((x + (1 << 17)) >> 18, -128, 127))
