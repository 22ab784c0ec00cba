"""Patterns of naive Bayes as exporters write it: logarithms that are a softmax, squares over constants of different sizes."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.frontends.onnx import load
from tacit.observe import run_float
from tacit.passes import join_softmax, scale_squares

ARRAYS = {
    "spread": np.float32([1e-3, 1.0, 1e4]),
    "even": np.float32([1.0, 2.0, 3.0]),
    "negative": np.float32([1e-3, 1.0, -1e4]),
    "two": np.float32(2),
    "three": np.float32(3),
    "last": np.array([1]),
    "first": np.array([0]),
    "column": np.array([-1, 1]),
}
X = {"x": np.random.default_rng(0).normal(size=(3, 3)).astype(np.float32)}


def step(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs.split(), [output], **attributes)


def graph(*nodes, outputs=("y",)):
    used = {name for node in nodes for name in node.input}
    proto = helper.make_graph(
        list(nodes),
        "written",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [3, 3])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in ARRAYS.items() if name in used],
    )
    return load(helper.make_model(proto, opset_imports=[helper.make_opsetid("", 18)], ir_version=8))


def operators(found):
    return [node.operator for node in found.nodes]


def same(before, after):
    for name, array in run_float(before, X).items():
        np.testing.assert_allclose(run_float(after, X)[name], array, rtol=1e-5, atol=1e-6)


LIKELY = (step("ReduceLogSumExp", "x last", "t", keepdims=0), step("Reshape", "t column", "r"), step("Sub", "x r", "l"))


def test_logarithms_that_are_a_softmax():
    before = graph(*LIKELY, step("Exp", "l", "y"))
    after = join_softmax(before)
    assert "Softmax" in operators(after) and "Exp" not in operators(after)
    same(before, after)


def test_logarithms_that_others_read_stay():
    before = graph(*LIKELY, step("Exp", "l", "y"), outputs=("y", "l"))
    same(before, join_softmax(before))


@pytest.mark.parametrize(
    "nodes",
    [
        (step("ReduceLogSumExp", "x first", "t", keepdims=1), step("Sub", "x t", "l"), step("Exp", "l", "y")),
        (step("ReduceLogSumExp", "x last", "t", keepdims=1), step("Sub", "t x", "l"), step("Exp", "l", "y")),
        (step("ReduceSum", "x last", "t", keepdims=1), step("Sub", "x t", "l"), step("Exp", "l", "y")),
        (step("Exp", "x", "y"),),
    ],
)
def test_other_exponentials_stay(nodes):
    before = graph(*nodes)
    assert operators(join_softmax(before)) == operators(before)


@pytest.mark.parametrize("square", [step("Pow", "x two", "s"), step("Mul", "x x", "s")])
def test_squares_over_constants(square):
    before = graph(square, step("Div", "s spread", "y"))
    after = scale_squares(before)
    assert operators(after)[-2:] == ["Mul", "Mul"] and "Div" not in operators(after)
    same(before, after)


@pytest.mark.parametrize(
    "nodes, outputs",
    [
        ((step("Mul", "x x", "s"), step("Div", "s even", "y")), ("y",)),
        ((step("Mul", "x x", "s"), step("Div", "s negative", "y")), ("y",)),
        ((step("Mul", "x x", "s"), step("Div", "s spread", "y")), ("y", "s")),
        ((step("Pow", "x three", "s"), step("Div", "s spread", "y")), ("y",)),
        ((step("Div", "spread x", "y"),), ("y",)),
    ],
)
def test_other_quotients_stay(nodes, outputs):
    before = graph(*nodes, outputs=outputs)
    assert operators(scale_squares(before)) == operators(before)
