"""Division of operands that are no plain columns: sums, products, dimensions cut differently."""

from types import SimpleNamespace

import numpy as np
import pytest

from tacit import _core
from tacit.circuit import encode
from tacit.operators import tables
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.evaluate import Evaluate

X = np.random.default_rng(0).integers(1, 20, (2, 3))
A = np.random.default_rng(1).integers(-20, 20, (2, 3))


def rotated(b, tensor):
    """Three views of one tensor, in another order."""
    return movement.concat(b, [movement.slice_(b, tensor, 1, i, i + 1) for i in (2, 0, 1)], 1)


DIVISORS = {
    "product": lambda b, x: (arithmetic.multiply(b, x, x), X * X),
    "sum of many views": lambda b, x: (
        arithmetic.add(b, rotated(b, x), arithmetic.add(b, x, rotated(b, rotated(b, x)))),
        X + X[:, [2, 0, 1]] + X[:, [1, 2, 0]],
    ),
    "column": lambda b, x: (movement.slice_(b, x, 1, 0, 1), X[:, :1]),
    "own sum": lambda b, x: (arithmetic.reduce_sum(b, x, [1], keepdims=True), X.sum(axis=1, keepdims=True)),
}


@pytest.mark.parametrize("name", DIVISORS)
def test_signed_division(name):
    b = Evaluate({"x": X, "a": A}, check=True)
    x, a = b.input("x", X.shape, 1, 20, 0), b.input("a", A.shape, -20, 20, 0)
    d, expected = DIVISORS[name](b, x)
    b.output("q", gadgets.divide_signed(b, "divide", a, d))
    np.testing.assert_array_equal(b.outputs()["q"], A // expected)
    assert _core.check(encode(b.finish()), b.weight_buffer(), b.public(), b.witness()) is None


def test_dimensions_cut_differently():
    """[6] as 2 x 3 and as 3 x 2 have no common axes: both are copied, under their own intervals."""
    b = Evaluate({"x": X.reshape(3, 2), "a": A}, check=True)
    x, a = b.input("x", (3, 2), 1, 20, 0), b.input("a", A.shape, -20, 20, 0)
    q = gadgets.divide_signed(b, "divide", movement.reshape(b, a, (6,)), movement.reshape(b, x, (6,)))
    np.testing.assert_array_equal(b.value(q), A.reshape(-1) // X.reshape(-1))


@pytest.mark.parametrize("bits", [20, 31, 40, 46, 50])
def test_a_dividend_as_wide_as_accumulators_are(bits):
    """Numbers that leave no room for quotient and divisor are rounded first, and the quotient keeps its relative error."""
    wide = (np.random.default_rng(2).integers(-(1 << (bits - 16)), 1 << (bits - 16), 12) << 15) - 7
    d = np.array([66, 70, 1 << 20, 999, *np.random.default_rng(3).integers(66, 2097136, 8)])
    b = Evaluate({"a": wide, "d": d}, check=True)
    a = b.input("a", (12,), -(1 << bits), 1 << bits, 35)
    divisor = b.input("d", (12,), 66, 2097136, 16)
    q = tables.quotient(SimpleNamespace(builder=b), "quotient", a, divisor, 10)
    b.output("q", q)
    assert _core.check(encode(b.finish()), b.weight_buffer(), b.public(), b.witness()) is None
    exact = np.ldexp(wide / d, -(35 - 16))
    found = np.ldexp(b.value(q).astype(float), -q.exponent)
    np.testing.assert_allclose(found, exact, rtol=0, atol=abs(exact).max() * 1e-4 + 2**-12)
