"""What enters a product keeps its small elements beside one that is hundreds or thousands of times larger."""

from __future__ import annotations

from dataclasses import replace

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
    found, builder = evaluate(graph, scales, {"x": x})
    expected = run_float(graph, {"x": x})["y"]
    error = np.abs(found["y"] - expected).max() / np.abs(expected).max()
    assert error < 0.01, error
    assert not any(name.startswith(("p/", "q/")) for name in builder.columns), "the product of three factors is rounded once"


def test_a_few_large_elements_of_a_sum():
    """x @ a + b -> @ c, one row of 2,048 elements far larger than the others: its own weights are as much smaller."""
    rng = np.random.default_rng(5)
    a = rng.standard_normal((WIDTH, 2048)).astype(np.float32) / 5
    c = rng.standard_normal((2048, 4)).astype(np.float32) / 45
    a[:, 0] *= 4000
    c[0] /= 4000
    x = rng.standard_normal((4, WIDTH)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "a"], ["h"]), helper.make_node("MatMul", ["h", "c"], ["y"])]
    graph = simplify(expand(load(model(nodes, {"x": x}, ["y"], {"a": a, "c": c}), supported=SUPPORTED), EXPANSIONS))
    ranges = observe(graph, [{"x": x}])
    scales = quantize(graph, ranges, "faithful")
    assert scales.outliers == {"h"}
    expected = run_float(graph, {"x": x})["y"]
    errors = []
    for outliers in (scales.outliers, frozenset()):
        found, _ = evaluate(graph, replace(scales, outliers=outliers), {"x": x})
        errors.append(np.abs(found["y"] - expected).max() / np.abs(expected).max())
    assert errors[0] < 0.012 and errors[1] > 3 * errors[0], errors
