"""Scores that are all large, of which the largest decides: classes are told apart as float32 tells them."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.execute import executed
from tacit.fidelity import outputs_of

FEATURES, CLASSES = 32, 6
GENERATOR = np.random.default_rng(11)
SAMPLES = GENERATOR.integers(0, 17, (60, FEATURES)).astype(np.float32)
WEIGHTS = (5 + GENERATOR.normal(0, 5e-5, (FEATURES, CLASSES))).astype(np.float32)


def classifier(*nodes, outputs) -> tacit.Model:
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["scores"]), *nodes],
        "classifier",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, FEATURES])],
        outputs,
        [numpy_helper.from_array(WEIGHTS, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return tacit.compile(model, SAMPLES[:20], widths="faithful")


@pytest.mark.parametrize("beside", [False, True])
def test_the_largest_of_close_scores_is_the_float_models(beside):
    """Scores of about 1,300 whose two largest are 0.001 apart; also where probabilities are shown beside the label."""
    label = helper.make_tensor_value_info("label", TensorProto.INT64, [1, 1])
    nodes, outputs = [helper.make_node("ArgMax", ["scores"], ["label"], axis=1)], [label]
    if beside:
        nodes.append(helper.make_node("Softmax", ["scores"], ["shares"], axis=1))
        outputs.append(helper.make_tensor_value_info("shares", TensorProto.FLOAT, [1, CLASSES]))
    model = classifier(*nodes, outputs=outputs)
    exact = SAMPLES.astype(np.float64) @ WEIGHTS.astype(np.float64)
    margins = np.diff(np.sort(exact, axis=1)[:, -2:], axis=1)[:, 0]
    assert exact.min() > 500 and np.median(margins) < 0.002
    seen = margins > np.spacing(np.float32(exact.max()))  # nearer ones are ties of float32
    for row, wanted in zip(SAMPLES[seen], exact[seen].argmax(axis=1)):
        found = outputs_of(executed(model.program, model.tensors(), model.integers({"x": row[None]}), check=True))
        assert found["label"].item() == wanted
