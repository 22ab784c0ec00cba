"""Gadgets that lack one of their relations."""

from __future__ import annotations

from mutant import Edit, Mutant, Pytest

FOLDER = "python/tacit/primitives/gadgets/"


def found_by(file: str, test: str) -> Pytest:
    return Pytest(f"tests/primitives/gadgets/test_{file}.py", (test,))


def dropped(name: str, file: str, line: str, catcher: Pytest) -> Mutant:
    """A gadget without the relation that stands on one line; `pass` keeps a block that had nothing else."""
    return Mutant(name, (Edit(FOLDER + file, line, "pass"),), catcher)


WIDE = found_by("unique", "test_round_wide_is_tight")
WHOLE = found_by("unique", "test_a_table_over_the_whole_interval")
PARTS = found_by("unique", "test_a_sign_beside_a_table_of_three_parts")
DIGITS = found_by("unique", "test_saturation_by_digits")
CONSTANT = found_by("unique", "test_divide_constant")
RANGE = found_by("unique", "test_range_check_admits_nothing_else")
ARGMAX = found_by("unique", "test_argmax_is_unique_for_every_field_value")
COMPARISON = found_by("unique", "test_comparison")
MAXIMUM = found_by("unique", "test_maximum")
DIVISION = found_by("unique", "test_division_is_tight")
EXPONENTIALS = found_by("unique", "test_exponentials_are_unique")
SIGNED = found_by("roots", "test_signed_division_is_tight")
ROOT = found_by("roots", "test_square_root_is_unique")
SELECTED = found_by("selection", "test_one_hot_has_one_witness_for_every_field_value")
TWO_DIGITS = found_by("selection", "test_one_hot_digits_have_one_witness_for_every_field_value")
PACKED = found_by("selection", "test_what_is_taken_apart_is_unique_for_every_field_value")
ORDER = found_by("selection", "test_top_k_is_unique_for_every_field_value")
SCATTER = found_by("selection", "test_scatter_is_unique_for_every_field_value")
PLACE = found_by("selection", "test_the_only_place")
SUMS = found_by("selection", "test_running_sums_are_unique")
MOVES = found_by("selection", "test_rows_move_by_the_zeros_before_them")
COMPACTION = found_by("selection", "test_compaction_is_unique_for_every_field_value")
SURVIVORS = found_by("selection", "test_survivors_are_unique_for_every_field_value")
CARRIED = found_by("selection", "test_what_is_carried_is_unique_for_every_field_value")
DRAWN = found_by("drawing", "test_the_drawn_place_is_the_only_one")
KEPT = found_by("drawing", "test_what_is_kept_by_count_is_the_only_part")
COPY = found_by("relations_needed", "test_a_cell_equals_what_it_copies")
ONE = found_by("relations_needed", "test_a_range_of_one_value")
ENDS = found_by("relations_needed", "test_a_wide_interval_has_two_ends")
WIDTHS = found_by("relations_needed", "test_widths_beyond_the_field_are_refused")
SOFTMAX = found_by("relations_needed", "test_softmax_is_unique")
MEAN = found_by("weighted", "test_the_mean_is_unique_for_every_field_value")

BITS = found_by("bits", "test_common_bits_are_unique_for_every_field_value")
NEAREST = found_by("nearest", "test_the_nearest_quotient_is_unique_for_every_field_value")
PIECES = found_by("pieces", "test_one_output_for_every_field_value")
FEW = found_by("pieces", "test_exponentials_by_pieces_are_unique")
CHOICE = found_by("listed_choice", "test_the_listed_value_and_no_other")

GADGETS = (
    dropped(
        "a rounding's remainder has no range",
        "rescale.py",
        'digits(b, f"{name}/remainder", x + half(shift) - y * (1 << shift), shift)',
        WIDE,
    ),
    Mutant(
        "a rounding's quotient has no range",
        (
            Edit(
                FOLDER + "rescale.py",
                '        digits(b, f"{name}/quotient", y - q.low, q.digits)\n    return y\n\n\ndef clamped',
                "        pass\n    return y\n\n\ndef clamped",
            ),
        ),
        WIDE,
    ),
    Mutant(
        "a rounding without a shift is free", (Edit(FOLDER + "rescale.py", 'b.contract(f"{name}/equal", y - x)', "pass"),), COPY
    ),
    Mutant(
        "a value may lie outside and not say so",
        (
            Edit(
                FOLDER + "rescale.py",
                "sign_rows(-below, above, step)), [g, z])",
                "(*sign_rows(-below, above, step), Rows(1, (Constant(1 << step), Constant(0))))), [g, z])",
            ),
        ),
        DIGITS,
    ),
    dropped(
        "what lies inside has no range", "rescale.py", 'digits(b, f"{name}/inside", q - g * (1 << rest) - low, rest)', DIGITS
    ),
    dropped(
        "a saturated value is free",
        "rescale.py",
        'b.contract(f"{name}/clamped", (y - q) * 2 + product(outside, q - low) * 2 - (outside + z) * ((1 << bits) - 1))',
        DIGITS,
    ),
    dropped("a table's remainder has no range", "rescale.py", 'digits(b, f"{name}/remainder", rem, shift)', WHOLE),
    dropped("an activation is in no table", "rescale.py", 'b.lookup(f"{name}/table", table, [quotient, y])', WHOLE),
    dropped(
        "nothing says where a value saturates",
        "rescale.py",
        'b.lookup(f"{name}/sign", Table(f"sign/{high_low}..{high_high}", sign_rows(high_low, high_high)), [hi, z])',
        PARTS,
    ),
    dropped("the ends of a number are in no table", "rescale.py", 'b.lookup(f"{name}/ends", pairs, [g, z])', PARTS),
    dropped(
        "a saturating activation is in no table",
        "rescale.py",
        'b.lookup(f"{name}/table", three_parts(shape, high_low < 0, high_high > 0), [low, z, y])',
        PARTS,
    ),
    dropped(
        "a rest on a grid has no range", "grids.py", 'b.lookup(f"{name}/rest", grid.rests((0,), 1), [rest, outside])', PARTS
    ),
    dropped(
        "an activation on a grid is in no table",
        "grids.py",
        'b.lookup(f"{name}/table", Table(f"{grid.key}/{grid.cell}/{grid.low}..{grid.high}", rows), [place, outside, y])',
        PARTS,
    ),
    Mutant(
        "a rest inside a table is as long as outside",
        (Edit(FOLDER + "grids.py", "[Rows(1 << self.shift, (Iota(0)", "[Rows(1 << self.cell, (Iota(0)"),),
        PARTS,
    ),
    Mutant(
        "a grid begins inside its table",
        (Edit(FOLDER + "grids.py", "(self.inside(bits), self.high + 1 - self.inside(bits), after)", "(1, self.high, after)"),),
        PARTS,
    ),
    dropped(
        "a constant divisor's remainder has no range",
        "rescale.py",
        'interval_check(b, f"{name}/remainder", rem, 0, divisor - 1)',
        CONSTANT,
    ),
    dropped(
        "a range has no lowest digit",
        "digits.py",
        'b.lookup(f"{name}/digit0", range_table(1 << widths[0]), [rest.bounded(0, (1 << widths[0]) - 1)])',
        RANGE,
    ),
    dropped(
        "a range's other digits are free", "digits.py", 'b.lookup(f"{name}/digit{place}", range_table(1 << bits), [digit])', RANGE
    ),
    dropped("a range of zero bits is free", "digits.py", "b.contract(name, tensor)", ONE),
    dropped(
        "a small interval is not looked up",
        "digits.py",
        "b.lookup(name, range_table(count), [(tensor - low).bounded(0, count - 1)])",
        RANGE,
    ),
    dropped("a wide interval has no lower end", "digits.py", 'digits(b, f"{name}/above", tensor - low, width)', ENDS),
    dropped("a wide interval has no upper end", "digits.py", 'digits(b, f"{name}/below", high - tensor, width)', ENDS),
    Mutant(
        "widths may exceed the field", (Edit(FOLDER + "digits.py", "if values > FIELD:", "if values > FIELD * FIELD:"),), WIDTHS
    ),
    Mutant(
        "equal maxima have no first",
        (Edit(FOLDER + "argmax.py", "movement.plus(b, top - strictly, -x)", "movement.plus(b, top - 0 * strictly, -x)"),),
        ARGMAX,
    ),
    dropped(
        "a maximum's gaps have no range", "argmax.py", 'digits(b, f"{name}/gap", gap.bounded(0, (1 << width) - 1), width)', ARGMAX
    ),
    dropped("a maximum is not among the values", "argmax.py", 'b.contract(f"{name}/top", found - top)', ARGMAX),
    dropped("a selector's steps are free", "selection.py", 'b.lookup(f"{name}/steps", range_table(2), [steps])', ARGMAX),
    dropped(
        "a selector may choose nothing",
        "selection.py",
        'b.contract(f"{name}/end", movement.slice_(b, reached, axis, size - 1, size) - 1)',
        ARGMAX,
    ),
    dropped("a comparison is in no table", "comparison.py", "b.lookup(name, step_table(d.low, d.high), [d, flag])", COMPARISON),
    dropped(
        "a comparison's flag is free",
        "comparison.py",
        'b.lookup(f"{name}/flag", step_table(-end, end - 1), [top, flag])',
        COMPARISON,
    ),
    dropped(
        "a comparison's low digit has no range",
        "comparison.py",
        'digits(b, f"{name}/low", (d - top * (1 << place)).bounded(0, (1 << place) - 1), place)',
        COMPARISON,
    ),
    dropped(
        "a maximum of two is in no table",
        "comparison.py",
        "b.lookup(name, relu_table(d.low, d.high), [d, gain.bounded(max(d.low, 0), max(d.high, 0))])",
        MAXIMUM,
    ),
    dropped(
        "a maximum of two is not chosen",
        "comparison.py",
        'b.contract(f"{name}/choice", gain - arithmetic.multiply(b, flag, d))',
        MAXIMUM,
    ),
    dropped(
        "a division is no division", "division.py", 'b.contract(f"{name}/division", arithmetic.multiply(b, q, d) + r - a)', DIVISION
    ),
    dropped("a division's quotient has no range", "division.py", 'digits(b, f"{name}/quotient", q, quotient_bits)', DIVISION),
    dropped("a division's remainder has no range", "division.py", 'digits(b, f"{name}/remainder", r, divisor_bits)', DIVISION),
    dropped(
        "a division's remainder may reach the divisor",
        "division.py",
        'digits(b, f"{name}/below", (d - r - 1).bounded(0, (1 << divisor_bits) - 1), divisor_bits)',
        DIVISION,
    ),
    dropped(
        "a signed division's quotient has no range",
        "quotient.py",
        'digits(b, f"{name}/quotient", (q - low).bounded(0, high - low), quotient_bits)',
        SIGNED,
    ),
    dropped("a signed division's remainder has no range", "quotient.py", 'digits(b, f"{name}/remainder", r, divisor_bits)', SIGNED),
    dropped(
        "a signed division's remainder may reach the divisor",
        "quotient.py",
        'digits(b, f"{name}/below", (d - r - 1).bounded(0, (1 << divisor_bits) - 1), divisor_bits)',
        SIGNED,
    ),
    dropped("a root has no range", "roots.py", 'digits(b, f"{name}/root", r, width)', ROOT),
    dropped("a root's rest has no lower end", "roots.py", 'digits(b, f"{name}/rest", rest, width + 1)', ROOT),
    dropped(
        "a root's rest has no upper end",
        "roots.py",
        'digits(b, f"{name}/below", (2 * r - rest).bounded(0, 2 * high), width + 1)',
        ROOT,
    ),
    dropped("a softmax's maximum has no range", "softmax.py", 'digits(b, f"{name}/maximum", m - q.low, q.digits)', EXPONENTIALS),
    dropped(
        "a softmax's maximum need not occur",
        "softmax.py",
        'digits(b, f"{name}/exists", (maxima - 1).bounded(0, x.shape[-1] - 1), (x.shape[-1] - 1).bit_length())',
        EXPONENTIALS,
    ),
    dropped(
        "a distance's rest on a grid has no range",
        "softmax.py",
        'b.lookup(f"{name}/rest", grid.rests((0, 1), far), [rest, mark])',
        EXPONENTIALS,
    ),
    dropped(
        "an exponential on a grid is in no table",
        "softmax.py",
        'b.lookup(f"{name}/exponential", Table(f"{grid.key}/{grid.cell}/{grid.high}/{far}", rows), [place, mark, e])',
        EXPONENTIALS,
    ),
    dropped("a packed number has no range", "packing.py", 'digits(b, f"{name}/number", y + half, bits)', PACKED),
    dropped("packed numbers need not add up", "packing.py", 'b.contract(f"{name}/sum", rest)', PACKED),
    dropped(
        "a far distance need not be marked",
        "softmax.py",
        'b.lookup(f"{name}/distance", Table(f"marks/{highest}/{far}", (*near, *beyond)), [hi, mark])',
        EXPONENTIALS,
    ),
    dropped(
        "a cut distance's exponential is in no table",
        "softmax.py",
        'b.lookup(f"{name}/exponential", Table(f"exp/{table.step}/cut/{far}", rows), [low, mark, e])',
        EXPONENTIALS,
    ),
    dropped("far scores are not counted", "softmax.py", 'digits(b, f"{name}/far", beyond, size.bit_length())', EXPONENTIALS),
    dropped(
        "no mark need say that a maximum occurs",
        "softmax.py",
        'digits(b, f"{name}/exists", (maxima - 1).bounded(0, size - 1), width)',
        EXPONENTIALS,
    ),
    dropped(
        "a probability's rounding has no range",
        "softmax.py",
        'digits(b, f"{name}/rounding", rest.bounded(0, (1 << shift) - 1), shift)',
        SOFTMAX,
    ),
    dropped("a probability has no range", "softmax.py", 'digits(b, f"{name}/probability", p, bits)', SOFTMAX),
    *(
        Mutant(f"a mean's {part} has no range", (Edit(FOLDER + "weighted.py", line, ""),), MEAN)
        for part, line in (
            ("quotient", '("quotient", (q - least).bounded(0, greatest - least), quotient_bits),'),
            ("remainder", '("remainder", r, divisor_bits),'),
            ("remainder's distance from its divisor", '("below", below, divisor_bits),'),
        )
    ),
    dropped("digits of a mean have no range together", "weighted.py", 'b.lookup(f"{name}/above", box_table(tops), above)', MEAN),
    dropped(
        "a mean's lowest digits have no range",
        "weighted.py",
        'b.lookup(f"{name}/{part}/digit0", range_table(1 << min(width, DIGIT)), [low])',
        MEAN,
    ),
    dropped(
        "an index says nothing of its one-hot row",
        "selection.py",
        'b.contract(f"{name}/index", movement.plus(b, index, count - size))',
        SELECTED,
    ),
    Mutant(
        "two digits need not be those of the index",
        (Edit(FOLDER + "selection.py", 'b.contract(f"{name}/index", movement.plus(b, parts, -rest))', "pass"),),
        TWO_DIGITS,
    ),
    Mutant(
        "the rows of two digits are free",
        (
            Edit(
                FOLDER + "selection.py",
                'b.copy(steps, f"{name}/{key}/hit")',
                'b.commit(f"{name}/{key}/hit", reached, 0, 1, lambda: b.value(steps))',
            ),
        ),
        TWO_DIGITS,
    ),
    dropped("an index of one place is free", "selection.py", 'b.contract(f"{name}/index", index)', PLACE),
    dropped(
        "the largest need not be in order",
        "order.py",
        'digits(b, f"{name}/descent", (steps - 1).bounded(0, (1 << key_bits) - 1), key_bits)',
        ORDER,
    ),
    dropped("what is left out may be larger", "order.py", "left_out(b, name, x, values, reached, hits)", ORDER),
    dropped(
        "the largest are not among the values",
        "order.py",
        'b.contract(f"{name}/top", movement.plus(b, found, -values))',
        found_by("selection", "test_the_largest_are_among_the_values"),
    ),
    Mutant(
        "equal values left out have no order",
        (Edit(FOLDER + "order.py", "-x), last - 1)", "-x), last * 0)"),),
        ORDER,
    ),
    dropped("any write may be the last", "scatter.py", 'b.contract(f"{name}/taken", movement.plus(b, taken, -earlier))', SCATTER),
    dropped("rows move as they like", "compaction.py", 'b.lookup(f"{part}/bits", table, [rest, bit, half])', MOVES),
    Mutant(
        "what is dropped stays",
        (Edit(FOLDER + "compaction.py", "    product = arithmetic.multiply(b, flags, row)", "    product = (row + 0 * flags)"),),
        COMPACTION,
    ),
    dropped("anybody may survive", "survivors.py", 'b.lookup(f"{name}/kept", zero_table(2 * size), [d, keep])', SURVIVORS),
    Mutant(
        "equal scores do not suppress each other",
        (Edit(FOLDER + "survivors.py", ".bit_length()), -place)", ".bit_length()), 0 * place)"),),
        SURVIVORS,
    ),
    Mutant(
        "what is no candidate survives",
        (Edit(FOLDER + "survivors.py", "(1 - candidates) * size", "(1 - candidates) * 0"),),
        found_by("selection", "test_no_candidate_no_survivor"),
    ),
    dropped(
        "a place before the drawn one",
        "drawing.py",
        'digits(b, f"{name}/least", movement.plus(b, share, -least).bounded(0, (1 << width) - 1), width)',
        DRAWN,
    ),
    dropped(
        "a place behind the drawn one",
        "drawing.py",
        'digits(b, f"{name}/greatest", movement.plus(b, greatest - 1, -share).bounded(0, (1 << width) - 1), width)',
        DRAWN,
    ),
    dropped(
        "fewer places than the level asks for",
        "drawing.py",
        'digits(b, f"{name}/reached", movement.plus(b, measured, -level_of).bounded(0, (1 << width) - 1), width)',
        KEPT,
    ),
    dropped(
        "more places than the level asks for",
        "drawing.py",
        'digits(b, f"{name}/missed", movement.plus(b, level_of - 1, -above).bounded(0, (1 << width) - 1), width)',
        KEPT,
    ),
    dropped("a carried value is free", "running.py", "b.contract(name, movement.plus(b, y - before, -change))", CARRIED),
    dropped("a running sum is free", "running.py", "b.contract(name, movement.plus(b, y - before, -x))", SUMS),
    dropped(
        "common bits are free",
        "bits.py",
        'b.lookup(f"{name}/digit{place}", Table(f"common/{bits}/{top:d}", common_rows(bits, top)), [*parts, common])',
        BITS,
    ),
    dropped(
        "a nearest quotient has no rest",
        "nearest.py",
        'b.contract(f"{name}/division", movement.plus(b, rest + product * 2, a * -2))',
        NEAREST,
    ),
    dropped("a parity is no flag", "nearest.py", 'b.lookup(f"{name}/odd", range_table(2), [odd])', NEAREST),
    dropped(
        "half a nearest quotient has no range",
        "nearest.py",
        'digits(b, f"{name}/half", (half - (low >> 1)).bounded(0, (high >> 1) - (low >> 1)), half_bits)',
        NEAREST,
    ),
    dropped(
        "a divisor may be zero", "nearest.py", 'digits(b, f"{name}/divisor", (d - 1).bounded(0, d.high - 1), divisor_bits)', NEAREST
    ),
    dropped(
        "a rest has no range", "nearest.py", 'digits(b, f"{name}/{word}", reach, (2 * d.high).bit_length())', NEAREST
    ),
    dropped(
        "a listed value is free", "choice.py", 'b.lookup(name, Table(f"choice/{name}", graph_rows(first, listed)), [x, y])', CHOICE
    ),
    dropped(
        "a piece and a place are not the argument",
        "pieces.py",
        'b.contract(f"{name}/cut", movement.plus(b, x, -(piece * (1 << bits) + place)))',
        PIECES,
    ),
    dropped("a place within a piece has no range", "pieces.py", 'digits(b, f"{name}/place", place, bits)', PIECES),
    dropped(
        "a piece's coefficients are free",
        "pieces.py",
        'b.lookup(f"{name}/piece", Table(label, (Rows(found.count, rules),)), [piece, *cells])',
        PIECES,
    ),
    dropped(
        "a polynomial's fraction has no range",
        "pieces.py",
        'digits(b, f"{name}/remainder", rest.bounded(0, (1 << shift) - 1), shift)',
        PIECES,
    ),
    dropped(
        "a polynomial's result has no range", "pieces.py", 'digits(b, f"{name}/result", y.with_exponent(0) - low, width)', PIECES
    ),
    dropped(
        "far exponentials are free",
        "softmax.py",
        'b.contract(f"{name}/exponential", arithmetic.multiply(b, far, near) + e - near)',
        FEW,
    ),
    Mutant(
        "a batch's relations read its first sample alone",
        (
            Edit(
                "python/tacit/circuit/repeat.py",
                "(Affine(0, ((0, 1),)),) if lifted",
                '(Affine(0, ((0, 1),) if circuit.columns[item.column].home == "virtual" else ()),) if lifted',
            ),
        ),
        Pytest("tests/test_batch.py", ("test_no_cell_of_any_sample_may_differ",)),
    ),
)
