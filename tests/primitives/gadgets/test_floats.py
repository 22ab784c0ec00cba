"""Steps and quotients as float32 has them: equal to NumPy's, one witness for every field value."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from drawn import Instance, drawn, intervals, operands
from exhaustion import Search
from hypothesis import strategies as st

from tacit.errors import ModelError
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import excess_of, float_quotient, float_step
from tacit.primitives.gadgets.floats import least_quotients
from tacit.primitives.tensor import constant

F = np.float32
RNG = np.random.default_rng(8)


def rounded(number: Fraction, bits: int) -> Fraction:
    """The nearest number of so many significant bits, halves to even."""
    if number == 0:
        return number
    power = 0
    while abs(number) * Fraction(2) ** power >= 1 << bits:
        power -= 1
    while abs(number) * Fraction(2) ** power < 1 << bits - 1:
        power += 1
    return round(number * Fraction(2) ** power) / Fraction(2) ** power


@drawn("float_step")
def float_steps(draw):
    """The scale of ranges of up to 27 bits: of fewer bits than a significand, of more, and where the quotient's power changes."""
    low, high = draw(st.sampled_from([(1, 1), (1, 9), (1 << 20, (1 << 24) + 3), (1, (1 << 27) - 1), (254 << 16, 257 << 16)]))
    x = draw(operands(interval=(low, high)))

    def call(b, spread):
        factor, step = float_step(b, "g", spread)
        return b.copy(step * 3 + factor, "both")

    def expected(v):
        excess = max(high.bit_length() - 24, 0)
        normal = int(v) << 24 + excess - int(v).bit_length()
        part = rounded(rounded(Fraction(normal, 1 << excess), 24) / 255, 24)
        scale = 8 if part < 1 << 16 else 7
        return int(part * (1 << scale)) * 3 + (1 << scale + 24 + excess - int(v).bit_length())

    return Instance([x], call, np.vectorize(expected, otypes=[np.int64]))


@drawn("float_quotient")
def float_quotients(draw):
    bits, most, excess = draw(st.sampled_from([(4, 3, 1), (4, 6, 0), (24, 255, 2), (24, 9, 0)]))
    least, factor = draw(st.integers(1, 9)), draw(operands((1,), intervals(4, least=1)))
    least = max(least, -(-factor.high // (most << excess)))
    step = draw(operands((1,), (least, draw(st.integers(least, max(least, (1 << bits) - 1))))))
    reach = (most * least << excess) // factor.high
    x = draw(operands(interval=draw(st.sampled_from([(-reach, reach), (0, reach)]))))

    def expected(x, factor, step):
        def one(v):
            return round(rounded(Fraction(int(v) * int(factor[0]), int(step[0]) << excess), bits))

        return np.vectorize(one, otypes=[np.int64])(x)

    def call(b, x, factor, step):
        return float_quotient(b, "g", x, factor, step, excess, most=most, bits=bits)

    return Instance([x, factor, step], call, expected)


def test_the_quotient_is_unique_for_every_field_value():
    def make(b):
        x, step = b.input("x", (), 0, 1, 0), b.input("step", (), 1, 1, 0)
        return float_quotient(b, "q", x, constant((), 1), step, 0, most=1, bits=2)  # reach 40, w = 4: 224

    search = Search(make, 227)
    for step in (0, 1, 2, 5, 226):
        for x in range(227):
            found = search.outputs({"x": [x], "step": [step]})
            assert len(found) <= 1
            if step == 1 and x <= 1:
                assert found == {(x,)}
    small = Search(make, 7)
    assert any(len(small.outputs({"x": [x], "step": [1]})) > 1 for x in range(7))


def test_the_least_quotients_are_where_floats_round_to():
    for bits in (4, 5, 24):
        last = 6 if bits == 4 else 9
        least = least_quotients(-last, last, bits)
        for k, bound in zip(range(-last, last + 1), least):
            for nudge, wanted in ((-1, k - 1), (1, k)):
                number = Fraction(8 * bound + nudge, 8 << bits + 1)
                assert round(rounded(number, bits)) == wanted


def ranges():
    for kind in range(24):
        bits = int(RNG.integers(1, 25))
        x = RNG.integers(-(1 << bits - 1), (1 << bits - 1) + 1, 40)
        if kind % 4 == 0:  # halves, of zero points too
            x = 2 * RNG.integers(-128, 128, 40) + 1
            x[:2] = 255, -255
        elif kind % 4 == 1:  # halves of sixteenths
            x = RNG.integers(0, 17, 40)
            x[0] = 16
        if np.any(x):
            yield kind, x


def test_steps_and_quotients_are_those_of_float32():
    for kind, x in ranges():
        spread = max(x.max(), 0) - min(x.min(), 0)
        most = [1 << 26, 1 << 24, (1 << 24) + 9][kind % 3]
        b = Evaluate({"x": x, "r": np.array([spread])}, check=True)
        column, r = b.input("x", x.shape, -(1 << 25), 1 << 25, 7), b.input("r", (1,), 1, max(most, spread), 7)
        factor, step = float_step(b, "s", r)
        k = float_quotient(b, "k", column, factor, step, excess_of(r))
        scale = F(spread) / F(255)
        assert float(b.value(step)[0]) * 2.0 ** excess_of(r) / float(b.value(factor)[0]) == float(scale)
        np.testing.assert_array_equal(b.value(k), np.rint(x.astype(F) / scale))
        assert k.exponent == 0


def test_refusals():
    b = Evaluate({"r": np.array([5]), "x": np.array([1]), "s": np.array([1])})
    for low, high in ((0, 9), (1, 1 << 27)):
        with pytest.raises(ModelError, match="which leaves 1 .. 2\\^27"):
            float_step(b, "s", constant((1,), 5).bounded(low, high))
    with pytest.raises(ModelError, match="more than the field separates"):
        step = b.input("s", (1,), 1, (1 << 24) - 1, 0)
        float_quotient(b, "q", b.input("x", (1,), -1, 1, 0), constant((1,), 1), step, 5)
