"""Well-known shapes: the integer model stays within 1 % of the largest float output, every relation checked."""

from __future__ import annotations

import json
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import tacit
from tacit.execute import execute
from tacit.primitives.program import Program

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
models = import_module("models")
TOLERANCE = 0.01
CALIBRATION, COUNT = 5, 8


def check(name: str, relations: bool) -> None:
    """Compiles on some seeded samples and compares the others with onnxruntime; the program goes through JSON."""
    source, samples = models.build(name), models.samples(name, COUNT)
    model = tacit.compile(source, samples=samples[:CALIBRATION])
    program = Program.from_json(json.loads(json.dumps(model.program.to_json())))
    session = onnxruntime.InferenceSession(source.SerializeToString(), providers=["CPUExecutionProvider"])
    (declared,), error, largest = model.declared, 0.0, 0.0
    for x in samples[CALIBRATION:]:
        sample = {declared.name: x.reshape(declared.shape)}
        _, public, _ = execute(program, model.tensors(), model.integers(sample), check=relations)
        (got,) = (value for signature, value in model.key.public_values(public) if signature.is_output)
        want = session.run(None, sample)[0]
        assert got.shape == want.shape
        assert got.argmax() == want.argmax()
        error, largest = max(error, float(np.abs(got - want).max())), max(largest, float(np.abs(want).max()))
    assert error <= TOLERANCE * largest, (error, largest)


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
def test_small_models_with_every_relation(name):
    check(name, relations=True)


def test_cifar_cnn():
    check("cifar_cnn", relations=False)


@pytest.mark.slow
def test_vgg16():
    check("vgg16", relations=False)
