"""Normalisations as exporters write them out: recognised, one node, and closer to float than their parts would be."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper
from oracle import compare, model, random

from tacit.frontends.onnx import load
from tacit.operators import SUPPORTED
from tacit.operators.norms import recognise

SHAPE = (2, 3, 12)
CONSTANTS = {
    "two": np.float32(2),
    "half": np.float32(0.5),
    "one": np.float32(1),
    "zero": np.float32(0),
    "minus_half": np.float32(-0.5),
    "eps": np.float32(1e-5),
    "length": np.float32(12),
    "share": np.float32(1 / 12),
    "g": 1 + random(1, 12, scale=0.2),
    "b": random(2, 12, scale=0.2),
}


def n(operator: str, inputs: str, output: str, **attributes):
    return helper.make_node(operator, inputs.split(), [output], output, **attributes)


def average(x: str, output: str, axes=(-1,)):
    return n("ReduceMean", x, output, axes=list(axes), keepdims=1)


CENTRED = [average("x", "m"), n("Sub", "x m", "c")]
SLOPE = [n("Mul", "q g", "s"), n("Add", "s b", "y")]
WAYS = {
    "torch": [*CENTRED, n("Pow", "c two", "p"), average("p", "v"), n("Add", "v eps", "e"), n("Sqrt", "e", "r"),
              n("Div", "c r", "q"), *SLOPE],
    "product, reciprocal": [*CENTRED, n("Mul", "c c", "p"), average("p", "v"), n("Add", "eps v", "e"), n("Sqrt", "e", "r"),
                            n("Reciprocal", "r", "i"), n("Mul", "i c", "q"), *SLOPE],
    "sums, the difference twice": [
        n("ReduceSum", "x last", "t", keepdims=1), n("Div", "t length", "m"), n("Sub", "x m", "c"), n("Sub", "x m", "c2"),
        n("Mul", "c2 c2", "p"), n("ReduceSum", "p last", "u", keepdims=1), n("Mul", "u share", "v"), n("Add", "v eps", "e"),
        n("Pow", "e minus_half", "i"), n("Mul", "c i", "q"), *SLOPE],
    "difference of squares": [
        *CENTRED, n("Mul", "x x", "p"), average("p", "w"), n("Mul", "m m", "k"), n("Sub", "w k", "d"), n("Max", "zero d", "v"),
        n("Add", "v eps", "e"), n("Sqrt", "e", "r"), n("Div", "one r", "i"), n("Mul", "c i", "q"), *SLOPE],
    "root mean square": [n("Pow", "x two", "p"), average("p", "v"), n("Add", "v eps", "e"), n("Sqrt", "e", "r"),
                         n("Div", "x r", "q"), n("Mul", "g q", "y")],
    "without slope": [*CENTRED, n("Pow", "c two", "p"), average("p", "v"), n("Add", "v eps", "e"), n("Sqrt", "e", "r"),
                      n("Div", "c r", "y")],
}  # fmt: skip


def used(nodes) -> dict[str, np.ndarray]:
    names = {name for node in nodes for name in node.input}
    known = CONSTANTS | {"last": np.array([-1], np.int64)}
    return {name: known[name] for name in names if name in known}


def kinds(nodes, outputs=("y",)) -> list[str]:
    graph = load(model(nodes, {"x": random(3, *SHAPE)}, list(outputs), used(nodes)), supported=SUPPORTED)
    return [node.kind for node in recognise(graph).nodes]


@pytest.mark.parametrize("way", WAYS)
def test_one_node_and_the_same_values(way):
    nodes = WAYS[way]
    expected = "RMSNormalization" if way == "root mean square" else "LayerNormalization"
    assert kinds(nodes) == [expected]
    compare(nodes, {"x": random(3, *SHAPE, scale=3.0) + 1}, ["y"], used(nodes))


def test_rows_of_small_variance_keep_their_digits():
    """Beside rows two hundred times as large: the parts, each rounded to a scale of its own, do not."""
    nodes = [n("Mul", "z rows", "x"), *WAYS["torch"]]
    rows = {"rows": np.array([[1], [0.1], [0.005]], np.float32)}
    compare(nodes, {"z": random(3, *SHAPE)}, ["y"], used(nodes) | rows, tolerance=5e-4)


def test_what_others_read_is_still_computed():
    nodes = WAYS["torch"]
    assert sorted(kinds(nodes, ["y", "v"])) == ["LayerNormalization", "Pow", "ReduceMean", "ReduceMean", "Sub"]
    compare(nodes, {"x": random(3, *SHAPE)}, ["y", "v"], used(nodes))
    assert kinds(nodes, ["y", "q"]) == ["LayerNormalization", "Mul", "Add"]
    compare(nodes, {"x": random(3, *SHAPE)}, ["y", "q"], used(nodes))


def replace(nodes, place: int, other) -> list:
    return [*nodes[:place], other, *nodes[place + 1 :]]


TORCH = WAYS["torch"]
NEAR = {
    "variance of another value": replace(TORCH, 2, n("Pow", "x two", "p")),
    "another row": replace(TORCH, 3, average("p", "v", (1, 2))),
    "not the last dimensions": replace(replace(TORCH, 0, average("x", "m", (1,))), 3, average("p", "v", (1,))),
    "a cube": replace(TORCH, 2, n("Pow", "c three", "p")),
    "another root": replace(TORCH, 5, n("Pow", "e share", "r")),
    "another numerator": replace(TORCH, 6, n("Div", "m r", "q")),
}


@pytest.mark.parametrize("near", NEAR)
def test_what_only_looks_like_one_is_left_alone(near):
    constants = used(NEAR[near]) | {"three": np.float32(3)}
    graph = load(model(NEAR[near], {"x": random(3, *SHAPE)}, ["y"], constants), supported=SUPPORTED)
    assert recognise(graph) is graph or "LayerNormalization" not in [node.kind for node in recognise(graph).nodes]


def test_a_sum_over_another_length_is_no_mean():
    nodes = replace(WAYS["sums, the difference twice"], 6, n("Mul", "u half", "v"))
    assert "LayerNormalization" not in kinds(nodes)
