"""Division of operands that are no plain columns: sums, products, dimensions cut differently."""

import numpy as np
import pytest

from tacit import _core
from tacit.circuit import encode
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
