"""Features of very different magnitudes by the norm of their row, compared with bounds half-way between neighbouring samples."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.execute import executed
from tacit.fidelity import outputs_of

LARGEST = np.array([4000.0, 90.0, 0.004, 0.3])
SAMPLES = (np.random.default_rng(3).uniform(0.5, 1, (24, 4)) * LARGEST * [1, 1, -1, 1]).astype(np.float32)
NORMS = {
    "L1": lambda x: np.abs(x).sum(axis=-1, keepdims=True),
    "L2": lambda x: np.sqrt((x * x).sum(axis=-1, keepdims=True)),
    "MAX": lambda x: x.max(axis=-1, keepdims=True),
}


def normalised(kind: str) -> np.ndarray:
    exact = SAMPLES.astype(np.float64)
    return exact / NORMS[kind](exact)


def pipeline(kind: str, bounds: np.ndarray) -> tacit.Model:
    """Every quotient compared with `bounds` [features, bounds]."""
    nodes = [
        helper.make_node("Normalizer", ["x"], ["n"], domain="ai.onnx.ml", norm=kind),
        helper.make_node("Unsqueeze", ["n", "last"], ["wide"]),
        helper.make_node("LessOrEqual", ["wide", "bounds"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "pipeline",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4])],
        [helper.make_tensor_value_info("y", TensorProto.BOOL, [1, *bounds.shape])],
        [numpy_helper.from_array(bounds, "bounds"), numpy_helper.from_array(np.array([2]), "last")],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return tacit.compile(helper.make_model(graph, opset_imports=opsets, ir_version=9), SAMPLES[:8])


def run(model: tacit.Model, row: np.ndarray):
    return executed(model.program, model.tensors(), model.integers({"x": np.asarray(row, np.float32)[None]}), check=True)


@pytest.mark.parametrize("kind", NORMS)
def test_comparisons_are_those_of_exact_quotients(kind):
    """On every row, 16 of which no scale knows of; one is proved."""
    ordered = np.sort(normalised(kind), axis=0)
    bounds = ((ordered[1:] + ordered[:-1]) / 2).T.astype(np.float32)
    model = pipeline(kind, bounds)
    for row, exact in zip(SAMPLES, normalised(kind)):
        np.testing.assert_array_equal(outputs_of(run(model, row))["y"][0], exact[:, None] <= bounds)
    tacit.verify(model.prove(SAMPLES[0]), model.key)


@pytest.mark.parametrize("kind", NORMS)
def test_every_row_has_a_quotient(kind):
    """Zeros, little of one feature, the ends of the interval, both signs, a largest feature that is negative."""
    model = pipeline(kind, np.zeros((4, 1), np.float32))
    high = float(np.finfo(np.float32).max)
    rows = [[0, 0, 0, 0], [0, 0, 1e-3, 0], [0, -1e-3, 0, 0], [high] * 4, [-high] * 4, [high, -high, 0, 1e-3], [-high, 0, 0, 1e-3]]
    for row in rows:
        found = outputs_of(run(model, row))["y"][0, :, 0]
        if kind != "MAX" or max(row) > 0:
            np.testing.assert_array_equal(found, np.array(row) <= 0, err_msg=str(row))


def test_quotients_beyond_what_was_seen_saturate_and_are_counted():
    model = pipeline("MAX", np.full((4, 1), -1.5, np.float32))
    builder = run(model, [-4000, 1, 0, 0.5])
    assert outputs_of(builder)["y"][0, :, 0].tolist() == [True, False, False, False]
    assert sum(builder.saturated.values()) == 1
    assert not run(model, SAMPLES[-1]).saturated
