"""Rule U by exhaustion: at most one output for every field value of a gadget's inputs, and the right one if honest."""

from __future__ import annotations

import importlib
import itertools
import random

import numpy as np
import pytest
from exhaustion import Search

from tacit.numbers.functions import RELU, Function
from tacit.primitives.gadgets import (
    argmax,
    compare,
    comparison,
    divide,
    divide_constant,
    maximum,
    range_check,
    rescale,
    round_saturate,
    round_wide,
)
from tacit.primitives.gadgets.grids import Leaving


def signed(value, prime):
    return value - prime if value > prime // 2 else value


def ambiguous(search, points):
    """How many of these inputs have more than one output."""
    return sum(len(search.outputs(point)) > 1 for point in points)


def one(low, high, gadget, **attributes):
    return lambda b: gadget(b, "y", b.input("x", (), low, high, 0), **attributes)


def every(prime):
    return [{"x": [x]} for x in range(prime)]


def check_one(make, prime, low, high, oracle):
    """At most one output for every field value, the oracle's for every integer of low .. high."""
    search = Search(make, prime)
    for point in every(prime):
        found = search.outputs(point)
        assert len(found) <= 1, point
        x = signed(point["x"][0], prime)
        if low <= x <= high:
            assert found == {(oracle(x) % prime,)}, point


def rounded(x, shift, bits=30):
    q = (x + 2**shift // 2) >> shift
    return max(-(2 ** (bits - 1)), min(2 ** (bits - 1) - 1, q))


def test_round_wide_is_tight():
    make = one(-32, 31, round_wide, shift=2)  # q in -8 .. 8: 5 bits, 2^(5+2) = 128
    check_one(make, 131, -32, 31, lambda x: rounded(x, 2))
    assert ambiguous(Search(make, 127), every(127)) > 0


def test_a_table_over_the_whole_interval():
    make = one(-40, 39, round_saturate, shift=1, bits=4, function=RELU, form="whole")  # 41 quotients: 82
    check_one(make, 83, -40, 39, lambda x: max(0, rounded(x, 1, 4)))
    assert ambiguous(Search(make, 67), every(67)) > 0


@pytest.mark.parametrize("form", ["wide", "joined", "grid"])
@pytest.mark.parametrize("function", [None, Function("leaky_relu", (0.5,))])
def test_a_sign_beside_a_table_of_three_parts(function, form):
    attributes = {} if function is None else {"function": function}
    make = one(-40, 39, round_saturate, shift=2, bits=3, form=form, **attributes)
    apply = (lambda q: q) if function is None else lambda q: q if q >= 0 else (q + 1) >> 1
    check_one(make, 97, -40, 39, lambda x: apply(rounded(x, 2, 3)))  # 3 parts of 8 quotients of 4, 6 cells of 16: 96
    assert ambiguous(Search(make, 83), every(83)) > 0


@pytest.mark.parametrize("rest", [3, 1])
@pytest.mark.parametrize("low, high, prime, small", [(-40, 39, 149, 71), (0, 39, 89, 43), (-40, 5, 89, 43)])
def test_saturation_by_digits(low, high, prime, small, rest, monkeypatch):
    monkeypatch.setattr(rescale, "rest_of", lambda bits, parts, size: rest)
    make = one(low, high, round_saturate, shift=1, bits=3, form="clamped")
    check_one(make, prime, low, high, lambda x: rounded(x, 1, 3))  # up to 9 excesses of 8 quotients of 2: 144
    assert ambiguous(Search(make, small), every(small)) > 0


WINDOWS = [("wide", -1), ("joined", -6), ("grid", -1), ("grid", -6), ("clamped", -1), ("clamped", -6)]


@pytest.mark.parametrize("form, least", WINDOWS)
def test_a_window_that_is_not_centred(form, least):
    bits_out = None if form == "clamped" else 4
    make = one(-40, 39, round_saturate, shift=2, bits=3, bits_out=bits_out, least=least, form=form)
    check_one(make, 163, -40, 39, lambda x: max(least, min(least + 7, rounded(x, 2))))  # up to 5 parts of 8 quotients of 4: 160
    assert ambiguous(Search(make, 53), every(53)) > 0


def test_rounding_without_a_shift():
    for form in ("wide", "grid"):
        check_one(one(-9, 9, round_saturate, shift=0, bits=3, form=form), 53, -9, 9, lambda x: rounded(x, 0, 3))
    check_one(one(-9, 9, round_saturate, shift=-1, bits=3, form="whole"), 53, -9, 9, lambda x: rounded(2 * x, 0, 3))


def test_divide_constant():
    check_one(one(-20, 20, divide_constant, divisor=3), 53, -20, 20, lambda x: (x + 1) // 3)


def test_range_check_admits_nothing_else():
    for low, high in ((-3, 9), (-4, 11)):
        search = Search(lambda b: range_check(b, "y", b.input("x", (), low, high, 0), low, high), 101)  # noqa: B023
        found = [signed(x["x"][0], 101) for x in every(101) if search.outputs(x)]
        assert sorted(found) == list(range(low, high + 1))


def test_comparison(monkeypatch):
    for direct in (True, False):
        monkeypatch.setattr(comparison, "by_table", lambda size, d, width, direct=direct: direct)
        make = one(-16, 15, lambda b, name, x: compare(b, name, x, x * 0))
        check_one(make, 37, -16, 15, lambda x: int(x >= 0))
    assert ambiguous(Search(make, 31), every(31)) > 0


@pytest.mark.parametrize("direct", [True, False])
def test_maximum(monkeypatch, direct):
    monkeypatch.setattr(comparison, "by_table", lambda size, d, width: direct)
    prime = 37

    def make(b):
        return maximum(b, "m", b.input("l", (), -8, 7, 0), b.input("r", (), -8, 7, 0))

    search = Search(make, prime)
    for left, right in itertools.product(range(prime), repeat=2):
        found = search.outputs({"l": [left], "r": [right]})
        assert len(found) <= 1
        a, b = signed(left, prime), signed(right, prime)
        if -8 <= a <= 7 and -8 <= b <= 7:
            assert found == {(max(a, b) % prime,)}


@pytest.mark.parametrize("last", [False, True])
def test_argmax_is_unique_for_every_field_value(last):
    def make(b):
        return argmax(b, "i", b.input("x", (3,), -2, 2, 0), 0, last)  # w = 3: 2^4 = 16

    search = Search(make, 17)
    for point in itertools.product(range(17), repeat=3):
        found = search.outputs({"x": list(point)})
        assert len(found) <= 1
        x = [signed(v, 17) for v in point]
        if max(map(abs, x)) <= 2:
            assert found == {(2 - int(np.argmax(x[::-1])) if last else int(np.argmax(x)),)}


def test_division_is_tight():
    def make(b):
        return divide(b, "q", b.input("a", (), 0, 3, 0), b.input("d", (), 1, 4, 0))  # C = D = 2: 2^5

    search = Search(make, 37)
    for a, d in itertools.product(range(37), repeat=2):
        found = search.outputs({"a": [a], "d": [d]})
        assert len(found) <= 1
        if a <= 3 and 1 <= d <= 4:
            assert found == {(a // d,)}
    pairs = [{"a": [a], "d": [d]} for a, d in itertools.product(range(19), repeat=2)]
    assert ambiguous(Search(make, 19), pairs) > 0


MODULE = importlib.import_module("tacit.primitives.gadgets.softmax")


def two_exponentials(b):
    x = b.input("x", (2,), -6, 6, -1)  # one bit is rounded away; a table of 4 distances, two digits
    return MODULE.exponentials(b, "p", x, MODULE.Exponentials(-2))


def exponentials_on_a_grid(b):
    """Cells of two distances: two inside the table of four, two outside. No sum of marks reaches the prime."""
    b.grids = (Leaving("exp/-2", 1, 2, 0, 13, 2).grid(2),)
    return two_exponentials(b)


def exponentials_of_the_whole_spread(b):
    """One table, which goes on with zeros beyond its four distances."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(MODULE, "look_up_whole", lambda *_: True)
        return two_exponentials(b)


@pytest.fixture
def no_whole_table(monkeypatch):
    monkeypatch.setattr(MODULE, "look_up_whole", lambda *_: False)
    monkeypatch.setattr(MODULE, "FAR", 0)


@pytest.mark.parametrize("make", [two_exponentials, exponentials_of_the_whole_spread, exponentials_on_a_grid])
def test_exponentials_are_unique(make, no_whole_table):
    prime = 67
    search, table = Search(make, prime), MODULE.Exponentials(-2)
    honest = list(itertools.product(range(-6, 7), repeat=2))
    others = random.Random(0).sample(list(itertools.product(range(prime), repeat=2)), 700)
    for point in honest + others:
        found = search.outputs({"x": list(point)})
        assert len(found) <= 1, point
        if min(point) >= -6 and max(point) <= 6:
            q = np.array([rounded(x, 1) for x in point])
            assert found == {tuple(int(v) % prime for v in table.at(q.max() - q))}


@pytest.mark.parametrize(
    "make, left",
    [
        (two_exponentials, "p/maximum"),
        (two_exponentials, "p/exists"),
        (two_exponentials, "p/far"),
        (exponentials_of_the_whole_spread, "p/maximum"),
        (exponentials_of_the_whole_spread, "p/exists"),
        (exponentials_on_a_grid, "p/maximum"),
        (exponentials_on_a_grid, "p/exists"),
        (exponentials_on_a_grid, "p/far"),
    ],
)
def test_exponentials_need_every_check_of_a_row(monkeypatch, no_whole_table, make, left):
    """That of the maximum's range, that there is one, and that of how many scores are far from it."""
    digits = MODULE.digits
    monkeypatch.setattr(MODULE, "digits", lambda b, name, *rest: name == left or digits(b, name, *rest))
    points = [{"x": [0, x]} for x in range(67)]
    assert ambiguous(Search(make, 67), points) > 0
