"""Measures workloads of fixed seeds and writes bench/results.json; README's table comes from it.

python bench/run.py [NAME ...] [--runs N] [--openings N] [--receipts small] [--encoded] [--peer ezkl] [--readme]

Without names, those that take seconds. By name, too: resnet50 at 224 x 224, gpt2-16, gpt2-64 and gpt2-512 (random weights in the
shape of GPT-2, so many tokens); NAMExN is a batch of N, such as lenet5x32.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).resolve().parent))
import language  # noqa: E402
import models  # noqa: E402
from tacit.hiding import OPENINGS  # noqa: E402
from tacit.services.measure import measure, with_peer  # noqa: E402

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
README = HERE.parent / "README.md"
DIGITS = HERE.parent / "examples" / "digits"
WORKLOADS = ["digits", "mlp", "mlp4x512", "lenet5", "encoder4", "cifar_cnn", "vgg16"]
CALIBRATION = 16
MARKS = ("<!-- bench:start -->", "<!-- bench:end -->")


def processor() -> str:
    """The processor's name, its family and model, by which those of one name differ, and its widest vectors."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    said: dict[str, str] = {}
    for key, _, value in (line.partition(":") for line in lines):
        said.setdefault(key.strip(), value.strip())
    name, flags = said.get("model name", platform.machine()), said.get("flags", "").split()
    which = f" (family {said['cpu family']}, model {said['model']})" if {"cpu family", "model"} <= said.keys() else ""
    wide = "AVX-512" if "avx512f" in flags else "AVX2" if "avx2" in flags else ""
    return f"{name}{which} {wide}".strip()


def workload(name: str, folder: Path) -> tuple[Path, Any, dict[str, Any]]:
    """A model's file (written into `folder`, unless the repository has it), samples to compile with, and options of `measure`."""
    tokens = re.fullmatch(r"gpt2-(\d+)", name)
    if tokens:
        count = int(tokens[1])
        return language.write(folder / "gpt2"), language.prompts(count), {"shapes": {"tokens": count}}
    if name == "digits":
        images = np.load(DIGITS / "heldout.npz")["images"].reshape(-1, 1, 8, 8).astype(np.float32) / 16
        return DIGITS / "digits.onnx", images[-CALIBRATION:], {"held": images[:-CALIBRATION]}
    path = folder / f"{name}.onnx"
    onnx.save(models.build(name), str(path))
    return path, models.samples(name, 2 if name == "resnet50" else CALIBRATION), {}


def named(name: str, receipts: str, encoded: bool = False) -> str:
    """What the results call a workload whose receipts were asked to be small, or whose encoded weights lay in a file."""
    return name + ("" if receipts == "quick" else f", {receipts} receipts") + (", encoded weights in a file" if encoded else "")


def one(name: str, runs: int, openings: int, receipts: str, peer: str | None, encoded: bool = False) -> dict:
    batch = None if name in models.NAMES else re.fullmatch(r"(.+)x(\d+)", name)
    count = int(batch[2]) if batch else None
    with tempfile.TemporaryDirectory() as folder:
        path, samples, options = workload(batch[1] if batch else name, Path(folder))
        weights = "trained" if name.startswith("digits") else "seeded random"
        measured = measure(path, samples, runs=runs, batch=count, openings=openings, receipts=receipts, encoded=encoded, **options)
        result = {**measured, "model": name, "weights": weights, "runs": runs}
        if peer:
            result["peer"] = with_peer(path, peer)
    return result


def table(results: dict) -> str:
    """README's tables, from the JSON alone: models, batches, small receipts beside quick ones."""
    lines = [
        "| model | weights | prove | verify | receipt | peak memory | × onnxruntime | error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    batches = [
        "",
        "| samples in one proof | prove, each sample | verify | receipt | peak memory | × onnxruntime |",
        "|---|---|---|---|---|---|",
    ]
    small = [
        "",
        "| receipts: quick, small | receipt | prove | verify |",
        "|---|---|---|---|",
    ]
    found = results["models"]
    modes = {r.get("mode", "transparent") for r in found.values()}
    for name, r in found.items():
        if r.get("receipts", "quick") != "quick":
            quick = found.get(name.partition(",")[0])
            small += [compared(quick, r)] if quick else []
            continue
        said = f" ({r.get('mode', 'transparent')})" if len(modes) > 1 else ""
        verify, size = f"{1000 * r['verify_s']:.1f} ms", f"{r['receipt_bytes'] / 1000:.0f} kB"
        memory, overhead = f"{r['peak_rss_bytes'] / 1e9:.2f} GB", f"{r['overhead']:,.0f}"
        if r.get("batch"):
            each, what = f"{1000 * r['prove_s'] / r['batch']:.1f} ms", f"{r['batch']} of {name.rpartition('x')[0]}{said}"
            batches.append(f"| {what} | {each} | {verify} | {size} | {memory} | {overhead} |")
            continue
        lines.append(
            f"| {name}{said} | {r['params']:,} | {r['prove_s']:.3f} s | {verify} | {size} | {memory} | {overhead} | "
            f"{100 * r['relative_error']:.2f} % |"
        )
    lines += batches if len(batches) > 3 else []
    lines += small if len(small) > 3 else []
    machine = f"{results['processor']}, {results['threads']} threads"
    counts = {name: r["runs"] for name, r in found.items()}
    usual = max(counts.values())
    fewer = "".join(f"; {name}: {count}" for name, count in counts.items() if count < usual)
    made = f"`make bench`, large ones `python bench/run.py NAME`; {' or '.join(sorted(modes))}"
    note = f"{machine}, {made}; 128 bits, medians of {usual} proofs{fewer}."
    return "\n".join([*lines, "", note])


def compared(quick: dict, small: dict) -> str:
    """A row: bytes and seconds of one model's receipts, quick ones and small ones."""
    size, prove, verify = (
        ", ".join(form(r[key]) for r in (quick, small))
        for key, form in (
            ("receipt_bytes", lambda b: f"{b / 1000:.0f} kB"),
            ("prove_s", lambda s: f"{s:.3f} s"),
            ("verify_s", lambda s: f"{1000 * s:.1f} ms"),
        )
    )
    return f"| {quick['model']} | {size} | {prove} | {verify} |"


def write_readme(results: dict) -> None:
    text = README.read_text()
    block = f"{MARKS[0]}\n{table(results)}\n{MARKS[1]}"
    README.write_text(re.sub(re.escape(MARKS[0]) + r".*?" + re.escape(MARKS[1]), lambda _: block, text, flags=re.S))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=WORKLOADS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--openings", type=int, default=OPENINGS, help="0: transparent proofs")
    parser.add_argument("--receipts", choices=("quick", "small"), default="quick")
    parser.add_argument("--encoded", action="store_true", help="the encoded weights of large models lie in a file")
    parser.add_argument("--peer", choices=("ezkl",))
    parser.add_argument("--readme", action="store_true", help="only write README's table from results.json")
    arguments = parser.parse_args()
    if not arguments.readme:
        found = json.loads(RESULTS.read_text())["models"] if RESULTS.exists() else {}
        for name in arguments.names:
            kept, encoded = named(name, arguments.receipts, arguments.encoded), arguments.encoded
            found[kept] = one(name, arguments.runs, arguments.openings, arguments.receipts, arguments.peer, encoded)
            print(json.dumps(found[kept]), flush=True)
            ordered = {name: found[name] for name in [*WORKLOADS, *found] if name in found}
            threads = found[kept]["threads"]
            results = {"processor": processor(), "threads": threads, "models": ordered}
            RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_readme(json.loads(RESULTS.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
