"""Tables of the elementary functions: correctly rounded by themselves and in chains, total at poles."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from tacit.numbers import elementary
from tacit.numbers.functions import Function, rounded_entry, tabulate

FUNCTIONS = [
    Function(name, parameters)
    for name, parameters in [
        ("log", ()), ("sqrt", ()), ("reciprocal", ()), ("power", (3.0,)), ("power", (0.5,)), ("power", (1.5,)),
        ("power", (-2.0,)), ("power", (2.2,)), ("power", (-0.75,)), ("power", (0.0,)), ("sin", ()), ("cos", ()),
        ("tan", ()), ("asin", ()), ("acos", ()), ("atan", ()), ("sinh", ()), ("cosh", ()), ("asinh", ()), ("acosh", ()),
        ("atanh", ()), ("selu", (1.67, 1.05)), ("celu", (1.3,)), ("gelu", ()), ("gelu_tanh", ()), ("mish", ()),
        ("swish", (1.0,)), ("swish", (1.702,)), ("softsign", ()), ("thresholded_relu", (1.0,)), ("shrink", (0.5, 1.5)),
        ("sign", ()), ("floor", ()), ("ceil", ()), ("truncate", ()), ("round", ()),
    ]
]  # fmt: skip
LIBRARY = {
    "log": math.log, "sqrt": math.sqrt, "sin": math.sin, "cos": math.cos, "tan": math.tan, "asin": math.asin,
    "acos": math.acos, "atan": math.atan, "sinh": math.sinh, "cosh": math.cosh, "asinh": math.asinh,
    "acosh": math.acosh, "atanh": math.atanh,
}  # fmt: skip


def every_entry(function, reach, step, exponent_in, exponent_out, bits):
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    entries = tabulate(function, -reach, reach, exponent_in, exponent_out, low, high)
    for x in {*range(-reach, reach + 1, step), 0, 1 << exponent_in, -(1 << exponent_in), 3 << exponent_in - 1}:
        exact = rounded_entry(function, Fraction(x, 1 << exponent_in), exponent_out, low, high)
        assert entries[x + reach] == exact, (function.label, x)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.label)
def test_entries_are_the_exact_rounding(function):
    every_entry(function, 2**13, 229, 10, 14, 18)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.label)
def test_chains_are_the_exact_rounding(function):
    """Errors of the function before go through slopes, poles and jumps."""
    every_entry(Function("tanh").then(function).then(Function("sigmoid")), 300, 13, 7, 10, 12)
    every_entry(Function("affine", (0.3, 0.1)).then(function), 300, 13, 6, 10, 16)


@pytest.mark.parametrize("name", LIBRARY)
def test_exact_values_agree_with_the_library(name):
    for number in (0.001, 0.3, 0.9999, 1.5, 20.0, 700.0):
        x = 1 / number if name in ("asin", "acos", "atanh") and number > 1 else number
        x = x + 1 if name == "acosh" else x
        want = LIBRARY[name](x)
        found, _ = (elementary.root if name == "sqrt" else getattr(elementary, name))(Fraction(x), 50)
        assert abs(float(found / Fraction(want)) - 1) < 1e-11, (name, x)


def test_many_digits_do_not_depend_on_how_many_are_asked_for():
    for name in ("sin", "cos", "tan", "asin", "acos", "atan", "asinh", "atanh", "log", "root"):
        x = Fraction(5, 7)
        few, more = (getattr(elementary, name)(x, digits)[0] for digits in (40, 90))
        assert abs(few - more) < Fraction(1, 10**40)
    assert str(math.floor(elementary.pi(50) * 10**40)) == "31415926535897932384626433832795028841971"


def test_rational_results_are_known_to_be_exact():
    assert elementary.root(Fraction(9, 16), 20) == (Fraction(3, 4), True)
    assert elementary.power(Fraction(4, 9), 20, Fraction(3, 2)) == (Fraction(8, 27), True)
    assert elementary.power(Fraction(-2), 20, Fraction(3)) == (Fraction(-8), True)
    assert not elementary.power(Fraction(3), 20, Fraction(1, 2))[1]


def test_poles_saturate_and_domains_end():
    def at(name, x, *parameters):
        return int(tabulate(Function(name, parameters), x, x, 0, 4, -1000, 1000)[0])

    assert [at("log", x) for x in (-1, 0, 1)] == [-1000, -1000, 0]
    assert [at("sqrt", x) for x in (-4, 0, 4)] == [0, 0, 32]
    assert [at("reciprocal", x) for x in (-1, 0, 1)] == [-16, 1000, 16]
    assert [at("atanh", x) for x in (-2, -1, 0, 1, 2)] == [-1000, -1000, 0, 1000, 1000]
    assert [at("acosh", x) for x in (-1, 0, 1)] == [0, 0, 0]
    assert [at("asin", x) for x in (-9, 9)] == [at("asin", -1), at("asin", 1)] == [-25, 25]
    assert [at("power", x, -2.0) for x in (-2, 0, 2)] == [4, 1000, 4]
    assert [at("power", x, 0.5) for x in (-2, 0, 4)] == [0, 0, 32]
    assert [at("round", x) for x in (-2, 3)] == [-32, 48]


def test_halves_round_to_even():
    assert tabulate(Function("round"), -5, 5, 1, 0, -9, 9).tolist() == [-2, -2, -2, -1, 0, 0, 0, 1, 2, 2, 2]


def test_tables_of_full_width_are_quick():
    values = [tabulate(f, -(2**15), 2**15 - 1, 12, 14, -(2**15), 2**15 - 1) for f in FUNCTIONS]
    assert all(np.isfinite(v).all() for v in values)
