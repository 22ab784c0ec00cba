"""LpPool and GlobalLpPool of every order that leaves enough bits: ONNX's node cases, windows of zeros, refusals."""

import node_cases
import pytest
from onnx import helper
from oracle import compare, random

from tacit.errors import UnsupportedOperator

BIG = "test_lppool_3d_default"
CASES = [case for case in node_cases.of("LpPool", "lppool") if case.name != BIG]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)


@pytest.mark.parametrize("order", [3, 4, 5])
def test_higher_orders(order):
    x = random(order, 1, 2, 4, 5)
    x[:, 0, :2] = 0
    pool = helper.make_node("LpPool", ["x"], ["y"], "node", kernel_shape=[2, 2], pads=[1, 0, 0, 1], p=order)
    compare([pool], {"x": x}, ["y"], opset=18, tolerance=5e-3)
    compare([helper.make_node("GlobalLpPool", ["x"], ["y"], "node", p=order)], {"x": x}, ["y"], tolerance=5e-3)


def test_an_order_that_leaves_too_few_bits_is_refused():
    pool = helper.make_node("GlobalLpPool", ["x"], ["y"], "node", p=8)
    with pytest.raises(UnsupportedOperator, match="order 8, which leaves 6 bits"):
        compare([pool], {"x": random(0, 1, 2, 4, 5)}, ["y"])
