"""Relations of gadgets that other tests do not reach: without one of them a search finds a second output."""

from __future__ import annotations

import importlib
import itertools

import pytest
from exhaustion import Search

from tacit.errors import ModelError
from tacit.primitives.gadgets import range_check, round_wide
from tacit.primitives.gadgets.digits import require_injective

FIELD = 2**64 - 2**32 + 1


def test_a_cell_equals_what_it_copies():
    search = Search(lambda b: round_wide(b, "y", b.input("x", (), -3, 4, 0), 0), 11)
    assert [search.outputs({"x": [x]}) for x in range(11)] == [{(x,)} for x in range(11)]


def admitted(low, high, prime):
    """The field values that a range check lets pass."""
    search = Search(lambda b: range_check(b, "y", b.input("x", (), low, high, 0), low, high), prime)
    return [x for x in range(prime) if search.outputs({"x": [x]})]


def test_a_range_of_one_value():
    assert admitted(3, 3, 11) == [3]


def test_a_wide_interval_has_two_ends():
    """300 values are neither a power of two nor cheaper as a table: two checks by digits."""
    assert admitted(2, 301, 1031) == list(range(2, 302))


def test_widths_beyond_the_field_are_refused():
    require_injective("node", FIELD)
    with pytest.raises(ModelError, match="node"):
        require_injective("node", FIELD + 1)


def test_softmax_is_unique(monkeypatch):
    """Two scores, exponentials of at most 2, probabilities of 2 bits: for every field value at most one pair, and one for
    scores of the interval."""
    module = importlib.import_module("tacit.primitives.gadgets.softmax")
    for constant, value in (("MANTISSA", 1), ("GUARD", 0), ("DOMAIN", 1)):
        monkeypatch.setattr(module, constant, value)
    prime = 67
    search = Search(lambda b: module.softmax(b, "p", b.input("x", (2,), -1, 1, 0), 2, 0), prime)
    for point in itertools.product([0, 1, 2, 30, prime - 1, prime - 2], repeat=2):
        found = search.outputs({"x": list(point)})
        assert len(found) <= 1, point
        if all(x in (0, 1, prime - 1) for x in point):
            assert len(found) == 1, point
