"""Det: ONNX's node cases, sizes up to four, a clear refusal beyond."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, random

from tacit.errors import UnsupportedOperator

NODE = helper.make_node("Det", ["x"], ["y"], "node")


@pytest.mark.parametrize("case", node_cases.of("Det", "det"), ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_sizes(size):
    compare([NODE], {"x": random(1, 2, 3, size, size)}, ["y"], tolerance=5e-3)
    compare([NODE], {"x": random(1, size, size) + 3 * np.eye(size, dtype=np.float32)}, ["y"], tolerance=5e-3)


def test_large_matrices_are_refused():
    with pytest.raises(UnsupportedOperator, match="its matrices are 5 x 5"):
        compare([NODE], {"x": random(1, 5, 5)}, ["y"])
