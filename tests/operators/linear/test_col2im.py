"""Col2Im against ONNX's node cases and, where blocks leave a rest, onnxruntime."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, random

from tacit.errors import UnsupportedOperator

CASES = node_cases.of("Col2Im", "col2im")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, constant=(1, 2))
    with pytest.raises(UnsupportedOperator):
        node_cases.check(case)


def test_blocks_that_leave_a_rest():
    node = helper.make_node("Col2Im", ["x", "i", "b"], ["y"], strides=[2, 3], dilations=[2, 1], pads=[1, 0, 0, 2])
    constants = {"i": np.array([6, 7]), "b": np.array([2, 3])}
    compare([node], {"x": random(0, 2, 2 * 6, 3 * 3)}, ["y"], constants, opset=18)


def test_whole_numbers_are_refused():
    node = helper.make_node("Col2Im", ["x", "i", "b"], ["y"])
    constants = {"i": np.array([2, 2]), "b": np.array([1, 2])}
    with pytest.raises(UnsupportedOperator, match="its values are integers"):
        compare([node], {"x": np.ones((1, 2, 2), np.int32)}, ["y"], constants, opset=18, output_type=6)
