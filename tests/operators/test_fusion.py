"""Pointwise subgraphs as exporters write them: one node, one table, and the same values."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper
from oracle import compare, model, random

from tacit.frontends.onnx import load
from tacit.observe import observe
from tacit.operators import SUPPORTED
from tacit.operators.context import Context
from tacit.operators.fusion import FUSED, fuse
from tacit.primitives.cost import Cost
from tacit.quantize import quantize

N = helper.make_node
NUMBERS = {
    "three": 3.0, "six": 6.0, "zero": 0.0, "half": 0.5, "one": 1.0, "root": 2**0.5, "c": 0.044715, "k": 0.7978845608,
    "cube": 3.0,
}  # fmt: skip
CONSTANTS = {name: np.float32(value) for name, value in NUMBERS.items()}
PATTERNS = {
    "hard swish": [
        N("Add", ["x", "three"], ["a"]), N("Clip", ["a", "zero", "six"], ["b"]), N("Mul", ["x", "b"], ["c0"]),
        N("Div", ["c0", "six"], ["y"]),
    ],
    "swish": [N("Sigmoid", ["x"], ["a"]), N("Mul", ["a", "x"], ["y"])],
    "swish as a quotient": [
        N("Neg", ["x"], ["a"]), N("Exp", ["a"], ["b"]), N("Add", ["one", "b"], ["d"]), N("Div", ["x", "d"], ["y"]),
    ],
    "gelu": [
        N("Div", ["x", "root"], ["a"]), N("Erf", ["a"], ["b"]), N("Add", ["b", "one"], ["d"]), N("Mul", ["x", "d"], ["e"]),
        N("Mul", ["e", "half"], ["y"]),
    ],
    "gelu by tanh": [
        N("Pow", ["x", "cube"], ["p"]), N("Mul", ["p", "c"], ["a"]), N("Add", ["x", "a"], ["b"]), N("Mul", ["b", "k"], ["d"]),
        N("Tanh", ["d"], ["e"]), N("Add", ["e", "one"], ["f"]), N("Mul", ["x", "f"], ["g"]), N("Mul", ["half", "g"], ["y"]),
    ],
    "mish": [N("Softplus", ["x"], ["a"]), N("Tanh", ["a"], ["b"]), N("Mul", ["x", "b"], ["y"])],
    "difference": [N("Sigmoid", ["x"], ["a"]), N("Tanh", ["x"], ["b"]), N("Sub", ["a", "b"], ["y"])],
}  # fmt: skip


def fused(nodes, feeds, outputs=("y",), constants=None):
    graph = load(model(nodes, feeds, list(outputs), constants), supported=SUPPORTED)
    return fuse(Context(graph, quantize(graph, observe(graph, [feeds])), Cost())), graph


@pytest.mark.parametrize("name", PATTERNS)
def test_a_pattern_is_one_node_with_the_same_values(name):
    nodes, x = PATTERNS[name], random(1, 6, 9, scale=2.0)
    used = {key: CONSTANTS[key] for node in nodes for key in node.input if key in CONSTANTS}
    graph, _ = fused(nodes, {"x": x}, constants=used)
    last = graph.nodes[-1].kind
    assert [node.kind for node in graph.nodes].count(FUSED) == 1
    assert len(graph.nodes) <= 2 and (last == FUSED or graph.nodes[-1].operator in ("Mul", "Div"))
    compare(nodes, {"x": x}, ["y"], used)
    product = N("MatMul", ["z", "w"], ["x"])
    compare([product, *nodes], {"z": random(2, 5, 6)}, ["y"], {**used, "w": random(3, 6, 9)})


def test_what_others_read_stays():
    """Here sigmoid(x) is an output too; there another node reads it."""
    nodes = PATTERNS["swish"]
    graph, source = fused(nodes, {"x": random(1, 4)}, ["y", "a"])
    assert graph is source
    graph, source = fused([*nodes, N("Relu", ["a"], ["r"])], {"x": random(1, 4)}, ["y", "r"])
    assert graph is source
    compare([*nodes, N("Relu", ["a"], ["r"])], {"x": random(1, 4)}, ["y", "r"])


def test_other_shapes_are_no_function_of_one_value():
    nodes = [N("Sigmoid", ["x"], ["a"]), N("Transpose", ["x"], ["t"]), N("Mul", ["a", "t"], ["y"])]
    graph, source = fused(nodes, {"x": random(1, 4, 4)})
    assert graph is source
    nodes = [N("Add", ["x", "b"], ["a"]), N("Sigmoid", ["a"], ["s"]), N("Mul", ["s", "x"], ["y"])]
    for shape in ((3, 4), (4,)):
        constants = {"b": random(2, *shape)}
        graph, source = fused(nodes, {"x": random(1, 3, 4)}, constants=constants)
        assert graph is source
        compare(nodes, {"x": random(1, 3, 4)}, ["y"], constants)


def test_products_alone_and_steep_functions_gain_nothing():
    polynomial = [N("Mul", ["x", "x"], ["a"]), N("Add", ["a", "x"], ["y"])]
    steep = [N("Sqrt", ["x"], ["a"]), N("Mul", ["a", "x"], ["y"])]
    for nodes in (polynomial, steep):
        graph, source = fused(nodes, {"x": np.abs(random(1, 3, 4)) + 0.5})
        assert graph is source


def test_a_larger_pattern_swallows_a_smaller_one():
    nodes = [*PATTERNS["swish"], N("Tanh", ["y"], ["t"]), N("Add", ["t", "x"], ["z"])]
    graph, _ = fused(nodes, {"x": random(1, 3, 4)}, ["z"])
    assert [node.kind for node in graph.nodes] == [FUSED]
    compare(nodes, {"x": random(1, 3, 4)}, ["z"])
