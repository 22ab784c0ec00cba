"""Pooling along one and three dimensions, and pooling of norms."""

import node_cases
import pytest
from onnx import helper
from oracle import compare, random

CASES = [
    pytest.param(case, id=case.name, marks=[] if operator == "LpPool" else pytest.mark.slow)
    for operator, file in {"MaxPool": "maxpool", "AveragePool": "averagepool", "LpPool": "lppool"}.items()
    for case in node_cases.of(operator, file)
    if len(case.model.graph.output) == 1
    and all(not (a.name == "p" and a.i > 2) for a in case.model.graph.node[0].attribute)
    and (operator != "LpPool" or any(a.name == "p" for a in case.model.graph.node[0].attribute))
]


@pytest.mark.parametrize("case", CASES)
def test_node_case(case):
    node_cases.check(case)


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_norms_of_windows(order, rank):
    x = random(0, 1, 2, *(7, 6, 5)[:rank])
    kernel = {"kernel_shape": [3] * rank, "strides": [2] * rank, "pads": [1] * (2 * rank)}
    compare([helper.make_node("LpPool", ["x"], ["y"], "node", p=order, **kernel)], {"x": x}, ["y"], opset=18)
    compare([helper.make_node("GlobalLpPool", ["x"], ["y"], "node", p=order)], {"x": x}, ["y"])


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize("rank", [1, 3])
def test_other_ranks(operator, rank):
    kernel = {"kernel_shape": [2] * rank, "strides": [2] * rank}
    product = helper.make_node("Mul", ["x", "w"], ["a"])
    x = random(0, 1, 2, *(6, 4, 5)[:rank])
    nodes = [product, helper.make_node(operator, ["a"], ["y"], "node", **kernel)]
    compare(nodes, {"x": x}, ["y"], {"w": random(1, *x.shape)})
