"""Function tables: correctly rounded whatever the platform's library says."""

from __future__ import annotations

import math
import time
from decimal import Decimal, getcontext
from fractions import Fraction

import numpy as np
import pytest

from tacit.numbers import functions, pointwise
from tacit.numbers.functions import IDENTITY, RELU, Function, rounded_entry, tabulate

CHAIN = Function("sigmoid").then(Function("affine", (3.0, 1.0))).then(Function("tanh"))
ALL = [
    IDENTITY,
    RELU,
    Function("absolute"),
    Function("square"),
    Function("leaky_relu", (0.01,)),
    Function("elu", (1.0,)),
    Function("clip", (-0.3, 6.0)),
    Function("affine", (0.1, 1 / 3)),
    Function("hard_sigmoid", (0.2, 0.5)),
    Function("hard_swish"),
    Function("sigmoid"),
    Function("tanh"),
    Function("exp"),
    Function("erf"),
    Function("softplus"),
    CHAIN,
]
REFERENCE = {
    "sigmoid": lambda x: 1 / (1 + math.exp(-x)),
    "tanh": math.tanh,
    "exp": math.exp,
    "erf": math.erf,
    "softplus": lambda x: math.log1p(math.exp(x)),
    "hard_swish": lambda x: x * min(max(x / 6 + 0.5, 0), 1),
    "elu": lambda x: x if x >= 0 else math.expm1(x),
}


@pytest.mark.parametrize("function", ALL, ids=lambda f: f.label)
def test_entries_are_the_exact_rounding(function):
    entries = tabulate(function, -300, 300, 6, 9, -(2**15), 2**15 - 1)
    for x in range(-300, 301, 7):
        assert entries[x + 300] == rounded_entry(function, Fraction(x, 64), 9, -(2**15), 2**15 - 1)


@pytest.mark.parametrize("name", REFERENCE)
def test_entries_agree_with_the_library(name):
    function = Function(name, (1.0,) if name == "elu" else ())
    x = np.arange(-400, 401) / 64
    expected = np.array([REFERENCE[name](v) for v in x.tolist()]) * 2.0**12
    assert np.abs(tabulate(function, -400, 400, 6, 12, -(2**40), 2**40) - expected).max() <= 0.5000001


def test_a_poor_library_gives_the_same_table(monkeypatch):
    """The estimate may be wrong by one part in 2^40: what it cannot decide is computed exactly."""
    step = pointwise.STEPS["sigmoid"]
    noise = np.random.default_rng(0)

    def poor(x):
        return step.estimate(x) * (1 + noise.uniform(-1, 1, x.shape) * 2.0**-40)

    good = tabulate(Function("sigmoid"), -5000, 5000, 10, 34, -(2**50), 2**50)
    monkeypatch.setitem(functions.STEPS, "sigmoid", pointwise.Step(poor, step.exact, 0, step.slope, step.relative))
    tabulate.cache_clear()
    again = tabulate(Function("sigmoid"), -300, 300, 10, 34, -(2**50), 2**50)
    tabulate.cache_clear()
    assert (good[4700:5301] == again).all()


def test_error_function_and_pi_to_forty_digits():
    getcontext().prec = 60
    value, exact = pointwise.exact_erf(Fraction(1), 50)
    digits = Decimal(value.numerator) / Decimal(value.denominator)
    assert not exact and str(digits)[:42] == "0.8427007929497148693412206350826092592960"
    assert abs(pointwise.exact_erf(Fraction(-1), 50)[0] + value) < Fraction(1, 10**50)


def test_ties_round_upwards():
    assert tabulate(IDENTITY, -5, 5, 1, 0, -10, 10).tolist() == [-2, -2, -1, -1, 0, 0, 1, 1, 2, 2, 3]
    assert tabulate(Function("sigmoid"), 0, 0, 0, 0, 0, 1).tolist() == [1]


def test_chains_are_one_function():
    assert IDENTITY.then(RELU) == RELU.then(IDENTITY) == RELU
    assert len(CHAIN.chain) == 3 and Function.from_json(CHAIN.to_json()) == CHAIN
    assert RELU.then(Function("sigmoid")).label != Function("sigmoid").then(RELU).label
    ends = tabulate(RELU.then(Function("exp")), -3, 3, 0, 4, 0, 1000)
    assert ends.tolist() == [16, 16, 16, 16, 43, 118, 321]


SWISH = IDENTITY.combined("times", Function("sigmoid"))
GELU = IDENTITY.combined(
    "times", Function("affine", (0.5**0.5, 0.0)).then(Function("erf")).then(Function("affine", (0.5, 0.5)))
)


def test_combinations_are_one_function():
    own, named = (tabulate(f, -4000, 4000, 9, 12, -(2**20), 2**20) for f in (SWISH, Function("swish", (1.0,))))
    assert (own == named).all()
    x = np.linspace(-5, 5, 1001)
    assert np.abs(GELU.estimate(x) - Function("gelu").estimate(x)).max() < 1e-12
    cube = Function("square").combined("times", IDENTITY).combined("plus", Function("affine", (-2.0, 1.0)))
    assert tabulate(cube, -3, 3, 0, 0, -99, 99).tolist() == [x**3 - 2 * x + 1 for x in range(-3, 4)]
    shifted = Function("affine", (1.0, 1.0)).then(cube)
    assert shifted.exact(Fraction(1, 3), 20) == (Fraction(4, 3) ** 3 - Fraction(8, 3) + 1, True)
    for function in (SWISH, GELU, shifted, SWISH.then(Function("tanh")).then(cube)):
        assert Function.from_json(function.to_json()) == function
    sum_of_two = IDENTITY.combined("plus", Function("sigmoid"))
    assert len({f.label for f in (SWISH, GELU, cube, shifted, SWISH.then(RELU), RELU.then(SWISH), sum_of_two)}) == 7
    with pytest.raises(ValueError):
        Function("times")
    with pytest.raises(ValueError):
        Function("plus", (1.0,), None, RELU)


@pytest.mark.parametrize("function", [SWISH, GELU, CHAIN.then(SWISH)])
def test_a_combination_is_rounded_correctly_whatever_the_estimate(function):
    first, last, low, high = -60, 60, -(2**50), 2**50
    table = tabulate(function, first, last, 4, 30, low, high)
    step = Fraction(1, 16)
    assert table.tolist() == [rounded_entry(function, x * step, 30, low, high) for x in range(first, last + 1)]


def test_saturation_of_huge_values():
    found = tabulate(Function("exp").then(Function("exp")), -2, 3000, 0, 4, -7, 77)
    assert found[-1] == 77 and (np.diff(found) >= 0).all()


@pytest.mark.parametrize("name, parameters", [("unknown", ()), ("relu", (1.0,)), ("clip", (1.0,))])
def test_unknown_functions_are_refused(name, parameters):
    with pytest.raises(ValueError):
        Function(name, parameters)


def test_large_tables_are_quick():
    start = time.perf_counter()
    for name in ("sigmoid", "tanh", "erf"):
        tabulate(Function(name), -(2**15), 2**15 - 1, 11, 15, -(2**15), 2**15 - 1)
    assert time.perf_counter() - start < 6
