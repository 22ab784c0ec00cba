"""ONNX's cases of control flow, sequences and optionals as integer models with every relation checked."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from oracle import evaluate

from tacit.errors import ModelError
from tacit.frontends.onnx import load
from tacit.observe import observe, range_of, runs
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify
from tacit.quantize import quantize

PATH = Path(__file__).resolve().parents[1] / "frontends" / "control_cases.py"
specification = importlib.util.spec_from_file_location("control_cases", PATH)
assert specification is not None and specification.loader is not None
control_cases = importlib.util.module_from_spec(specification)
sys.modules.setdefault("control_cases", control_cases)
specification.loader.exec_module(control_cases)

SIZED_BY_DATA = ("test_range_", "test_sequence_model8")
"""Their results are as long as their inputs say."""
NAMES = [name for name in control_cases.cases() if not name.startswith(SIZED_BY_DATA) or "int32" in name]


@pytest.mark.parametrize("name", NAMES)
def test_integers(name):
    proto, feeds, expected = control_cases.flat(control_cases.cases()[name])
    try:
        source = load(proto, supported=SUPPORTED)
    except ModelError:
        proto, feeds = control_cases.settled(proto, feeds)
        source = load(proto, supported=SUPPORTED)
    graph = simplify(expand(source, EXPANSIONS))
    ranges = {key: range_of(array) for key, array in {**feeds, **expected}.items() if array.size}
    if runs(graph) and feeds:
        ranges |= observe(graph, [feeds])
    found, _ = evaluate(graph, quantize(graph, ranges, "faithful"), feeds)
    for key, array in expected.items():
        if array.dtype.kind == "f":
            assert np.abs(found[key] - array).max(initial=0.0) <= 2e-3 * max(np.abs(array).max(initial=0.0), 1e-3)
        else:
            np.testing.assert_array_equal(found[key], array)
