"""Pow: computed exponents of every type, negative bases, zero, integers multiplied out."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, evaluate, model, random

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import range_of
from tacit.quantize import quantize

CASES = node_cases.of("Pow", "pow")
NODE = helper.make_node("Pow", ["x", "y"], ["z"], "node")


def kind_of(dtype):
    return helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)
    node_cases.check(case, constant=(1,))


@pytest.mark.parametrize("constant", [(), ("x",), ("y",)])
def test_floats_broadcast(constant):
    given = {"x": np.abs(random(0, 3, 1, 4)) + 0.1, "y": random(1, 2, 4)}
    kept = {name: given.pop(name) for name in constant}
    compare([NODE], given, ["z"], kept)


def powers(x, y):
    """Of the integer model, in float64 or in integers."""
    graph = load(model([NODE], {"x": x, "y": y}, ["z"], output_type=kind_of(x.dtype)))
    with np.errstate(all="ignore"):
        expected = np.power(x.astype(np.float64), y.astype(np.float64))
    largest = np.abs(expected[np.isfinite(expected)]).max()
    ranges = {"x": range_of(x), "y": range_of(y), "z": range_of(np.float64([largest]))}
    return evaluate(graph, quantize(graph, ranges, "faithful"), {"x": x, "y": y})[0]["z"], expected


def test_exponents_that_are_sums_of_products():
    nodes = [helper.make_node("MatMul", ["v", "w"], ["y"]), NODE]
    feeds = {"x": np.abs(random(0, 3, 5)) + 0.5, "v": random(1, 3, 4)}
    compare(nodes, feeds, ["z"], {"w": random(2, 4, 5, scale=0.5)}, tolerance=5e-3)


def test_large_exponents():
    x, y = np.float32([1, 1, 0.5, 2, 1.0009765625]), np.array([1_000_000, -70_000, 900_000, -1_000_000, 1000])
    found, expected = powers(x, y)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_negative_bases_have_the_sign_of_whole_exponents():
    x, y = (array.reshape(-1).astype(np.float32) for array in np.meshgrid([-2, -1.5, -0.5, 0.5, 2], [-3, -2, -1, 0, 1, 2, 5]))
    found, expected = powers(x, y)
    np.testing.assert_allclose(found, expected, atol=0.02)
    found, expected = powers(x, y.astype(np.int32))
    np.testing.assert_allclose(found, expected, atol=0.02)
    found, _ = powers(np.float32([-2, -2, 2]), np.float32([0.5, 2.5, 0.5]))
    np.testing.assert_allclose(found, [0, 0, 2**0.5], atol=0.001)


def test_zero():
    found, _ = powers(np.float32([0, 0, 0, 1]), np.float32([0, 0.125, 3, -2]))
    np.testing.assert_allclose(found, [1, 0, 0, 1], atol=0.001)
    found, _ = powers(np.float32([0, 1]), np.float32([-1, 4]))
    assert found[0] > 1


@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_integers_are_exact(dtype):
    x = np.array([0, 1, -1, -2, -3, 3], dtype=dtype)
    y = np.array([0, 7, 6, 2, 1, 3], dtype=dtype)
    for exponents in (y, y.astype(np.int64), y.astype(np.float32)):
        found, _ = powers(x, exponents)
        np.testing.assert_array_equal(found, x**y)
    compare([NODE], {"x": x}, ["z"], {"y": y}, output_type=kind_of(dtype))
    compare([NODE], {"x": x}, ["z"], {"y": np.array(5, dtype=dtype)}, output_type=kind_of(dtype))


def test_powers_wrap():
    x, y = np.array([3, 50_000, -7, 2**31 - 1], dtype=np.int32), np.array([40, 7, 61, 2], dtype=np.uint8)
    found, _ = powers(x, y)
    exact = np.array([pow(int(a), int(k), 1 << 32) for a, k in zip(x, y)], dtype=np.uint32).astype(np.int32)
    np.testing.assert_array_equal(found, exact)


def test_negative_exponents_of_integers():
    found, _ = powers(np.array([-1, -1, 1, 2, -3, 3]), np.array([-1, -2, -5, -1, -3, 2]))
    np.testing.assert_array_equal(found, [-1, 1, 1, 0, 0, 9])


def test_fractional_exponents_of_integers_are_rounded_towards_zero():
    x, y = np.array([2, 3, 10, 0, -2, -3, 4]), np.float32([3, 2.5, 1.75, 0.5, 3, 0.5, 0.5])
    found, _ = powers(x, y)
    np.testing.assert_array_equal(found[:6], [8, 15, 56, 0, -8, 0])
    assert found[6] in (1, 2)  # 2 itself, as exact as a logarithm is


def test_powers_that_the_field_cannot_hold_are_refused():
    with pytest.raises(UnsupportedOperator, match="more than 61 bits"):
        powers(np.array([1000, 2]), np.array([2, 40]))
