"""Functions of one variable by table: ONNX's node cases, onnxruntime on inputs, accumulators and chains, and poles."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, evaluate, model, random

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import observe
from tacit.quantize import quantize

OPERATORS = [
    "Exp", "Log", "Sqrt", "Reciprocal", "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh",
    "Atanh", "Selu", "Celu", "Gelu", "Mish", "Swish", "Softsign", "ThresholdedRelu", "Shrink", "Sign", "Floor", "Ceil",
    "Round",
]  # fmt: skip
CASES = [case for operator in OPERATORS for case in node_cases.of(operator, operator.lower())]
STEEP = {"test_tan": 5e-3}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, tolerance=STEEP.get(case.name, 2e-3))


INSIDE = [
    ("Exp", {}, -3, 3),
    ("Log", {}, 0.5, 9),
    ("Sqrt", {}, 0, 9),
    ("Reciprocal", {}, 0.25, 9),
    ("Reciprocal", {}, -9, -0.25),
    ("Sin", {}, -9, 9),
    ("Cos", {}, -9, 9),
    ("Tan", {}, -1.2, 1.2),
    ("Asin", {}, -1, 1),
    ("Acos", {}, -1, 1),
    ("Atan", {}, -5, 5),
    ("Sinh", {}, -3, 3),
    ("Cosh", {}, -3, 3),
    ("Asinh", {}, -5, 5),
    ("Acosh", {}, 1.1, 7),
    ("Atanh", {}, -0.95, 0.95),
    ("Selu", {}, -4, 4),
    ("Selu", {"alpha": 1.0, "gamma": 2.0}, -4, 4),
    ("Celu", {"alpha": 2.0}, -4, 4),
    ("Softsign", {}, -6, 6),
    ("ThresholdedRelu", {"alpha": 0.3}, 0.5, 2),
    ("Shrink", {"lambd": 1.5, "bias": 0.5}, 2, 4),
    ("Mish", {}, -5, 5),
    ("Gelu", {}, -5, 5),
    ("Gelu", {"approximate": "tanh"}, -5, 5),
]


@pytest.mark.parametrize("operator, attributes, low, high", INSIDE)
def test_function_of_an_input_and_of_an_accumulator(operator, attributes, low, high):
    node = helper.make_node(operator, ["x"], ["y"], "node", **attributes)
    x = np.random.default_rng(1).uniform(low, high, (3, 7)).astype(np.float32)
    compare([node], {"x": x}, ["y"], opset=20 if operator == "Gelu" else 18, tolerance=4e-3)
    product = helper.make_node("MatMul", ["z", "w"], ["x"], "matmul")
    mixture = np.random.default_rng(2).dirichlet(np.ones(3), 5).T.astype(np.float32)
    feeds = {"z": x.T.copy()}
    compare([product, node], feeds, ["y"], {"w": mixture}, opset=20 if operator == "Gelu" else 18, tolerance=4e-3)


@pytest.mark.parametrize("operator", ["Floor", "Ceil", "Round", "Sign"])
def test_steps_are_exact_at_representable_numbers(operator):
    x = np.float32([-2.5, -2, -1.5, -1, -0.75, -0.5, -0.25, 0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3.5])
    compare([helper.make_node(operator, ["x"], ["y"], "node")], {"x": x}, ["y"], tolerance=0.0)


def outputs(operator, x, seen, **attributes):
    """The integer model's outputs at x, its scales taken from the sample `seen`."""
    node = helper.make_node(operator, ["x"], ["y"], "node", **attributes)
    graph = load(model([node], {"x": seen}, ["y"]))
    scales = quantize(graph, observe(graph, [{"x": seen}]), "faithful")
    return evaluate(graph, scales, {"x": x})[0]["y"]


def test_poles_and_arguments_outside_the_domain_have_values():
    seen = np.float32([0.5, 1, 2, 4])
    found = outputs("Log", np.float32([0, -1, 1, 2]), seen)
    assert found[0] == found[1] < -2.5 and abs(found[2]) < 1e-3
    assert outputs("Sqrt", np.float32([-1, 0, 4, 1]), seen)[:2].tolist() == [0, 0]
    found = outputs("Reciprocal", np.float32([0, 2, 1, 1]), seen)
    assert found[0] > 1000 and abs(found[1] - 0.5) < 1e-3
    assert (outputs("Acosh", np.float32([-3, 0, 1, 1]), np.float32([1, 2, 3, 4])) == 0).all()
    ends = outputs("Asin", np.float32([-1.5, 1.5, 0, 0]), np.float32([-1, 1, 0.5, 0]))
    np.testing.assert_allclose(ends[:2], [-np.pi / 2, np.pi / 2], atol=1e-3)
    ends = outputs("Atanh", np.float32([-1.5, 1.5, 0, 0]), np.float32([-0.75, 0.75, 0.5, 0]))
    assert ends[0] < -1.9 and ends[1] > 1.9


@pytest.mark.parametrize("exponent", [2.0, 3.0, 0.5, -1.0, 1.0, 1.5, -0.5, 4.0, 0.0])
def test_powers(exponent):
    x = np.random.default_rng(1).uniform(0.5, 2, (3, 4)).astype(np.float32)
    node = helper.make_node("Pow", ["x", "c"], ["y"], "node")
    compare([node], {"x": x}, ["y"], {"c": np.float32(exponent)}, tolerance=4e-3)
    chain = [helper.make_node("Sigmoid", ["x"], ["s"]), helper.make_node("Pow", ["s", "c"], ["y"], "node")]
    compare(chain, {"x": x}, ["y"], {"c": np.float32(exponent)}, tolerance=4e-3)


def test_odd_powers_of_negative_numbers():
    node = helper.make_node("Pow", ["x", "c"], ["y"], "node")
    compare([node], {"x": random(0, 3, 4)}, ["y"], {"c": np.float32(3)})
    compare([node], {"x": random(0, 3, 4)}, ["y"], {"c": np.float32(5)}, tolerance=5e-3)


def test_a_negative_alpha_is_refused():
    x = np.ones((2, 2), np.float32)
    with pytest.raises(UnsupportedOperator, match="alpha"):
        compare([helper.make_node("Celu", ["x"], ["y"], "node", alpha=-1.0)], {"x": x}, ["y"])
