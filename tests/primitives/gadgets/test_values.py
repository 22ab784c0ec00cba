"""Gadgets under the evaluating interpretation, with every relation checked, against plain NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.errors import ModelError
from tacit.numbers.functions import IDENTITY, RELU, Function
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import (
    argmax,
    compare,
    divide,
    divide_constant,
    maximum,
    maximum_along,
    maximum_of,
    minimum,
    range_check,
    round_saturate,
    round_wide,
    softmax,
)

SIGMOID = Function("sigmoid")


def evaluated(values, low=None, high=None, exponent=0, name="x"):
    """A checking builder and the input tensor of these integers under the interval low .. high."""
    b = Evaluate({name: values}, check=True)
    bounds = (int(values.min()) if low is None else low, int(values.max()) if high is None else high)
    return b, b.input(name, values.shape, *bounds, exponent)


def two(left, right, bounds):
    b = Evaluate({"left": left, "right": right}, check=True)
    return b, b.input("left", left.shape, *bounds, 0), b.input("right", right.shape, *bounds, 0)


def around(points, count, seed=0):
    """The given integers, their neighbours, and random integers between the extremes."""
    edges = [p + d for p in points for d in (-1, 0, 1)]
    inside = np.random.default_rng(seed).integers(min(points), max(points), count)
    return np.concatenate([np.array(edges), inside]).astype(np.int64)


def clamp_round(x, shift, bits):
    q = np.floor((x.astype(object) * 2 + 2**shift) / 2 ** (shift + 1)).astype(np.int64) if shift > 0 else x << -shift
    return np.clip(q, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@pytest.mark.parametrize("form", ["whole", "wide", "grid", None])
@pytest.mark.parametrize("shift", [-2, 0, 1, 5])
def test_round_saturate_identity(form, shift):
    x = around([-9000, -(2**9) << 5, -32, -16, 0, 16, 48, 2**9 << 5, 9000], 50)
    b, t = evaluated(x, -20000, 20000, exponent=7)
    y = round_saturate(b, "y", t, shift, 8, form=form)
    assert (b.value(y) == clamp_round(x, shift, 8)).all()
    assert y.exponent == 7 - shift and y.low >= -128 and y.high <= 127


@pytest.mark.parametrize("form", ["whole", "wide", "grid"])
@pytest.mark.parametrize("function", [RELU, SIGMOID, Function("leaky_relu", (0.1,)), RELU.then(Function("tanh"))])
def test_round_saturate_applies_the_function(form, function):
    x = around([-70000, -2048 * 8, -4, 0, 4, 2047 * 8, 70000], 300)
    b, t = evaluated(x, -70001, 70001, exponent=12)
    y = round_saturate(b, "y", t, 3, 12, function, 10, form=form)
    q = clamp_round(x, 3, 12)
    expected = np.floor(function.estimate(q / 2.0**9) * 2**10 + 0.5)
    assert (b.value(y) == np.clip(expected, -2048, 2047)).all()


def test_a_rounding_that_cannot_saturate_has_one_cell():
    x = around([-1000, 0, 1000], 20)
    b, t = evaluated(x)
    y = round_saturate(b, "y", t, 4, 8)
    assert (b.value(y) == clamp_round(x, 4, 8)).all()
    cells = [c.name for c in b.stored if c.home == "witness" and "digit" not in c.name]
    assert cells == ["y"]


def test_relu_of_a_tensor_without_negative_values_is_plain():
    b, t = evaluated(np.arange(0, 900), 0, 900)
    y = round_saturate(b, "y", t, 3, 12, RELU)
    assert (b.value(y) == clamp_round(np.arange(0, 900), 3, 12)).all()
    assert not any("table" in lookup.name for lookup in b.lookups)


def test_large_shifts_cut_the_remainder_into_digits():
    x = around([-(2**40), -(2**22), 0, 2**22, 2**40], 100)
    b, t = evaluated(x, -(2**41), 2**41)
    assert (b.value(round_saturate(b, "y", t, 23, 12)) == clamp_round(x, 23, 12)).all()
    b, t = evaluated(x, -(2**41), 2**41)
    assert (b.value(round_saturate(b, "y", t, 23, 12, form="wide")) == clamp_round(x, 23, 12)).all()


@given(st.integers(-3, 20), st.integers(0, 2**32), st.booleans())
@settings(max_examples=25, deadline=None)
def test_round_wide(shift, seed, public):
    x = np.random.default_rng(seed).integers(-(2**27), 2**27, (3, 4))
    b, t = evaluated(x, -(2**27), 2**27, exponent=5)
    y = round_wide(b, "y", t, shift, public=public)
    assert (b.value(y) == clamp_round(x, shift, 40)).all() and y.exponent == 5 - shift
    assert y.column.home == ("public" if public else "witness")


def test_round_wide_refuses_what_does_not_fit():
    b, t = evaluated(np.zeros(3, np.int64), -(2**50), 2**50)
    with pytest.raises(ModelError, match="narrow_me"):
        round_wide(b, "narrow_me", t, 2)


@pytest.mark.parametrize("divisor", [1, 2, 3, 7, 49, 200])
def test_divide_constant_rounds_to_nearest(divisor):
    x = np.arange(-500, 501)
    b, t = evaluated(x)
    exact = np.floor((2 * x + divisor) / (2 * divisor)).astype(np.int64)
    assert (b.value(divide_constant(b, "mean", t, divisor)) == exact).all()


@pytest.mark.parametrize("low, high", [(-5, 5), (0, 255), (-40000, 70000), (3, 3), (-(2**30), 2**31)])
def test_range_check_holds_exactly_its_interval(low, high):
    b, t = evaluated(np.array([low, high, (low + high) // 2]), low, high)
    assert (range_check(b, "x", t, low, high).low, t.high) == (low, high)
    for outside in (low - 1, high + 1):
        values = np.array([low, outside, high])
        b = Evaluate({"x": values}, check=True)
        t = b.input("x", (3,), low - 1, high + 1, 0).bounded(low, high)
        with pytest.raises((AssertionError, ModelError)):
            range_check(b, "x", t, low, high)


@pytest.mark.parametrize("reach", [7, 2000, 2**20, 2**40])
def test_comparison_and_maximum(reach):
    left, right = around([-reach, 0, reach], 40, 1), around([reach, 0, -reach], 40, 2)
    right[5:15] = left[5:15]
    bounds = (-reach - 1, reach + 1)
    for make, expected in (
        (compare, (left >= right).astype(np.int64)),
        (maximum, np.maximum(left, right)),
        (minimum, np.minimum(left, right)),
    ):
        b, l, r = two(left, right, bounds)
        assert (b.value(make(b, "m", l, r)) == expected).all()


def test_maximum_aligns_exponents_and_broadcasts():
    b = Evaluate({"l": np.array([[3], [-4]]), "r": np.array([[10, 100, -100]])}, check=True)
    l, r = b.input("l", (2, 1), -8, 8, 1), b.input("r", (1, 3), -100, 100, 4)
    m = maximum(b, "m", l, r)
    assert m.exponent == 4 and (b.value(m) == np.maximum(np.array([[24], [-32]]), [[10, 100, -100]])).all()


@pytest.mark.parametrize("count", [1, 2, 3, 4, 9])
def test_maximum_of_taps_and_along_a_dimension(count):
    x = np.random.default_rng(count).integers(-50, 50, (count, 5))
    b, t = evaluated(x, -50, 50)
    from tacit.primitives import movement

    taps = [movement.slice_(b, t, 0, i, i + 1) for i in range(count)]
    assert (b.value(maximum_of(b, "taps", taps)) == x.max(0)).all()
    assert (b.value(maximum_along(b, "along", t, 0)) == x.max(0)).all()


@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("axis, size", [(1, 2), (-1, 7), (0, 4), (1, 1)])
def test_argmax_takes_the_first_or_last_of_equals(axis, size, last):
    shape = (size, 6) if axis == 0 else (6, size)
    x = np.random.default_rng(size).integers(-3, 3, shape)
    b, t = evaluated(x, -3, 3, exponent=9)
    i = argmax(b, "i", t, axis, last=last)
    expected = x.argmax(axis) if not last else x.shape[axis] - 1 - np.flip(x, axis).argmax(axis)
    assert (b.value(i) == np.expand_dims(expected, axis)).all() and i.exponent == 0


def test_divide():
    a, d = np.arange(0, 3000, 7), np.random.default_rng(0).integers(1, 90, 429)
    b = Evaluate({"a": a, "d": d}, check=True)
    q = divide(b, "q", b.input("a", a.shape, 0, 2999, 0), b.input("d", d.shape, 1, 90, 0))
    assert (b.value(q) == a // d).all()
    with pytest.raises(ModelError, match="zero"):
        divide(b, "zero", b.input("a", a.shape, 0, 2999, 0), b.input("d", d.shape, 0, 90, 0))


@pytest.mark.parametrize("reach", [3.0, 20.0, 300.0])
@pytest.mark.parametrize("shape, exponent", [((4, 10), 14), ((2, 3, 33), 6), ((1, 1), 12), ((5, 2), 20)])
def test_softmax(shape, exponent, reach):
    x = np.round(np.random.default_rng(1).uniform(-reach, reach, shape) * 2.0**exponent).astype(np.int64)
    x[0, ..., 0] = x.max()
    bound = int(reach * 2**exponent) + 1
    b, t = evaluated(x, -bound, bound, exponent=exponent)
    p = b.value(softmax(b, "p", t, 16, step=10)) / 2.0**15
    real = np.exp(x / 2.0**exponent - (x / 2.0**exponent).max(-1, keepdims=True))
    real /= real.sum(-1, keepdims=True)
    assert np.abs(p - real).max() < 2.0**-10 + 2.0**-14


def test_softmax_refuses_scores_that_cannot_be_told_apart():
    b, t = evaluated(np.zeros((2, 4), np.int64), -(2**58), 2**58, exponent=12)
    with pytest.raises(ModelError, match="scores"):
        softmax(b, "scores", t)


def test_products_are_rounded_without_committing_them():
    rng = np.random.default_rng(3)
    weights, x = rng.integers(-2000, 2000, (30, 20)), rng.integers(-2000, 2000, (4, 30))
    from tacit.primitives import arithmetic

    b = Evaluate({"x": x}, check=True)
    w = b.weight("w", weights, 8)
    acc = arithmetic.matmul(b, b.input("x", x.shape, -2000, 2000, 4), w)
    y = round_saturate(b, "y", acc, 12, 12, RELU, 0)
    assert (b.value(y) == np.clip(clamp_round(x @ weights, 12, 12), 0, None)).all()
    assert IDENTITY.then(RELU) == RELU
