"""Tile, blocks, reversed sequences, Resize: ONNX's node cases, onnxruntime on accumulators."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, random

OPERATORS = {
    "Tile": "tile", "DepthToSpace": "depthtospace", "SpaceToDepth": "spacetodepth", "ReverseSequence": "reversesequence",
    "Resize": "resize",
}  # fmt: skip
DIFFERENT = {"test_resize_downsample_scales_linear_align_corners", "test_resize_downsample_scales_cubic_align_corners"}
"""The suite takes the fractional length of the output here, onnxruntime and this package its length."""
CASES = [
    case
    for operator, file in OPERATORS.items()
    for case in node_cases.of(operator, file)
    if "tf_crop" not in case.name and case.name not in DIFFERENT
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, constant=(1, 2, 3))


def node(operator, inputs, **attributes):
    return helper.make_node(operator, inputs.split(), ["y"], "node", **attributes)


def after_a_product(operator, inputs, **attributes):
    """The operator on x w, an accumulator."""
    return [helper.make_node("Mul", ["x", "w"], ["a"]), node(operator, inputs, **attributes)]


@pytest.mark.parametrize("repeats", [(1, 2, 3), (2, 1, 1), (3, 2, 2), (1, 1, 1)])
def test_tile(repeats):
    constants = {"r": np.array(repeats), "w": random(1, 2, 3, 4)}
    compare([node("Tile", "x r")], {"x": random(0, 2, 3, 4)}, ["y"], {"r": constants["r"]})
    compare(after_a_product("Tile", "a r"), {"x": random(0, 2, 3, 4)}, ["y"], constants)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@pytest.mark.parametrize("size", [2, 3])
def test_blocks(mode, size):
    x = random(0, 2, 2 * size * size, 3, 5)
    compare([node("DepthToSpace", "x", blocksize=size, mode=mode)], {"x": x}, ["y"])
    nodes = after_a_product("DepthToSpace", "a", blocksize=size, mode=mode)
    compare(nodes, {"x": x}, ["y"], {"w": random(1, *x.shape[1:])})
    compare([node("SpaceToDepth", "x", blocksize=size)], {"x": random(0, 1, 2, 2 * size, 3 * size)}, ["y"])


def test_a_convolution_after_a_shuffle():
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["a"], ["b"], blocksize=2, mode="CRD"),
        node("Conv", "b v", pads=[1, 1, 1, 1]),
    ]
    constants = {"w": random(1, 8, 3, 3, 3, scale=0.3), "v": random(2, 2, 2, 3, 3, scale=0.3)}
    compare(nodes, {"x": random(0, 1, 3, 4, 4)}, ["y"], constants)


@pytest.mark.parametrize("batch, time", [(0, 1), (1, 0)])
def test_reversed_sequences(batch, time):
    shape = (4, 5, 2) if batch == 0 else (5, 4, 2)
    nodes = after_a_product("ReverseSequence", "a l", batch_axis=batch, time_axis=time)
    constants = {"l": np.array([5, 1, 3, 2]), "w": random(1, *shape)}
    compare(nodes, {"x": random(0, *shape)}, ["y"], constants)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
@pytest.mark.parametrize("coordinates", ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"])
@pytest.mark.parametrize("scales", [(1, 1, 2, 2), (1, 1, 1, 3), (1, 1, 0.5, 1.5)])
def test_resize(mode, coordinates, scales):
    nodes = [node("Resize", "x  s".replace("  ", " none "), mode=mode, coordinate_transformation_mode=coordinates)]
    nodes[0].input[1] = ""
    compare(nodes, {"x": random(0, 1, 2, 4, 6)}, ["y"], {"s": np.float32(scales)})


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resize_of_an_accumulator_to_sizes(mode):
    nodes = [helper.make_node("Conv", ["x", "w"], ["a"]), helper.make_node("Resize", ["a", "", "", "s"], ["b"], mode=mode)]
    nodes += [node("Conv", "b v")]
    constants = {"w": random(1, 3, 2, 1, 1), "v": random(2, 2, 3, 3, 3), "s": np.array([1, 3, 8, 7])}
    compare(nodes, {"x": random(0, 1, 2, 4, 5)}, ["y"], constants)


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("value", [0.0, 2.5])
def test_resize_of_a_region(mode, value):
    """Regions inside and beyond the image, which has the given value there; sizes and scales."""
    attributes = {"mode": mode, "coordinate_transformation_mode": "tf_crop_and_resize", "extrapolation_value": value}
    region = np.float32([0, 0, 0.4, -0.2, 1, 1, 0.9, 1.3])
    nodes = [helper.make_node("Resize", ["x", "r", "", "s"], ["y"], **attributes)]
    compare(nodes, {"x": random(0, 1, 2, 4, 5)}, ["y"], {"r": region, "s": np.array([1, 2, 3, 6])}, opset=18)
