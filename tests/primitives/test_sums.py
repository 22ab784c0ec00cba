"""Sums by parts: those of the whole, for every shape of what is added up."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.primitives import threads
from tacit.primitives.builder import range_table
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.sums import Sum

RNG = np.random.default_rng(23)


@pytest.mark.parametrize(
    "shapes", [[], [(6, 40)], [(6, 40), (6, 40)], [(6, 1)], [(1, 1), (6, 1)], [(6, 40), (6, 1), (1, 40), (1, 1)]]
)
@pytest.mark.parametrize("coefficients", [(1, 1, 1, 1), (-1, -1, 2, 3), (4, -1, 1, -8)])
@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64])
@pytest.mark.parametrize("constant", [0, -12])
def test_sums_by_parts_are_those_of_the_whole(monkeypatch, shapes, coefficients, dtype, constant):
    monkeypatch.setattr(threads, "PART", 50)
    arrays = [RNG.integers(-100, 100, shape).astype(dtype) for shape in shapes]
    expected = np.full((6, 40), constant, dtype=np.int64)
    for array, coefficient in zip(arrays, coefficients):
        expected += array.astype(np.int64) * coefficient
    found = Sum((6, 40), list(zip(arrays, coefficients)), constant)
    np.testing.assert_array_equal(found.whole(), expected)
    for index in ((...,), (slice(1, 3),), (slice(None), slice(30, 50))):
        np.testing.assert_array_equal(found[index], expected[index])
    multiple = Sum((6, 40), [(array, 4 * coefficient) for array, coefficient in zip(arrays, coefficients)], 4 * constant, 4)
    np.testing.assert_array_equal(multiple.whole(), expected)
    np.testing.assert_array_equal(Sum((6, 40), [(3 * expected, 1)], 0, 3).whole(), expected)
    with pytest.raises(ArithmeticError, match="not a multiple of 4"):
        Sum((6, 40), list(zip(arrays, (4 * each for each in coefficients))), 4 * constant + 1, 4).whole()


@pytest.mark.parametrize("read", [False, True])
def test_what_only_a_lookup_reads_is_computed_part_by_part(monkeypatch, read):
    """A virtual column has the same cells, and no array of its own in between, unless somebody has read it before."""
    monkeypatch.setattr(threads, "PART", 50)
    wholes = []
    whole = Sum.whole
    monkeypatch.setattr(Sum, "whole", lambda self: wholes.append(1) or whole(self))
    a = RNG.integers(0, 100, (6, 40))
    b = Evaluate({"a": a}, values_only=True)
    x = b.input("a", a.shape, 0, 100, 0)
    tensor = x * x + 3
    if read:
        np.testing.assert_array_equal(b.value(tensor), a * a + 3)
    b.lookup("held", range_table(1 << 14), [tensor])
    (stored,) = (values for name, values in b.values.items() if "virtual" in name)
    np.testing.assert_array_equal(stored, a * a + 3)
    assert len(wholes) == read
