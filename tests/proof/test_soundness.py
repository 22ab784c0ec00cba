"""The bits that the core reports, against an independent calculation."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest

from tacit.circuit.encode import decode

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "vectors"))
import soundness  # noqa: E402


def test_the_core_and_the_script_agree(model):
    terms, total = model.key.core.security()
    sizes = dict(model.key.core.sizes())
    parameters = decode(model.key.core.circuit()).parameters
    assert len(parameters.queries) == len(parameters.folds) + 1
    log_limbs = soundness.bits(sizes["limbs"])
    own = soundness.opening(parameters.log_rows, log_limbs, parameters.folds, parameters.log_inverse_rates, parameters.queries)
    theirs = sorted(bits for name, bits in terms if name.startswith(("oracle", "final")))
    mine = sorted(-math.log2(p) for p in own)
    assert len(mine) == len(theirs)
    for a, b in zip(mine, theirs):
        assert a == pytest.approx(b, abs=1e-6)
    outer = [2.0**-bits for name, bits in terms if not name.startswith(("oracle", "final"))]
    assert len(outer) == 4
    assert soundness.composed(own + outer) == pytest.approx(total, abs=1e-6)
    assert total >= 128


def test_the_tree_is_charged(model):
    circuit = decode(model.key.core.circuit())
    leaves = 0
    for lookup in circuit.lookups:
        total = lookup.components[0]
        leaves += 2 ** sum(soundness.bits(d) for d in total.axes[: total.outputs])
    for table in circuit.tables:
        leaves += sum(2 ** soundness.bits(segment.entries) for segment in table.segments)
    identity, tree = soundness.logup(soundness.bits(leaves), circuit.parameters.log_inverse_rates[0])
    terms = dict(model.key.core.security()[0])
    assert terms["lookup: LogUp identity (N+T)/|K| * L"] == pytest.approx(-math.log2(identity), abs=1e-6)
    assert terms["lookup: tree sum(3i+2)/|K| * L"] == pytest.approx(-math.log2(tree), abs=1e-6)


def test_halving_the_queries_costs_half_the_bits():
    assert soundness.opening(18, 6, [4, 3, 3], [2, 2, 3, 4], [140, 140, 91, 68])
    whole = soundness.composed(soundness.opening(18, 6, [4, 3, 3], [2, 2, 3, 4], [140, 140, 91, 68]))
    half = soundness.composed(soundness.opening(18, 6, [4, 3, 3], [2, 2, 3, 4], [70, 70, 45, 34]))
    assert whole > 128 and 60 < half < 70
