"""Comparisons, logic, Where, maxima of several values, PRelu, quotients of computed values."""

import node_cases
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model, random

from tacit.frontends.onnx import load
from tacit.observe import observe
from tacit.quantize import quantize

OPERATORS = {
    "Max": "max", "Min": "min", "Sum": "sum", "Mean": "mean", "PRelu": "prelu", "Where": "where", "Equal": "equal",
    "Less": "less", "LessOrEqual": "less_or_equal", "Greater": "greater", "GreaterOrEqual": "greater_or_equal",
    "And": "and_", "Or": "or_", "Xor": "xor", "Not": "not_", "Div": "div",
}  # fmt: skip
CASES = [case for operator, file in OPERATORS.items() for case in node_cases.of(operator, file)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    signed = case.name.startswith("test_div_int")
    node_cases.check(case, constant=(0,) if signed else ())


def node(operator, inputs, **attributes):
    return helper.make_node(operator, inputs.split(), ["y"], "node", **attributes)


@pytest.mark.parametrize("operator", ["Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"])
@pytest.mark.parametrize("number", [0.5, 0.1, -3.0])
def test_comparison_with_a_constant(operator, number):
    x = np.float32([-4, -3, -0.5, 0, 0.25, 0.5, 0.75, 1])
    compare([node(operator, "x c")], {"x": x}, ["y"], {"c": np.float32(number)}, output_type=TensorProto.BOOL)
    compare([node(operator, "c x")], {"x": x}, ["y"], {"c": np.float32(number)}, output_type=TensorProto.BOOL)
    row = np.float32([number] * 8)
    compare([node(operator, "x c")], {"x": x}, ["y"], {"c": row}, output_type=TensorProto.BOOL)


def test_comparison_of_accumulators_broadcast():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("MatMul", ["z", "v"], ["b"]),
        node("Less", "a b"),
    ]
    feeds = {"x": random(0, 3, 4, scale=4.0), "z": random(1, 1, 4, scale=4.0)}
    compare(nodes, feeds, ["y"], {"w": random(2, 4, 5), "v": random(3, 4, 5)}, output_type=TensorProto.BOOL)


def test_a_condition_that_is_computed():
    nodes = [
        helper.make_node("Greater", ["x", "zero"], ["g"]),
        helper.make_node("Less", ["x", "one"], ["l"]),
        helper.make_node("And", ["g", "l"], ["c"]),
        helper.make_node("MatMul", ["x", "w"], ["p"]),
        node("Where", "c p x"),
    ]
    constants = {"zero": np.float32(0), "one": np.float32(1), "w": random(1, 4, 4)}
    compare(nodes, {"x": random(0, 3, 4)}, ["y"], constants)


@pytest.mark.parametrize("condition", [(3, 4), (4,), (3, 1)])
@pytest.mark.parametrize("other", [np.float32(-7.3), np.float32([1, 2, 3, 4])])
def test_a_condition_that_is_constant(condition, other):
    mask = np.random.default_rng(0).integers(0, 2, condition).astype(bool)
    compare([node("Where", "c x o")], {"x": random(0, 3, 4)}, ["y"], {"c": mask, "o": other})
    compare([node("Where", "c o x")], {"x": random(0, 3, 4)}, ["y"], {"c": mask, "o": other})


@pytest.mark.parametrize("operator", ["Max", "Min"])
def test_extremes(operator):
    feeds = {"a": random(0, 3, 4), "b": random(1, 4, scale=2.0), "c": random(2, 3, 1)}
    compare([node(operator, "a b c")], feeds, ["y"])
    compare([node(operator, "a b k")], {"a": feeds["a"], "b": feeds["b"]}, ["y"], {"k": np.float32(0.25)})
    for number in (0.0, 0.3, -1.2):
        compare([node(operator, "a k")], {"a": feeds["a"]}, ["y"], {"k": np.float32(number)})
        compare([node(operator, "k a")], {"a": feeds["a"]}, ["y"], {"k": np.float32([[number]])})


@pytest.mark.parametrize("slope", [(1,), (3, 1, 1), (2, 3, 4, 4)])
def test_parametric_relu(slope):
    nodes = [helper.make_node("Conv", ["x", "w"], ["c"], pads=[1, 1, 1, 1]), node("PRelu", "c s")]
    feeds, kernel = {"x": random(0, 2, 2, 4, 4)}, random(1, 3, 2, 3, 3)
    compare(nodes, feeds, ["y"], {"w": kernel, "s": random(2, *slope, scale=0.5)})
    compare(nodes, {**feeds, "s": random(2, *slope, scale=0.5)}, ["y"], {"w": kernel})


@pytest.mark.parametrize("left, right", [((3, 4), (3, 4)), ((3, 4), (4,)), ((1,), (2, 3)), ((2, 3), (2, 1))])
def test_quotient_of_computed_values(left, right):
    a, sign = random(0, *left, scale=3.0), np.sign(random(2, *right))
    d = (sign * np.random.default_rng(1).uniform(0.3, 5, right)).astype(np.float32)
    compare([node("Div", "a d")], {"a": a, "d": d}, ["y"])
    compare([node("Div", "a d")], {"a": a, "d": np.abs(d)}, ["y"])
    compare([node("Div", "k d")], {"d": d}, ["y"], {"k": a})


def test_quotient_of_accumulators():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("ReduceSum", ["x", "axis"], ["s"], keepdims=1),
        helper.make_node("Exp", ["s"], ["d"]),
        node("Div", "a d"),
    ]
    compare(nodes, {"x": random(0, 3, 4, scale=0.5)}, ["y"], {"w": random(1, 4, 5), "axis": np.array([1])})


def test_a_zero_divisor_is_the_smallest_step():
    feeds = {"a": np.float32([1, -1, 1]), "d": np.float32([0.5, 0.5, -2])}
    graph = load(model([node("Div", "a d")], feeds, ["y"]))
    scales = quantize(graph, observe(graph, [feeds]))
    found = evaluate(graph, scales, {**feeds, "d": np.float32([0, 0, -2])})[0]["y"]
    assert found[0] > 100 and found[1] < -100 and abs(found[2] + 0.5) < 1e-2


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_integer_quotients_are_truncated(dtype):
    a = np.array([7, -7, 8, -8, 0, 5, -1], dtype)
    d = np.array([2, 2, -3, -3, 5, -7, 4], dtype)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    compare([node("Div", "a d")], {"a": a, "d": d}, ["y"], output_type=kind)
    compare([node("Div", "a d")], {"a": np.abs(a), "d": np.abs(d)}, ["y"], output_type=kind)


def test_clip_with_bounds_in_the_wrong_order():
    bounds = {"low": np.float32(2), "high": np.float32(1)}
    compare([node("Clip", "x low high")], {"x": random(0, 3, 4)}, ["y"], bounds)


def test_numbers_are_finite():
    nodes = [helper.make_node("IsNaN", ["x"], ["a"]), helper.make_node("IsInf", ["x"], ["b"]), node("Or", "a b")]
    compare(nodes, {"x": random(0, 3, 4)}, ["y"], output_type=TensorProto.BOOL)


def test_a_choice_between_whole_constants_is_exact():
    """Their difference is an accumulator without fraction bits: an output rounds by one bit, but not by one it needs."""
    constants = {"a": np.float32([1, 2, 3, 4, 5]), "b": np.float32([5, 4, 3, 2, 1])}
    for condition in (True, False):
        compare([node("Where", "c a b")], {"c": np.array(condition)}, ["y"], constants, tolerance=1e-6)
