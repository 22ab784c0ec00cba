"""Clip: computed bounds, integers, a lower bound above the upper one."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, random

CASES = node_cases.of("Clip", "clip")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)
    node_cases.check(case, constant=(1, 2))


def test_computed_bounds_of_products():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Clip", ["a", "low", "high"], ["y"], "clip")]
    for low, high in ((-0.5, 0.75), (0.75, -0.5)):
        feeds = {"x": random(0, 3, 4), "low": np.float32(low), "high": np.float32(high)}
        compare(nodes, feeds, ["y"], {"w": random(1, 4, 5)})


@pytest.mark.parametrize("dtype", ["int8", "int32", "uint8"])
def test_integers(dtype):
    x = np.arange(7).astype(dtype)
    node = helper.make_node("Clip", ["x", "low", "high"], ["y"], "clip")
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    bounds = {"low": np.array(2, dtype=dtype), "high": np.array(5, dtype=dtype)}
    compare([node], {"x": x}, ["y"], bounds, output_type=kind)
    compare([node], {"x": x, **bounds}, ["y"], output_type=kind)
