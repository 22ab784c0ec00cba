"""DeformConv against ONNX's node cases, and its reference for groups, strides, dilations and constant offsets."""

import node_cases
import pytest
from onnx import helper
from oracle import compare, random

CASES = node_cases.of("DeformConv", "deformconv")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, constant=(1, 3))


@pytest.mark.parametrize("fixed", [(), ("o",)], ids=["computed", "constant"])
def test_groups_strides_and_dilations(fixed):
    attributes = {"group": 2, "offset_group": 2, "strides": [2, 1], "dilations": [1, 2], "pads": [1, 0, 0, 1]}
    node = helper.make_node("DeformConv", ["x", "w", "o", "b", "m"], ["y"], **attributes)
    arrays = {"x": random(0, 1, 4, 5, 6), "o": random(2, 1, 2 * 4 * 2, 3, 5), "m": random(3, 1, 2 * 4, 3, 5)}
    constants = {"w": random(1, 6, 2, 2, 2), "b": random(4, 6), **{name: arrays.pop(name) for name in fixed}}
    compare([node], arrays, ["y"], constants, opset=19)
