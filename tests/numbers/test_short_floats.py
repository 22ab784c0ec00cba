"""Rounding to floats of 8 bits and fewer: what ml_dtypes gives, correctly rounded also after another function."""

from fractions import Fraction

import numpy as np
import pytest

from tacit.numbers.dtypes import dtype_of, largest_of
from tacit.numbers.functions import Function, rounded_entry, tabulate
from tacit.operators.elementwise.cast import SHORT_FLOATS

FORMATS = [name for name in SHORT_FLOATS if name != "float8_e8m0fnu"]


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("exponent", [2, 12])
def test_numbers_round_to_the_nearest_float(name, exponent):
    x = np.arange(-2000, 2001)
    real = np.clip(np.ldexp(x.astype(np.float64), -exponent), -largest_of(name), largest_of(name))
    expected = real.astype(dtype_of(name)).astype(np.float64)
    function = Function("short_float", SHORT_FLOATS[name])
    found = tabulate(function, -2000, 2000, exponent, 20, -(1 << 50), 1 << 50)
    np.testing.assert_array_equal(np.ldexp(found.astype(np.float64), -20), expected)


def test_powers_of_two_are_rounded_upwards():
    found = tabulate(Function("power_of_two", (-3.0,)), -2, 40, 4, 10, 0, 1 << 20)
    x = np.arange(-2, 41) / 16
    expected = np.maximum(np.exp2(np.ceil(np.log2(np.maximum(x, 2.0**-3)))), 2.0**-3)
    np.testing.assert_array_equal(found / 1024, expected)


@pytest.mark.parametrize("last", [Function("short_float", (3.0, -6.0, 448.0)), Function("power_of_two", (-10.0,))])
@pytest.mark.parametrize("first", [Function("affine", (1 / 3, 0.0)), Function("exp"), Function("sqrt")])
def test_chains_are_rounded_correctly(first, last):
    """Ties of thirds and of squares lie on the steps of the format, where float64 decides nothing."""
    chain = first.then(last)
    entries = tabulate(chain, 0, 300, 5, 12, -(2**40), 2**40)
    for x in range(0, 301, 3):
        assert entries[x] == rounded_entry(chain, Fraction(x, 32), 12, -(2**40), 2**40)
