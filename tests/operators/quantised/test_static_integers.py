"""Static quantisation next to halves: integers are those that float32 quotients and products round to."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model

from tacit.frontends.onnx import load
from tacit.observe import observe, run_float
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify
from tacit.quantize import quantize

F, U8, I8 = np.float32, np.uint8, np.int8


@pytest.mark.parametrize("scale, zero", [(F(2) / F(255), 127), (F(0.1), 100), (F(1) / F(255), 0), (F(0.5), 128)])
def test_quotients_of_floats(scale, zero):
    """Pixels that float32 brought to -1 .. 1, and what lies half-way between two integers of this scale."""
    pixels = np.arange(256, dtype=F) / F(127.5) - F(1)
    x = np.concatenate([pixels, (np.arange(-64, 64, dtype=F) + F(0.5)) * F(2**-6)])
    node = helper.make_node("QuantizeLinear", ["x", "s", "z"], ["y"])
    compare([node], {"x": x}, ["y"], {"s": scale, "z": U8(zero)}, output_type=TensorProto.UINT8, widths="standard")


@pytest.mark.parametrize("factor", [0.05, 0.1, 0.3, 1 / 6])
def test_products_of_integers(factor):
    """Every product of a byte and of weights, times a factor whose multiples are often next to a half: fl(a w m), rounded."""
    a, w = np.arange(256, dtype=U8)[:, None], np.arange(-64, 64, 3, dtype=I8)[None]
    constants = {"w": w, "as": F(factor), "ws": F(2**-9), "ys": F(2**-7), "az": U8(128), "wz": I8(0), "yz": U8(131)}
    node = helper.make_node("QLinearMatMul", ["a", "as", "az", "w", "ws", "wz", "ys", "yz"], ["y"])
    source = load(model([node], {"a": a}, ["y"], constants, output_type=TensorProto.UINT8), supported=SUPPORTED)
    graph = simplify(expand(source, EXPANSIONS))
    for widths in ("lean", "faithful"):
        found, _ = evaluate(graph, quantize(graph, observe(graph, [{"a": a}]), widths), {"a": a})
        np.testing.assert_array_equal(found["y"], run_float(source, {"a": a})["y"])
