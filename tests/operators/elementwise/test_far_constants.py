"""Constants beyond what a value can be, and powers of a constant."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, random


@pytest.mark.parametrize("operator", ["Less", "LessOrEqual", "Greater", "GreaterOrEqual", "Equal"])
@pytest.mark.parametrize("level", [3.4e38, -3.4e38, np.inf, -np.inf, 70.0])
def test_a_constant_far_away_is_beyond_every_value(operator, level):
    node = helper.make_node(operator, ["x", "level"], ["y"], "node")
    for shape in ((), (4,)):
        levels = {"level": np.full(shape, level, np.float32)}
        compare([node], {"x": random(1, 3, 4)}, ["y"], levels, output_type=TensorProto.BOOL)


@pytest.mark.parametrize("base", [2.0, 0.5, 10.0])
def test_a_constant_to_a_computed_power(base):
    node = helper.make_node("Pow", ["base", "x"], ["y"], "node")
    compare([node], {"x": random(1, 3, 4)}, ["y"], {"base": np.float32([base])})
