"""Division to the nearest integer: halves to even, one witness for every field value."""

from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
from drawn import Instance, broadcast_pairs, drawn, intervals
from exhaustion import Search
from hypothesis import strategies as st

from tacit.errors import ModelError
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import divide_nearest


def nearest(a, d):
    return np.vectorize(lambda n, m: round(Fraction(int(n), int(m))), otypes=[np.int64])(a, d)


@drawn("divide_nearest")
def nearest_divisions(draw):
    """Divisors of 1 and 2 among them: halves are as frequent as whole quotients."""
    bits = draw(st.sampled_from([1, 12]))
    a, d = draw(broadcast_pairs(intervals(24), intervals(bits, least=1), st.integers(-3, 3)))
    return Instance([a, d], lambda b, a, d: divide_nearest(b, "g", a, d), nearest)


def made(b):
    return divide_nearest(b, "q", b.input("a", (), -2, 1, 0), b.input("d", (), 1, 2, 0))  # C = 1, D = 1: 2^5


def test_the_nearest_quotient_is_unique_for_every_field_value():
    search = Search(made, 37)
    for a, d in itertools.product(range(37), repeat=2):
        found = search.outputs({"a": [a], "d": [d]})
        assert len(found) <= 1
        integer = a - 37 if a > 18 else a
        if -2 <= integer <= 1 and 1 <= d <= 2:
            assert found == {(round(Fraction(integer, d)) % 37,)}
    small = Search(made, 5)
    pairs = itertools.product(range(5), repeat=2)
    assert any(len(small.outputs({"a": [a], "d": [d]})) > 1 for a, d in pairs)


def test_halves_of_wide_integers():
    rng = np.random.default_rng(0)
    d = rng.integers(1, 2**14, 200)
    a = d * rng.integers(-(2**29), 2**29, 200) + d // 2
    b = Evaluate({"a": a, "d": d}, check=True)
    x, y = b.input("a", (200,), -(2**43), 2**43, 20), b.input("d", (200,), 1, 2**14, 6)
    q = divide_nearest(b, "q", x, y)
    np.testing.assert_array_equal(b.value(q), nearest(a, d))
    assert q.exponent == 14
    with pytest.raises(ModelError, match="divides by 0"):
        divide_nearest(b, "z", x, y - 1)
    with pytest.raises(ModelError, match="more than the field separates"):
        divide_nearest(b, "z", x * 2**10, y)
