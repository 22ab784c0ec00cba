"""Attention masks: a score that a mask hides weighs nothing at all, however large scores can be."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from onnx import helper
from oracle import evaluate, integers, model

from tacit.errors import ModelError
from tacit.execute import executed
from tacit.fidelity import noise
from tacit.frontends.onnx import load
from tacit.graph import Choice
from tacit.lower import lower
from tacit.observe import observe
from tacit.operators import SUPPORTED
from tacit.passes import simplify
from tacit.primitives.evaluate import Unsatisfied
from tacit.quantize import quantize

INNER = 8


def attention(reach, samples_of=1.0, signs=1.0):
    """softmax(a b + mask), a [2, 8] and b [8, 2] observed at +- samples_of; the integers that `reach` gives: the hidden score is
    as large as can be, the seen one as small."""
    a, b = np.full((2, INNER), samples_of, np.float32) * np.float32(signs), np.full((INNER, 2), samples_of, np.float32)
    mask = np.array([[0, -4096], [0, 0]], np.float32)
    nodes = [
        helper.make_node("MatMul", ["a", "b"], ["scores"]),
        helper.make_node("Add", ["scores", "mask"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["p"], axis=-1),
    ]
    graph = simplify(load(model(nodes, {"a": a, "b": b}, ["p"], {"mask": mask}), {}, SUPPORTED))
    samples = [{"a": sign * a, "b": b} for sign in (1, -1)]
    scales = quantize(graph, observe(graph, samples), "faithful")
    b = np.concatenate([np.full((INNER, 1), -reach, np.float32), np.full((INNER, 1), reach, np.float32)], axis=1)
    return graph, scales, {"a": np.full((2, INNER), reach, np.float32), "b": b}


def with_choice(graph, scales, sample):
    """The same where the larger weight of every row is chosen."""
    value = replace(graph.values["a"], name="fed", shape=(1, 2), dtype="int64")
    chosen = replace(graph, choice=Choice("p", "fed"), inputs=("a", "b", "fed"), values={**graph.values, "fed": value})
    scales = replace(scales, inputs={**scales.inputs, "fed": replace(scales.inputs["a"], exponent=0, low=0, high=1)})
    return chosen, scales, {**sample, "fed": np.zeros((1, 2), np.int64)}


@pytest.mark.parametrize("observed", [1.0, 14.0, 30.0])
def test_a_hidden_score_weighs_nothing(observed):
    graph, scales, sample = attention(2 * observed, observed)
    found, _ = evaluate(graph, scales, sample)
    np.testing.assert_array_equal(found["p"], [[1, 0], [0, 1]])


def test_how_deep_hidden_scores_are_is_no_error():
    graph, scales, sample = attention(14.0, 14.0)
    lowered = lower(graph, scales)
    builder = executed(lowered.program, lowered.weights, integers(graph, scales, sample))
    assert builder.value(lowered.values["masked"]).min() * 2.0 ** -lowered.values["masked"].exponent < -8000
    assert all(noisy.error < 0.01 for noisy in noise(lowered, builder, graph, sample))


def test_scores_of_too_wide_an_interval_saturate_where_a_choice_follows():
    """Observed scores are 2 / 8 of what the interval allows; the sample has four times the largest ones that it allows."""
    graph, scales, sample = attention(128.0, 60.0, np.array([1, 1, 1, 1, 1, -1, -1, -1], np.float32))
    sample["a"] = np.abs(sample["a"])
    graph, scales, sample = with_choice(graph, scales, sample)
    with pytest.raises(Unsatisfied, match="fed/claim"):
        evaluate(graph, scales, {**sample, "fed": np.array([[1, 1]])})
    evaluate(graph, scales, {**sample, "fed": np.array([[0, 1]])})


def test_scores_that_no_mask_can_hide_are_refused_where_a_choice_follows():
    graph, scales, sample = attention(600.0, 300.0)
    with pytest.raises(ModelError, match="a token might see later ones"):
        evaluate(*with_choice(graph, scales, sample))
