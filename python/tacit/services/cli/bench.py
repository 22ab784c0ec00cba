"""tacit bench MODEL: one JSON object of measurements, next to onnxruntime on the same file."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from tacit.errors import InputError, ModelError
from tacit.search import Tolerance
from tacit.services.measure import measure, with_peer


def run(arguments: argparse.Namespace) -> int:
    if arguments.runs < 1:
        raise InputError("--runs must be at least 1.")
    path = Path(arguments.model)
    if not path.exists():
        raise ModelError(f"The model {path} does not exist.")
    result = measure(
        path,
        arguments.samples,
        runs=arguments.runs,
        widths=arguments.widths,
        shapes=dict(arguments.shape),
        tolerance=None if arguments.tolerance is None else Tolerance(**arguments.tolerance),
        held=arguments.held,
        batch=arguments.batch,
        openings=arguments.openings,
        receipts=arguments.receipts,
    )
    if arguments.peer:
        result["peer"] = with_peer(path, arguments.peer)
    print(json.dumps(result, indent=None if arguments.json else 2))
    return 0
