"""A value for each of a few integers: the listed one, for every field value at most one."""

from __future__ import annotations

import numpy as np
import pytest
from drawn import Instance, drawn, intervals, operands
from exhaustion import Search
from hypothesis import strategies as st

from tacit.errors import ModelError
from tacit.primitives.builder import Builder
from tacit.primitives.gadgets import choice


@drawn("choice")
def choices(draw):
    x = draw(operands(interval=intervals(3)))
    first, last = x.low - draw(st.integers(0, 2)), x.high + draw(st.integers(0, 2))
    values = draw(st.lists(st.integers(-9, 9), min_size=last - first + 1, max_size=last - first + 1))
    return Instance([x], lambda b, x: choice(b, "g", x, first, values), lambda x: np.array(values)[x - first])


def test_the_listed_value_and_no_other():
    values = [3, -1, -1, 4]
    search = Search(lambda b: choice(b, "y", b.input("x", (), -1, 2, 0), -1, values), 11)
    for x in range(11):
        place = x + 1 if x < 3 else x + 1 - 11
        expected = {(values[place] % 11,)} if 0 <= place < 4 else set()
        assert search.outputs({"x": [x]}) == expected


def test_an_interval_that_leaves_the_list_is_refused():
    b = Builder()
    with pytest.raises(ModelError, match="outside"):
        choice(b, "y", b.input("x", (), -1, 3, 0), -1, [1, 2, 3, 4])
