"""What widths cost and what they keep: recipe x model x (cells, lookups, table rows, agreement on unseen inputs).

python bench/widths.py [NAME ...] [--held N] [--recipes R ...]    writes bench/widths.json, prints a table for bench/NOTES.md
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import models  # noqa: E402
import real  # noqa: E402
from tacit import api, inputs  # noqa: E402
from tacit.errors import ModelError  # noqa: E402
from tacit.fidelity import Reference  # noqa: E402
from tacit.observe import observe  # noqa: E402
from tacit.operators import EXPANSIONS  # noqa: E402
from tacit.passes import expand, simplify  # noqa: E402
from tacit.quantize import FAITHFUL, LEANEST, MIDDLE, STANDARD, TOY, Width  # noqa: E402
from tacit.report import Report  # noqa: E402

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "widths.json"
DIGITS = HERE.parent / "examples" / "digits"
RECIPES: dict[str, tuple[Width, float | None]] = {
    "10 bits": (LEANEST, None),
    "12 bits (lean)": (TOY, None),
    "14 bits": (MIDDLE, None),
    "16 bits, weights 2^8": (replace(STANDARD, precision=8.0), None),
    "16 bits (standard)": (STANDARD, None),
    "16 bits (faithful)": (FAITHFUL, None),
    "tolerance 1 %": (STANDARD, 0.01),
    "tolerance 0.2 %": (STANDARD, 0.002),
}


@dataclass(frozen=True)
class Workload:
    """A model, inputs to compile with, unseen ones, and the output that is compared (the first one where it is None)."""

    model: Callable[[], Any]
    samples: Callable[[], Any]
    held: Callable[[], Any]
    output: str | None = None


def seeded(name: str) -> Workload:
    return Workload(
        lambda: models.build(name), lambda: models.samples(name, 16), lambda: models.samples(name, 272)[16:]
    )


def digits(part: slice) -> np.ndarray:
    """The example's images that its training never saw."""
    return np.load(DIGITS / "heldout.npz")["images"][part].reshape(-1, 1, 8, 8).astype(np.float32) / 16


def real_model(name: str) -> Workload:
    found = real.MODELS[name]
    return Workload(lambda: found.path, found.samples, found.held, found.output)


WORKLOADS = {
    "digits": Workload(lambda: DIGITS / "digits.onnx", lambda: digits(slice(-64, None)), lambda: digits(slice(0, -64))),
    **{name: seeded(name) for name in ("mlp", "lenet5")},
    **{name: real_model(name) for name in ("magika", "minilm-l3", "ocr-orientation")},
}


def rows_of(workload: Workload, most: int) -> tuple[Any, ...]:
    """The simplified graph, its ranges, and the float model with both kinds of rows."""
    source, rows, declared = api.sampled(workload.model(), workload.samples(), None, None, None)
    graph = simplify(expand(source, EXPANSIONS))
    held = inputs.many(workload.held(), declared)[:most]
    return graph, observe(graph, rows), Reference(api.reference(source, graph), rows, held)


def figures(report: Report, output: str | None) -> dict[str, Any]:
    found = next(f for f in report.held if f.name == (output or report.held[0].name))
    return {
        "cells": report.cells,
        "lookups": report.lookups,
        "table_rows": report.table_rows,
        "price_s": report.price / 1e9,
        "held": report.held_samples,
        "error": found.relative_error,
        "cosine": found.least_cosine,
        "argmax": found.argmax_agreement,
        "assignment": report.assignment,
    }


def measured(name: str, recipes: list[str], most: int) -> dict[str, Any]:
    workload = WORKLOADS[name]
    graph, ranges, against = rows_of(workload, most)
    results = {}
    for recipe in recipes:
        width, tolerance = RECIPES[recipe]
        try:
            _, _, report = api.assigned(graph, ranges, against, api.Fit(width, tolerance, None, False, None, {}))
        except ModelError as error:
            print(f"{name}, {recipe}: {error}", file=sys.stderr)
            continue
        results[recipe] = figures(report, workload.output)
        print(json.dumps({"model": name, "recipe": recipe, **results[recipe]}), flush=True)
    return results


HEAD = ("model", "recipe", "cells", "lookups", "table rows", "price", "same argmax", "least cosine", "largest error")


def table(results: dict[str, Any]) -> str:
    """`price`: seconds of one core for cells, lookups and table rows, by the unit prices that the search compares by."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    for name, recipes in results.items():
        for recipe, f in recipes.items():
            counts = f"{f['cells']:,} | {f['lookups']:,} | {f['table_rows']:,} | {f['price_s']:.3f} s"
            share = f"{100 * f['argmax']:.2f} % of {f['held']}"
            lines.append(f"| {name} | {recipe} | {counts} | {share} | {f['cosine']:.7f} | {100 * f['error']:.3f} % |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--held", type=int, default=256, help="unseen inputs at most")
    parser.add_argument("--recipes", nargs="+", default=list(RECIPES), choices=list(RECIPES))
    arguments = parser.parse_args()
    for name in arguments.names:
        found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
        both = {**found.get(name, {}), **measured(name, arguments.recipes, arguments.held)}
        found[name] = {recipe: both[recipe] for recipe in RECIPES if recipe in both}
        RESULTS.write_text(json.dumps({key: found[key] for key in WORKLOADS if key in found}, indent=1) + "\n")
    print(table(json.loads(RESULTS.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
