"""Range tables serve a whole program: one call of many does not cut its digits as if it paid for a table alone."""

from tacit.primitives.cost import Cost
from tacit.primitives.gadgets import range_check
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
