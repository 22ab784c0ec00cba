"""Proves two families of seeded models from 2^14 to 2^24 committed cells, on one thread and on two; writes bench/scaling.json.

python bench/scaling.py [--most LOG2] [--runs N] [--threads 1 2]

cnn(n): four 3x3 convolutions of 8 channels on n x n, a mean and a dense layer, nearly all of whose cells are values. dense(n): four
n-n layers, nearly all of whose cells are weights. `load`: the most tasks that the machine had to do meanwhile (its average over a
minute).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from run import processor, workload  # noqa: E402
from tacit.services.measure import measure  # noqa: E402

RESULTS = Path(__file__).resolve().parent / "scaling.json"
FAMILIES = {"cnn": (8, 16, 32, 64, 128, 256), "dense": (64, 128, 256, 512, 1024, 2048)}
"""Each four times the cells of the one before, the first about 2^14."""
FIRST = 14
KEPT = ("params", "cells", "lookups", "table_rows", "prove_s", "prove_least_s", "prove_cpu_s", "verify_s", "receipt_bytes",
        "peak_rss_bytes", "forecast_s", "stages_s", "onnxruntime_s", "hidden")  # fmt: skip


def point(family: str, size: int, threads: int, runs: int) -> dict:
    """The figures of one model; `committed`: weights, values and multiplicities together."""
    name = f"{family}({size})"
    with tempfile.TemporaryDirectory() as folder:
        path, samples, options = workload(name, Path(folder))
        found = measure(path, samples[:4], runs=runs, threads=threads, **options)
    committed = found["params"] + found["cells"] + found["table_rows"]
    return {"family": family, "name": name, "threads": threads, "committed": committed, **{key: found[key] for key in KEPT}}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--most", type=int, default=24, metavar="LOG2", help="the largest model, as a power of two of cells")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    arguments = parser.parse_args()
    points: list[dict] = []
    load = 0.0
    for place in range((arguments.most - FIRST) // 2 + 1):
        for family, sizes in FAMILIES.items():
            for threads in arguments.threads:
                points.append(point(family, sizes[place], threads, arguments.runs))
                print(json.dumps(points[-1]), flush=True)
                load = max(load, os.getloadavg()[0])
                results = {"processor": processor(), "runs": arguments.runs, "load": round(load, 1), "points": points}
                arguments.output.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
