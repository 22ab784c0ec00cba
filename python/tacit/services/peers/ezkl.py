"""EZKL on the same ONNX file: settings, calibration, a locally created structured reference string, setup, prove, verify."""

from __future__ import annotations

import asyncio
import inspect
import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np


def measure(path: Path, samples: dict[str, np.ndarray]) -> dict[str, Any]:
    """Wall seconds of each step, proof and key bytes, peak memory of this process. Its output error is not measured here."""
    import ezkl

    def call(function: Any, *arguments: Any, **named: Any) -> tuple[Any, float]:
        started = time.perf_counter()

        async def wrapped() -> Any:
            result = function(*arguments, **named)
            return await result if inspect.isawaitable(result) else result

        return asyncio.run(wrapped()), time.perf_counter() - started

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = {
            part: str(folder / part)
            for part in ("settings.json", "model.compiled", "srs", "vk", "pk", "witness.json", "proof.json", "input.json")
        }
        data = [array[0].reshape(-1).tolist() for array in samples.values()]
        Path(files["input.json"]).write_text(json.dumps({"input_data": data}))
        call(ezkl.gen_settings, str(path), files["settings.json"])
        _, calibrate_s = call(ezkl.calibrate_settings, files["input.json"], str(path), files["settings.json"], "resources")
        call(ezkl.compile_circuit, str(path), files["model.compiled"], files["settings.json"])
        logrows = json.loads(Path(files["settings.json"]).read_text())["run_args"]["logrows"]
        call(ezkl.gen_srs, files["srs"], logrows)
        _, setup_s = call(ezkl.setup, files["model.compiled"], files["vk"], files["pk"], files["srs"])
        _, witness_s = call(ezkl.gen_witness, files["input.json"], files["model.compiled"], files["witness.json"])
        _, prove_s = call(
            ezkl.prove, files["witness.json"], files["model.compiled"], files["pk"], files["proof.json"], files["srs"]
        )
        valid, verify_s = call(ezkl.verify, files["proof.json"], files["settings.json"], files["vk"], files["srs"])
        return {
            "name": "ezkl",
            "version": getattr(ezkl, "__version__", "unknown"),
            "logrows": logrows,
            "calibrate_s": round(calibrate_s, 3),
            "setup_s": round(setup_s, 3),
            "witness_s": round(witness_s, 3),
            "prove_s": round(prove_s, 3),
            "verify_s": round(verify_s, 4),
            "valid": bool(valid),
            "pk_bytes": Path(files["pk"]).stat().st_size,
            "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
            "proof_bytes": Path(files["proof.json"]).stat().st_size,
        }


if __name__ == "__main__":
    with np.load(sys.argv[2]) as given:
        print(json.dumps(measure(Path(sys.argv[1]), dict(given))))
