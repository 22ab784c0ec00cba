"""Sums, products, functions of one variable, casts."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, random


@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("left, right", [((3, 4), (3, 4)), ((3, 4), (4,)), ((2, 1, 4), (3, 1)), ((1,), (2, 3))])
def test_binary(operator, left, right):
    node = helper.make_node(operator, ["a", "b"], ["y"], "node")
    a, b = random(1, *left), random(2, *right, scale=3.0)
    compare([node], {"a": a, "b": b}, ["y"])
    compare([node], {"a": a}, ["y"], {"b": b})
    compare([node], {"b": b}, ["y"], {"a": a})


def test_division_by_a_constant():
    node = helper.make_node("Div", ["a", "b"], ["y"], "node")
    compare([node], {"a": random(1, 3, 4)}, ["y"], {"b": np.float32([1.5, -2.0, 7.0, 0.25])})
    for divisor in (4.0, 0.3, -17.0):
        compare([node], {"a": random(1, 3, 4)}, ["y"], {"b": np.float32(divisor)})


def test_residual_sum_of_an_accumulator_that_is_read_twice():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "first"),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("MatMul", ["b", "v"], ["c"], "second"),
        helper.make_node("Add", ["a", "c"], ["d"], "sum"),
        helper.make_node("Add", ["d", "x"], ["y"], "outer"),
    ]
    compare(nodes, {"x": random(1, 2, 8)}, ["y"], {"w": random(2, 8, 8), "v": random(3, 8, 8)}, tolerance=4e-3)


FUNCTIONS = [
    ("Relu", {}),
    ("LeakyRelu", {"alpha": 0.2}),
    ("Sigmoid", {}),
    ("Tanh", {}),
    ("HardSigmoid", {}),
    ("HardSigmoid", {"alpha": 0.1, "beta": 0.3}),
    ("HardSwish", {}),
    ("Elu", {}),
    ("Abs", {}),
    ("Neg", {}),
    ("Softplus", {}),
    ("Erf", {}),
    ("Identity", {}),
]


@pytest.mark.parametrize("operator, attributes", FUNCTIONS)
def test_function_of_an_input_and_of_an_accumulator(operator, attributes):
    node = helper.make_node(operator, ["x"], ["y"], "node", **attributes)
    compare([node], {"x": random(1, 5, 9, scale=2.0)}, ["y"])
    product = helper.make_node("MatMul", ["z", "w"], ["x"], "matmul")
    compare([product, node], {"z": random(1, 5, 6)}, ["y"], {"w": random(2, 6, 9, scale=2.0)})


@pytest.mark.parametrize("low, high", [(0.0, 6.0), (-1.0, 1.5), (None, 0.5), (-0.25, None)])
def test_clip(low, high):
    bounds = {name: np.float32(value) for name, value in (("low", low), ("high", high)) if value is not None}
    node = helper.make_node(
        "Clip", ["x", "low" if low is not None else "", "high" if high is not None else ""], ["y"], "clip"
    )
    compare([node], {"x": random(1, 4, 5, scale=4.0)}, ["y"], bounds)


def test_a_chain_of_functions_is_one_table():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Sigmoid", ["a"], ["b"]),
        helper.make_node("Mul", ["b", "two"], ["c"]),
        helper.make_node("Sub", ["c", "one"], ["d"]),
        helper.make_node("Relu", ["d"], ["y"]),
    ]
    constants = {"w": random(2, 6, 6), "two": np.float32(2), "one": np.float32(1)}
    builder = compare(nodes, {"x": random(1, 3, 6)}, ["y"], constants)
    assert len([t for t in builder.finish().tables if "sigmoid" in t.name]) == 1
    assert not [t for t in builder.finish().tables if t.name.startswith("relu")]


def test_equal_sigmoids_share_a_table():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Sigmoid", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "v"], ["c"]),
        helper.make_node("Sigmoid", ["c"], ["y"]),
    ]
    constants = {"w": random(2, 60, 60, scale=0.3), "v": random(3, 60, 60, scale=0.9)}
    builder = compare(nodes, {"x": random(1, 40, 60)}, ["y"], constants)
    assert len([t for t in builder.finish().tables if "sigmoid" in t.name]) <= 2


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_cast_from_integers(dtype):
    nodes = [
        helper.make_node("Cast", ["x"], ["a"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["a", "scale"], ["b"]),
        helper.make_node("MatMul", ["b", "w"], ["y"]),
    ]
    x = np.random.default_rng(0).integers(0, 200, (2, 5)).astype(dtype)
    compare(nodes, {"x": x}, ["y"], {"scale": np.float32(255.0), "w": random(1, 5, 3)})


def test_batch_normalisation():
    node = helper.make_node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], "norm", epsilon=1e-3)
    constants = {"s": random(2, 3), "b": random(3, 3), "m": random(4, 3), "v": np.abs(random(5, 3)) + 0.5}
    compare([node], {"x": random(1, 2, 3, 4, 4)}, ["y"], constants)
