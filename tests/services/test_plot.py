"""What bench/plot.py draws of bench/scaling.json; drawing itself needs matplotlib, which nothing else does."""

from __future__ import annotations

import importlib.util
from pathlib import Path

BENCH = Path(__file__).resolve().parents[2] / "bench"
specification = importlib.util.spec_from_file_location("bench_plot", BENCH / "plot.py")
assert specification is not None and specification.loader is not None
plot = importlib.util.module_from_spec(specification)
specification.loader.exec_module(plot)


def point(family, name, threads, committed, seconds, size):
    figures = {"committed": committed, "prove_least_s": seconds, "receipt_bytes": size}
    return {"family": family, "name": name, "threads": threads, **figures}


POINTS = [
    point("cnn", "cnn(16)", 1, 4000, 4.0, 300),
    point("cnn", "cnn(16)", 2, 4000, 2.5, 300),
    point("cnn", "cnn(8)", 2, 1000, 0.5, 200),
    point("dense", "dense(64)", 1, 2000, 1.0, 100),
]


def test_times_and_sizes_at_the_most_threads_in_the_order_of_cells():
    assert plot.against_cells(POINTS, "prove_least_s") == {"cnn": [(1000, 0.5), (4000, 2.5)], "dense": [(2000, 1.0)]}
    assert plot.against_cells(POINTS, "receipt_bytes")["cnn"] == [(1000, 200), (4000, 300)]


def test_threads_are_compared_on_one_model():
    assert plot.against_threads(POINTS) == {"cnn": {"cnn(16)": [(1, 1.0), (2, 1.6)]}}
