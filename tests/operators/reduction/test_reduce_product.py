"""ReduceProd of many factors: a mantissa and an exponent for floats, wrapped integers."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import range_of
from tacit.quantize import quantize

NODE = helper.make_node("ReduceProd", ["x"], ["y"], "node", axes=[1], keepdims=0)


@pytest.mark.parametrize("count", [2, 3, 7, 12, 31])
def test_products_of_floats(count):
    rng = np.random.default_rng(count)
    x = (rng.uniform(0.5, 2, (4, count)) * rng.choice([-1, 1], (4, count))).astype(np.float32)
    compare([NODE], {"x": x}, ["y"], tolerance=5e-3)


def test_a_product_with_a_zero_is_zero():
    x = np.full((3, 9), 1.5, np.float32)
    x[0, 4] = x[2, 8] = 0
    compare([NODE], {"x": x}, ["y"])


def test_powers_of_two_far_apart_are_exact():
    x = np.float32([[2.0**-6, 8, 1, -0.25, 16, 2, 0.5, 4], [-2] * 8])
    compare([NODE], {"x": x}, ["y"], tolerance=0.0)


def test_products_beyond_what_was_seen_end_at_a_largest_one():
    graph = load(model([NODE], {"x": np.ones((2, 9), np.float32)}, ["y"]))
    scales = quantize(graph, {"x": range_of(np.float32([8])), "y": range_of(np.float32([2]))}, "faithful")
    found = evaluate(graph, scales, {"x": np.float32([[8] * 9, [-8] * 9])})[0]["y"]
    assert found[0] == -found[1] > 2


def products(x):
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    graph = load(model([NODE], {"x": x}, ["y"], output_type=kind))
    return evaluate(graph, quantize(graph, {"x": range_of(x)}), {"x": x})[0]["y"]


def test_products_of_integers_wrap():
    x = np.random.default_rng(0).integers(-(2**31), 2**31, (3, 6)).astype(np.int32)
    np.testing.assert_array_equal(products(x), x.prod(1, dtype=np.int32))
    with pytest.raises(UnsupportedOperator, match="9 factors needs more than 60 bits"):
        products(np.full((2, 9), 1000))


def test_a_product_of_too_many_factors_is_refused():
    x = np.ones((2, 1100), np.float32)
    with pytest.raises(UnsupportedOperator, match="1100 factors"):
        compare([NODE], {"x": x}, ["y"], output_type=TensorProto.FLOAT)
