"""Contractions through BLAS: whatever way round the operands lie in memory, in pieces or whole, the sums are those of int64."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.operators.quantised.saturation import multiples
from tacit.primitives import movement, products, reading
from tacit.primitives.arithmetic import einsum
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets.digits import range_check
from tacit.primitives.program import ProgramBuilder

RNG = np.random.default_rng(17)


def drawn(bits: int, *shape: int) -> np.ndarray:
    return RNG.integers(-(1 << bits), 1 << bits, shape)


@pytest.mark.parametrize("small", [0, 1 << 15])
@pytest.mark.parametrize("piece, alone, tile", [(1, 1, 1), (7, 30, 2), (64, 12, 3), (1 << 16, 1 << 19, 64)])
@pytest.mark.parametrize("bits", [15, 29])
@pytest.mark.parametrize(
    "equation, left, right",
    [
        ("mk,kn->mn", (3, 5), (5, 4)),
        ("mk,kn->mn", (3, 4), (4, 9)),
        ("mk,nk->mn", (3, 5), (6, 5)),
        ("mk,k->m", (3, 11), (11,)),
        ("k,k->", (11,), (11,)),
        ("bmk,bkn->bmn", (2, 3, 5), (2, 5, 4)),
        ("bmk,nbk->bmn", (2, 3, 5), (4, 2, 5)),
        ("mjk,jkn->mn", (3, 2, 5), (2, 5, 3)),
        ("mjk,njk->mn", (3, 2, 5), (4, 2, 5)),
        ("mijk,nijk->mn", (3, 2, 3, 5), (4, 2, 3, 5)),
        ("mk,nko->mno", (3, 5), (4, 5, 2)),
        ("mk,kno->mno", (3, 2), (2, 4, 5)),
    ],
)
def test_products_are_those_of_int64(monkeypatch, small, piece, alone, tile, bits, equation, left, right):
    for name, value in (("PIECE", piece), ("ALONE", alone), ("ALONE_VECTOR", alone), ("TILE", tile), ("SHARED", piece)):
        monkeypatch.setattr(products, name, value)
    for name, value in (("SMALL", small), ("DEEP", tile + 1), ("WIDE", tile)):
        monkeypatch.setattr(products, name, value)
    a, w = drawn(bits, *left), drawn(15, *right)
    b = Evaluate({"a": a})
    x, y = b.input("a", left, -(1 << bits), 1 << bits, 0), b.weight("w", w.astype(np.int16), 0)
    found = b.value(einsum(b, equation, x, y))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, np.einsum(equation, a, w))


@pytest.mark.parametrize("large, cuts", [(1 << 16, 0), (1 << 29, 1)])
def test_integers_far_from_the_ends_of_their_interval_are_not_cut(monkeypatch, large, cuts):
    """Sums of magnitudes below 2^53 are exact, whatever the intervals would allow."""
    seen = []
    cut_wide = products.cut_wide
    monkeypatch.setattr(products, "cut_wide", lambda *given: seen.append(1) or cut_wide(*given))
    a, w = drawn(8, 3, 600), drawn(15, 600, 4)
    a[1] = -large
    b = Evaluate({"a": a})
    x, y = b.input("a", a.shape, -(1 << 30), 1 << 30, 0), b.weight("w", w, 0)
    np.testing.assert_array_equal(b.value(einsum(b, "mk,kn->mn", x, y)), a @ w)
    assert len(seen) == cuts


def test_pieces_are_parted_where_they_are_far_apart_in_memory():
    """Heads one behind the other, or columns of each: runs of neighbours stay whole, unless there are too few parts to share."""
    array = np.zeros((64, 96, 40), dtype=np.int8)
    for turned, order, cells, axis in ((False, (0, 1, 2), 100, 0), (False, (0, 2, 1), 100, 1), (True, (1, 2, 0), 10, 0)):
        operand = products.Operand(array.transpose(order), 0, 2, turned, 1)
        assert products.axis_to_cut(operand, cells) == axis


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("hits", [0, 1, 300])
def test_places_that_no_row_uses_are_left_out(monkeypatch, hits, turned):
    """A selection among many rows multiplies by the few that it hits, and by all where all are hit."""
    shapes = []
    multiply = reading.multiply

    def seen(left, *arguments):
        shapes.append(left.shape)
        return multiply(left, *arguments)

    monkeypatch.setattr(reading, "multiply", seen)
    a = np.zeros((2, 300), dtype=np.int64)
    a[:, :hits] = drawn(8, 2, 300)[:, :hits] | 1
    w = drawn(15, *((260, 300) if turned else (300, 260)))
    b = Evaluate({"a": a})
    x, y = b.input("a", a.shape, -512, 512, 0), b.weight("w", w, 0)
    equation = "mk,nk->mn" if turned else "mk,kn->mn"
    np.testing.assert_array_equal(b.value(einsum(b, equation, x, y)), np.einsum(equation, a, w))
    assert shapes == [(1, 2, max(hits, 1))]


def test_values_alone_are_those_of_the_circuit():
    a = drawn(8, 6)
    found = []
    for values_only in (False, True):
        b = Evaluate({"a": a}, values_only=values_only)
        x = b.input("a", (6,), -512, 512, 0)
        range_check(b, "held", x * x, 0, 1 << 18)
        found.append(([column.name for column in b.stored], b.witness()))
        assert (len(b.lookups) == 0) == values_only
    assert found[0] == found[1] and any("virtual" in name for name in found[0][0])
    with pytest.raises(ValueError, match="no circuit"):
        b.finish()


@pytest.mark.parametrize("largest, size", [(1, 1), (-128, 1), (128, 2), (-(1 << 15), 2), (1 << 15, 4), (-(1 << 40), 8)])
def test_weights_are_kept_in_the_bytes_of_their_columns(largest, size):
    array = np.array([[0, 1, largest], [2, 3, 1]])
    b = ProgramBuilder()
    x = b.input("x", (2,), -5, 5, 0)
    product = einsum(b, "m,mk->k", x, b.weight("w", array, 0))
    (kept,) = b.weights.values()
    assert kept.dtype.itemsize == size and (kept == array).all()
    assert product.high == -product.low == 5 * max(abs(largest) + 1, 4)


def test_multiples_of_the_lowest_integer_of_a_width():
    """The magnitude of -128 does not fit the byte that holds it."""
    b = ProgramBuilder()
    x = b.input("x", (2,), -5, 5, 0)
    assert multiples(x * b.weight("w", np.array([-128, 96]), 0)) == [(96, 128), (128, 128)]


@pytest.mark.parametrize("bits, count", [(10, 1), (20, 2)])
def test_digits_of_one_number_are_multiplied_once(monkeypatch, bits, count):
    """Where their sum stays exact; the same digits with other coefficients are another number."""
    seen = []
    multiply = reading.multiply
    monkeypatch.setattr(reading, "multiply", lambda *given: seen.append(1) or multiply(*given))
    a, c = drawn(bits, 3, 5), drawn(bits, 3, 5)
    w = drawn(bits, 5, 4)
    b = Evaluate({"a": a, "c": c})
    x, y = (b.input(name, (3, 5), -(1 << bits), 1 << bits, 0) for name in "ac")
    v = b.weight("w", w, 0)
    high, low = einsum(b, "mk,kn->mn", x, v), einsum(b, "mk,kn->mn", y, v)
    whole = einsum(b, "mk,kn->mn", x * (1 << 14) + y, v)
    np.testing.assert_array_equal(b.value(whole), ((a << 14) + c) @ w)
    assert len(seen) == count
    np.testing.assert_array_equal(b.value(einsum(b, "mk,kn->mn", x * 3 + y * 2, v)), (3 * a + 2 * c) @ w)
    np.testing.assert_array_equal(b.value(whole * -5), ((a << 14) + c) @ w * -5)
    np.testing.assert_array_equal(b.value(high + low), (a + c) @ w)


def test_axes_of_one_factor_alone_are_summed_before_it_is_multiplied(monkeypatch):
    """The square of a sum is a product over both of its axes, which nobody needs to write down."""
    sizes = []
    times = reading.times

    def seen(*operands):
        found = times(*operands)
        sizes.append(found[0].size)
        return found

    monkeypatch.setattr(reading, "times", seen)
    a, c = drawn(9, 50, 3), drawn(9, 70, 3)
    b = Evaluate({"a": a, "c": c})
    x, y = (b.input(name, array.shape, -512, 512, 0) for name, array in (("a", a), ("c", c)))
    found = b.value(einsum(b, "mk,nk->k", x, y))
    np.testing.assert_array_equal(found, a.sum(0) * c.sum(0))
    assert sizes == [3]


@pytest.mark.parametrize("first, last, rows", [(5, 12, 7), (0, 1, 1), (39, 40, 1), (0, 0, 1), (0, 30, 40), (3, 37, 40)])
@pytest.mark.parametrize("equation", ["mk,kn->mn", "mk,kn->nm", "bmk,bkn->bmn", "mk,nk->mn"])
def test_rows_of_zeros_are_not_multiplied(monkeypatch, equation, first, last, rows):
    shapes = []
    multiply = reading.multiply
    monkeypatch.setattr(reading, "multiply", lambda left, *given: shapes.append(left.shape) or multiply(left, *given))
    operands = equation.split("->")[0].split(",")
    sizes = {"b": 2, "m": 40, "k": 6, "n": 20}
    left, right = (drawn(8, *(sizes[letter] for letter in letters)) for letters in operands)
    left = left | 1
    left[..., :first, :], left[..., last:, :] = 0, 0
    b = Evaluate({"a": left})
    x, y = b.input("a", left.shape, -512, 512, 0), b.weight("w", right, 0)
    np.testing.assert_array_equal(b.value(einsum(b, equation, x, y)), np.einsum(equation, left, right))
    assert [shape[1] for shape in shapes] == [rows]


def test_products_of_one_coefficient_are_kept_as_one_sum(monkeypatch):
    """The blocks of a causal product, more than the values that are kept: tensors made of their sum multiply nothing again."""
    seen = []
    multiply = reading.multiply
    monkeypatch.setattr(reading, "multiply", lambda *given: seen.append(1) or multiply(*given))
    count = reading.CACHED_VALUES + 3
    a, w = drawn(8, count, 3, 5), drawn(8, count, 5, 4)
    b = Evaluate({f"a{i}": a[i] for i in range(count)})
    terms = [einsum(b, "mk,kn->mn", b.input(f"a{i}", (3, 5), -512, 512, 0), b.weight(f"w{i}", w[i], 0)) for i in range(count)]
    total, expected = terms[0], sum(a[i] @ w[i] for i in range(count))
    for term in terms[1:]:
        total = total + term
    for factor, more in ((1, 0), (2, 5), (-3, 1)):
        np.testing.assert_array_equal(b.value(total * factor + more), expected * factor + more)
    assert len(seen) == count
    np.testing.assert_array_equal(b.value(total + terms[0] * 3), expected + 3 * (a[0] @ w[0]))


def test_a_product_in_other_axes_is_the_one_that_is_kept(monkeypatch):
    """Whoever aligns a tensor with others reads it in new axes; other integers, order of axes and sums are other products."""
    seen = []
    multiply = reading.multiply
    monkeypatch.setattr(reading, "multiply", lambda *given: seen.append(1) or multiply(*given))
    a, c, w = drawn(8, 6, 6), drawn(8, 6, 6), drawn(8, 6, 6)
    b = Evaluate({"a": a, "c": c})
    left, other = (b.input(name, (6, 6), -512, 512, 0) for name in "ac")
    right = b.weight("w", w, 0)
    x = einsum(b, "mk,kn->mn", left, right)
    for tensor in (x, movement.align_all(b, (other, x))[1], x * -3, x + other):
        coefficient, rest = tensor.terms[0].coefficient, c if len(tensor.terms) > 1 else 0
        np.testing.assert_array_equal(b.value(tensor), a @ w * coefficient + rest)
    assert len(seen) == 1
    several = ("mk,nk->mn", a @ w.T), ("km,kn->mn", a.T @ w), ("mk,kn->nm", (a @ w).T)
    for equation, expected in several:
        np.testing.assert_array_equal(b.value(einsum(b, equation, left, right)), expected)
    np.testing.assert_array_equal(b.value(einsum(b, "mk,kn->mn", other, right)), c @ w)
    assert len(seen) == 5
