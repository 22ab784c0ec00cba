"""Operators whose bodies depend on the types of their inputs, some of which are absent."""

from __future__ import annotations

import importlib
import warnings

import numpy as np
import pytest
from onnx import TensorProto, numpy_helper
from onnx.backend.test.case import node as suite

from tacit.frontends.onnx import load
from tacit.graph.evaluate import Evaluator
from tacit.operators import SUPPORTED

NAMES = (
    "test_causal_conv_with_state_with_past_state",
    "test_linear_attention_gated",
    "test_linear_attention_gated_delta_gqa",
    "test_linear_attention_fp16",
)


@pytest.fixture(scope="module")
def cases():
    with warnings.catch_warnings(action="ignore"):
        for file in ("causal_conv_with_state", "linear_attention"):
            importlib.import_module(f"{suite.__name__}.{file}")
    return {case.name: case for case in suite._NodeTestCases}


def array_of(value) -> np.ndarray:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


@pytest.mark.parametrize("name", NAMES)
def test_the_body_stands_for_the_operator(cases, name):
    model, [(given, expected)] = cases[name].model, cases[name].data_sets
    assert "" in model.graph.node[0].input
    graph = load(model, supported=SUPPORTED)
    assert model.graph.node[0].op_type not in {node.operator for node in graph.nodes}
    found = Evaluator(graph).run({i.name: array_of(a) for i, a in zip(model.graph.input, given)})
    for output, want in zip(model.graph.output, map(array_of, expected)):
        tolerance = 1e-2 if want.dtype == np.float16 else 1e-4
        np.testing.assert_allclose(found[output.name], want, rtol=tolerance, atol=tolerance)
