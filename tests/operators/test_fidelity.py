"""Whole models: the integer model, proved relations included, stays within 1 % of the largest float output."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from oracle import integers

from tacit.arithmetize import arithmetize
from tacit.execute import execute
from tacit.frontends.onnx import load
from tacit.lower import lower
from tacit.observe import observe, run_float
from tacit.passes import simplify
from tacit.primitives.program import Program
from tacit.quantize import quantize

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))


def compiled(source, samples, widths="standard"):
    graph = simplify(load(source))
    (name,) = graph.inputs
    feeds = [{name: np.asarray(x, np.float32).reshape(graph.values[name].shape)} for x in samples]
    scales = quantize(graph, observe(graph, feeds), widths)
    program, weights = lower(graph, scales)
    replayed = Program.from_json(json.loads(json.dumps(program.to_json())))
    return graph, scales, replayed, weights


def outputs(graph, scales, program, weights, x, check=True):
    """(integer model's first output as float64, onnxruntime's)."""
    (name,) = graph.inputs
    feed = {name: np.asarray(x, np.float32).reshape(graph.values[name].shape)}
    _, _, found = execute(program, weights, integers(graph, scales, feed), check=check)
    output = graph.outputs[0]
    exponent = next(step.arguments["tensor"].exponent for step in program.steps if step.gadget == "output")
    return np.ldexp(found[output].astype(np.float64), -exponent), run_float(graph, feed)[output]


@pytest.mark.parametrize("name", ["mlp", "lenet5"])
def test_seeded_models(name):
    models = pytest.importorskip("models")
    samples = models.samples(name, 8)
    model = compiled(models.build(name), samples[:5])
    for x in samples[5:]:
        got, want = outputs(*model, x)
        assert got.shape == want.shape
        assert np.abs(got - want).max() <= 0.01 * np.abs(want).max()
        assert got.argmax() == want.argmax()


def test_digits():
    folder = ROOT / "examples" / "digits"
    with np.load(folder / "heldout.npz") as archive:
        images, labels = archive["images"].astype(np.float32) / 16, archive["labels"]
    model = compiled(folder / "digits.onnx", images[:20])
    results = [outputs(*model, x, check=i < 3) for i, x in enumerate(images[20:120])]
    errors = [np.abs(got - want).max() / np.abs(want).max() for got, want in results]
    assert max(errors) <= 0.015 and float(np.mean(errors)) <= 0.005
    assert np.mean([got.argmax() == want.argmax() for got, want in results]) >= 0.99
    assert np.mean([got.argmax() == label for (got, _), label in zip(results, labels[20:120])]) >= 0.95


def test_equal_models_give_equal_circuits():
    models = pytest.importorskip("models")
    samples = models.samples("mlp", 2)
    first, second = (arithmetize(*compiled(models.build("mlp"), samples)[2:]) for _ in range(2))
    assert first == second
