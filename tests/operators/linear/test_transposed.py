"""ConvTranspose and convolutions of three dimensions: ONNX's node cases and onnxruntime."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, random

CASES = node_cases.of("ConvTranspose", "convtranspose") + node_cases.of("Conv", "conv")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, constant=(1, 2))


SHAPES = [
    {"kernel_shape": [2, 2], "strides": [2, 2]},
    {"kernel_shape": [4, 4], "strides": [2, 2], "pads": [1, 1, 1, 1]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1], "output_padding": [1, 1]},
    {"kernel_shape": [3, 2], "strides": [3, 1], "pads": [0, 1, 2, 0]},
    {"kernel_shape": [3, 3], "strides": [1, 1], "dilations": [2, 2]},
    {"kernel_shape": [2, 2], "strides": [3, 3]},
    {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_UPPER"},
    {"kernel_shape": [3, 3], "strides": [2, 2], "auto_pad": "SAME_LOWER"},
    {"kernel_shape": [1, 1], "strides": [1, 1]},
]


@pytest.mark.parametrize("attributes", SHAPES, ids=str)
@pytest.mark.parametrize("groups", [1, 2])
def test_transposed_convolution(attributes, groups):
    node = helper.make_node("ConvTranspose", ["x", "w", "b"], ["y"], "node", group=groups, **attributes)
    constants = {"w": random(1, 4, 6 // groups, *attributes["kernel_shape"], scale=0.4), "b": random(2, 6)}
    compare([node], {"x": random(0, 2, 4, 3, 5)}, ["y"], constants)


@pytest.mark.parametrize("rank", [1, 3])
def test_other_ranks(rank):
    x, kernel = random(0, 1, 2, *(4, 3, 5)[:rank]), random(1, 2, 3, *[3] * rank, scale=0.4)
    node = helper.make_node("ConvTranspose", ["x", "w"], ["y"], "node", strides=[2] * rank, pads=[1] * (2 * rank))
    compare([node], {"x": x}, ["y"], {"w": kernel})
    node = helper.make_node("Conv", ["x", "w"], ["y"], "node", strides=[2] * rank, pads=[1] * (2 * rank))
    compare([node], {"x": x}, ["y"], {"w": np.swapaxes(kernel, 0, 1).copy()})


def test_a_decoder_of_two_layers():
    nodes = [
        helper.make_node("ConvTranspose", ["x", "w"], ["a"], "first", strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("ConvTranspose", ["b", "v"], ["y"], "second", strides=[2, 2], pads=[1, 1, 1, 1]),
    ]
    constants = {"w": random(1, 3, 4, 2, 2), "v": random(2, 4, 2, 4, 4, scale=0.4)}
    compare(nodes, {"x": random(0, 1, 3, 3, 3)}, ["y"], constants)


def test_an_image_that_is_a_view_of_a_longer_axis():
    """Rows of the image lie one after another in their column: what is left of one row is the end of another, not zero."""
    nodes = [helper.make_node("Reshape", ["x", "s"], ["a"]), helper.make_node("ConvTranspose", ["a", "w"], ["y"], "node")]
    constants = {"s": np.array([1, 3, 4, 5]), "w": random(1, 3, 2, 2, 3)}
    compare(nodes, {"x": random(0, 1, 3, 20)}, ["y"], constants)
