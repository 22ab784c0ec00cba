"""Features that are scaled one by one before a product: the weights take the scaling over, and the function stays."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.frontends.onnx import load
from tacit.observe import run_float
from tacit.passes import simplify

GENERATOR = np.random.default_rng(3)
ARRAYS = {
    "offset": GENERATOR.uniform(1, 3, 5).astype(np.float32),
    "scale": GENERATOR.uniform(0.5, 2, (1, 5)).astype(np.float32),
    "one": np.float32([2.5]),
    "w": GENERATOR.standard_normal((5, 3)).astype(np.float32),
    "wt": GENERATOR.standard_normal((3, 5)).astype(np.float32),
    "c": GENERATOR.standard_normal(3).astype(np.float32),
    "column": GENERATOR.standard_normal((2, 1)).astype(np.float32),
}


def graph(*nodes, outputs=("y",), rows=1):
    used = {name for node in nodes for name in node.input}
    proto = helper.make_graph(
        list(nodes),
        "scaled",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [rows, 5])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in ARRAYS.items() if name in used],
    )
    return load(helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def step(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs.split(), [output], **attributes)


CHAINS = {
    "standardised": [step("Sub", "x offset", "a"), step("Mul", "a scale", "b"), step("MatMul", "b w", "y")],
    "divided": [step("Sub", "x offset", "a"), step("Div", "a scale", "b"), step("MatMul", "b w", "y")],
    "from a constant": [step("Sub", "offset x", "a"), step("Add", "one a", "b"), step("MatMul", "b w", "y")],
    "Gemm": [step("Mul", "scale x", "a"), step("Gemm", "a wt c", "y", transB=1, alpha=0.5, beta=2.0)],
}


@pytest.mark.parametrize("name", CHAINS)
def test_the_weights_take_the_scaling(name):
    source = graph(*CHAINS[name])
    simple = simplify(source)
    assert {node.operator for node in simple.nodes} <= {"MatMul", "Gemm", "Add"}
    assert all(node.operator in ("MatMul", "Gemm") for node in simple.nodes if "x" in node.inputs)
    x = GENERATOR.standard_normal((1, 5)).astype(np.float32)
    want, got = (run_float(g, {"x": x})["y"] for g in (source, simple))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


KEPT = {
    "read twice": (
        [step("Mul", "x scale", "a"), step("MatMul", "a w", "y"), step("Relu", "a", "z")],
        {"outputs": ("y", "z")},
    ),
    "one number a row": ([step("Mul", "x column", "a"), step("MatMul", "a w", "y")], {"rows": 2}),
    "a reciprocal": ([step("Div", "offset x", "a"), step("MatMul", "a w", "y")], {}),
}


@pytest.mark.parametrize("name", KEPT)
def test_other_scalings_stay(name):
    nodes, options = KEPT[name]
    simple = simplify(graph(*nodes, **options))
    assert {node.operator for node in simple.nodes} & {"Mul", "Div"}
