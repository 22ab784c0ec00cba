"""Measures one model end to end: wall and CPU seconds, peak memory, bytes, cells, next to onnxruntime float32 (and a peer)."""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from tacit import api, inputs
from tacit.errors import InputError, ModelError
from tacit.frontends.models import free_inputs, load, opened
from tacit.frontends.onnx_inputs import Shapes
from tacit.graph.export import to_onnx
from tacit.hiding import OPENINGS
from tacit.key import Key
from tacit.numbers.dtypes import dtype_of, kind_of
from tacit.receipt import Receipt
from tacit.search import Tolerance
from tacit.verify import verify

CALIBRATION = 16


def medians(runs: int, work: Callable[[], Any]) -> tuple[float, float, Any]:
    """(median wall seconds, median CPU seconds, last result)."""
    wall, cpu, result = [], [], None
    for _ in range(runs):
        started, used = time.perf_counter(), time.process_time()
        result = work()
        wall.append(time.perf_counter() - started)
        cpu.append(time.process_time() - used)
    return statistics.median(wall), statistics.median(cpu), result


def measure(
    path: Path,
    samples: Any = None,
    runs: int = 5,
    widths: str = "standard",
    shapes: Shapes | None = None,
    tolerance: float | Tolerance | None = None,
    held: Any = None,
    batch: int | None = None,
    threads: int | None = None,
    openings: int = OPENINGS,
    receipts: str = "quick",
    fixed: Mapping[str, Any] | None = None,
    encoded: bool = False,
) -> dict[str, Any]:
    """One JSON-able object; `samples`, `shapes`, `fixed`, `tolerance`, `held`, `batch`, `openings` and `receipts` as in `compile`,
    seeded random samples when None. `threads` are those of the prover and of onnxruntime, all processors when None. `mode` and
    `hidden`
    say what the measured proofs hide. `encoded`: encoded weights lie in a file, as `Model.encode` writes it.

    Proving runs in a process of its own that never imports onnxruntime, so that its peak memory is its own.
    """
    if 0 < openings < runs:
        raise InputError(f"{runs} proofs cannot hide with {openings} openings: ask for fewer runs, or more openings.")
    if samples is None:
        samples = random_samples(path, shapes=shapes)
    threads = threads or os.cpu_count() or 1
    started = time.perf_counter()
    options: dict[str, Any] = {"tolerance": tolerance, "held": held, "batch": batch, "openings": openings, "fixed": fixed}
    options["receipts"] = receipts
    model = api.compile(path, samples, widths=widths, shapes=shapes, **options)
    compile_s = time.perf_counter() - started
    rows = inputs.many(samples, model.declared, model.image)
    float_s = onnxruntime_seconds(path, rows[0], threads, fixed)
    report, fidelity, key_bytes, declared = model.report, model.report.fidelity, model.key.to_bytes(), model.declared
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / "model.tacit")
        del model  # a large one would take the memory that proving needs
        given: dict[str, Any] = rows[0]
        if batch is not None:
            given = {d.name: np.stack([rows[n % len(rows)][d.name] for n in range(batch)]) for d in declared}
        np.savez(Path(folder) / "input.npz", **given)
        proved = _prove_elsewhere(Path(folder), runs, threads, encoded)
        data = (Path(folder) / "out.receipt").read_bytes()
    parse_s, _, receipt = medians(5, lambda: Receipt.from_bytes(data))
    key_parse_s, _, key = medians(5, lambda: Key.from_bytes(key_bytes))
    verify_s, _, _ = medians(9, lambda: verify(receipt, key))
    committed = max(1, report.parameters + report.cells + report.table_rows)
    return {
        "model": path.stem,
        "params": report.parameters,
        "cells": report.cells,
        "lookups": report.lookups,
        "table_rows": report.table_rows,
        "bits": round(report.bits, 2),
        "mode": mode(openings),
        "openings": openings,
        "receipts": receipts,
        "hidden": list(receipt.hidden),
        "widths": widths,
        "batch": batch,
        "threads": threads,
        "compile_s": round(compile_s, 3),
        **proved,
        "verify_s": round(verify_s, 5),
        "parse_s": round(parse_s + key_parse_s, 5),
        "receipt_bytes": len(data),
        "key_bytes": len(key_bytes),
        "onnxruntime_s": float_s,
        "overhead": round(proved["prove_s"] / ((batch or 1) * float_s), 1),
        "peak_bytes_per_cell": round(proved["peak_rss_bytes"] / committed, 1),
        "forecast_peak_bytes": report.peak_memory,
        "forecast_s": round(report.prove_seconds, 4),
        "max_abs_error": max((f.max_abs_error for f in fidelity), default=0.0),
        "relative_error": max((f.max_abs_error / f.largest for f in fidelity if f.largest), default=0.0),
        "argmax_agreement": min((f.argmax_agreement for f in fidelity), default=1.0),
        "fidelity": [asdict(f) for f in fidelity],
        "held": [asdict(f) for f in report.held],
        "noisiest": [asdict(noise) for noise in report.noisiest],
        "dearest": report.dearest,
        "saturated": dict(report.saturated),
        "assignment": report.assignment,
    }


def mode(openings: int) -> str:
    """What tables call proofs by the defaults of `prove`."""
    return f"hiding, {openings:,} openings" if openings else "transparent"


PROVE = """
import json, resource, sys, time
import numpy as np
from pathlib import Path
from tacit.model import Model
folder, runs, encoded = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "encoded"
started = time.perf_counter()
model = Model.load(folder / "model.tacit")
model.prepare()
setup = time.perf_counter() - started
started = time.perf_counter()
path = model.encode() if encoded else None
disk = {} if path is None else {"encode_s": round(time.perf_counter() - started, 2), "encoded_bytes": path.stat().st_size}
inputs = dict(np.load(folder / "input.npz"))
wall, cpu = [], []
for _ in range(runs):
    a, b = time.perf_counter(), time.process_time()
    receipt = model.prove(inputs)
    wall.append(time.perf_counter() - a)
    cpu.append(time.process_time() - b)
receipt.save(folder / "out.receipt")
assert "onnxruntime" not in sys.modules
status = Path("/proc/self/status")  # ru_maxrss also counts the parent's memory before exec
lines = status.read_text().splitlines() if status.exists() else []
peak = 1024 * next((int(l.split()[1]) for l in lines if l.startswith("VmHWM")), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
print(json.dumps({"prove_s": round(np.median(wall), 4), "prove_least_s": round(min(wall), 4),
                  "prove_first_s": round(wall[0], 4),
                  "prove_cpu_s": round(np.median(cpu), 4), "load_and_commit_s": round(setup, 4),
                  "peak_rss_bytes": peak, **disk,
                  "stages_s": {name: round(seconds, 5) for name, seconds in model.stages.items()}}))
"""


def _prove_elsewhere(folder: Path, runs: int, threads: int, encoded: bool) -> dict[str, Any]:
    counts = dict.fromkeys(("RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(threads))
    command = [sys.executable, "-c", PROVE, str(folder), str(runs), "encoded" if encoded else "again"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **counts})
    if done.returncode != 0:
        raise RuntimeError(f"the proving process failed: {done.stderr.strip().splitlines()[-1:]}")
    return json.loads(done.stdout)


def float_session(path: Path, first: dict[str, np.ndarray], threads: int) -> Any:
    """onnxruntime's session of a model; `first`: one sample in the compiled shapes, which a file of weights needs."""
    import onnxruntime

    model: str | bytes = str(path)
    if opened(path) is not None:
        model = to_onnx(load(path, {name: array.shape for name, array in first.items()}, set())).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def onnxruntime_seconds(path: Path, first: dict[str, np.ndarray], threads: int, fixed: Mapping[str, Any] | None = None) -> float:
    """Median seconds of one float32 inference; `first`: one sample in the compiled shapes, without the inputs that are `fixed`."""
    session = float_session(path, first, threads)
    first = {**first, **{name: np.asarray(value) for name, value in (fixed or {}).items()}}
    for _ in range(3):
        session.run(None, first)
    median, _, _ = medians(30, lambda: session.run(None, first))
    return median


def random_samples(path: Path, count: int = CALIBRATION, shapes: Shapes | None = None) -> dict[str, np.ndarray]:
    """Seeded uniform [0, 1] inputs of the declared shapes; symbolic axes are those of `shapes`, or 1.

    Raises InputError for other dtypes.
    """
    generator = np.random.default_rng(0)
    samples = {}
    for declared in free_inputs(path, shapes):
        if kind_of(declared.dtype) != "f":
            raise InputError(f"The input {declared.name!r} has dtype {declared.dtype}: give --samples, random ones mean nothing.")
        shape = [length if length >= 0 else 1 for length in declared.shape]
        batched = [count, *shape[1:]] if declared.batched else [count, *shape]
        samples[declared.name] = generator.random(batched, dtype=np.float32).astype(dtype_of(declared.dtype))
    return samples


def with_peer(path: Path, peer: str) -> dict[str, Any]:
    """The peer's figures on the same file, in this run."""
    if peer != "ezkl":
        raise ModelError(f"The peer {peer!r} is unknown; 'ezkl' is supported.")
    if importlib.util.find_spec("ezkl") is None:
        raise ModelError("The peer ezkl is not installed: pip install ezkl.")
    with tempfile.TemporaryDirectory() as folder:
        arrays = Path(folder) / "samples.npz"
        first: dict[str, Any] = {name: array[:1] for name, array in random_samples(path).items()}
        np.savez(arrays, **first)
        # The peer prints to standard output and keeps its memory: it gets a process of its own.
        command = [sys.executable, "-m", "tacit.services.peers.ezkl", str(path), str(arrays)]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()[-1:] or ["no message"]
        return {"name": "ezkl", "failed": said[0][:300]}
    return json.loads(done.stdout.strip().splitlines()[-1])
