"""Means under weights that are divided by their sum: one witness for every field value, values by fractions."""

from __future__ import annotations

import importlib
import itertools
from dataclasses import replace
from fractions import Fraction
from math import floor

import numpy as np
import pytest
from drawn import Instance, broadcast_pairs, drawn, intervals, operands, shapes
from exhaustion import Search
from hypothesis import strategies as st

from tacit.errors import ModelError
from tacit.primitives import arithmetic
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import softmax_weights, weighted_mean

MODULE = importlib.import_module("tacit.primitives.gadgets.weighted")


def rounded(a, s, finer=0):
    """a / s at `finer` bits more, halves upwards."""
    half = Fraction(1, 2)
    mean = np.vectorize(lambda n, m: floor(Fraction(int(n), int(m)) * Fraction(2) ** finer + half), otypes=[np.int64])
    return mean(a, s)


def means(draw, sums, together):
    """Sums of weights, and what they weigh: numbers between `low` and `high` times the sums."""
    low, high = sorted(draw(st.tuples(st.integers(-9, 9), st.integers(-9, 9))))
    finer = draw(st.integers(-2, 2))
    place, s = draw(broadcast_pairs((0, 8), sums))
    values = np.asarray(low * s.values + (high - low) * s.values * place.values // 8)
    reach = max(abs(low), abs(high)) * s.high
    a = replace(place, values=values, low=-reach, high=reach)
    exponent = a.exponent - s.exponent + finer
    return Instance(
        [a, s],
        lambda b, a, s: weighted_mean(b, "g", a, s, low, high, exponent, together=together),
        lambda a, s: rounded(a, s, finer),
    )


@drawn("weighted_mean", "digits of each")
def separate_means(draw):
    return means(draw, intervals(12, least=1), False)


@drawn("weighted_mean", "by price")
def priced_means(draw):
    return means(draw, intervals(12, least=1), None)


@drawn("weighted_mean", "by price, wide")
def priced_wide_means(draw):
    return means(draw, (1, (1 << 18) - draw(st.integers(0, 5))), None)


@drawn("weighted_mean", "digits together")
def joined_means(draw):
    return means(draw, (1, (1 << 18) - draw(st.integers(0, 5))), True)


@drawn("softmax_weights")
def weights(draw):
    x = draw(operands(shapes(1), intervals(3), draw(st.integers(0, 2))))
    return Instance([x], lambda b, x: softmax_weights(b, "g", x, 1))


def made(b, **given):
    return weighted_mean(b, "q", b.input("a", (), -4, 2, 0), b.input("s", (), 1, 2, 0), -2, 1, 0, **given)  # C = W = 2: 2^5


@pytest.mark.parametrize("together", [False, True])
def test_the_mean_is_unique_for_every_field_value(together, monkeypatch):
    monkeypatch.setattr(MODULE, "DIGIT", 1)  # what is above it stands in one table, for all of q, r and D - 1 - r
    search = Search(lambda b: made(b, together=together), 37)
    for a, s in itertools.product(range(37), repeat=2):
        found = search.outputs({"a": [a], "s": [s]})
        assert len(found) <= 1
        integer = a - 37 if a > 18 else a
        if s in (1, 2) and -2 * s <= integer <= s:
            assert found == {(int(rounded(integer, s)) % 37,)}
    small = Search(lambda b: made(b, together=together), 19)
    assert any(len(small.outputs({"a": [a], "s": [s]})) > 1 for a, s in itertools.product(range(19), repeat=2))


def test_finer_and_coarser_means():
    """1 / 2 and 5 / 3 at one bit more and at one less; a row of weights whose values are all one number has that mean."""
    for exponent, expected in ((1, [1, 3, 14]), (0, [1, 2, 7]), (-1, [0, 1, 4])):
        b = Evaluate({"a": np.array([1, 5, 35]), "s": np.array([2, 3, 5])}, check=True)
        a, s = b.input("a", (3,), 0, 40, 0), b.input("s", (3,), 1, 5, 0)
        q = weighted_mean(b, "q", a, s, 0, 7, exponent)
        np.testing.assert_array_equal(b.value(q), expected)


def test_weights_of_a_softmax_keep_what_probabilities_lose():
    """300 equal scores: a probability of 2^-15 steps has 7 bits, their mean of values of 12 bits none of its error."""
    values = np.random.default_rng(0).integers(-2048, 2048, (300, 5))
    b = Evaluate({"x": np.zeros((1, 300), np.int64), "v": values}, check=True)
    e = softmax_weights(b, "e", b.input("x", (1, 300), -100, 100, 12), 12)
    v = b.input("v", values.shape, -2048, 2047, 11)
    total = b.copy(arithmetic.reduce_sum(b, e, [-1], keepdims=True)).bounded(1 << 16, 300 << 16)
    q = weighted_mean(b, "q", arithmetic.matmul(b, e, v), total, -2048, 2047, 11)
    np.testing.assert_array_equal(b.value(q), rounded(values.sum(0, keepdims=True), np.array([[300]])))


def test_sums_that_may_be_zero_are_refused():
    b = Evaluate({"a": np.array([1]), "s": np.array([1])})
    with pytest.raises(ModelError, match="q divides by 0 .. 5"):
        weighted_mean(b, "q", b.input("a", (1,), 0, 5, 0), b.input("s", (1,), 0, 5, 0), 0, 5, 0)


def test_widths_beyond_the_field_are_refused():
    b = Evaluate({"a": np.array([1]), "s": np.array([1])})
    a, s = b.input("a", (1,), 0, 1 << 60, 0), b.input("s", (1,), 1, 1 << 40, 0)
    with pytest.raises(ModelError, match="q"):
        weighted_mean(b, "q", a, s, 0, 1 << 30, 0)


def test_the_table_is_shared_where_it_pays():
    """Six calls of 1.5e5 means of 24-bit sums together, one of a thousand alone."""
    parts = [("q", None, 16), ("r", None, 24), ("d", None, 24)]
    choose = lambda size, peers: MODULE.cheaper_together(size, parts, [0, 8, 8], 10**7, peers)  # noqa: E731
    assert choose(49152, 6) and not choose(1000, 1)
    assert not MODULE.cheaper_together(1 << 20, [("q", None, 16), ("r", None, 26), ("d", None, 26)], [0, 10, 10], 10**7, 6)
