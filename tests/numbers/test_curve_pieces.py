"""Polynomials on pieces: exact at every integer or not at all, the same on every machine."""

from __future__ import annotations

import hashlib
from fractions import Fraction

import numpy as np
import pytest

from tacit.numbers.functions import RELU, Function
from tacit.numbers.pieces import Curve, interpolation, pieces_of

WHOLE = (-32768, 32767)
GIVEN = {
    "sigmoid": (Curve(Function("sigmoid"), *WHOLE, 11, 14, *WHOLE), (3, 8, 36)),
    "relu": (Curve(RELU, *WHOLE, 9, 9, *WHOLE), (1, 15, 0)),
    "hard_swish": (Curve(Function("hard_swish"), *WHOLE, 10, 10, *WHOLE), (2, 8, 24)),
    "hard_sigmoid, in part": (Curve(Function("hard_sigmoid", (0.2, 0.5)), -20000, 19999, 13, 14, *WHOLE), (1, 10, 16)),
}


@pytest.mark.parametrize("name", GIVEN)
def test_pieces_are_the_table(name):
    curve, (degree, bits, shift) = GIVEN[name]
    found = pieces_of(curve, degree, bits, shift)
    x = np.arange(curve.low, curve.high + 1)
    np.testing.assert_array_equal(found.at(x), curve.table())
    assert found.count == (curve.high >> bits) - (curve.low >> bits) + 1 and len(found.coefficients) == degree + 1


def test_halves_are_rounded_up():
    """x / 2 + 1/2 of odd x."""
    curve = Curve(Function("affine", (0.5, 0.0)), -64, 63, 0, 0, -64, 63)
    assert pieces_of(curve, 1, 5, 4).at(np.array([-3, -1, 1, 3])).tolist() == [-1, 0, 1, 2]


def test_what_is_missed_somewhere_is_none():
    curve, _ = GIVEN["sigmoid"]
    assert pieces_of(curve, 1, 12, 36) is None and pieces_of(curve, 3, 8, 12) is None
    assert pieces_of(Curve(Function("sign"), *WHOLE, 3, 14, *WHOLE), 3, 9, 36) is None
    assert pieces_of(Curve(Function("exp"), -8, 40, 0, 0, -(1 << 40), 1 << 40), 1, 2, 36) is None  # grows too large
    assert pieces_of(curve, 3, 1, 36) is None  # four places of two integers


def test_interpolation_is_exact():
    nodes, coefficients = (0, 3, 4, 9), (5, -2, 0, 7)
    matrix, denominator = interpolation(nodes)
    values = [sum(c * node**power for power, c in enumerate(coefficients)) for node in nodes]
    found = [Fraction(sum(m * v for m, v in zip(row, values)), denominator) for row in matrix]
    assert found == list(coefficients)


def test_coefficients_are_the_same_everywhere():
    curve, parameters = GIVEN["sigmoid"]
    data = b"".join(each.astype("<i8").tobytes() for each in pieces_of(curve, *parameters).coefficients)
    assert hashlib.sha256(data).hexdigest()[:16] == "2e77804a5287e346"
