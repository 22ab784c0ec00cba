"""Receipts of circuits with lines among their rules: both verifiers accept them, and the integers are those without grids."""

import numpy as np
import onnx
import pytest

import tacit
from reference import verifier as reference
from small_models import dense_model
from tacit.circuit import Line, decode
from tacit.operators import forms, pieces
from tacit.primitives import ranges

SAMPLES = np.random.default_rng(0).standard_normal((4, 60)).astype(np.float32)


def squashed() -> onnx.ModelProto:
    """A dense layer and a sigmoid."""
    model = dense_model((60, 40))
    (before,) = model.graph.output
    model.graph.node.append(onnx.helper.make_node("Sigmoid", [before.name], ["z"]))
    before.name = "z"
    return model


@pytest.mark.parametrize("openings", [0, 20])
def test_numbers_on_a_grid_are_proved(monkeypatch, openings):
    """As if tables cost nothing, and as if there were no other way for forty numbers."""
    plain = tacit.compile(squashed(), SAMPLES, openings=openings)
    monkeypatch.setattr(ranges, "ENTRY", 0)
    monkeypatch.setattr(forms, "choose_form", lambda *_: "wide")
    monkeypatch.setattr(forms, "saturation_form", lambda *_: None)
    monkeypatch.setattr(pieces, "applied", lambda *_: None)
    model = tacit.compile(squashed(), SAMPLES, openings=openings)
    rules = [rule for table in decode(model.circuit).tables for segment in table.segments for rule in segment.rules]
    assert model.program.grids and any(isinstance(rule, Line) for rule in rules)
    for x in (SAMPLES[0], 300 * SAMPLES[1]):
        receipt = model.prove(x, context=b"line")
        tacit.verify(receipt, model.key, context=b"line")
        reference.verify(receipt.to_bytes(), model.key.to_bytes(), b"line")
        np.testing.assert_array_equal(receipt.outputs[0], plain.prove(x).outputs[0])
