"""MaxPool's indices: node cases, onnxruntime on ties and padding, and unpooling by them."""

import node_cases
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, random

CASES = [case for case in node_cases.of("MaxPool", "maxpool") if len(case.model.graph.output) == 2]
INT64 = TensorProto.INT64


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)


WINDOWS = [
    {"kernel_shape": [2, 3], "strides": [2, 1], "pads": [1, 1, 0, 2]},
    {"kernel_shape": [3, 2], "dilations": [2, 1], "ceil_mode": 1, "strides": [2, 2]},
    {"kernel_shape": [2, 2], "auto_pad": "SAME_LOWER"},
]


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("attributes", WINDOWS)
@pytest.mark.parametrize("storage_order", [0, 1])
def test_windows(attributes, storage_order, ties):
    """The first of equal elements in the order of places, whatever the padding."""
    x = np.random.default_rng(0).integers(0, 3, (2, 2, 5, 6)).astype(np.float32) if ties else random(0, 2, 2, 5, 6)
    made = helper.make_node("MaxPool", ["x"], ["v", "y"], "n", storage_order=storage_order, **attributes)
    compare([made], {"x": x}, ["y"], output_type=INT64)
    compare([made], {"x": x}, ["v"])


@pytest.mark.parametrize("rank", [1, 3])
def test_other_ranks(rank):
    made = helper.make_node("MaxPool", ["x"], ["v", "y"], "n", kernel_shape=[2] * rank, strides=[2] * rank)
    compare([made], {"x": random(1, 2, 1, *(6, 4, 5)[:rank])}, ["y"], output_type=INT64)


def test_unpooling_of_what_was_pooled():
    window = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [helper.make_node("MaxPool", ["x"], ["v", "i"], "pool", **window),
             helper.make_node("MaxUnpool", ["v", "i"], ["y"], "unpool", **window)]  # fmt: skip
    compare(nodes, {"x": random(2, 1, 2, 4, 6)}, ["y"])
