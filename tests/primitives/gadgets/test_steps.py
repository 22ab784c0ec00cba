"""Which interval an integer lies in: as NumPy says, one witness for every field value."""

from __future__ import annotations

import numpy as np
from drawn import Instance, drawn, intervals, operands
from exhaustion import Search
from hypothesis import strategies as st

from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import stepped


def instance(draw, x):
    """Bounds outside the interval too, and none inside."""
    reach = (x.high - x.low) // 2 + 2
    bounds = sorted(draw(st.sets(st.integers(x.low - reach, x.high + reach), max_size=5)))
    first = draw(st.integers(-9, 9))
    return Instance(
        [x], lambda b, x: stepped(b, "g", x, bounds, first) * 1, lambda v: first + np.searchsorted(bounds, v, side="right")
    )


@drawn("stepped", "table")
def narrow_steps(draw):
    return instance(draw, draw(operands((2, 6), intervals(2))))


@drawn("stepped", "cut")
def wide_steps(draw):
    return instance(draw, draw(operands(interval=intervals(24))))


def test_the_step_is_unique_for_every_field_value():
    def by_digits(b):
        return stepped(b, "y", b.input("x", (), -9, 9, 0), [-7, -1, 0, 4], 2, cut=True)  # w = 3: 2 (18 + 8)

    search = Search(by_digits, 53)
    for x in range(53):
        found = search.outputs({"x": [x]})
        value = x if x <= 26 else x - 53
        assert found == ({(2 + sum(bound <= value for bound in (-7, -1, 0, 4)),)} if abs(value) <= 9 else set())
    small = Search(by_digits, 11)
    assert any(len(small.outputs({"x": [x]})) > 1 for x in range(11))
    table = Search(lambda b: stepped(b, "y", b.input("x", (), -3, 3, 0), [-1, 2], 0), 11)
    assert [table.outputs({"x": [x]}) for x in range(11)] == [{(1,)}] * 2 + [{(2,)}] * 2 + [set()] * 4 + [{(0,)}] * 2 + [{(1,)}]


def test_wide_intervals_and_bounds_outside():
    x = np.array([-(2**40), -5, 0, 3, 2**40])
    b = Evaluate({"x": x}, check=True)
    tensor = b.input("x", x.shape, -(2**41), 2**41, 3)
    y = stepped(b, "y", tensor, [-(2**50), -6, 1, 2**50], 10)
    np.testing.assert_array_equal(b.value(y), [11, 12, 12, 13, 13])
    assert (y.low, y.high, y.exponent) == (11, 13, 0)
    none = stepped(b, "z", tensor, [-(2**50)], 0)
    assert (none.low, none.high) == (1, 1)
