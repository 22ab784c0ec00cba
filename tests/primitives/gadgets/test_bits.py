"""Common bits of two integers: one witness for every field value, down to the smallest field that the widths allow."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from exhaustion import Search

from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import bits, common_bits


def made(low, high):
    def make(b):
        return common_bits(b, "z", b.input("x", (), low, high, 0), b.input("y", (), low, high, 0))

    return make


@pytest.mark.parametrize("low, high, prime, below", [(0, 3, 5, 3), (-4, 3, 11, 7)])
def test_common_bits_are_unique_for_every_field_value(low, high, prime, below, monkeypatch):
    """With digits of one bit; in the field below, two integers of w bits are one."""
    monkeypatch.setattr(bits, "DIGIT", 1)
    search = Search(made(low, high), prime)
    for x, y in itertools.product(range(prime), repeat=2):
        found = search.outputs({"x": [x], "y": [y]})
        a, b = (value - prime if value > high else value for value in (x, y))
        assert len(found) <= 1
        if low <= a and low <= b:
            assert found == {((a & b) % prime,)}
    small = Search(made(low, high), below)
    pairs = itertools.product(range(below), repeat=2)
    assert any(len(small.outputs({"x": [x], "y": [y]})) > 1 for x, y in pairs)


def test_the_widest_integers():
    rng = np.random.default_rng(0)
    for low, high in ((-(1 << 31), (1 << 31) - 1), (0, (1 << 40) - 1), (-1, 0), (0, 0), (-(1 << 13), 5)):
        x, y = (rng.integers(low, high + 1, 50) for _ in range(2))
        x[:2], y[:2] = (low, high), (high, low)
        b = Evaluate({"x": x, "y": y}, check=True)
        z = common_bits(b, "z", b.input("x", (50,), low, high, 0), b.input("y", (50,), low, high, 0))
        np.testing.assert_array_equal(b.value(z), x & y)
        assert (z.low, z.high)[0] <= (x & y).min() and (x & y).max() <= z.high
