"""Draws bench/scaling.json: time (the least of a model's proofs) against cells and threads, size of a receipt against cells, as a
PNG and an SVG.

pip install 'tacit-zkml[plot]' && python bench/plot.py [--input FILE] [-o bench/scaling]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
COLOURS = {"cnn": "#0072b2", "dense": "#d55e00"}
"""Two that the colour-blind tell apart (Okabe and Ito 2008)."""
LABELS = {"cnn": "convolutions: cells are values", "dense": "dense layers: cells are weights"}
BUSY = 2
"""Times as many tasks as threads: more than the proofs' own."""
Series = dict[str, list[tuple[float, float]]]


def against_cells(points: list[dict[str, Any]], figure: str) -> Series:
    """Of each family (committed cells, figure), at its most threads, in the order of the cells."""
    most = {p["family"]: max(q["threads"] for q in points if q["family"] == p["family"]) for p in points}
    found: Series = defaultdict(list)
    for p in sorted(points, key=lambda p: p["committed"]):
        if p["threads"] == most[p["family"]]:
            found[p["family"]].append((p["committed"], p[figure]))
    return dict(found)


def against_threads(points: list[dict[str, Any]]) -> dict[str, Series]:
    """Of each family, model -> (threads, how many times as fast as on its fewest)."""
    times: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for p in points:
        times[p["family"], p["name"]][p["threads"]] = p["prove_least_s"]
    found: dict[str, Series] = defaultdict(dict)
    for (family, name), seconds in times.items():
        if len(seconds) > 1:
            first = seconds[min(seconds)]
            found[family][name] = [(threads, first / seconds[threads]) for threads in sorted(seconds)]
    return dict(found)


def draw(results: dict[str, Any], target: Path) -> None:
    """Writes target.png and target.svg. Where other work ran beside the proofs, times are processor seconds, and threads are not
    compared."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "tacit", "font.size": 8})
    from matplotlib import pyplot
    from matplotlib.ticker import MaxNLocator

    points = results["points"]
    figure, (time, threads, size) = pyplot.subplots(1, 3, figsize=(10, 3), layout="constrained")
    busy = results["load"] > BUSY * max(p["threads"] for p in points)
    seconds = ("prove_cpu_s", "one proof, processor seconds") if busy else ("prove_least_s", "one proof, s")
    for axes, key, label, unit in ((time, *seconds, 1), (size, "receipt_bytes", "receipt, kB", 1000)):
        for family, series in against_cells(points, key).items():
            xs, ys = zip(*((x, y / unit) for x, y in series))
            axes.plot(xs, ys, "o-", color=COLOURS[family], label=LABELS[family], markersize=3, linewidth=1)
        axes.set_xscale("log", base=2)
        axes.set(xlabel="committed cells", ylabel=label)
    time.set_yscale("log")
    size.set_ylim(bottom=0)
    time.legend(frameon=False)
    if busy:
        said = f"not compared:\nthe machine was busy\n(load {results['load']})"
        threads.text(0.5, 0.6, said, transform=threads.transAxes, ha="right")
    for family, models in ({} if busy else against_threads(points)).items():
        for place, series in enumerate(models.values()):
            xs, ys = zip(*series)
            shade = 0.25 + 0.75 * (place + 1) / len(models)
            threads.plot(xs, ys, "o-", color=COLOURS[family], alpha=shade, markersize=3, linewidth=1)
    most = max(p["threads"] for p in points)
    threads.plot([1, most], [1, most], ":", color="grey", linewidth=1)
    threads.set(xlabel="threads (fainter: smaller models)", ylabel="times as fast as on one")
    threads.xaxis.set_major_locator(MaxNLocator(integer=True))
    for axes in (time, threads, size):
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.2)
    modes = sorted({"hiding" if p["hidden"] else "transparent" for p in points})
    figure.suptitle(f"{results['processor']}, {' and '.join(modes)} proofs, 128 bits", fontsize=8)
    figure.savefig(target.with_suffix(".png"), dpi=110)
    figure.savefig(target.with_suffix(".svg"), metadata={"Date": None})


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--input", type=Path, default=HERE / "scaling.json")
    parser.add_argument("-o", "--output", type=Path, default=HERE / "scaling")
    arguments = parser.parse_args()
    draw(json.loads(arguments.input.read_text()), arguments.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
