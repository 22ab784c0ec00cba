"""Softmaxes divided after the product that they go into: however exporters write it, never where they are read elsewhere."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model, random

from tacit.frontends.onnx import load
from tacit.graph import Graph
from tacit.observe import observe
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.operators.mixtures import MEAN, divide_last
from tacit.passes import expand, simplify
from tacit.quantize import quantize


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


S, V = random(0, 2, 3, 4, 5), random(1, 2, 3, 5, 6)
SHARE = node("Softmax", "s", "p", axis=-1)
WAYS = {
    "plain": [SHARE, node("MatMul", "p v", "y")],
    "dropped_and_cast": [
        SHARE, node("Dropout", "p", "d"), node("Cast", "d", "c", to=TensorProto.FLOAT), node("MatMul", "c v", "y")
    ],
    "guarded": [SHARE, node("IsNaN", "p", "n"), node("Where", "n zero p", "g"), node("MatMul", "g v", "y")],
    "turned": [
        node("Transpose", "s", "t", perm=[0, 1, 3, 2]), node("Softmax", "t", "p", axis=2),
        node("Transpose", "v", "w", perm=[0, 1, 3, 2]), node("MatMul", "w p", "y"),
    ],
    "heads_last": [
        SHARE, node("Transpose", "p", "q", perm=[0, 2, 1, 3]), node("Einsum", "q v", "y", equation="bqhk,bhkd->bqhd"),
    ],
    "einsum_first": [SHARE, node("Einsum", "v p", "y", equation="bhkd,bhqk->bdqh")],
    "flat_heads": [SHARE, node("Reshape", "p six", "f"), node("Reshape", "v flat", "w"), node("MatMul", "f w", "y")],
    "one_more": [SHARE, node("Unsqueeze", "p first", "u"), node("MatMul", "u v", "y")],
    "part_of_the_keys": [
        SHARE, node("Slice", "p one two three", "r"), node("Slice", "v one two axis", "w"), node("MatMul", "r w", "y"),
    ],
    "part_of_the_rows": [SHARE, node("Slice", "p one two axis", "r"), node("MatMul", "r v", "y")],
    "two_parts": [
        SHARE, node("Split", "p halves", "a b", axis=3), node("Split", "v halves", "c d", axis=2), node("MatMul", "a c", "e"),
        node("MatMul", "b d", "f"), node("Add", "e f", "y"),
    ],
    "read_twice": [SHARE, node("MatMul", "p v", "a"), node("MatMul", "p k", "b"), node("Concat", "a b", "y", axis=3)],
    "of_constants": [SHARE, node("MatMul", "p k", "y")],
    "into_weights": [SHARE, node("MatMul", "p v", "m"), node("MatMul", "m k2", "y")],
}  # fmt: skip
CONSTANTS = {
    "zero": np.zeros((), "f"), "six": np.array([6, 4, 5]), "flat": np.array([6, 5, 6]), "first": np.array([0]),
    "one": np.array([1]), "two": np.array([4]), "three": np.array([3]), "axis": np.array([2]), "halves": np.array([2, 3]),
    "k": random(2, 5, 6), "k2": random(3, 6, 7),
}  # fmt: skip
READ_ELSEWHERE = {
    "an output": [SHARE, node("MatMul", "p v", "y")],
    "a sum": [SHARE, node("ReduceSum", "p axis", "r", keepdims=1), node("MatMul", "p v", "m"), node("Add", "m r_", "y")],
    "squared": [SHARE, node("Mul", "p p", "q"), node("MatMul", "q v", "y")],
    "with itself": [SHARE, node("Transpose", "p", "t", perm=[0, 1, 3, 2]), node("MatMul", "p t", "y")],
    "along the rows": [node("Softmax", "s", "p", axis=2), node("MatMul", "p v", "y")],
    "flattened": [SHARE, node("Reshape", "p flat_keys", "f"), node("MatMul", "f k20", "y")],
    "both sums": [SHARE, node("Einsum", "p v", "y", equation="bhqk,bhkd->bhd")],
    "guard of another": [node("IsNaN", "s", "n"), SHARE, node("Where", "n zero p", "g"), node("MatMul", "g v", "y")],
}  # fmt: skip


def used(nodes):
    read = {name for item in nodes for name in item.input}
    return {name: array for name, array in CONSTANTS.items() if name in read}


def graph_of(nodes, feeds, outputs, constants) -> Graph:
    return simplify(expand(load(model(nodes, feeds, outputs, constants), supported=SUPPORTED), EXPANSIONS))


def operators(graph):
    return [item.operator for item in graph.nodes]


def fed(nodes):
    read = {name for item in nodes for name in item.input}
    return {name: array for name, array in (("s", 3 * S), ("v", V)) if name in read}


@pytest.mark.parametrize("way", WAYS)
def test_ways_that_exporters_write(way):
    nodes = WAYS[way]
    graph = divide_last(graph_of(nodes, fed(nodes), ["y"], used(nodes)))
    assert "Softmax" not in operators(graph) and operators(graph).count(MEAN) == (2 if way == "read_twice" else 1)
    compare(nodes, fed(nodes), ["y"], used(nodes), tolerance=3e-4)


@pytest.mark.parametrize("way", READ_ELSEWHERE)
def test_a_softmax_that_is_read_elsewhere_stays(way):
    nodes, outputs = READ_ELSEWHERE[way], ["y", "p"] if way == "an output" else ["y"]
    feeds = fed(nodes) | ({"r_": random(4, 2, 3, 4, 1)} if way == "a sum" else {})
    constants = used(nodes) | {name: array for name, array in MORE.items() if any(name in item.input for item in nodes)}
    if way == "a sum":
        nodes = [*nodes[:-1], node("Add", "m r", "z"), node("Add", "z r_", "y")]
        constants["axis"] = np.array([3])
    if way == "along the rows":
        feeds["s"] = 3 * random(0, 2, 3, 5, 5)
    graph = graph_of(nodes, feeds, outputs, constants)
    assert operators(divide_last(graph)) == operators(graph) and "Softmax" in operators(graph)
    compare(nodes, feeds, outputs, constants, tolerance=3e-3)


MORE = {"flat_keys": np.array([2, 3, 20]), "k20": random(5, 20, 6)}


def test_shares_of_two_softmaxes():
    """The product of two has the second one for its values."""
    nodes = [SHARE, node("Softmax", "t", "q", axis=-1), node("MatMul", "p q", "y")]
    feeds = {"s": S, "t": random(6, 2, 3, 5, 6)}
    graph = divide_last(graph_of(nodes, feeds, ["y"], {}))
    assert operators(graph).count(MEAN) == 1 and operators(graph).count("Softmax") == 1
    compare(nodes, feeds, ["y"], tolerance=3e-3)


def test_small_shares_keep_their_precision():
    """700 keys of nearly one score: probabilities of 2^-15 steps would be wrong by a hundredth."""
    feeds = {"s": random(7, 3, 700) / 8, "v": random(8, 700, 4)}
    graph = graph_of([SHARE, node("MatMul", "p v", "y")], feeds, ["y"], {})
    found, _ = evaluate(graph, quantize(graph, observe(graph, [feeds]), "faithful"), feeds)
    shares = np.exp(feeds["s"].astype(float)) / np.exp(feeds["s"].astype(float)).sum(-1, keepdims=True)
    np.testing.assert_allclose(found["y"], shares @ feeds["v"], atol=2.0**-13)


@pytest.mark.parametrize("factor", [30.0, 1e4])
def test_inputs_far_outside_of_what_was_observed(factor):
    """Scores and values saturate, and means stay between the least and the greatest value."""
    nodes = [node("MatMul", "x w", "s"), SHARE, node("MatMul", "x u", "v"), node("MatMul", "p v", "y")]
    feeds = {"x": random(9, 6, 6)}
    graph = graph_of(nodes, feeds, ["y"], {"w": 9 * random(10, 6, 6), "u": random(11, 6, 4)})
    scales = quantize(graph, observe(graph, [feeds]), "faithful")
    found, _ = evaluate(graph, scales, {"x": factor * feeds["x"]})
    largest = scales.largest["v"]
    assert np.isfinite(found["y"]).all() and np.abs(found["y"]).max() <= 4 * largest
