"""Rows of a norm are as wide as exact square sums allow, and a wide tensor that a norm reads is rounded to that at once."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import tacit
from tacit.operators.normalisation.rows import LARGEST_SQUARES, widest_of


@pytest.mark.parametrize("length", [1, 2, 3, 64, 384, 768, 4096, 1 << 20])
def test_the_widest_rows_have_exact_square_sums(length):
    bits = widest_of(length)
    assert length * 4 ** (bits - 1) <= LARGEST_SQUARES < length * 4**bits


def test_a_sum_that_a_norm_reads_is_rounded_once():
    """Add of a product is wide; the norm after it neither rounds it again nor splits its remainder of 32 bits into three digits."""
    rows, width = 4, 64
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(width, width)).astype(np.float32), "g": np.ones(width, np.float32)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["p"], name="p"),
        helper.make_node("Add", ["x", "p"], ["s"], name="s"),
        helper.make_node("LayerNormalization", ["s", "g"], ["y"], name="n"),
    ]
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [rows, width])  # noqa: E731
    constants = [helper.make_tensor(n, TensorProto.FLOAT, a.shape, a.reshape(-1)) for n, a in weights.items()]
    graph = helper.make_graph(nodes, "g", [value("x")], [value("y")], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = rng.normal(size=(3, rows, width)).astype(np.float32)
    compiled = tacit.compile(model, x, widths="faithful", openings=0)
    steps = {step.name: step for step in compiled.program.steps}
    assert "s/wide" in steps and not any(name.endswith("/rounded") for name in steps)
    assert steps["y/normalised"].arguments["shift"] <= 32
    receipt = compiled.prove(x[0], hide=())
    tacit.verify(receipt, compiled.key)
    total = x[0] + x[0] @ weights["w"]
    centred = total - total.mean(-1, keepdims=True)
    np.testing.assert_allclose(receipt.outputs[0], centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5), atol=2e-3)
