"""bfloat16, floats of 8 and 4 bits, integers of 4 and 2: ONNX's cases with every relation checked, inputs in other types."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import tacit
from conformance.assess import attempt
from conformance.collect import collect
from tacit.errors import InputError, UnsupportedOperator
from tacit.numbers.dtypes import dtype_of

CASES = {
    "test_cast_FLOAT_to_UINT4": (),
    "test_cast_FLOAT16_to_INT2": (),
    "test_castlike_INT4_to_FLOAT": (),
    "test_cast_FLOAT4E2M1_to_FLOAT16": (),
    "test_cast_e8m0_FLOAT_to_FLOAT8E8M0": (),
    "test_quantizelinear_uint4": (),
    "test_quantizelinear_e4m3fn": (),
    "test_quantizelinear_e5m2": (1, 2),
    "test_quantizelinear_float4e2m1": (1, 2),
    "test_dequantizelinear_int2": (1, 2),
    "test_dequantizelinear_e4m3fn_zero_point": (),
    "test_einsum_sum_bfloat16": (),
    "test_celu_bfloat16": (),
    "test_unique_bfloat16_sorted_without_axis": (),
}


@pytest.mark.parametrize("name", CASES)
def test_case(name):
    result = attempt(collect()[name], CASES[name], "check")
    assert result.status == "passed", result.reason


def cast(x, to, **attributes):
    """A model of one Cast, compiled with x."""
    node = helper.make_node("Cast", ["x"], ["y"], "node", to=to, **attributes)
    given = helper.make_tensor_value_info("x", helper.np_dtype_to_tensor_dtype(x.dtype), x.shape)
    graph = helper.make_graph([node], "test", [given], [helper.make_tensor_value_info("y", to, x.shape)])
    return tacit.compile(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 25)], ir_version=10), samples=x)


def test_results_have_the_declared_type():
    x = np.float32([[0.5, -3.25, 447, 1000]])
    model = cast(x, TensorProto.FLOAT8E4M3FN)
    receipt = model.prove(x)
    tacit.verify(receipt, model.key)
    (found,) = receipt.outputs
    assert found.dtype == dtype_of("float8_e4m3fn")
    np.testing.assert_array_equal(found.astype(np.float32), [[0.5, -3.25, 448, 448]])


def test_inputs_of_short_types_are_checked():
    x = np.array([[1, -3, 7]]).astype(dtype_of("int4"))
    model = cast(x, TensorProto.FLOAT)
    for given in (x, np.array([[1, -3, 7]])):
        np.testing.assert_array_equal(model.prove(given).outputs[0], [[1, -3, 7]])
    with pytest.raises(InputError, match="outside int4"):
        model.prove(np.array([[1, -3, 8]]))


def test_other_conversions_are_refused():
    with pytest.raises(UnsupportedOperator, match="makes integers float8_e5m2"):
        cast(np.int32([[1, 2]]), TensorProto.FLOAT8E5M2)
    with pytest.raises(UnsupportedOperator, match="rounds powers of two down"):
        cast(np.float32([[1, 2]]), TensorProto.FLOAT8E8M0, round_mode="down")
