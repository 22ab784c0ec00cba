"""What hiding costs: proofs that hide beside transparent ones, in turns, in one process. Prints a table, writes bench/modes.json.

python bench/modes.py [NAME ...] [--runs N]

Names are those of bench/run.py and bench/real.py. Beside the default (weights and inputs hidden) stand two transparent proofs: of
the same model with `hide=()`, and of a model compiled for none that hide (`openings=0`), which has other parameters.
"""

from __future__ import annotations

import argparse
import functools
import json
import logging
import os
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
import real  # noqa: E402
from run import processor, workload  # noqa: E402
from tacit import api, inputs  # noqa: E402
from tacit.verify import verify  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "modes.json"
WORKLOADS = ["lenet5", "vgg16", "minilm-l6"]
KINDS: dict[str, dict[str, Any]] = {"hiding": {}, "same model, hide=()": {}, "openings=0": {"openings": 0}}
FIGURES = ("prove_s", "verify_s", "receipt_bytes")
VERIFIED = 5
"""Verifications of each receipt; the least counts."""


def compiled(name: str, folder: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Three models, each with its own commitment to the weights, as a transparent proof ends the hiding of its own; and inputs."""
    known = real.MODELS.get(name)
    if known is None:
        path, samples, options = workload(name, folder)
        options = {key: value for key, value in options.items() if key != "held"}
    else:
        if known.path is None:
            raise FileNotFoundError(f"{known.package} is not installed: pip install -r requirements-models.lock")
        path, samples, options = known.path, known.samples(), {"shapes": known.shapes, "fixed": known.fixed}
    models = {kind: api.compile(path, samples, **more, **options) for kind, more in KINDS.items()}
    first = models["hiding"]
    return models, inputs.many(samples, first.declared, first.image)


def turn(prove: Callable[[], Any], key: Any) -> tuple[float, float, int]:
    """Seconds of a proof, least seconds of a verification, bytes."""
    started = time.perf_counter()
    receipt = prove()
    seconds, checks = time.perf_counter() - started, []
    for _ in range(VERIFIED):
        started = time.perf_counter()
        verify(receipt, key)
        checks.append(time.perf_counter() - started)
    return seconds, min(checks), len(receipt.to_bytes())


def compare(name: str, runs: int) -> dict[str, Any]:
    """Medians of each kind, and the ratios of the hiding one's to the others'."""
    with tempfile.TemporaryDirectory() as folder:
        models, rows = compiled(name, Path(folder))
    found: dict[str, list[tuple[float, float, int]]] = defaultdict(list)
    for n in range(runs + 1):
        given = rows[n % len(rows)]
        for kind, model in models.items():
            prove = functools.partial(model.prove, given, hide=None if kind == "hiding" else ())
            figures = turn(prove, model.key)
            found[kind] += [figures] if n else []  # the first proof prepares what later ones use again
    medians = {kind: dict(zip(FIGURES, map(statistics.median, zip(*turns)))) for kind, turns in found.items()}
    ratios = {kind: {f: round(medians["hiding"][f] / figures[f], 3) for f in FIGURES} for kind, figures in medians.items()}
    return {"medians": medians, "ratios": ratios, "runs": runs}


def row(name: str, figures: dict[str, Any]) -> str:
    hiding = figures["medians"]["hiding"]
    own = f"{hiding['prove_s']:.3f} s, {1000 * hiding['verify_s']:.1f} ms, {hiding['receipt_bytes'] / 1000:.0f} kB"
    others = (", ".join(f"{figures['ratios'][kind][f]:.2f}" for f in FIGURES) for kind in list(KINDS)[1:])
    return f"| {name} | {own} | {' | '.join(others)} |"


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=WORKLOADS)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # each transparent proof of a hiding model says that it is one
    found = json.loads(RESULTS.read_text())["models"] if RESULTS.exists() else {}
    print(f"| prove, verify, receipt | hiding | {' | '.join(f'ratio to {kind}' for kind in list(KINDS)[1:])} |\n|---|---|---|---|")
    for name in arguments.names:
        found[name] = compare(name, arguments.runs)
        print(row(name, found[name]), flush=True)
        results = {"processor": processor(), "threads": os.cpu_count(), "models": dict(sorted(found.items()))}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
