"""Reductions, running sums, einsum: ONNX's node cases and onnxruntime on accumulators, axes and edge values."""

import node_cases
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, random

OPERATORS = {
    "ReduceMin": "reducemin", "ReduceSumSquare": "reducesumsquare", "ReduceL1": "reducel1", "ReduceL2": "reducel2",
    "ReduceLogSum": "reduce_log_sum", "ReduceLogSumExp": "reduce_log_sum_exp", "ReduceProd": "reduceprod",
    "ArgMin": "argmin", "CumSum": "cumsum", "Trilu": "trilu", "Einsum": "einsum", "LogSoftmax": "logsoftmax",
    "Hardmax": "hardmax",
}  # fmt: skip


def meaningful(case) -> bool:
    """Empty tensors have nothing to prove."""
    return all(np.asarray(array).size for array in case.data_sets[0][0][:1])


CASES = [c for operator, file in OPERATORS.items() for c in node_cases.of(operator, file) if meaningful(c)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    operator = case.model.graph.node[0].op_type
    fixed = () if operator == "Einsum" else (1,)
    node_cases.check(case, constant=fixed)


def node(operator, inputs, **attributes):
    return helper.make_node(operator, inputs.split(), ["y"], "node", **attributes)


OF_FLOATS = ["ReduceMin", "ReduceMax", "ReduceSumSquare", "ReduceL1", "ReduceL2", "ReduceLogSumExp"]


@pytest.mark.parametrize("operator", OF_FLOATS)
@pytest.mark.parametrize("axes", [[0], [1, 2], [-1], [0, 1, 2]])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduction(operator, axes, keepdims):
    compare([node(operator, "x", axes=axes, keepdims=keepdims)], {"x": random(0, 3, 4, 5)}, ["y"])


@pytest.mark.parametrize("operator", OF_FLOATS)
def test_reduction_of_an_accumulator(operator):
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), node(operator, "a", axes=[1])]
    compare(nodes, {"x": random(0, 3, 4)}, ["y"], {"w": random(1, 4, 6)})


@pytest.mark.parametrize("operator", ["ReduceMin", "ReduceL1", "ReduceSumSquare"])
def test_reduction_of_integers_is_exact(operator):
    x = np.random.default_rng(0).integers(-2000, 2000, (3, 4)).astype(np.int32)
    compare([node(operator, "x", axes=[1])], {"x": x}, ["y"], output_type=TensorProto.INT32)


@pytest.mark.parametrize("width", [1, 2, 50, 400])
def test_log_softmax(width):
    nodes = [node("LogSoftmax", "x", axis=-1)]
    compare(nodes, {"x": random(0, 3, width, scale=3.0)}, ["y"])
    compare(nodes, {"x": random(0, 3, width, scale=3.0)}, ["y"], widths="lean", tolerance=2e-2)


def test_log_softmax_of_logits_far_apart():
    compare([node("LogSoftmax", "x", axis=0)], {"x": np.float32([30, 0, -30, 29.5])}, ["y"])


def test_log_sum():
    nodes = [helper.make_node("Exp", ["x"], ["e"]), node("ReduceLogSum", "e", axes=[1])]
    compare(nodes, {"x": random(0, 3, 40)}, ["y"])
    compare([node("ReduceLogSum", "x", axes=[1])], {"x": np.float32([[1, 2, 3], [0.25, 0, 0]])}, ["y"])


@pytest.mark.parametrize("shape, axis", [((3, 5), 1), ((2, 3, 4), 0), ((6,), 0), ((1, 1), 1)])
def test_hardmax_takes_the_first_of_equals(shape, axis):
    x = np.random.default_rng(0).integers(0, 3, shape).astype(np.float32)
    compare([node("Hardmax", "x", axis=axis)], {"x": x}, ["y"], tolerance=0.0)


def test_products_of_few_factors():
    compare([node("ReduceProd", "x", axes=[1])], {"x": random(0, 5, 3)}, ["y"])
    x = np.array([[2, -3, 4, 5]], np.int32)
    compare([node("ReduceProd", "x", axes=[1])], {"x": x}, ["y"], output_type=TensorProto.INT32)


@pytest.mark.parametrize("exclusive", [0, 1])
@pytest.mark.parametrize("reverse", [0, 1])
@pytest.mark.parametrize("axis", [0, -1])
def test_running_sums(axis, reverse, exclusive):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        node("CumSum", "a axis", exclusive=exclusive, reverse=reverse),
    ]
    compare(nodes, {"x": random(0, 3, 4)}, ["y"], {"w": random(1, 4, 6), "axis": np.array(axis)})


@pytest.mark.parametrize("upper", [0, 1])
@pytest.mark.parametrize("offset", [-2, 0, 1, 9])
def test_triangles(upper, offset):
    compare([node("Trilu", "x k", upper=upper)], {"x": random(0, 2, 4, 5)}, ["y"], {"k": np.array(offset)})


EQUATIONS = [
    ("ij,jk->ik", (3, 4), (4, 5)),
    ("bij,bkj->bik", (2, 3, 4), (2, 5, 4)),
    ("bhqd,bhkd->bhqk", (1, 2, 3, 4), (1, 2, 5, 4)),
    ("i,j->ij", (3,), (4,)),
    ("ij,ij", (3, 4), (3, 4)),
    ("...ij,jk->...ik", (2, 2, 3, 4), (4, 5)),
    ("ii,ij->j", (3, 3), (3, 2)),
]


@pytest.mark.parametrize("equation, left, right", EQUATIONS)
def test_einsum(equation, left, right):
    nodes = [node("Einsum", "a b", equation=equation)]
    a, b = random(0, *left), random(1, *right)
    compare(nodes, {"a": a, "b": b}, ["y"])
    compare(nodes, {"a": a}, ["y"], {"b": b})
    compare(nodes, {"b": b}, ["y"], {"a": a})


@pytest.mark.parametrize("equation", ["ijk->kj", "ijk->", "ijk", "...k->..."])
def test_einsum_of_one_operand(equation):
    compare([node("Einsum", "x", equation=equation)], {"x": random(0, 2, 3, 4)}, ["y"])
