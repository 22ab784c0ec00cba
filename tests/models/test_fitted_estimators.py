"""Fitted estimators on real data: every held-out row is answered as the estimator answers it, and a row is proved."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
specification = importlib.util.spec_from_file_location("bench_estimators", ROOT / "bench" / "estimators.py")
assert specification is not None and specification.loader is not None
bench = importlib.util.module_from_spec(specification)
specification.loader.exec_module(bench)


@pytest.mark.slow
@pytest.mark.parametrize("name", bench.MODELS)
def test_held_out_rows_are_answered_alike(name):
    """As onnxruntime answers, or as the estimator does: of two classes with equal probabilities float32 sums take either."""
    for package in ("skl2onnx", *({"xgboost", "lightgbm"} & {name.partition("_")[0]}), "onnxmltools"):
        pytest.importorskip(package, reason=f"{package} is not installed")
    found = bench.measure(name)
    assert min(found["differ"], found["differ_estimator"]) <= found["rows"] // 1000, found
