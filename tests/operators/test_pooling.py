"""Pooling and reductions against onnxruntime."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, random

WINDOWS = [
    ((1, 2, 8, 8), {"kernel_shape": [2, 2], "strides": [2, 2]}),
    ((1, 2, 7, 9), {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}),
    ((1, 2, 7, 8), {"kernel_shape": [3, 2], "strides": [2, 2], "ceil_mode": 1}),
    ((1, 3, 6, 6), {"kernel_shape": [2, 2], "auto_pad": "SAME_UPPER"}),
    ((2, 2, 9), {"kernel_shape": [3], "pads": [1, 0], "strides": [2]}),
]


@pytest.mark.parametrize("shape, attributes", WINDOWS)
@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_pool(operator, shape, attributes):
    compare([helper.make_node(operator, ["x"], ["y"], "pool", **attributes)], {"x": random(1, *shape)}, ["y"])


def test_max_pool_with_dilation():
    node = helper.make_node("MaxPool", ["x"], ["y"], "pool", kernel_shape=[2, 3], dilations=[3, 2], pads=[1, 2, 1, 2])
    compare([node], {"x": random(1, 1, 2, 8, 8) - 4.0}, ["y"])


def test_average_pool_that_counts_its_pads():
    attributes = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2], "count_include_pad": 1}
    compare([helper.make_node("AveragePool", ["x"], ["y"], "pool", **attributes)], {"x": random(1, 1, 2, 7, 7)}, ["y"])


@pytest.mark.parametrize("operator", ["GlobalAveragePool", "GlobalMaxPool"])
def test_global_pool(operator):
    compare([helper.make_node(operator, ["x"], ["y"], "pool")], {"x": random(1, 2, 3, 5, 7)}, ["y"])


@pytest.mark.parametrize("operator", ["ReduceMean", "ReduceMax"])
@pytest.mark.parametrize("attributes", [{"axes": [1], "keepdims": 0}, {"axes": [0, -1]}, {}])
def test_reduce_by_attribute(operator, attributes):
    compare([helper.make_node(operator, ["x"], ["y"], "reduce", **attributes)], {"x": random(1, 2, 3, 5)}, ["y"])


def test_reduce_sum_by_input():
    node = helper.make_node("ReduceSum", ["x", "axes"], ["y"], "reduce", keepdims=0)
    compare([node], {"x": random(1, 2, 3, 5)}, ["y"], {"axes": np.array([2], dtype=np.int64)})


@pytest.mark.parametrize("axis", [-1, 1])
def test_softmax(axis):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"]),
        helper.make_node("Softmax", ["a"], ["y"], "softmax", axis=axis),
    ]
    compare(nodes, {"x": random(1, 2, 3, 6)}, ["y"], {"w": random(2, 6, 5)})


@pytest.mark.parametrize("last", [0, 1])
@pytest.mark.parametrize("axis, keep", [(-1, 1), (1, 0)])
def test_argmax(last, axis, keep):
    x = np.random.default_rng(0).integers(-3, 3, (2, 4, 6)).astype(np.float32) / 4
    node = helper.make_node("ArgMax", ["x"], ["y"], "argmax", axis=axis, keepdims=keep, select_last_index=last)
    compare([node], {"x": x}, ["y"], output_type=TensorProto.INT64)
