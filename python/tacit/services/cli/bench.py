"""tacit bench MODEL: one JSON object of measurements, next to onnxruntime on the same file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from tacit import inputs
from tacit.errors import InputError, ModelError
from tacit.services.measure import measure, with_peer


def run(arguments: argparse.Namespace) -> int:
    if arguments.runs < 1:
        raise InputError("--runs must be at least 1.")
    path = Path(arguments.model)
    if not path.is_file():
        raise ModelError(f"The model file {path} does not exist.")
    samples = None
    if arguments.samples is not None:
        loaded = inputs.read(Path(arguments.samples), ())
        samples = loaded if isinstance(loaded, dict) else np.asarray(loaded)
    result = measure(path, samples, runs=arguments.runs, widths=arguments.widths)
    if arguments.peer:
        result["peer"] = with_peer(path, arguments.peer)
    if arguments.json:
        print(json.dumps(result))
    else:
        print(json.dumps(result, indent=2))
    return 0
