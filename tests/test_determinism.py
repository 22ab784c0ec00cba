"""The same model and samples give the same circuit, weights, key and receipt: in other processes, on other numbers of threads,
with other code paths of NumPy and its BLAS; and the tables and circuits that they gave before (digests.json).

Where a change of the compiler is meant to change circuits, `python tests/test_determinism.py` writes the new digests.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tacit.numbers.functions import Function, tabulate
from tacit.numbers.pointwise import STEPS

TESTS = Path(__file__).resolve().parent
DIGESTS = TESTS / "digests.json"
KEPT = {"circuit", "weights", "key"}
"""What digests.json has besides tables; receipts are compared between processes alone."""
PARAMETERS = {
    "affine": (-0.7, 0.3), "celu": (1.3,), "clip": (-1.5, 2.25), "elu": (0.9,), "hard_sigmoid": (0.2, 0.5), "leaky_relu": (0.1,),
    "power": (-0.5,), "power_of_two": (-3.0,), "selu": (1.67, 1.05), "short_float": (3.0, -6.0, 4.0), "shrink": (0.3, 0.7),
    "swish": (1.702,), "thresholded_relu": (0.8,),
}  # fmt: skip
SCRIPT = """
import hashlib, json, os, sys
if sys.argv[1] == "1" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
sys.path[:0] = [sys.argv[2] + "/operators", sys.argv[2] + "/../bench"]
import models, tacit
from cases import CASES
from tacit.circuit.encode import decode
todo = [(name, models.build(name), models.samples(name, 3)) for name in ("mlp", "lenet5")]
for name in ("softmax", "tanh", "hardswish", "layer_normalised", "average_pool_padded", "argmax", "pad_then_conv"):
    case = CASES[name]
    todo.append((name, case.proto(), {key: array[None] for key, array in case.feeds.items()}))
found = {}
for name, source, samples in todo:
    model = tacit.compile(source, samples=samples, openings=0)
    row = samples if isinstance(samples, dict) else {model.declared[0].name: samples}
    receipt = model.prove({key: array[0] for key, array in row.items()})
    parts = {"circuit": model.circuit, "weights": bytes(model.weights), "key": model.key.to_bytes()}
    parts["receipt"] = receipt.to_bytes()
    parts |= {f"table {n}": repr(table).encode() for n, table in enumerate(decode(model.circuit).tables)}
    found[name] = {part: hashlib.sha256(data).hexdigest()[:32] for part, data in parts.items()}
print(json.dumps(found))
"""


def plain_features() -> str:
    """Every extension of this processor's instructions that NumPy can do without."""
    from numpy._core import _multiarray_umath as umath

    return " ".join(name for name in umath.__cpu_dispatch__ if umath.__cpu_features__.get(name))


def compiled(threads: int, seed: int, **more: str) -> dict[str, dict[str, str]]:
    """Digests by model; the process has its own number of threads, processors, hash seed and code paths."""
    names = ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | {name: str(threads) for name in names} | {"PYTHONHASHSEED": str(seed)} | more
    command = [sys.executable, "-c", SCRIPT, str(threads), str(TESTS)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def tabulated() -> dict[str, str]:
    """Digests of the tables of every function."""
    found = {}
    for name in sorted(STEPS):
        function = Function(name, PARAMETERS.get(name, (1.25,) * STEPS[name].parameters))
        table = tabulate(function, -2048, 2047, 8, 10, -(1 << 15), (1 << 15) - 1)
        found[name] = hashlib.sha256(table.astype("<i8").tobytes()).hexdigest()[:32]
    return found


def test_threads_processes_code_paths_and_hash_seeds_do_not_matter():
    first = compiled(1, 1)
    second = compiled(2, 2, NPY_DISABLE_CPU_FEATURES=plain_features(), OPENBLAS_CORETYPE="Prescott")
    assert first == second
    assert len(first) == 9 and len({digests["circuit"] for digests in first.values()}) == 9
    kept = json.loads(DIGESTS.read_text())["models"]
    changed = [f"{name}: {part}" for name in kept for part in kept[name] if first[name].get(part) != kept[name][part]]
    assert not changed, f"{changed[:5]} changed; where that is meant, run python tests/test_determinism.py"


def test_the_tables_of_every_function():
    kept, found = json.loads(DIGESTS.read_text())["functions"], tabulated()
    assert len(kept) > 40
    changed = [name for name in kept if found.get(name) != kept[name]]
    assert not changed, f"the tables of {changed} changed, which they never do"


@pytest.mark.parametrize("name", ["tanh", "exp", "erf"])
def test_tables_do_not_depend_on_the_mathematical_library(name, monkeypatch):
    """An estimate that is off by a few units in the last place, either way, gives the same entries."""
    arguments = (Function(name), -300, 300, 7, 12, -(1 << 15), (1 << 15) - 1)
    expected, step = tabulate(*arguments).copy(), STEPS[name]
    for off in (1 + 2.0**-50, 1 - 2.0**-50):
        asked = []

        def estimate(x, *parameters, off=off, asked=asked):
            asked.append(x)
            return step.estimate(x, *parameters) * off

        monkeypatch.setitem(STEPS, name, replace(step, estimate=estimate))
        tabulate.cache_clear()
        np.testing.assert_array_equal(tabulate(*arguments), expected)
        assert asked
    tabulate.cache_clear()


if __name__ == "__main__":
    models = compiled(2, 0)
    for name, parts in models.items():
        models[name] = {part: digest for part, digest in parts.items() if part in KEPT or part.startswith("table")}
    found = {"functions": tabulated(), "models": models}
    DIGESTS.write_text(json.dumps(found, indent=1) + "\n")
