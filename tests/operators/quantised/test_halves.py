"""QuantizeLinear by computed scales rounds halves to even, as by constant ones."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare


@pytest.mark.parametrize("scale", [0.5, 2.0, 1.0])
def test_halves(scale):
    x = np.float32(np.arange(-9, 10)) * np.float32(scale / 2)
    node = helper.make_node("QuantizeLinear", ["x", "scale", "zero"], ["y"], "node")
    given = {"scale": np.float32(scale), "zero": np.int8(3)}
    expected = np.rint(x / scale) + 3
    assert not np.array_equal(expected, np.floor(x / scale + 0.5) + 3)
    for constants in ({}, given):
        compare([node], {"x": x, **({} if constants else given)}, ["y"], constants, output_type=TensorProto.INT8)
