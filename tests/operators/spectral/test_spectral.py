"""Fourier transforms and windows: ONNX's node cases as integers; transforms of every form against NumPy."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import evaluate, model, random

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import observe
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify
from tacit.quantize import quantize

TRANSFORMS = node_cases.of("DFT", "dft") + node_cases.of("STFT", "stft")
CONSTANTS = [
    case
    for operator in ("HannWindow", "HammingWindow", "BlackmanWindow", "MelWeightMatrix")
    for case in node_cases.of(operator, operator.lower())
]


@pytest.mark.parametrize("case", TRANSFORMS, ids=lambda case: case.name)
def test_transforms(case):
    node_cases.check(case, (1, 2, 3))


@pytest.mark.parametrize("case", CONSTANTS, ids=lambda case: case.name)
def test_constants(case):
    node_cases.check(case, tuple(range(5)), tolerance=1e-4)


def integers(node, feeds, constants, opset=20):
    source = load(model([node], feeds, ["y"], constants, opset=opset), supported=SUPPORTED)
    graph = simplify(expand(source, EXPANSIONS))
    return evaluate(graph, quantize(graph, observe(graph, [feeds]), "faithful"), feeds)[0]["y"]


def close(found, wanted):
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() <= 2e-3 * np.abs(wanted).max()


@pytest.mark.parametrize("length", [None, 5, 9])
@pytest.mark.parametrize("inverse, onesided, parts", [(0, 0, 1), (0, 0, 2), (0, 1, 1), (1, 0, 2)])
def test_lengths_and_forms(length, inverse, onesided, parts):
    x = random(0, 2, 7, 3, parts)
    node = helper.make_node("DFT", ["x", "n" if length else "", "a"], ["y"], "t", inverse=inverse, onesided=onesided)
    constants = {"a": np.array(1, np.int64)} | ({"n": np.array(length, np.int64)} if length else {})
    values = x[..., 0] + (1j * x[..., 1] if parts == 2 else 0)
    transform = np.fft.rfft if onesided else np.fft.ifft if inverse else np.fft.fft
    wanted = transform(values, n=length, axis=1)
    close(integers(node, {"x": x}, constants), np.stack([wanted.real, wanted.imag], -1))


def test_short_time_transform():
    x, window = random(0, 2, 40, 1), np.hanning(16).astype(np.float32)
    node = helper.make_node("STFT", ["x", "s", "w"], ["y"], "t")
    frames = np.stack([x[:, i : i + 16, 0] for i in range(0, 25, 6)], 1) * window
    wanted = np.fft.rfft(frames)
    close(integers(node, {"x": x}, {"s": np.array(6, np.int64), "w": window}), np.stack([wanted.real, wanted.imag], -1))


def test_a_computed_size_is_refused():
    (case,) = [case for case in CONSTANTS if case.name == "test_melweightmatrix"]
    with pytest.raises(UnsupportedOperator):
        node_cases.check(case)
