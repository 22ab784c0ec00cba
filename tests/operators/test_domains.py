"""At which exponents functions are tabulated: as fine as their results where that loses nothing, so that layers share tables."""

from __future__ import annotations

import pytest

from tacit.numbers.functions import Function
from tacit.operators.domains import as_fine
from tacit.primitives.tensor import constant

WIDE = constant((), 0, 20).bounded(-(1 << 40), 1 << 40)
SWISH, HARD_SWISH = Function("swish", (1.0,)), Function("hard_swish")
FUNCTIONS = {
    "flat below, the result's own end above": (HARD_SWISH, 8, 10, 10),
    "flat below up to a step": (SWISH, 10, 11, 11),
    "as fine already": (HARD_SWISH, 10, 10, 10),
    "finer already": (HARD_SWISH, 11, 10, 11),
    "not flat at 8": (SWISH, 10, 12, 10),
    "a slope below": (Function("leaky_relu", (0.1,)), 8, 10, 8),
    "a result that ends above": (Function("affine", (0.5, 0.0)).then(HARD_SWISH), 8, 10, 8),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arguments_are_as_fine_as_results_where_the_ends_are_the_same(name):
    function, first, last, expected = FUNCTIONS[name]
    assert as_fine(WIDE, function, first, last, 16) == expected


def test_a_whole_table_does_not_grow():
    x = constant((), 0, 20).bounded(-(1 << 28), 1 << 28)
    assert as_fine(x, HARD_SWISH, 8, 10, 16) == 8


def test_what_is_coarser_stays():
    assert as_fine(WIDE.with_exponent(9), HARD_SWISH, 8, 10, 16) == 8
