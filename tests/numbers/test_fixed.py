"""Rounding, saturation, exponents and intervals against exact rational arithmetic."""

from __future__ import annotations

from fractions import Fraction
from math import floor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import InputError
from tacit.numbers import fixed
from tacit.numbers.fixed import dequantise, exponent_for, quantise, round_shift, saturate, signed_range
from tacit.numbers.interval import Interval, hull

HALF = Fraction(1, 2)


@given(st.integers(-(2**40), 2**40), st.integers(0, 30))
def test_round_shift_rounds_halves_upwards(x, shift):
    assert round_shift(x, shift) == floor(Fraction(x, 2**shift) + HALF)
    assert round_shift(np.array([x]), shift)[0] == round_shift(x, shift)
    assert round_shift(x, -3) == 8 * x


@given(st.floats(allow_nan=False, width=64), st.integers(-10, 30))
def test_quantise_is_the_nearest_integer_saturated(x, exponent):
    low, high = signed_range(20)
    found = int(quantise(np.array([x]), exponent, low, high)[0])
    if np.isinf(x):
        assert found == (high if x > 0 else low)
    else:
        assert found == min(max(floor(Fraction(x) * Fraction(2) ** exponent + HALF), low), high)


@pytest.mark.parametrize("x", [0.49999999999999994, 0.5, -0.5, -0.5000000000000001, 2.5, -2.5, 4503599627370495.5])
def test_quantise_at_the_boundary(x):
    assert quantise(np.array(x), 0, -(2**53), 2**53) == floor(Fraction(x) + HALF)


def test_quantise_takes_integers_and_wide_ranges():
    assert quantise(np.array([-(2**62), 5]), 0, -(2**61), 2**61).tolist() == [-(2**61), 5]
    assert quantise(np.array([200], dtype=np.uint8), 2, -512, 511).tolist() == [511]
    assert quantise(np.array([1e300, -1e300]), 40, -(2**62), 2**62).tolist() == [2**62, -(2**62)]
    assert quantise(np.float32([[0.75]]), 2, -8, 7).shape == (1, 1)


def test_quantise_refuses_what_is_not_a_number():
    with pytest.raises(InputError, match="NaN"):
        quantise(np.array([np.nan]), 3, -8, 7)


def test_dequantise_inverts():
    x = np.arange(-100, 100)
    assert (quantise(dequantise(x, 7), 7, -128, 127) == x).all()
    assert dequantise(np.array([3]), -2)[0] == 12.0


@given(st.floats(1e-30, 1e30), st.integers(2, 30), st.integers(0, 3))
def test_exponent_for_is_the_largest_that_fits(x, bits, headroom):
    f = exponent_for(x, bits, headroom)
    fits = Fraction(x) * Fraction(2) ** (f + headroom)
    assert fits <= 2 ** (bits - 1) < 2 * fits


def test_exponent_for_refuses_infinite_ranges():
    assert exponent_for(0.0, 16, 1) == 14
    for bad in (float("inf"), float("nan"), -1.0):
        with pytest.raises(InputError):
            exponent_for(bad, 16)


bounded = st.builds(lambda a, b: Interval(min(a, b), max(a, b)), st.integers(-50, 50), st.integers(-50, 50))


@given(bounded, bounded, st.data())
def test_intervals_hold_every_result(a, b, data):
    x, y = data.draw(st.integers(a.low, a.high)), data.draw(st.integers(b.low, b.high))
    assert x + y in a + b and x - y in a - b and x * y in a * b and -x in -a and 3 * x in a * 3
    assert round_shift(x, 2) in a.rounded(2) and saturate(x, -9, 9) in a.saturated(-9, 9)
    assert x in hull([a, b]) and a.inside(a.union(b))
    low, high = signed_range(a.bits)
    assert low <= a.low and a.high <= high and a.size <= 2**a.digits < 2 * max(a.size, 1)
    assert abs(x) <= a.magnitude


def test_an_empty_interval_is_refused():
    with pytest.raises(ValueError):
        Interval(1, 0)


def test_quantise_in_pieces_is_quantise_of_each(monkeypatch):
    rng = np.random.default_rng(3)
    array = (rng.standard_normal((7, 9)) * 2.0 ** rng.integers(-30, 70, (7, 9))).astype(np.float32)
    array[2, 3], array[4, 4] = np.inf, -np.inf
    expected = [int(quantise(x, 5, -(2**40), 2**40 - 1)) for x in array.reshape(-1)]
    monkeypatch.setattr(fixed, "PIECE", 4)
    assert quantise(array, 5, -(2**40), 2**40 - 1).reshape(-1).tolist() == expected
    assert quantise(array.T, 5, -(2**40), 2**40 - 1).T.reshape(-1).tolist() == expected
    assert quantise(np.zeros((0, 3)), 5, -8, 7).shape == (0, 3)


@pytest.mark.parametrize("exponent", [-1074, -1023, -1022, 1022, 1023, 1073])
def test_quantise_by_extreme_powers_of_two(exponent):
    values = np.array([1.5, -0.75, 2.0**-1073, -(2.0**-1060), 2.0**1000, -(2.0**1023), 0.0])
    with np.errstate(over="ignore"):
        nearest = np.ldexp(values, exponent)
    nearest = np.clip(np.floor(np.clip(nearest, -(2.0**61), 2.0**61) + 0.5), -(2.0**60), 2.0**60)
    assert quantise(values, exponent, -(2**60), 2**60).tolist() == nearest.astype(np.int64).tolist()
