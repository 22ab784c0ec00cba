"""At which exponents functions are tabulated: as fine as their results where that loses nothing, so that layers share tables."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tacit.graph import Node
from tacit.numbers.fixed import signed_range
from tacit.numbers.functions import RELU, Function, tabulate
from tacit.operators.domains import as_fine, window
from tacit.primitives.tensor import constant

WIDE = constant((), 0, 20).bounded(-(1 << 40), 1 << 40)
SWISH, HARD_SWISH = Function("swish", (1.0,)), Function("hard_swish")
NODE = Node("HardSwish", "", "h", ("x",), ("y",), {})


def context(peers=1):
    """What is asked of a lowering: 16 bits, and a graph of so many nodes of one operator."""
    return SimpleNamespace(bits=lambda name: 16, graph=SimpleNamespace(producers={"y": NODE}, nodes=(NODE,) * peers))


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
    assert as_fine(context(), "y", WIDE, function, first, last) == expected


def test_a_whole_table_does_not_grow():
    x = constant((), 0, 20).bounded(-(1 << 28), 1 << 28)
    assert as_fine(context(), "y", x, HARD_SWISH, 8, 10) == 8
    assert as_fine(context(peers=8), "y", x, HARD_SWISH, 8, 10) == 10  # a share of one that eight have costs less


def test_what_is_coarser_stays():
    assert as_fine(context(), "y", WIDE.with_exponent(9), HARD_SWISH, 8, 10) == 8


@pytest.mark.parametrize("function", [HARD_SWISH, Function("gelu"), RELU.then(Function("affine", (2.0, -0.5)))])
@pytest.mark.parametrize("exponent", [7, 9])
def test_a_window_is_as_far_as_the_function_is_not_flat(function, exponent):
    least = window(function, exponent, exponent, 16)
    below = tabulate(function, -(1 << 16), least + 2, exponent + 1, exponent + 1, *signed_range(17))
    assert (below[:-1] == below[0]).all() and below[-1] != below[0]
    assert least + (1 << 16) >= 0.8 * (1 << 16)  # signed integers with a fraction bit less reach 2^15, which is 2^16 here


def test_functions_without_a_window():
    assert window(HARD_SWISH, 12, 12, 16) is None  # -3 is more than a fifth of the window away
    assert window(Function("leaky_relu", (0.1,)), 9, 9, 16) is None
    assert window(Function("sigmoid"), 11, 14, 16) is None
    assert window(RELU, 9, 9, 16) is None
