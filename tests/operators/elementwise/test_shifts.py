"""BitShift by computed and by constant counts: ONNX's node cases, wide integers, counts outside the width."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, evaluate, model

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import range_of
from tacit.quantize import quantize

CASES = node_cases.of("BitShift", "bitshift")
TOO_WIDE = "test_bitshift_right_int32_negative_input"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, constant=(1,))
    node_cases.check(case, constant=(1,) if case.name == TOO_WIDE else ())


@pytest.mark.parametrize("dtype", ["int32", "uint32"])
def test_the_widest_integers_wrap(dtype):
    limits, bits = np.iinfo(dtype), 32
    x = np.array([limits.min, limits.max, -1 % 2**bits if dtype == "uint32" else -1, 12345], dtype=dtype)
    counts = np.array([31, 17, 16, 15], dtype=dtype)
    expected = np.array([int(a) << int(k) & 0xFFFFFFFF for a, k in zip(x, counts)], dtype=np.uint32).view(dtype)
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    node = helper.make_node("BitShift", ["x", "k"], ["y"], "node", direction="LEFT")
    for constants in ({}, {"k": counts}):
        feeds = {"x": x} if constants else {"x": x, "k": counts}
        graph = load(model([node], feeds, ["y"], constants, output_type=kind))
        scales = quantize(graph, {name: range_of(array) for name, array in feeds.items()})
        np.testing.assert_array_equal(evaluate(graph, scales, feeds)[0]["y"].astype(dtype), expected)


def test_counts_of_long_integers_that_the_field_cannot_hold_are_refused():
    node = helper.make_node("BitShift", ["x", "k"], ["y"], "node", direction="LEFT")
    kind = helper.np_dtype_to_tensor_dtype(np.dtype("uint64"))
    feeds = {"x": np.uint64([1, 2]), "k": np.uint64([60, 3])}
    with pytest.raises(UnsupportedOperator, match="its count may be 62"):
        compare([node], feeds, ["y"], output_type=kind)
