"""What the squares of a normalised row add up to at most, and what products with constant weights may be because of it."""

from __future__ import annotations

from math import isqrt
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit import _core
from tacit.circuit import encode
from tacit.errors import ModelError
from tacit.operators.normalisation import rows as norm_rows
from tacit.primitives import movement
from tacit.primitives.arithmetic import einsum
from tacit.primitives.bounds import known_values, largest_squares, reads_once, square_bound
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import round_wide
from tacit.primitives.tensor import with_squares


def normalise(values, bits=16, exponent=0, epsilon=0.0, centre=False):
    """The rows' integers and the bound of each row's sum of squares; every relation is checked."""
    rows = np.array(values, dtype=np.int64)
    reach = max(int(np.abs(rows).max()), 1)
    b = Evaluate({"x": rows}, check=True)
    context = SimpleNamespace(builder=b, bits=lambda name: bits)
    x = norm_rows.fitting(context, "y", b.input("x", rows.shape, -reach, reach, exponent), rows.shape[-1])
    if centre:
        x, _ = norm_rows.centred(context, "y", x)
    result, _ = norm_rows.by_square_sum(context, "y", x, epsilon)
    ((place, bound),) = result.column.squares
    assert place == len(result.column.shape) - 1
    return b.value(result), bound


@given(
    st.lists(st.lists(st.integers(-(1 << 25), 1 << 25), min_size=5, max_size=5), min_size=1, max_size=3),
    st.sampled_from([0, 1, 5, 25]),
    st.sampled_from([8, 12, 16]),
    st.booleans(),
)
@settings(max_examples=30, deadline=None)
def test_no_row_has_larger_squares(rows, smaller, bits, centre):
    found, bound = normalise(np.array(rows) >> smaller, bits, centre=centre)
    assert (found.astype(object) ** 2).sum(axis=-1).max() <= bound


def extreme_rows(length):
    """Rows whose elements are rounded upwards most: one element, two values, all alike, next to powers of two, small ones."""
    rng = np.random.default_rng(length)
    rows = [np.full(length, v) for v in (1, 2, 3, 5, 7, 1 << 9, (1 << 9) - 1, (1 << 9) + 1)]
    for v in (1, 3, 4, 255, 256, 257):
        row = np.zeros(length, dtype=np.int64)
        row[0] = v
        rows += [row, np.where(np.arange(length) % 2, v, -1), np.where(np.arange(length) < 2, v, 1)]
    return np.stack([*rows, *(rng.integers(-r, r + 1, length) for r in range(1, 120))])


@pytest.mark.parametrize("length", [2, 3, 16, 100])
@pytest.mark.parametrize("bits", [6, 16])
def test_the_bound_is_nearly_reached(length, bits):
    """A bound that is smaller by a few per cent would be wrong."""
    found, bound = normalise(extreme_rows(length), bits)
    most = int((found.astype(object) ** 2).sum(axis=-1).max())
    assert most <= bound
    assert most > (0.99 if bits == 16 else 0.6) * bound


def product(weights, bound, u):
    """sum w u of a column whose squares have a bound, by a builder that has these values for it."""
    b = Evaluate({"u": u}, check=True)
    x = b.input("u", u.shape, -(1 << 20), 1 << 20, 0)
    x = with_squares(x, bound) if bound else x
    return b, einsum(b, "ti,ij->tj", x, b.weight("w", weights, 0))


def test_sums_of_products_stay_within_the_product_of_the_norms():
    """The row that is a multiple of a column of weights comes next to the bound; the sum of magnitudes is far larger."""
    rng = np.random.default_rng(3)
    weights = rng.integers(-500, 500, (64, 7)).astype(np.int16)
    column = weights[:, 3].astype(np.int64)
    u = np.rint(column * (1 << 18) / np.linalg.norm(column)).astype(np.int64)[None]
    bound = int((u * u).sum())
    b, y = product(weights, bound, u)
    wide = product(weights, 0, u)[1]
    norm = max(int((weights[:, j].astype(np.int64) ** 2).sum()) for j in range(7))
    assert (y.low, y.high) == (-isqrt(norm * bound), isqrt(norm * bound))
    assert abs(b.value(y)).max() <= y.high < wide.high / 5
    own = isqrt(int((column**2).sum()) * bound)
    assert 0.9999 * own < b.value(y)[0, 3] <= own
    round_wide(b, "q", y, 4)


def test_a_row_beyond_a_wrong_bound_has_no_witness():
    """Were the bound too small, an honest row would leave the interval of the rounded product, and could not be proved."""
    weights = np.full((64, 1), 100, dtype=np.int16)
    u = np.full((1, 64), 1 << 15)
    b, y = product(weights, int((u * u).sum()), u)
    round_wide(b, "q", y, 4)
    b, y = product(weights, int((u * u).sum()) // 5, u)
    with pytest.raises(ModelError, match="outside"):
        round_wide(b, "q", y, 4)


def test_squares_of_wide_weights_are_never_too_few():
    rng = np.random.default_rng(0)
    values = rng.integers(-(1 << 30), 1 << 30, (50, 3))
    values[:, 1] = -(1 << 30)
    b = Evaluate({})
    known = known_values(b.weight("w", values, 0).terms[0])
    exact = max(sum(int(v) ** 2 for v in values[:, j]) for j in range(3))
    assert exact == 50 << 60 <= largest_squares(known, known.axes[:1]) <= exact + (exact >> 18)
    small = known_values(b.weight("v", values >> 12, 0).terms[0])
    assert largest_squares(small, small.axes[:1]) == 50 << 36


def view(shape=(4, 6), bound=1000):
    b = Evaluate({"x": np.zeros(shape, dtype=np.int64)})
    return b, with_squares(b.input("x", shape, -100, 100, 0), bound)


def test_what_a_view_leaves_of_the_bound():
    b, x = view()
    rows, elements = x.axes
    assert square_bound(x.terms[0], [elements]) == 1000
    assert square_bound(x.terms[0], [rows]) == 4000  # one row may have it all, and each may
    assert square_bound(x.terms[0], [rows, elements]) == 4000
    heads = movement.reshape(b, x, (4, 2, 3))
    assert square_bound(heads.terms[0], heads.dims[2]) == 1000
    assert square_bound(heads.terms[0], heads.dims[1] + heads.dims[2]) == 1000
    twice = movement.take(b, x, 1, [0, 3, 3])
    assert square_bound(twice.terms[0], twice.dims[1]) is None  # a cell is read twice
    turned = movement.take(b, x, 1, [5, 1, 2])
    assert square_bound(turned.terms[0], turned.dims[1]) == 1000
    assert square_bound(movement.plus(b, x, x).terms[0], [elements]) == 1000
    assert square_bound((x * x).terms[0], [elements]) is None


def test_positions_that_are_read_once():
    b, x = view()
    _, elements = x.axes
    windows = movement.reshape(b, x, (4, 2, 3))
    item = windows.terms[0].factors[0].maps[1]
    assert reads_once(item, windows.dims[1] + windows.dims[2]) and reads_once(item, [])
    flat = type(item)(0, ((windows.dims[1][0], 2), (windows.dims[2][0], 1)))  # overlapping windows
    assert not reads_once(flat, windows.dims[1] + windows.dims[2])
    assert reads_once(flat, windows.dims[1])
    assert reads_once(type(item)(0, ((elements, -1),)), [elements])


def test_the_oracle_refuses_what_lies_outside():
    """Cells of a normalised row whose squares are larger, and a rounded product outside of what the bound allows."""
    rows = np.array([[3, -4, 12, 5], [1, 1, -1, 1]])
    b = Evaluate({"x": rows}, check=True)
    context = SimpleNamespace(builder=b, bits=lambda name: 12)
    result, _ = norm_rows.by_square_sum(context, "n", b.input("x", rows.shape, -12, 12, 0), 0.0)
    y = einsum(b, "ti,ij->tj", result, b.weight("w", np.array([[1], [2], [3], [4]], dtype=np.int16), 0))
    q = round_wide(b, "q", y, 2)
    circuit = encode(b.finish())
    assert _core.check(circuit, b.weight_buffer(), b.public(), b.witness()) is None
    for tensor, wrong in ((result, b.value(result)[0] * 2), (q, q.high + 1)):
        kept = b.values[tensor.column.name].copy()
        b.values[tensor.column.name] = changed = kept.copy()
        changed[0] = wrong
        assert _core.check(circuit, b.weight_buffer(), b.public(), b.witness()) is not None
        b.values[tensor.column.name] = kept
