"""Functions by polynomials on pieces: the table's integers, one output for every field value, exponentials of few scores."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from drawn import Instance, drawn, operands
from exhaustion import Search
from hypothesis import strategies as st

from tacit.errors import ModelError
from tacit.numbers.functions import RELU, Function, tabulate
from tacit.numbers.pieces import Curve, pieces_of
from tacit.primitives.cost import Cost
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import by_pieces, softmax, softmax_weights
from tacit.primitives.gadgets.pieces import cheapest_pieces

SOFTMAX = importlib.import_module("tacit.primitives.gadgets.softmax")
SIGMOID = Function("sigmoid")
FORMS = [(SIGMOID, 4, 2, 2, 12), (SIGMOID, 4, 1, 1, 12), (RELU, 3, 1, 4, 0), (Function("tanh"), 5, 3, 3, 12)]


@drawn("by_pieces")
def pieces(draw):
    """Function, exponent of the argument, degree, bits of a piece and of the fraction."""
    function, exponent, degree, bits, shift = draw(st.sampled_from(FORMS))
    x = draw(operands(interval=(-64, 63), exponent=exponent))

    def expected(x):
        return tabulate(function, -64, 63, exponent, exponent, -128, 127)[x + 64]

    return Instance([x], lambda b, x: by_pieces(b, "g", x, function, exponent, 8, degree, bits, shift), expected)


@drawn("softmax_weights", "few")
def few_weights(draw):
    """Scores that are nothing beside a table of 2^16 exponentials."""
    reach = draw(st.sampled_from([300, 1 << 17]))
    x = draw(operands((draw(st.integers(2, 4)),), (-reach, reach), draw(st.integers(12, 14))))
    return Instance([x], lambda b, x: softmax_weights(b, "g", x, 12))


def test_one_output_for_every_field_value():
    """x of -4 .. 3, pieces of 2 integers, results of 0 .. 8 over 2: 2^5 of the field's values."""
    curve = Curve(SIGMOID, -4, 3, 0, 3, -16, 15)
    search = Search(lambda b: by_pieces(b, "y", b.input("x", (), -4, 3, 0), SIGMOID, 3, 5, 1, 1, 1), 37)
    for x in range(37):
        integer, found = x - 37 if x > 18 else x, search.outputs({"x": [x]})
        assert len(found) <= 1, x
        if -4 <= integer <= 3:
            assert found == {(int(curve.table()[integer + 4]),)}


def test_one_output_without_a_fraction():
    search = Search(lambda b: by_pieces(b, "y", b.input("x", (), -4, 3, 0), RELU, 0, 4, 1, 2, 0), 19)
    for x in range(19):
        integer = x - 19 if x > 9 else x
        assert search.outputs({"x": [x]}) == ({(max(integer, 0),)} if -4 <= integer <= 3 else set())


def exponentials(size: int, reach: int, builder=None, **given):
    b = builder or Evaluate(given, check=True)
    return b, softmax_weights(b, "e", b.input("x", (2, size), -reach, reach, 13), 12)


@pytest.mark.parametrize("reach", [40_000, 3_000_000])
def test_few_scores_have_the_exponentials_of_a_table(reach, monkeypatch):
    x = np.random.default_rng(1).integers(-reach, reach + 1, (2, 9))
    x[0, :4] = reach - np.arange(4)  # equal maxima once a bit is rounded away, and what is next to them
    b, few = exponentials(9, reach, x=x)
    found = {name for name in b.columns if "/near" in name}
    monkeypatch.setattr(SOFTMAX, "pieces_for_few", lambda *_: None)
    c, whole = exponentials(9, reach, x=x)
    assert found and not any("/near" in name for name in c.columns)
    np.testing.assert_array_equal(b.value(few), c.value(whole))


def test_many_scores_have_a_table():
    rows = [exponentials(size, 1 << 20, Cost())[0].table_rows for size in (9, 20_000)]
    assert rows[0] < 1 << 12 and rows[1] > 1 << 17


def test_exponentials_by_pieces_are_unique(monkeypatch):
    """Two scores of -3 .. 3 at four exponentials, which the field of 67 elements tells apart once these have 2 bits."""
    monkeypatch.setattr(SOFTMAX, "MANTISSA", 2)
    table = SOFTMAX.Exponentials(-2)
    choice = SOFTMAX.Choice(1, 1, 0, 0)
    assert pieces_of(table.curve, 1, 1, 0) is not None and table.values().tolist() == [4, 0, 0, 0]
    monkeypatch.setattr(SOFTMAX, "pieces_for_few", lambda *_: choice)
    search = Search(lambda b: SOFTMAX.exponentials(b, "p", b.input("x", (2,), -3, 3, -2), table), 67)
    for first in range(67):
        for second in (0, 64):
            found = search.outputs({"x": [first, second]})
            x = np.array([v - 67 if v > 33 else v for v in (first, second)])
            assert len(found) <= 1, x
            if np.abs(x).max() <= 3:
                assert found == {tuple(int(v) for v in table.at(x.max() - x))}


def test_softmax_of_few_scores():
    x = np.array([[0, 4096, -9000, 4096, 3]])
    b = Evaluate({"x": x}, check=True)
    p = b.value(softmax(b, "p", b.input("x", x.shape, -10000, 10000, 12), 16))
    exact = np.exp(x / 4096) / np.exp(x / 4096).sum()
    np.testing.assert_allclose(p / 2**15, exact, atol=2**-15)


def test_what_no_polynomials_give_is_refused():
    b = Evaluate({"x": np.array([1])})
    with pytest.raises(ModelError, match="y has no polynomials of degree 1 on pieces of 6 bits"):
        by_pieces(b, "y", b.input("x", (1,), -64, 63, 4), SIGMOID, 12, 16, 1, 6, 20)


def test_prices():
    curve = Curve(SIGMOID, -32768, 32767, 11, 14, -32768, 32767)
    small, large = (cheapest_pieces(size, curve, 10**6) for size in (100, 100_000))
    assert small.price < 100 * 3000 + 600_000 and large.price > 100_000 * 1200
    assert cheapest_pieces(100, Curve(Function("sign"), -32768, 32767, 3, 14, -32768, 32767), 0) is None
    assert cheapest_pieces(100, Curve(SIGMOID, -32, 31, 3, 7, -128, 127), 0) is None
