"""Models that are quantised already, as their exporters write them: the integers between their layers are onnxruntime's."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "operators"))
from oracle import evaluate  # noqa: E402

from tacit.execute import executed  # noqa: E402
from tacit.fidelity import integers_of, outputs_of  # noqa: E402
from tacit.frontends.onnx import load  # noqa: E402
from tacit.graph.evaluate import Evaluator  # noqa: E402
from tacit.lower import lower  # noqa: E402
from tacit.observe import observe  # noqa: E402
from tacit.operators import EXPANSIONS, SUPPORTED  # noqa: E402
from tacit.passes import expand, simplify  # noqa: E402
from tacit.quantize import quantize  # noqa: E402

F, I8, U8 = np.float32, np.int8, np.uint8


def quantised(by_channel: bool) -> onnx.ModelProto:
    """QDQ: convolution, Relu, a dense layer; weights and activations of 8 bits, odd scales. The integers before each layer and
    the last ones are outputs."""
    rng = np.random.default_rng(3)
    kernel_scale = rng.uniform(0.003, 0.02, 4).astype(F) if by_channel else F(0.0123)
    constants = {
        "xs": F(0.0173), "xz": U8(121), "cs": F(0.041), "cz": U8(0), "ys": F(0.0917), "yz": U8(133),
        "k": rng.integers(-127, 128, (4, 2, 3, 3)).astype(I8), "ks": kernel_scale,
        "kz": np.zeros(4, I8) if by_channel else I8(0),
        "w": rng.integers(-127, 128, (4 * 36, 5)).astype(I8), "ws": F(0.00277), "wz": I8(0),
        "b": rng.integers(-500, 500, 4).astype(np.int32), "bs": (F(0.0173) * kernel_scale).astype(F),
        "bz": np.zeros(4, np.int32) if by_channel else np.int32(0), "flat": np.array([1, 4 * 36]),
    }  # fmt: skip
    axis = {"axis": 0} if by_channel else {}
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["qx"]),
        helper.make_node("DequantizeLinear", ["qx", "xs", "xz"], ["dx"]),
        helper.make_node("DequantizeLinear", ["k", "ks", "kz"], ["dk"], **axis),
        helper.make_node("DequantizeLinear", ["b", "bs", "bz"], ["db"], **axis),
        helper.make_node("Conv", ["dx", "dk", "db"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "cs", "cz"], ["qc"]),
        helper.make_node("DequantizeLinear", ["qc", "cs", "cz"], ["dc"]),
        helper.make_node("Reshape", ["dc", "flat"], ["f"]),
        helper.make_node("DequantizeLinear", ["w", "ws", "wz"], ["dw"]),
        helper.make_node("MatMul", ["f", "dw"], ["m"]),
        helper.make_node("QuantizeLinear", ["m", "ys", "yz"], ["qy"]),
    ]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 6, 6])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in ("qx", "qc", "qy")]
    graph = helper.make_graph(nodes, "quantised", given, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def quantised_operators(by_channel: bool) -> onnx.ModelProto:
    """QLinearConv and QGemm (transB) as onnxruntime's quantiser writes them: int8, a scale and zero point a tensor or a channel."""
    rng = np.random.default_rng(7)

    def per(count: int) -> tuple[np.ndarray, np.ndarray]:
        return (rng.uniform(0.00004, 0.0003, count).astype(F), np.zeros(count, I8)) if by_channel else (F(0.00012), I8(0))

    (ks, kz), (ws, wz) = per(8), per(400)
    constants = {
        "xs": F(0.0173), "xz": I8(-7), "ys": F(0.0017), "yz": I8(-128), "zs": F(0.00043), "zz": I8(5),
        "k": rng.integers(-127, 128, (8, 2, 3, 3)).astype(I8), "ks": ks, "kz": kz,
        "kb": rng.integers(-500, 500, 8).astype(np.int32), "flat": np.array([1, 8 * 36]),
        "w": rng.integers(-127, 128, (400, 8 * 36)).astype(I8), "ws": ws, "wz": wz,
        "wb": rng.integers(-500, 500, 400).astype(np.int32),
    }  # fmt: skip
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "xs", "xz"], ["qx"]),
        helper.make_node("QLinearConv", ["qx", "xs", "xz", "k", "ks", "kz", "ys", "yz", "kb"], ["qc"], pads=[1] * 4),
        helper.make_node("Reshape", ["qc", "flat"], ["f"]),
        helper.make_node(
            "QGemm", ["f", "ys", "yz", "w", "ws", "wz", "wb", "zs", "zz"], ["qy"], domain="com.microsoft", transB=1
        ),
    ]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 2, 6, 6])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.INT8, None) for name in ("qx", "qc", "qy")]
    graph = helper.make_graph(nodes, "quantised", given, outputs, tensors)
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.microsoft", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)


@pytest.mark.parametrize("by_channel", [False, True])
def test_integers_between_quantised_operators(by_channel):
    """Products with scales keep 20 fraction bits and more before their one rounding: with 16, one of these integers differs."""
    graph = simplify(expand(load(quantised_operators(by_channel), supported=SUPPORTED), EXPANSIONS))
    rows = [{"x": np.random.default_rng(n).normal(0, 1, (1, 2, 6, 6)).astype(F)} for n in range(46, 58)]
    scales = quantize(graph, observe(graph, rows[:4]))
    lowered = lower(graph, scales)
    for row in rows:
        found = outputs_of(executed(lowered.program, lowered.weights, integers_of(scales, row)[0]))
        expected = Evaluator(graph).run(row)
        for name in graph.outputs:
            np.testing.assert_array_equal(found[name], expected[name])


@pytest.mark.parametrize("widths", ["lean", "standard", "faithful"])
@pytest.mark.parametrize("by_channel", [False, True])
def test_integers_between_layers(by_channel, widths):
    graph = simplify(expand(load(quantised(by_channel), supported=SUPPORTED), EXPANSIONS))
    rows = [{"x": np.random.default_rng(n).normal(0, 1, (1, 2, 6, 6)).astype(F)} for n in range(6)]
    scales = quantize(graph, observe(graph, rows[:4]), widths)
    for row in rows:
        found, _ = evaluate(graph, scales, row)
        expected = Evaluator(graph).run(row)
        for name in graph.outputs:
            np.testing.assert_array_equal(found[name], expected[name])
