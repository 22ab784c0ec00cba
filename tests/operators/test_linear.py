"""Gemm, MatMul, Conv against onnxruntime."""

import numpy as np
import pytest
from onnx import helper
from oracle import compare, model, random

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.lower import lower_into
from tacit.observe import observe
from tacit.primitives.builder import Builder
from tacit.quantize import quantize


@pytest.mark.parametrize(
    "trans_a, trans_b, alpha, beta", [(0, 0, 1.0, 1.0), (1, 1, 0.5, 2.0), (0, 1, -1.3, 0.7), (1, 0, 1.0, 0.0)]
)
def test_gemm(trans_a, trans_b, alpha, beta):
    a = random(0, *((7, 3) if trans_a else (3, 7)))
    weights = {"b": random(1, *((5, 7) if trans_b else (7, 5))), "c": random(2, 5)}
    node = helper.make_node(
        "Gemm", ["a", "b", "c"], ["y"], "gemm", transA=trans_a, transB=trans_b, alpha=alpha, beta=beta
    )
    compare([node], {"a": a}, ["y"], weights)


def test_gemm_of_two_computed_matrices():
    node = helper.make_node("Gemm", ["a", "b"], ["y"], "gemm", transB=1, alpha=0.3)
    compare([node], {"a": random(0, 3, 7), "b": random(1, 5, 7)}, ["y"])


@pytest.mark.parametrize(
    "left, right",
    [
        ((4,), (4, 3)),
        ((2, 4), (4,)),
        ((2, 3, 4), (4, 5)),
        ((2, 1, 3, 4), (5, 4, 2)),
        ((3, 4), (2, 4, 5)),
        ((1, 8), (8, 1)),
    ],
)
def test_matmul_with_weights_on_either_side(left, right):
    a, b = random(3, *left), random(4, *right)
    node = helper.make_node("MatMul", ["a", "b"], ["y"], "matmul")
    compare([node], {"a": a}, ["y"], {"b": b})
    compare([node], {"b": b}, ["y"], {"a": a})
    compare([node], {"a": a, "b": b}, ["y"])


CONVOLUTIONS = [
    ((1, 3, 8, 8), (4, 3, 3, 3), {"pads": [1, 1, 1, 1]}),
    ((1, 2, 9, 7), (3, 2, 3, 2), {"strides": [2, 3], "pads": [0, 1, 2, 0]}),
    ((1, 4, 8, 8), (6, 2, 3, 3), {"group": 2, "dilations": [2, 1]}),
    ((1, 4, 6, 6), (4, 1, 3, 3), {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
    ((1, 3, 7, 7), (2, 3, 2, 2), {"auto_pad": "SAME_LOWER"}),
    ((1, 3, 7, 7), (2, 3, 3, 3), {"auto_pad": "VALID"}),
    ((1, 3, 10), (5, 3, 4), {"pads": [2, 1], "strides": [2]}),
    ((2, 3, 6, 6), (4, 3, 1, 1), {}),
]


@pytest.mark.parametrize("shape, kernel, attributes", CONVOLUTIONS)
@pytest.mark.parametrize("bias", [False, True])
def test_conv(shape, kernel, attributes, bias):
    names = ["x", "w", "b"] if bias else ["x", "w"]
    node = helper.make_node("Conv", names, ["y"], "conv", **attributes)
    constants = {"w": random(6, *kernel), **({"b": random(7, kernel[0])} if bias else {})}
    compare([node], {"x": random(5, *shape)}, ["y"], constants)


def chain(layers, width):
    """`layers` of MatMul and Relu, then a MatMul to 4 outputs; and the weights."""
    nodes, weights, current = [], {}, "x"
    for i in range(layers):
        weights[f"w{i}"] = random(i, width, width, scale=0.25)
        nodes += [helper.make_node("MatMul", [current, f"w{i}"], [f"a{i}"], f"product{i}")]
        nodes += [helper.make_node("Relu", [f"a{i}"], [f"r{i}"], f"relu{i}")]
        current = f"r{i}"
    weights["last"] = random(layers, width, 4, scale=0.25)
    return [*nodes, helper.make_node("MatMul", [current, "last"], ["y"], "last")], weights


def test_a_chain_of_layers_shares_one_table():
    nodes, weights = chain(5, 40)
    builder = compare(nodes, {"x": random(9, 1, 40)}, ["y"], weights, widths="lean", tolerance=0.02)
    assert len([t for t in builder.finish().tables if t.name.startswith("relu")]) == 1


def test_few_values_need_no_function_table():
    nodes, weights = chain(2, 40)
    builder = compare(nodes, {"x": random(9, 1, 40)}, ["y"], weights, widths="lean", tolerance=0.01)
    assert sum(segment.entries for t in builder.finish().tables for segment in t.segments) < 4096


def test_a_computed_kernel_is_refused():
    node = helper.make_node("Conv", ["x", "w"], ["y"], "conv")
    feeds = {"x": random(0, 1, 2, 5, 5), "w": random(1, 3, 2, 3, 3)}
    graph = load(model([node], feeds, ["y"]))
    with pytest.raises(UnsupportedOperator, match="conv"):
        lower_into(Builder(), graph, quantize(graph, observe(graph, [feeds])))


def test_integer_model_is_total_outside_the_observed_range():
    """Values beyond every scale saturate; all relations still hold."""
    from oracle import evaluate

    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MatMul", ["b", "w"], ["y"]),
    ]
    feeds = {"x": random(0, 2, 6)}
    graph = load(model(nodes, feeds, ["y"], {"w": random(1, 6, 6)}))
    scales = quantize(graph, observe(graph, [feeds]), "lean")
    values, _ = evaluate(graph, scales, {"x": np.full((2, 6), 1e6, np.float32)})
    assert np.isfinite(values["y"]).all()
