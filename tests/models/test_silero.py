"""Voice activity by silero-vad: frames proved one after the other, the state of each taken out of the receipt before it, against
onnxruntime with a state of its own."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import numpy_helper

import tacit

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from real import packaged  # noqa: E402
from real_inputs import RATE, frames, speech  # noqa: E402

STATE = (2, 1, 128)


def at_one_rate(path: Path) -> onnx.ModelProto:
    """The model with its sampling rate, where it has one, as a constant: one branch is left."""
    model = onnx.load(path)
    kept = [value for value in model.graph.input if value.name != "sr"]
    if len(kept) < len(model.graph.input):
        model.graph.initializer.append(numpy_helper.from_array(np.array(RATE, np.int64), "sr"))
    del model.graph.input[:]
    model.graph.input.extend(kept)
    return model


def floats(model: onnx.ModelProto, inputs: list[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(state before, probability, state after) of each frame."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    state, found = np.zeros(STATE, np.float32), []
    for x in inputs:
        probability, after = session.run(None, {"input": x, "state": state})
        found.append((state, probability, after))
        state = after
    return found


@pytest.mark.slow
@pytest.mark.parametrize("file", ["silero_vad_openvino_16k.onnx", "silero_vad_op18_ifless.onnx", "silero_vad.onnx"])
def test_frames_are_proved_in_a_chain(file):
    """The rate decides between two models; it is fixed here. The state that a receipt shows goes into the next proof."""
    path = packaged("silero_vad", f"data/{file}")
    if path is None:
        pytest.skip("its package is not installed: pip install --no-deps -r requirements-models.lock")
    model = at_one_rate(path)
    seen = frames(speech(0, 1.5))
    samples = {"input": np.stack(seen), "state": np.stack([before for before, _, _ in floats(model, seen)])}
    compiled = tacit.compile(model, samples, widths="faithful", shapes={"input": seen[0].shape, "state": STATE})
    held = frames(speech(1, 1.0))[8:22]
    state, heard = np.zeros(STATE, np.float32), []
    for number, (x, (_, probability, _)) in enumerate(zip(held, floats(model, held))):
        context = f"frame {number}".encode()
        receipt = compiled.prove({"input": x, "state": state}, context=context)
        tacit.verify(type(receipt).from_bytes(receipt.to_bytes()), compiled.key, context=context)
        found, state = receipt.outputs
        heard.append((found.item(), probability.item()))
    ours, theirs = np.array(heard).T
    assert theirs.max() > 0.5 > theirs.min()
    assert np.abs(ours - theirs).max() < 0.02
    np.testing.assert_array_equal(ours > 0.5, theirs > 0.5)
