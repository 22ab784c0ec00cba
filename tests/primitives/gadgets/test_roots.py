"""Square roots, inverse roots, logarithms and running sums: rule U by exhaustion over small primes, values by NumPy."""

from __future__ import annotations

import itertools
from math import isqrt, log

import numpy as np
import pytest
from exhaustion import Search

from tacit.errors import ModelError
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import divide_signed, inverse_root, logarithm, long_quotient, normalised, running_sum, square_root
from tacit.primitives.gadgets.roots import bracket, integer_roots, power_logarithm


def every(prime):
    return [{"x": [x]} for x in range(prime)]


def ambiguous(search, points):
    return sum(len(search.outputs(point)) > 1 for point in points)


def check_one(make, prime, low, high, oracle):
    """At most one output for every field value, the oracle's for every integer of low .. high."""
    search = Search(make, prime)
    for point in every(prime):
        found = search.outputs(point)
        assert len(found) <= 1, point
        if low <= point["x"][0] <= high:
            assert found == {(oracle(point["x"][0]) % prime,)}, point


def evaluated(values, high, exponent=0, low=1):
    b = Evaluate({"x": values}, check=True)
    return b, b.input("x", values.shape, low, high, exponent)


def test_square_root_is_unique():
    def make(b):
        return square_root(b, "y", b.input("x", (), 0, 15, 0))  # w = 2: 2^4 = 16

    check_one(make, 17, 0, 15, isqrt)
    check_one(make, 67, 0, 15, isqrt)
    assert ambiguous(Search(make, 7), every(7)) > 0


def test_bracket_names_one_interval():
    def make(b):
        return bracket(b, "y", b.input("x", (), 1, 15, 0), 2, 2)[0]  # w = 4: 2^5 = 32

    check_one(make, 37, 1, 15, lambda x: 4 if x < 4 else 1)
    assert ambiguous(Search(make, 17), every(17)) > 0


def inverse(x, m, fraction):
    j = next(j for j in range(m) if x * 4**j >= 4 ** (m - 1))
    return (1 << m - 1 + fraction) // isqrt(x * 4**j) << j


@pytest.mark.parametrize("prime", [67, 97])
def test_inverse_root_is_unique(prime):
    """m = 2, fraction = 2: 2^(m + fraction + 2) = 64 for the division."""

    def make(b):
        return inverse_root(b, "y", b.input("x", (), 1, 15, 0), 2)

    check_one(make, prime, 1, 15, lambda x: inverse(x, 2, 2))


def test_normalised_is_unique():
    def make(b):
        normal, offset = normalised(b, "y", b.input("x", (), 1, 7, 0), [5, 0, 9])  # w = 3: 2^4 = 16
        return b.copy(normal + offset * 16, "both")

    check_one(make, 163, 1, 7, lambda x: {1: 4 + 9 * 16, 2: 4, 3: 6}.get(x, x + 5 * 16))


def test_logarithm_is_unique():
    def make(b):
        return logarithm(b, "y", b.input("x", (), 1, 15, 0), 3, 3)

    search = Search(make, 101)
    for point in every(101):
        found = search.outputs(point)
        assert len(found) <= 1
        x = point["x"][0]
        if 1 <= x <= 15:
            (value,) = found.pop()
            assert abs(value / 8 - log(x)) < 0.3


def test_signed_division_is_tight():
    def make(b):
        return divide_signed(b, "q", b.input("a", (), -2, 2, 0), b.input("d", (), 1, 2, 0))  # C = 3, D = 1: 2^5

    search = Search(make, 37)
    for a, d in itertools.product(range(37), repeat=2):
        found = search.outputs({"a": [a], "d": [d]})
        assert len(found) <= 1
        integer = a - 37 if a > 18 else a
        if -2 <= integer <= 2 and 1 <= d <= 2:
            assert found == {((integer // d) % 37,)}
    pairs = [{"a": [a], "d": [d]} for a, d in itertools.product(range(11), repeat=2)]
    assert ambiguous(Search(make, 11), pairs) > 0


def test_signed_division_of_wide_integers():
    rng = np.random.default_rng(0)
    b = Evaluate({"a": rng.integers(-(2**44), 2**44, 200), "d": rng.integers(1, 2**14, 200)}, check=True)
    a, d = b.input("a", (200,), -(2**44), 2**44, 20), b.input("d", (200,), 1, 2**14, 6)
    q = divide_signed(b, "q", a, d)
    assert (b.value(q) == b.value(a) // b.value(d)).all() and q.exponent == 14
    with pytest.raises(ModelError):
        divide_signed(b, "z", a, d - 1)
    with pytest.raises(ModelError):
        divide_signed(b, "z", a * 2**10, d)


def test_long_division_is_tight():
    def make(b):
        a, d = b.input("a", (), -2, 2, 0), b.input("d", (), 1, 2, 0)
        return long_quotient(b, "q", a, d, 2, 2)  # C = 3, k = 2, D = 1: 2^5

    search = Search(make, 37)
    for a, d in itertools.product((*range(4), 17, 18, 19, *range(34, 37)), range(5)):
        found = search.outputs({"a": [a], "d": [d]})
        assert len(found) <= 1
        integer = a - 37 if a > 18 else a
        if -2 <= integer <= 2 and 1 <= d <= 2:
            assert found == {(((4 * integer) // d) % 37,)}


def test_long_division_of_wide_integers():
    """Every fraction bit, of divisors that leave a product few."""
    rng = np.random.default_rng(0)
    d = rng.integers(1, 2**45, 200)
    a = rng.integers(-3 * d, 3 * d + 1)
    b = Evaluate({"a": a, "d": d}, check=True)
    q = long_quotient(b, "q", b.input("a", (200,), -(2**47), 2**47, 5), b.input("d", (200,), 1, 2**45, 2), 37, 3)
    assert b.value(q).tolist() == [(int(x) << 37) // int(y) for x, y in zip(a, d)]
    assert q.exponent == 40
    with pytest.raises(ModelError, match="divides by 0"):
        long_quotient(b, "z", b.input("a", (200,), -(2**47), 2**47, 5), b.input("d", (200,), 1, 2**45, 2) - 1, 3, 3)


def test_running_sum_is_unique():
    search = Search(lambda b: running_sum(b, "y", b.input("x", (3,), -2, 2, 0), 0), 7)
    for point in itertools.product(range(7), repeat=3):
        found = search.outputs({"x": list(point)})
        assert found == {tuple(int(v) % 7 for v in np.cumsum(point))}


def around_squares():
    roots = np.array([0, 1, 2, 3, 1000, 2**15, 2**24 - 1, 2**28, 2**30, 2**31 - 1], dtype=np.int64)
    near = np.concatenate([roots**2 + d for d in (-1, 0, 1, 2)])
    return near[(near >= 0) & (near < 2**61)]


def test_integer_roots_are_exact():
    values = np.concatenate([around_squares(), np.random.default_rng(0).integers(0, 2**61, 1000)])
    assert integer_roots(values).tolist() == [isqrt(int(v)) for v in values]


def test_square_root_of_wide_integers():
    values = around_squares()
    b, x = evaluated(values, int(values.max()), exponent=6, low=0)
    y = square_root(b, "y", x)
    assert b.value(y).tolist() == [isqrt(int(v)) for v in values] and y.exponent == 3
    with pytest.raises(ModelError):
        square_root(b, "z", x - 1)
    with pytest.raises(ModelError):
        square_root(b, "z", x.with_exponent(5))


@pytest.mark.parametrize("bits", [8, 31, 59])
def test_inverse_roots_have_the_promised_precision(bits):
    values = np.unique(np.concatenate([2 ** np.arange(bits), 2 ** np.arange(1, bits + 1) - 1, [1]])).astype(np.int64)
    b, x = evaluated(values, 2**bits - 1)
    fraction = 20
    y = inverse_root(b, "y", x, fraction)
    m = -(-bits // 2)
    found = np.ldexp(b.value(y).astype(float), -y.exponent)
    relative = np.abs(found * np.sqrt(values.astype(float)) - 1)
    assert y.exponent == m - 1 + fraction and relative.max() <= 2.0 ** (1 - fraction) + 2.0 ** (1 - m)
    assert ((b.value(y) * integer_roots(values)) <= 2**y.exponent).all()


@pytest.mark.parametrize("bits, exponent", [(3, 0), (20, 7), (45, 30)])
def test_logarithms(bits, exponent):
    values = np.unique(np.concatenate([2 ** np.arange(bits), 2 ** np.arange(1, bits + 1) - 1])).astype(np.int64)
    b, x = evaluated(values, 2**bits - 1, exponent)
    y = logarithm(b, "y", x, 14)
    found = np.ldexp(b.value(y).astype(float), -y.exponent)
    assert np.abs(found - np.log(np.ldexp(values.astype(float), -exponent))).max() < 2.0**-13
    assert power_logarithm(-3, 10) == round(-3 * log(2) * 1024)


def test_running_sum_of_rows():
    values = np.random.default_rng(0).integers(-9, 9, (3, 5))
    b, x = evaluated(values, 9, low=-9)
    assert (b.value(running_sum(b, "y", x, -1)) == values.cumsum(1)).all()
    assert (b.value(running_sum(b, "z", x, 0)) == values.cumsum(0)).all()
