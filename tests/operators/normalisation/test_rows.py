"""Normalisations: ONNX's node cases, onnxruntime, rows of every size of deviation, patterns as exporters write them."""

import node_cases
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model, random

from tacit.frontends.onnx import load
from tacit.observe import observe
from tacit.quantize import quantize

OPERATORS = {
    "LayerNormalization": "layernormalization", "RMSNormalization": "rmsnormalization", "LRN": "lrn",
    "InstanceNormalization": "instance_normalization", "GroupNormalization": "groupnormalization",
    "LpNormalization": "lpnormalization", "MeanVarianceNormalization": "meanvariancenormalization",
}  # fmt: skip
CASES = [case for operator, file in OPERATORS.items() for case in node_cases.of(operator, file)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)


def node(operator, inputs, **attributes):
    return helper.make_node(operator, inputs.split(), ["y"], "node", **attributes)


@pytest.mark.parametrize("widths, tolerance", [("faithful", 2e-3), ("lean", 2e-2)])
@pytest.mark.parametrize("shape, axis", [((2, 5, 16), -1), ((3, 4, 6), 1), ((2, 1), -1), ((1, 100), -1)])
def test_layer_normalisation_with_constants(shape, axis, widths, tolerance):
    tail = shape[axis:]
    constants = {"s": random(1, *tail) + 1, "b": random(2, *tail)}
    nodes = [node("LayerNormalization", "x s b", axis=axis, epsilon=1e-4)]
    compare(nodes, {"x": random(0, *shape, scale=3.0)}, ["y"], constants, widths=widths, tolerance=tolerance)
    compare([node("LayerNormalization", "x s", axis=axis)], {"x": random(0, *shape) + 5}, ["y"], {"s": constants["s"]})


def test_layer_normalisation_of_an_accumulator():
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Add", ["a", "x"], ["r"])]
    nodes += [node("LayerNormalization", "r s b")]
    constants = {"w": random(1, 32, 32, scale=0.2), "s": random(2, 32), "b": random(3, 32)}
    compare(nodes, {"x": random(0, 6, 32)}, ["y"], constants)


def integer_model(nodes, feeds, constants, seen):
    graph = load(model(nodes, feeds, ["y"], constants))
    scales = quantize(graph, observe(graph, [seen]), "faithful")
    return evaluate(graph, scales, feeds)[0]["y"]


def test_rows_of_every_deviation():
    """The inverse root has an exponent of its own: rows 2^-10 of the calibrated size keep their precision."""
    rows = random(0, 12, 64) * 2.0 ** -np.arange(12)[:, None].astype(np.float32)
    nodes = [node("LayerNormalization", "x s", epsilon=1e-12)]
    found = integer_model(nodes, {"x": rows}, {"s": np.ones(64, np.float32)}, {"x": rows})
    exact = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True)
    steps = 2.0**-13 * np.abs(rows).max() / rows.std(1, keepdims=True)
    assert (np.abs(found - exact) <= 4 * steps + 2e-3).all()


def test_a_constant_row_and_a_row_of_zeros_are_finite():
    rows = np.stack([np.full(8, 3.0), np.zeros(8), np.arange(8.0)]).astype(np.float32)
    nodes = [node("LayerNormalization", "x s", epsilon=1e-5)]
    found = integer_model(nodes, {"x": rows}, {"s": np.ones(8, np.float32)}, {"x": rows})
    assert np.abs(found[:2]).max() < 1e-2 and abs(found[2, 0] + 1.5275) < 1e-2
    nodes = [node("LpNormalization", "x", axis=1, p=2)]
    found = integer_model(nodes, {"x": rows}, {}, {"x": rows[[0, 0, 2]]})
    assert (found[1] == 0).all() and abs(np.square(found[2]).sum() - 1) < 1e-3


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (1, 4, 7), (2, 2, 3, 2, 2)])
def test_instance_normalisation(shape):
    constants = {"s": random(1, shape[1]), "b": random(2, shape[1])}
    compare([node("InstanceNormalization", "x s b")], {"x": random(0, *shape)}, ["y"], constants)


@pytest.mark.parametrize("size", [1, 3, 5])
def test_local_response_normalisation(size):
    nodes = [node("LRN", "x", size=size, alpha=0.5, beta=0.75, bias=1.0)]
    compare(nodes, {"x": random(0, 2, 6, 3, 3)}, ["y"])


@pytest.mark.parametrize("order", [1, 2])
@pytest.mark.parametrize("axis", [0, 1, -1])
def test_lp_normalisation(order, axis):
    compare([node("LpNormalization", "x", axis=axis, p=order)], {"x": random(0, 3, 4, 5)}, ["y"])


def test_layer_normalisation_as_exporters_write_it():
    nodes = [
        helper.make_node("ReduceMean", ["x"], ["m"], axes=[-1]),
        helper.make_node("Sub", ["x", "m"], ["c"]),
        helper.make_node("Pow", ["c", "two"], ["q"]),
        helper.make_node("ReduceMean", ["q"], ["v"], axes=[-1]),
        helper.make_node("Add", ["v", "epsilon"], ["e"]),
        helper.make_node("Sqrt", ["e"], ["d"]),
        helper.make_node("Div", ["c", "d"], ["n"]),
        helper.make_node("Mul", ["n", "s"], ["p"]),
        helper.make_node("Add", ["p", "b"], ["y"]),
    ]
    constants = {"two": np.float32(2), "epsilon": np.float32(1e-5), "s": random(1, 24), "b": random(2, 24)}
    compare(nodes, {"x": random(0, 4, 24)}, ["y"], constants, tolerance=3e-3)


def test_root_mean_square_as_exporters_write_it():
    nodes = [
        helper.make_node("Pow", ["x", "two"], ["q"]),
        helper.make_node("ReduceMean", ["q"], ["v"], axes=[-1]),
        helper.make_node("Add", ["v", "epsilon"], ["e"]),
        helper.make_node("Sqrt", ["e"], ["d"]),
        helper.make_node("Reciprocal", ["d"], ["i"]),
        helper.make_node("Mul", ["x", "i"], ["n"]),
        helper.make_node("Mul", ["s", "n"], ["y"]),
    ]
    constants = {"two": np.float32(2), "epsilon": np.float32(1e-5), "s": random(1, 24)}
    compare(nodes, {"x": random(0, 4, 24)}, ["y"], constants, tolerance=3e-3)


def test_statistics_may_be_outputs():
    nodes = [helper.make_node("LayerNormalization", ["x", "s"], ["y", "m", "d"], "node", axis=-1)]
    compare(nodes, {"x": random(0, 5, 40)}, ["y", "m", "d"], {"s": random(1, 40)}, output_type=TensorProto.FLOAT)
