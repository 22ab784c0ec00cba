"""Gather, scatter, order: ONNX's node cases with computed and with constant indices, and onnxruntime."""

import node_cases
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, random

OPERATORS = {
    "Gather": "gather", "GatherElements": "gatherelements", "GatherND": "gathernd", "Scatter": "scatter",
    "ScatterElements": "scatterelements", "ScatterND": "scatternd", "TensorScatter": "tensorscatter", "OneHot": "onehot",
    "TopK": "topk", "ReverseSequence": "reversesequence", "Compress": "compress", "NonZero": "nonzero", "Unique": "unique",
}  # fmt: skip
SHAPES = {"OneHot": (1,), "TopK": (1,)}
"""Inputs that fix the shape of the result."""
CASES = [case for operator, file in OPERATORS.items() for case in node_cases.of(operator, file)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("constant", [False, True])
def test_node_case(case, constant):
    made = case.model.graph.node[0]
    fixed = tuple(range(1, len(made.input))) if constant else SHAPES.get(made.op_type, ())
    node_cases.check(case, constant=fixed)


def node(operator, inputs, outputs="y", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), operator, **attributes)


INDEX = np.array([[1, -1], [0, 2]], dtype=np.int64)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_gather_by_computed_indices(axis, dtype):
    feeds = {"x": random(0, 3, 4, 5), "i": INDEX.astype(dtype)}
    compare([node("Gather", "x i", axis=axis)], feeds, ["y"])


def test_rows_of_a_constant_table():
    compare([node("Gather", "w i")], {"i": np.array([[4, 0, 6]])}, ["y"], {"w": random(1, 7, 5)})


def test_gather_of_an_accumulator_by_its_own_argmax():
    nodes = [
        node("MatMul", "x w", "a"),
        node("ArgMax", "a", "i", axis=1, keepdims=1),
        node("GatherElements", "a i", axis=1),
    ]
    compare(nodes, {"x": random(0, 3, 4)}, ["y"], {"w": random(1, 4, 6)})


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
@pytest.mark.parametrize("constant", [False, True])
def test_repeated_writes(reduction, constant):
    """Writes of fewer rows than the data has, several to one place, in order."""
    index = np.array([[3, 0, -2, 0], [1, 1, 1, -1]])
    names = {"x": random(0, 3, 5), "u": random(1, 2, 4)}
    made = node("ScatterElements", "x i u", axis=1, reduction=reduction)
    feeds, constants = (names, {"i": index}) if constant else ({**names, "i": index}, {})
    compare([made], feeds, ["y"], constants, opset=18)


@pytest.mark.parametrize("reduction", ["none", "add", "mul", "max", "min"])
def test_writes_of_rows(reduction):
    feeds = {"x": random(0, 2, 3, 4), "u": random(1, 2, 2, 4), "i": np.array([[[1, 0], [0, -1]], [[1, -3], [1, 1]]])}
    compare([node("ScatterND", "x i u", reduction=reduction)], feeds, ["y"], opset=18)


def test_integers_are_written_exactly():
    x = np.random.default_rng(0).integers(-90_000, 90_000, (3, 4)).astype(np.int32)
    feeds = {"x": x, "u": x[:2, :2] * 7, "i": INDEX}
    for reduction in ("none", "add", "mul", "max"):
        if reduction == "mul":
            feeds = {"x": x, "u": x[:2, :2] % 5, "i": INDEX * 0}
        compare(
            [node("ScatterElements", "x i u", axis=1, reduction=reduction)], feeds, ["y"],
            output_type=TensorProto.INT32, opset=18,
        )  # fmt: skip


@pytest.mark.parametrize("largest", [0, 1])
@pytest.mark.parametrize("axis, k", [(0, 2), (1, 1), (-1, 5)])
def test_order_of_an_accumulator(largest, axis, k):
    nodes = [node("MatMul", "x w", "a"), node("TopK", "a k", "y i", axis=axis, largest=largest)]
    constants = {"w": random(1, 6, 5), "k": np.array([k])}
    compare(nodes, {"x": random(0, 2, 3, 6)}, ["y"], constants)
    compare(nodes, {"x": random(0, 2, 3, 6)}, ["i"], constants, output_type=TensorProto.INT64)


def test_ties_keep_their_order():
    x = np.array([[1, 0, 1, 0, 1, 2, 2]], np.float32)
    for largest in (0, 1):
        made = node("TopK", "x k", "v y", largest=largest)
        compare([made], {"x": x}, ["y"], {"k": np.array([7])}, output_type=TensorProto.INT64)


def test_one_hot_of_computed_values():
    made = node("OneHot", "i d v", axis=0)
    feeds = {"i": np.array([0, 3, -4, 7, -5]), "v": np.float32([-1.5, 2.25])}
    compare([made], feeds, ["y"], {"d": np.array(4)})


@pytest.mark.parametrize("batch, time", [(0, 1), (1, 0)])
def test_sequences_of_computed_length(batch, time):
    lengths = np.array([1, 4, 3] if batch == 0 else [2, 3, 1, 3])
    made = node("ReverseSequence", "x n", batch_axis=batch, time_axis=time)
    compare([made], {"x": random(0, 3, 4, 2), "n": lengths}, ["y"])
