"""The product before a down-projection keeps its small elements beside one that is thousands of times larger."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import helper
from oracle import evaluate, model

from tacit.frontends.onnx import load
from tacit.observe import observe, run_float
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify
from tacit.quantize import quantize

WIDTH, HIDDEN = 24, 48


def gated(moved: bool) -> tuple:
    """x @ gate, x @ up -> their product -> @ down; the product's first channel is 2^12 times the others, its weights as much
    smaller."""
    rng = np.random.default_rng(4)
    shapes = {"gate": (WIDTH, HIDDEN), "up": (WIDTH, HIDDEN), "down": (HIDDEN, WIDTH)}
    weights = {name: rng.standard_normal(shape).astype(np.float32) / 4 for name, shape in shapes.items()}
    weights["gate"][:, 0] *= 64
    weights["up"][:, 0] *= 64
    weights["down"][0] /= 4096
    x = rng.standard_normal((8, WIDTH)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "gate"], ["g"]),
        helper.make_node("MatMul", ["x", "up"], ["u"]),
        helper.make_node("Mul", ["g", "u"], ["p"]),
        helper.make_node("MatMul", ["p" if not moved else "q", "down"], ["y"]),
    ]
    if moved:
        nodes[3:3] = [helper.make_node("Transpose", ["p"], ["t"]), helper.make_node("Transpose", ["t"], ["q"])]
    proto = model(nodes, {"x": x}, ["y"], weights)
    return simplify(expand(load(proto, supported=SUPPORTED), EXPANSIONS)), x


@pytest.mark.parametrize("moved", [False, True])
def test_small_channels_beside_a_large_one(moved):
    graph, x = gated(moved)
    scales = quantize(graph, observe(graph, [{"x": x}]), "faithful")
    found, _ = evaluate(graph, scales, {"x": x})
    expected = run_float(graph, {"x": x})["y"]
    error = np.abs(found["y"] - expected).max() / np.abs(expected).max()
    assert error < 0.01, error
