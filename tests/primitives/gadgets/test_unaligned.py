"""Gadgets of two operands whose dimensions are cut differently: both are copied, results and relations stay right."""

import numpy as np
import pytest

from tacit import _core
from tacit.circuit import encode
from tacit.primitives import gadgets, movement
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import comparison

LEFT = np.random.default_rng(0).integers(0, 20, (2, 3))
RIGHT = np.random.default_rng(1).integers(1, 20, (3, 2))
GADGETS = {
    "maximum": (gadgets.maximum, np.maximum),
    "minimum": (gadgets.minimum, np.minimum),
    "compare": (gadgets.compare, np.greater_equal),
    "divide": (gadgets.divide, np.floor_divide),
}


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("name", GADGETS)
def test_six_as_two_by_three_and_as_three_by_two(monkeypatch, name, direct):
    monkeypatch.setattr(comparison, "by_table", lambda size, d, width: direct)
    gadget, expected = GADGETS[name]
    b = Evaluate({"left": LEFT, "right": RIGHT}, check=True)
    left, right = b.input("left", (2, 3), 0, 20, 0), b.input("right", (3, 2), 1, 20, 0)
    found = gadget(b, "y", movement.reshape(b, left, (6,)), movement.reshape(b, right, (6,)))
    np.testing.assert_array_equal(b.value(found), expected(LEFT.reshape(-1), RIGHT.reshape(-1)))
    b.output("out", found)
    assert _core.check(encode(b.finish()), b.weight_buffer(), b.public(), b.witness()) is None
