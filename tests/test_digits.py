"""The example: the integer model answers as the float model does, on every held-out digit."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import tacit
from tacit.execute import execute

FOLDER = Path(__file__).resolve().parents[1] / "examples" / "digits"
CALIBRATION = 64
MOST_DIFFERENT = 1
TOLERANCE = 0.01


@pytest.fixture(scope="module")
def answers():
    """(labels, integer model's outputs, onnxruntime's outputs), one row a held-out image."""
    with np.load(FOLDER / "heldout.npz") as archive:
        images, labels = (archive["images"].astype(np.float32) / 16).reshape(-1, 1, 8, 8), archive["labels"]
    model = tacit.compile(FOLDER / "digits.onnx", samples=images[-CALIBRATION:])
    session = onnxruntime.InferenceSession(FOLDER / "digits.onnx", providers=["CPUExecutionProvider"])
    (declared,), found, expected = model.declared, [], []
    for image in images:
        sample = {declared.name: image.reshape(declared.shape)}
        _, public, _ = execute(model.program, model.tensors(), model.integers(sample))
        found += [value.reshape(-1) for signature, value in model.key.public_values(public) if signature.is_output]
        expected.append(session.run(None, sample)[0].reshape(-1))
    return labels, np.array(found), np.array(expected)


def test_almost_every_answer_is_the_float_model_s(answers):
    labels, found, expected = answers
    assert len(labels) == 360
    assert np.count_nonzero(found.argmax(axis=1) != expected.argmax(axis=1)) <= MOST_DIFFERENT


def test_outputs_stay_near_the_float_model_s(answers):
    _, found, expected = answers
    error, largest = np.abs(found - expected).max(axis=1), np.abs(expected).max(axis=1)
    assert error.max() <= TOLERANCE * largest.max()
    assert (error <= TOLERANCE * largest).all()


def test_accuracy_is_kept(answers):
    labels, found, expected = answers
    lost = np.mean(expected.argmax(axis=1) == labels) - np.mean(found.argmax(axis=1) == labels)
    assert lost <= MOST_DIFFERENT / len(labels)
