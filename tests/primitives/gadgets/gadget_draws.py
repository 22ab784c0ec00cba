"""How the gadgets are drawn: every form of each (see `drawn`)."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

import numpy as np
from drawn import Instance, broadcast_pairs, drawn, intervals, operands, shapes
from hypothesis import strategies as st

from tacit.numbers.functions import IDENTITY, RELU, Function, tabulate
from tacit.primitives import gadgets
from tacit.primitives.cost import Cost
from tacit.primitives.gadgets.rescale import rest_of
from tacit.primitives.gadgets.softmax import Exponentials

EXPONENTS = st.integers(0, 2)
FUNCTIONS = [IDENTITY, RELU, Function("sigmoid"), Function("leaky_relu", (0.25,)), Function("tanh")]


@drawn("copy")
def copies(draw):
    x, public = draw(operands(interval=intervals(50))), draw(st.booleans())
    return Instance([x], lambda b, x: published(b, "g", b.copy(x, "g") if not public else x), lambda x: x)


def published(b, name, tensor):
    """The tensor bound as a public output, from which it is returned."""
    b.output(name, tensor)
    return tensor


# rounding


def quotients(x, shift):
    return (x + (1 << shift >> 1)) >> shift if shift >= 0 else x << -shift


def rounding(draw, form, interval, shift, narrowest=2):
    """A saturating rounding of one form; its function by table, except under a gain, which has no plain reading here."""
    bits, out = draw(st.integers(narrowest, 8)), draw(st.one_of(st.none(), st.integers(3, 8)))
    shift, function = draw(shift), draw(st.sampled_from(FUNCTIONS))
    x = draw(operands(interval=interval, exponent=EXPONENTS))
    exponent = draw(st.one_of(st.none(), st.integers(0, 6)))
    exponent_in = x.exponent - max(shift, 0) + max(-shift, 0)
    least = draw(st.one_of(st.none(), st.integers(-(1 << bits), 2)))

    def expected(x):
        low = -(1 << bits - 1) if least is None else least
        high = low + (1 << bits) - 1
        ends = -(1 << (out or bits) - 1), (1 << (out or bits) - 1) - 1
        table = tabulate(function, low, high, exponent_in, exponent_in if exponent is None else exponent, *ends)
        return table[np.clip(quotients(x, shift), low, high) - low]

    return Instance(
        [x],
        lambda b, x: gadgets.round_saturate(b, "g", x, shift, bits, function, exponent, bits_out=out, least=least, form=form),
        expected,
    )


@drawn("round_saturate", "whole")
def whole_roundings(draw):
    return rounding(draw, "whole", intervals(9), st.integers(-2, 6))


@drawn("round_saturate", "wide")
def wide_roundings(draw):
    return rounding(draw, "wide", intervals(20), st.integers(6, 20))


@drawn("round_saturate", "grid")
def gridded_roundings(draw):
    return rounding(draw, "grid", intervals(20), st.integers(6, 20))


@drawn("round_saturate", "grid, narrow shift")
def slightly_gridded_roundings(draw):
    return rounding(draw, "grid", intervals(9), st.integers(-2, 3))


@drawn("round_saturate", "on the grids of a program")
def roundings_on_given_grids(draw):
    """Of two grids at most the second is the number's own."""
    shift, bits = draw(st.integers(1, 8)), draw(st.integers(3, 6))
    x = draw(operands(interval=(-(1 << 18), (1 << 18) - 1)))

    def call(b, x):
        probe = Cost()
        gadgets.round_saturate(probe, "g", probe.input("x", x.shape, x.low, x.high, x.exponent), shift, bits, form="wide")
        (numbers,) = probe.leaving
        b.grids = (replace(numbers, least=0, most=0).grid(shift + 1), numbers.grid(shift + 1))
        return gadgets.round_saturate(b, "g", x, shift, bits, form="wide")

    return Instance([x], call, lambda x: np.clip(quotients(x, shift), -(1 << bits - 1), (1 << bits - 1) - 1))


@drawn("round_saturate", "joined")
def joined_roundings(draw):
    return rounding(draw, "joined", intervals(20), st.integers(6, 20))


@drawn("round_saturate", "wide, narrow shift")
def slightly_wide_roundings(draw):
    return rounding(draw, "wide", intervals(9), st.integers(-2, 3))


@drawn("round_saturate", "by price")
def priced_roundings(draw):
    """Values leave the function's interval by less than the 18 bits beyond which the gadget refuses."""
    return rounding(draw, None, intervals(23), st.integers(2, 24), narrowest=5)


@drawn("round_saturate", "by price, too wide for a table")
def priced_wide_roundings(draw):
    return rounding(draw, None, (-(1 << 26), (1 << 26) - 1), st.integers(4, 6), narrowest=6)


@drawn("round_saturate", "plain")
def plain_roundings(draw):
    x, shift = draw(operands(interval=intervals(12))), draw(st.integers(0, 14))
    return Instance([x], lambda b, x: gadgets.round_saturate(b, "g", x, shift, 14), lambda x: quotients(x, shift))


def clamping(draw, interval):
    x = draw(operands(interval=interval))
    shift, bits = draw(st.integers(0, 4)), draw(st.integers(2, 8))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    return Instance(
        [x],
        lambda b, x: gadgets.round_saturate(b, "g", x, shift, bits, form="clamped"),
        lambda x: np.clip(quotients(x, shift), low, high),
    )


@drawn("round_saturate", "clamped")
def clamped_roundings(draw):
    return clamping(draw, intervals(20))


@drawn("round_saturate", "clamped at both ends")
def twice_clamped_roundings(draw):
    return clamping(draw, (-(1 << 14), (1 << 14) - 1))


@drawn("round_saturate", "clamped, the excess beside a digit")
def clamped_in_two_digits(draw):
    """32 numbers are worth a table of 12 pairs of an excess and two bits."""
    x, shift = draw(operands((4, 8), (-(1 << 18), (1 << 18) - 1))), draw(st.integers(0, 1))

    def call(b, x):
        scaled = x * (1 << shift)
        assert rest_of(18, 3, b.elements(scaled)) == 16
        return gadgets.round_saturate(b, "g", scaled, shift, 18, form="clamped")

    return Instance([x], call, lambda x: np.clip(x, -(1 << 17), (1 << 17) - 1))


@drawn("round_saturate", "clamped by comparisons")
def far_clamped_roundings(draw):
    return clamping(draw, (-(1 << 30), (1 << 30) - 1))


@drawn("round_wide")
def widely_rounded(draw):
    x, shift = draw(operands(interval=intervals(38))), draw(st.integers(8, 24))
    return Instance([x], lambda b, x: gadgets.round_wide(b, "g", x, shift), lambda x: quotients(x, shift))


@drawn("round_wide", "by the range tables of a program")
def rounded_by_given_digits(draw):
    x, shift = draw(operands(interval=intervals(38))), draw(st.integers(8, 24))
    ranges = draw(st.sampled_from([(1, 4, 7), (2, 5, 17), (5,)]))

    def call(b, x):
        b.ranges = ranges
        return gadgets.round_wide(b, "g", x, shift)

    return Instance([x], call, lambda x: quotients(x, shift))


@drawn("round_wide", "not rounded")
def multiplied(draw):
    x, shift = draw(operands(interval=intervals(20))), draw(st.integers(-3, 0))
    return Instance([x], lambda b, x: gadgets.round_wide(b, "g", x, shift), lambda x: quotients(x, shift))


@drawn("round_wide", "public")
def publicly_rounded(draw):
    x, shift = draw(operands(interval=intervals(38))), draw(st.integers(0, 24))

    def call(b, x):
        return published(b, "g", gadgets.round_wide(b, "g", x, shift, public=True))

    return Instance([x], call, lambda x: quotients(x, shift))


@drawn("divide_constant")
def divided_by_constants(draw):
    divisor, public = draw(st.one_of(st.integers(1, 12), st.integers(1, 1 << 18))), draw(st.booleans())
    x = draw(operands(interval=intervals(28)))

    def call(b, x):
        q = gadgets.divide_constant(b, "g", x, divisor, public=public)
        return published(b, "g", q) if public else q

    return Instance([x], call, lambda x: (x + divisor // 2) // divisor)


@drawn("range_check")
def range_checks(draw):
    """An interval of a power of two, of few integers or of many, around the operand's."""
    x = draw(operands(interval=intervals(draw(st.sampled_from([2, 7, 30])))))
    low, high = x.low - draw(st.integers(0, 3)), x.high + draw(st.integers(0, 3))
    return Instance([x], lambda b, x: gadgets.range_check(b, "g", x, low, high), lambda x: x)


# comparison


def comparison(gadget, bits, expected, same=False):
    def draws(draw):
        left, right = draw(broadcast_pairs(intervals(bits), intervals(bits), EXPONENTS))
        finest = max(left.exponent, right.exponent)
        up = [1 << finest - operand.exponent for operand in (left, right)]
        return Instance([left, right], lambda b, x, y: gadget(b, "g", x, y), lambda x, y: expected(x * up[0], y * up[1]))

    return draws


for form, bits in (("table", 1), ("digits", 14), ("widest", 57)):
    drawn("compare", form)(comparison(gadgets.compare, bits, lambda x, y: (x >= y).astype(np.int64)))
    drawn("maximum", form)(comparison(gadgets.maximum, bits, np.maximum))
drawn("minimum")(comparison(gadgets.minimum, 10, np.minimum))


@drawn("limited")
def limited_numbers(draw):
    x, bound = draw(broadcast_pairs(intervals(12), intervals(10, least=0), EXPONENTS))
    x_up, up = (1 << max(x.exponent, bound.exponent) - operand.exponent for operand in (x, bound))
    return Instance(
        [x, bound], lambda b, x, bound: gadgets.limited(b, "g", x, bound), lambda x, c: np.clip(x * x_up, -c * up, c * up)
    )


@drawn("maximum_of")
def maxima_of_taps(draw):
    shape, interval = draw(shapes(size=4)), draw(intervals(10))
    taps = draw(st.lists(operands(shape, interval), min_size=1, max_size=5))
    return Instance(taps, lambda b, *taps: gadgets.maximum_of(b, "g", taps), lambda *taps: np.max(taps, axis=0))


@drawn("maximum_along")
def maxima_along(draw):
    x = draw(operands(shapes(1), intervals(10)))
    axis = draw(st.integers(0, x.values.ndim - 1))
    return Instance([x], lambda b, x: gadgets.maximum_along(b, "g", x, axis), lambda x: x.max(axis, keepdims=True))


@drawn("argmax")
def chosen_indices(draw):
    x, last = draw(operands(shapes(1), intervals(draw(st.sampled_from([2, 10, 50]))))), draw(st.booleans())
    axis = draw(st.integers(-1, x.values.ndim - 1))

    def expected(x):
        first = np.flip(x, axis) if last else x
        index = first.argmax(axis, keepdims=True)
        return x.shape[axis] - 1 - index if last else index

    return Instance([x], lambda b, x: gadgets.argmax(b, "g", x, axis, last), expected)


# division and roots


@drawn("divide")
def divisions(draw):
    a, d = draw(broadcast_pairs(intervals(24, least=0), intervals(12, least=1), EXPONENTS))
    exponent = draw(st.one_of(st.none(), st.integers(0, 3)))
    return Instance([a, d], lambda b, a, d: gadgets.divide(b, "g", a, d, exponent=exponent), lambda a, d: a // d)


@drawn("divide_signed")
def signed_divisions(draw):
    a, d = draw(broadcast_pairs(intervals(24), intervals(12, least=1), EXPONENTS))
    return Instance([a, d], lambda b, a, d: gadgets.divide_signed(b, "g", a, d), lambda a, d: a // d)


@drawn("long_quotient")
def long_divisions(draw):
    a, d = draw(broadcast_pairs(intervals(24), intervals(12, least=1), EXPONENTS))
    most, fraction = max(-a.low, a.high) // d.low + 1, draw(st.sampled_from([0, 3, 16, 20]))
    return Instance(
        [a, d], lambda b, a, d: gadgets.long_quotient(b, "g", a, d, fraction, most), lambda a, d: (a << fraction) // d
    )


@drawn("common_bits")
def shared_bits(draw):
    a, d = draw(broadcast_pairs(intervals(draw(st.sampled_from([3, 9]))), intervals(draw(st.sampled_from([4, 9])))))
    return Instance([a, d], lambda b, a, d: gadgets.common_bits(b, "g", a, d), lambda a, d: a & d)


@drawn("square_root")
def roots(draw):
    x = draw(operands(interval=intervals(draw(st.sampled_from([4, 40])), least=0), exponent=st.sampled_from([-2, 0, 4])))
    return Instance([x], lambda b, x: gadgets.square_root(b, "g", x), np.vectorize(isqrt, otypes=[np.int64]))


@drawn("normalised")
def normalised_numbers(draw):
    x = draw(operands(interval=intervals(20, least=1)))
    width = x.high.bit_length()
    offsets = draw(st.lists(st.integers(-9, 9), min_size=width, max_size=width))

    def call(b, x):
        normal, offset = gadgets.normalised(b, "g", x, offsets)
        return b.copy(normal + offset, "sum")

    def shifted(v):
        j = width - int(v).bit_length()
        return (v << j) + offsets[j]

    return Instance([x], call, np.vectorize(shifted, otypes=[np.int64]))


@drawn("inverse_root")
def inverse_roots(draw):
    x, fraction = draw(operands(interval=intervals(20, least=1))), draw(st.integers(2, 10))
    m, less = max(1, -(-x.high.bit_length() // 2)), draw(st.integers(0, 3))

    def inverse(v):
        j = next(j for j in range(m) if v * 4**j >= 4 ** (m - 1))
        return ((1 << m - 1 + fraction) - less) // isqrt(v * 4**j) << j

    return Instance([x], lambda b, x: gadgets.inverse_root(b, "g", x, fraction, less), np.vectorize(inverse, otypes=[np.int64]))


@drawn("logarithm")
def logarithms(draw):
    x = draw(operands(interval=intervals(14, least=1), exponent=st.integers(-2, 8)))
    exponent, bits = draw(st.integers(1, 10)), draw(st.integers(3, 6))
    return Instance([x], lambda b, x: gadgets.logarithm(b, "g", x, exponent, bits))


@drawn("running_sum")
def running_sums(draw):
    x = draw(operands(shapes(1), intervals(30)))
    axis = draw(st.integers(0, x.values.ndim - 1))
    return Instance([x], lambda b, x: gadgets.running_sum(b, "g", x, axis), lambda x: x.cumsum(axis))


# softmax


def softmaxes(draw, scores, step, finer):
    """Scores of `finer` bits more than the steps of the table of exponentials, so that these are rounded away."""
    x, out = draw(operands(shapes(1), scores, step + draw(finer))), draw(st.integers(4, 10))
    return Instance([x], lambda b, x: gadgets.softmax(b, "g", x, out, step))


@drawn("softmax", "near")
def near_softmaxes(draw):
    """Scores whose whole spread is in the table of exponentials; coarser than its steps, as fine, and finer."""
    return softmaxes(draw, intervals(3), draw(st.integers(0, 2)), st.integers(-1, 5))


@drawn("softmax", "beyond")
def whole_softmaxes(draw):
    """Scores that spread a little beyond the table, which goes on with zeros."""
    return softmaxes(draw, (-draw(st.integers(8, 20)), draw(st.integers(8, 20))), draw(st.integers(-1, 0)), st.integers(0, 0))


@drawn("softmax", "far")
def far_softmaxes(draw):
    """Scores that spread far beyond the table: distances are cut in two."""
    reach = draw(st.integers(1 << 9, 1 << 13))
    return softmaxes(draw, (-reach, reach), draw(st.integers(-2, 1)), st.integers(0, 2))


@drawn("softmax_weights", "on the grid of a program")
def gridded_softmaxes(draw):
    """The same, with cells of two, four or eight distances."""
    reach, step, cut = draw(st.integers(1 << 9, 1 << 13)), draw(st.integers(-2, 1)), draw(st.integers(1, 3))
    x = draw(operands(shapes(1), (-reach, reach), step + draw(st.integers(0, 2))))

    def call(b, x):
        probe = Cost()
        gadgets.softmax_weights(probe, "g", probe.input("x", x.shape, x.low, x.high, x.exponent), step)
        b.grids = tuple(numbers.grid(numbers.shift + min(cut, numbers.bits)) for numbers in probe.leaving)
        return gadgets.softmax_weights(b, "g", x, step)

    def expected(x_values):
        q = quotients(x_values, x.exponent - step)
        return Exponentials(step).at(q.max(axis=-1, keepdims=True) - q)

    return Instance([x], call, expected)
