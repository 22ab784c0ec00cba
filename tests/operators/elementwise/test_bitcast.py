"""BitCast: integers of one width, float32 and its bits; what the field cannot hold is refused."""

import node_cases
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model

from tacit.errors import TacitError, UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import range_of
from tacit.quantize import quantize

WIDE = ("float64_to_int64", "int64_to_float64")
CASES = [case for case in node_cases.of("BitCast", "bitcast") if not case.name.endswith(WIDE)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, tolerance=1e-5)


def cast(x, to, output):
    node = helper.make_node("BitCast", ["x"], ["y"], "node", to=to)
    graph = load(model([node], {"x": x}, ["y"], opset=26, output_type=to))
    scales = quantize(graph, {"x": range_of(x), "y": range_of(output)})
    return evaluate(graph, scales, {"x": x})[0]["y"]


@pytest.mark.parametrize("to, dtype", [(TensorProto.INT32, np.int32), (TensorProto.UINT32, np.uint32)])
def test_bits_of_a_float_are_those_of_the_quantised_number(to, dtype):
    x = np.float32([0.0, 2.0**-7, -(2.0**-7), 0.75, -1.0, 1.0 + 2.0**-7, 3.5, -3.984375])
    np.testing.assert_array_equal(cast(x, to, x.view(dtype)), x.view(dtype))


def test_a_float_of_bits():
    x = np.float32([0.0, 1.0, -1.5, 0.1, -np.pi, 2.0**-12, 1e-20, -1e-40])
    for dtype in (np.int32, np.uint32):
        np.testing.assert_allclose(cast(x.view(dtype), TensorProto.FLOAT, x), x, atol=2.0**-13)


def test_bits_beyond_the_range_are_its_end():
    largest = cast(np.float32([np.inf, -np.inf, 1e30]).view(np.int32), TensorProto.FLOAT, np.float32([1]))
    assert largest[0] == largest[2] == -largest[1] > 8


def test_other_widths_are_refused():
    half = helper.make_node("BitCast", ["x"], ["y"], "node", to=TensorProto.INT16)
    with pytest.raises(UnsupportedOperator, match="reads float16 as int16"):
        compare([half], {"x": np.float16([1])}, ["y"], opset=26, output_type=TensorProto.INT16)
    for case in node_cases.of("BitCast", "bitcast"):
        if case.name.endswith(WIDE):
            with pytest.raises(TacitError):
                node_cases.check(case)
