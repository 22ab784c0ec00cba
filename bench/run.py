"""Measures the workloads of docs/design targets and writes bench/results.json; README's table comes from it.

python bench/run.py [NAME ...] [--runs N] [--peer ezkl] [--readme]
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import sys
import tempfile
from pathlib import Path

import onnx

sys.path.insert(0, str(Path(__file__).resolve().parent))
import models  # noqa: E402
from tacit.services.measure import measure, with_peer  # noqa: E402

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
README = HERE.parent / "README.md"
WORKLOADS = ["mlp", "mlp4x512", "lenet5", "cifar_cnn", "vgg16"]
MARKS = ("<!-- bench:start -->", "<!-- bench:end -->")


def processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.machine()
    name = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    wide = "AVX-512" if any("avx512f" in line for line in lines) else "AVX2" if any("avx2" in line for line in lines) else ""
    return f"{name} {wide}".strip()


def one(name: str, runs: int, peer: str | None) -> dict:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.onnx"
        onnx.save(models.build(name), str(path))
        result = measure(path, models.samples(name, 16), runs=runs)
        if peer:
            result["peer"] = with_peer(path, peer)
    return result


def table(results: dict) -> str:
    """README's table, from the JSON alone."""
    lines = [
        "| model | weights | prove | verify | receipt | peak memory | × onnxruntime | error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, r in results["models"].items():
        lines.append(
            f"| {name} | {r['params']:,} | {r['prove_s']:.3f} s | {1000 * r['verify_s']:.1f} ms | "
            f"{r['receipt_bytes'] / 1000:.0f} kB | {r['peak_rss_bytes'] / 1e9:.2f} GB | {r['overhead']:,.0f} | "
            f"{100 * r['relative_error']:.2f} % |"
        )
    machine = f"{results['processor']}, {results['threads']} threads"
    note = f"{machine}, `make bench`; transparent mode, 128 bits, medians of {results['runs']} proofs."
    return "\n".join([*lines, "", note])


def write_readme(results: dict) -> None:
    text = README.read_text()
    block = f"{MARKS[0]}\n{table(results)}\n{MARKS[1]}"
    README.write_text(re.sub(re.escape(MARKS[0]) + r".*?" + re.escape(MARKS[1]), lambda _: block, text, flags=re.S))


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=WORKLOADS)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peer", choices=("ezkl",))
    parser.add_argument("--readme", action="store_true", help="only write README's table from results.json")
    arguments = parser.parse_args()
    if not arguments.readme:
        found = json.loads(RESULTS.read_text())["models"] if RESULTS.exists() else {}
        threads = 0
        for name in arguments.names:
            found[name] = one(name, arguments.runs, arguments.peer)
            threads = found[name]["threads"]
            print(json.dumps(found[name]), flush=True)
        ordered = {name: found[name] for name in [*WORKLOADS, *found] if name in found}
        results = {"processor": processor(), "threads": threads, "runs": arguments.runs, "models": ordered}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    write_readme(json.loads(RESULTS.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
