"""BitwiseAnd, BitwiseOr, BitwiseXor: ONNX's node cases, every type, broadcasting, ends of the interval."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare

OPERATORS = {"BitwiseAnd": "bitwiseand", "BitwiseOr": "bitwiseor", "BitwiseXor": "bitwisexor"}
CASES = [case for operator, file in OPERATORS.items() for case in node_cases.of(operator, file)]
TYPES = ["int8", "uint8", "int16", "uint16", "int32", "uint32"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("dtype", TYPES)
def test_types(operator, dtype):
    limits, rng = np.iinfo(dtype), np.random.default_rng(0)
    x = rng.integers(limits.min, limits.max, (3, 4), endpoint=True).astype(dtype)
    y = rng.integers(limits.min, limits.max, (4,), endpoint=True).astype(dtype)
    x[0, :2] = limits.min, limits.max
    node = helper.make_node(operator, ["x", "y"], ["z"], "node")
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    compare([node], {"x": x, "y": y}, ["z"], output_type=kind, opset=18)
    compare([node], {"x": x}, ["z"], {"y": y}, output_type=kind, opset=18)
