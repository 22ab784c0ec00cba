"""Views against onnxruntime: values are only moved, so the error is that of the input's scale."""

import numpy as np
import pytest
from onnx import helper
from oracle import compare, random

X = {"x": random(1, 2, 3, 4, 5)}


def constant(*numbers):
    return np.array(numbers, dtype=np.int64)


CASES = [
    ("Flatten", {"axis": 2}, {}),
    ("Flatten", {"axis": 0}, {}),
    ("Reshape", {}, {"shape": constant(6, -1)}),
    ("Reshape", {}, {"shape": constant(4, 15, 2)}),
    ("Reshape", {}, {"shape": constant(0, 12, 5)}),
    ("Transpose", {"perm": [0, 2, 3, 1]}, {}),
    ("Transpose", {}, {}),
    ("Unsqueeze", {}, {"axes": constant(0, 3)}),
    (
        "Slice",
        {},
        {"starts": constant(1, 0), "ends": constant(3, 2**31 - 1), "axes": constant(2, 3), "steps": constant(1, 2)},
    ),
    ("Slice", {}, {"starts": constant(-1), "ends": constant(-(2**31)), "axes": constant(3), "steps": constant(-1)}),
    ("Gather", {"axis": 1}, {"indices": constant(2, 0, 2, -1)}),
    ("Gather", {"axis": 3}, {"indices": np.array([[0, 4], [1, 1]], dtype=np.int64)}),
    ("Expand", {}, {"shape": constant(3, 1, 1, 1, 1)}),
    ("Pad", {}, {"pads": constant(0, 0, 1, 2, 0, 0, 0, 1)}),
    ("Pad", {"mode": "edge"}, {"pads": constant(0, 0, 1, 2, 0, 0, 0, 1)}),
    ("Pad", {"mode": "reflect"}, {"pads": constant(0, 0, 1, 2, 0, 0, 0, 1)}),
    ("Pad", {}, {"pads": constant(0, 1, 0, 0, 0, 0, 0, 0), "value": np.array(1.5, dtype=np.float32)}),
    ("Dropout", {}, {}),
]


@pytest.mark.parametrize("operator, attributes, constants", CASES)
def test_views(operator, attributes, constants):
    node = helper.make_node(operator, ["x", *constants], ["y"], "node", **attributes)
    compare([node], X, ["y"], constants)


def test_squeeze():
    node = helper.make_node("Squeeze", ["x", "axes"], ["y"], "node")
    compare([node], {"x": random(1, 1, 3, 1, 4)}, ["y"], {"axes": constant(0, 2)})


def test_concat_of_different_scales():
    nodes = [
        helper.make_node("Tanh", ["x"], ["a"]),
        helper.make_node("Relu", ["x"], ["b"]),
        helper.make_node("Concat", ["a", "b", "x"], ["y"], axis=1),
    ]
    compare(nodes, {"x": random(1, 2, 3, 4, scale=5.0)}, ["y"])


def test_split():
    node = helper.make_node("Split", ["x", "sizes"], ["a", "b", "c"], "node", axis=3)
    compare([node], X, ["a", "b", "c"], {"sizes": constant(2, 1, 2)})


def test_views_of_accumulators():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Reshape", ["a", "shape"], ["b"]),
        helper.make_node("Transpose", ["b"], ["c"], perm=[2, 0, 1]),
        helper.make_node("Slice", ["c", "one", "four", "one"], ["d"]),
        helper.make_node("Relu", ["d"], ["y"]),
    ]
    constants = {"w": random(2, 6, 8), "shape": constant(3, 4, 2), "one": constant(1), "four": constant(4)}
    compare(nodes, {"x": random(1, 3, 6)}, ["y"], constants)


def test_a_view_feeds_products():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Transpose", ["a"], ["b"]),
        helper.make_node("Pad", ["b", "pads"], ["c"]),
        helper.make_node("MatMul", ["c", "w"], ["y"]),
    ]
    compare(nodes, {"x": random(1, 4, 6)}, ["y"], {"pads": constant(1, 0, 0, 2), "w": random(2, 6, 3)})
