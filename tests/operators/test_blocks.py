"""Operators together: attention, residual and squeeze-excite blocks, integer outputs, deep chains."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model, random

from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.lower import lower, lower_into
from tacit.observe import observe
from tacit.operators import SUPPORTED
from tacit.primitives.builder import Builder
from tacit.quantize import quantize

WANTED = """
    Gemm MatMul Conv Add Sub Mul Neg Div BatchNormalization Relu LeakyRelu Clip Sigmoid Tanh HardSigmoid HardSwish
    MaxPool AveragePool GlobalAveragePool GlobalMaxPool ReduceSum ReduceMean ReduceMax Softmax ArgMax Flatten Reshape
    Transpose Squeeze Unsqueeze Concat Split Slice Pad Identity Dropout Cast
"""


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(
        operator, inputs.split(), outputs.split(), name=f"{operator}_{outputs.split()[0]}", **attributes
    )


def test_every_operator_of_this_version_has_a_lowering():
    assert set(WANTED.split()) <= SUPPORTED


@pytest.mark.parametrize("widths, tolerance", [("faithful", 3e-3), ("lean", 3e-2)])
def test_attention(widths, tolerance):
    shape, back = np.array([2, 5, 2, 4]), np.array([2, 5, 8])
    nodes = []
    for letter in "qkv":
        nodes += [
            node("MatMul", f"x w{letter}", f"{letter}0"),
            node("Reshape", f"{letter}0 shape", f"{letter}1"),
            node("Transpose", f"{letter}1", letter, perm=[0, 2, 3, 1] if letter == "k" else [0, 2, 1, 3]),
        ]
    nodes += [
        node("MatMul", "q k", "s0"),
        node("Mul", "s0 half", "s"),
        node("Softmax", "s", "p", axis=-1),
        node("MatMul", "p v", "o0"),
        node("Transpose", "o0", "o1", perm=[0, 2, 1, 3]),
        node("Reshape", "o1 back", "o2"),
        node("MatMul", "o2 wo", "o3"),
        node("Add", "o3 x", "y"),
    ]
    constants = {f"w{letter}": random(i, 8, 8, scale=0.5) for i, letter in enumerate("qkvo")}
    constants |= {"shape": shape, "back": back, "half": np.float32(0.5)}
    compare(nodes, {"x": random(9, 2, 5, 8)}, ["y"], constants, widths=widths, tolerance=tolerance)


@pytest.mark.parametrize("widths, tolerance", [("faithful", 3e-3), ("lean", 3e-2)])
def test_residual_block_with_squeeze_and_excitation(widths, tolerance):
    nodes = [
        node("Conv", "x w1 b1", "c1", pads=[1, 1, 1, 1]),
        node("HardSwish", "c1", "h1"),
        node("Conv", "h1 w2", "c2", pads=[1, 1, 1, 1], group=4),
        node("GlobalAveragePool", "c2", "g"),
        node("Conv", "g w3", "e"),
        node("HardSigmoid", "e", "gate"),
        node("Mul", "c2 gate", "scaled"),
        node("Add", "scaled x", "sum"),
        node("Relu", "sum", "r"),
        node("AveragePool", "r", "a", kernel_shape=[2, 2], strides=[2, 2]),
        node("Flatten", "a", "f"),
        node("Gemm", "f w4", "y"),
    ]
    constants = {"w1": random(1, 4, 4, 3, 3, scale=0.3), "b1": random(2, 4), "w2": random(3, 4, 1, 3, 3, scale=0.4)}
    constants |= {"w3": random(4, 4, 4, 1, 1), "w4": random(5, 36, 3, scale=0.3)}
    compare(nodes, {"x": random(0, 1, 4, 6, 6)}, ["y"], constants, widths=widths, tolerance=tolerance)


def test_argmax_of_logits_is_exact():
    nodes = [node("MatMul", "x w", "a"), node("ArgMax", "a", "y", axis=-1, keepdims=0)]
    compare(nodes, {"x": random(0, 9, 12)}, ["y"], {"w": random(1, 12, 10)}, output_type=TensorProto.INT64)


def test_weights_that_two_nodes_read_differently():
    nodes = [
        node("Gemm", "x w", "a", transB=1),
        node("Gemm", "a w", "b"),
        node("Gemm", "b w", "c", transB=1, alpha=-1.0),
    ]
    compare([*nodes, node("Gemm", "c w", "y", transB=1)], {"x": random(0, 2, 4)}, ["y"], {"w": random(1, 4, 4)})


def test_two_outputs_one_feeding_the_other():
    nodes = [node("MatMul", "x w", "a"), node("Relu", "a", "b"), node("MatMul", "b w", "c")]
    compare(nodes, {"x": random(0, 2, 6)}, ["a", "b", "c"], {"w": random(1, 6, 6)})


def test_input_and_constant_as_outputs():
    nodes = [node("Identity", "x", "y"), node("Add", "x c", "z")]
    compare(nodes, {"x": random(0, 2, 3)}, ["y", "z"], {"c": random(1, 2, 3)})


@pytest.mark.parametrize("widths", ["lean", "faithful"])
def test_a_deep_chain_neither_overflows_nor_drifts(widths):
    depth, names, constants = 24, ["x"], {}
    nodes = []
    for i in range(depth):
        constants[f"w{i}"] = random(i, 32, 32, scale=0.25)
        nodes += [node("MatMul", f"{names[-1]} w{i}", f"a{i}"), node("Relu", f"a{i}", f"r{i}")]
        names.append(f"r{i}")
    tolerance = 0.15 if widths == "lean" else 0.01
    compare(nodes, {"x": random(99, 1, 32)}, [names[-1]], constants, widths=widths, tolerance=tolerance)


def test_unsupported_nodes_are_listed_at_once():
    feeds = {"x": random(0, 3, 3)}
    graph = load(model([node("EyeLike", "x", "a"), node("Det", "a", "y")], feeds, ["y"]))
    with pytest.raises(UnsupportedOperator) as error:
        lower(graph, quantize(graph, observe(graph, [feeds])))
    assert "EyeLike" in str(error.value) and "Det" in str(error.value)


def test_weights_that_are_not_finite_are_named():
    feeds = {"x": random(0, 2, 3)}
    good = load(model([node("MatMul", "x w", "y")], feeds, ["y"], {"w": random(1, 3, 3)}))
    scales = quantize(good, observe(good, [feeds]))
    bad = load(model([node("MatMul", "x w", "y")], feeds, ["y"], {"w": np.full((3, 3), np.nan, np.float32)}))
    with pytest.raises(ModelError, match="'w'"):
        lower_into(Builder(), bad, scales)


def test_no_weight_is_published_unrounded():
    """An output that is an exact sum of weights would be a linear equation in them."""
    feeds = {"x": np.zeros((1, 4), np.float32)}
    graph = load(
        model(
            [node("MatMul", "x w", "a"), node("Add", "a b", "y")],
            feeds,
            ["y"],
            {"w": random(1, 4, 2), "b": random(2, 2)},
        )
    )
    scales = quantize(graph, observe(graph, [{"x": random(3, 1, 4)}]))
    _, builder = evaluate(graph, scales, feeds)
    contracts = builder.finish().contracts
    lookups = builder.finish().lookups
    assert not [c for c in contracts if c.name.startswith("y")]
    assert [item for item in lookups if item.name.startswith("y/output/remainder")]
