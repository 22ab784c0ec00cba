"""The same model and samples give the same circuit, weights and key: in other processes, on other numbers of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parent
SCRIPT = """
import hashlib, os, sys
if sys.argv[1] == "1" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
sys.path[:0] = [sys.argv[2] + "/operators", sys.argv[2] + "/../bench"]
import models, tacit
from cases import CASES
todo = [(name, models.build(name), models.samples(name, 3)) for name in ("mlp", "lenet5")]
for name in ("softmax", "tanh", "hardswish", "layer_normalised", "average_pool_padded", "argmax", "pad_then_conv"):
    case = CASES[name]
    todo.append((name, case.proto(), {key: array[None] for key, array in case.feeds.items()}))
for name, source, samples in todo:
    model = tacit.compile(source, samples=samples)
    parts = (model.circuit, bytes(model.weights), model.key.to_bytes())
    print(name, *(hashlib.sha256(part).hexdigest() for part in parts))
"""


def digests(threads: int, seed: int) -> list[str]:
    """One line a model; the process has its own number of threads, processors and hash seed."""
    names = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | {name: str(threads) for name in names} | {"PYTHONHASHSEED": str(seed)}
    command = [sys.executable, "-c", SCRIPT, str(threads), str(TESTS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_threads_processes_and_hash_seeds_do_not_matter():
    first, second = digests(1, 1), digests(2, 2)
    assert len(first) == 9 and len(set(first)) == 9
    assert first == second
