"""What `compile` found out: fidelity, costs, bits, sizes. Data that inspect, bench and compile print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from tacit.numbers.dtypes import kind_of

TOP = 5
CELL, LOOKUP, ROW = 80, 130, 210
"""The prover's price of a cell, a lookup and a table row, in nanoseconds (docs/pipeline.md)."""


@dataclass(frozen=True)
class Fidelity:
    """One output of the integer model against float32, over all samples; rows lie along the last axis.

    `least_cosine`: of the worst sample. `argmax_agreement`: share of rows of one argmax (integer outputs: of equal elements).
    `top5_agreement`: share of the five largest places of a row that both have.
    """

    name: str
    max_abs_error: float
    mean_abs_error: float
    largest: float
    cosine: float
    argmax_agreement: float
    top5_agreement: float = 1.0
    least_cosine: float = 1.0

    @property
    def relative_error(self) -> float:
        """The largest error as a share of the largest output; of an output of zeros the error itself."""
        return self.max_abs_error / self.largest if self.largest else self.max_abs_error

    def text(self, rows: str) -> str:
        return (
            f"output {self.name}, {rows}: max error {self.max_abs_error:.3g} ({100 * self.relative_error:.2f} % of the largest "
            f"output), mean {self.mean_abs_error:.3g}, cosine {self.cosine:.7f} (least {self.least_cosine:.7f}), "
            f"same argmax {100 * self.argmax_agreement:.1f} %, top {TOP} {100 * self.top5_agreement:.1f} %"
        )


@dataclass(frozen=True)
class Noise:
    """A value of the graph in the integer model, on one sample: the root mean square of its error relative to that of the value,
    and the largest such figure of what its node reads."""

    node: str
    error: float
    before: float

    @property
    def added(self) -> float:
        """What the node adds, as if errors were independent."""
        return max(self.error**2 - self.before**2, 0.0) ** 0.5


@dataclass(frozen=True)
class Report:
    """`fidelity` against onnxruntime float32 on the samples, `held` on rows that fixed no scale; `nodes`: (value, cells, lookups)
    of each node that has any, by the value that it computes; `noisiest`: the nodes that add most error, the worst first;
    `saturated`: (node, values that left its range) over all these rows; `peak_memory`, `prove_seconds`: forecasts of one proof, in
    bytes and on two idle threads."""

    parameters: int = 0
    samples: int = 0
    fidelity: tuple[Fidelity, ...] = ()
    nodes: tuple[tuple[str, int, int], ...] = ()
    cells: int = 0
    lookups: int = 0
    table_rows: int = 0
    security: tuple[tuple[str, float], ...] = ()
    bits: float = 0.0
    held_samples: int = 0
    held: tuple[Fidelity, ...] = ()
    noisiest: tuple[Noise, ...] = ()
    saturated: tuple[tuple[str, int], ...] = ()
    calibrated: bool = True
    assignment: str = ""
    peak_memory: int = 0
    prove_seconds: float = 0.0

    @property
    def price(self) -> int:
        """Nanoseconds of one core for cells, lookups and table rows: what assignments of widths are compared by."""
        return self.cells * CELL + self.lookups * LOOKUP + self.table_rows * ROW

    @property
    def dearest(self) -> tuple[str, float] | None:
        """The node that costs most proving, and its share of all cells and lookups."""
        prices = {name: cells * CELL + lookups * LOOKUP for name, cells, lookups in self.nodes}
        if not prices:
            return None
        name = max(prices, key=lambda n: prices[n])
        return name, prices[name] / max(sum(prices.values()), 1)

    def text(self) -> str:
        lines = [
            f"parameters {self.parameters:,}   cells {self.cells:,}   lookups {self.lookups:,}   table rows {self.table_rows:,}   "
            f"security {self.bits:.1f} bits"
        ]
        if not self.calibrated:
            lines.append("compiled without samples: the ranges are typical ones, not this model's; give samples to be faithful")
        kind = "samples" if self.calibrated else "made-up inputs"
        lines += [f.text(f"{self.samples} {kind}") for f in self.fidelity]
        lines += [f.text(f"{self.held_samples} held-out rows") for f in self.held]
        if self.noisiest:
            worst = self.noisiest[0]
            lines.append(
                f"most error: {worst.node}, from {100 * worst.before:.3g} % to {100 * worst.error:.3g} % of its values (rms)"
            )
        if self.dearest is not None:
            lines.append(f"most proving: {self.dearest[0]}, {100 * self.dearest[1]:.1f} % of cells and lookups")
        if self.saturated:
            lines.append(f"saturated: {saturation_text(self.saturated)}")
        if self.assignment:
            lines.append(f"widths: {self.assignment}")
        if self.peak_memory:
            memory = f"{self.peak_memory / 1e9:.2g} GB of memory"
            lines.append(f"a proof: about {memory}, {self.prove_seconds:.2g} s on two idle threads")
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        values = dict(data)
        for name in ("fidelity", "held"):
            values[name] = tuple(Fidelity(**f) for f in values[name])
        values["noisiest"] = tuple(Noise(**n) for n in values["noisiest"])
        values["nodes"] = tuple((str(n), int(c), int(l)) for n, c, l in values["nodes"])
        values["saturated"] = tuple((str(n), int(c)) for n, c in values["saturated"])
        values["security"] = tuple((str(n), float(b)) for n, b in values["security"])
        return cls(**values)


def saturation_text(saturated: Sequence[tuple[str, int]], most: int = 3) -> str:
    """'1,204 values at relu_3, 7 at y'; the largest counts first."""
    ordered = sorted(saturated, key=lambda pair: (-pair[1], pair[0]))
    parts = [f"{count:,} values at {node}" for node, count in ordered[:most]]
    if len(ordered) > most:
        parts.append(f"{sum(count for _, count in ordered[most:]):,} at {len(ordered) - most} other nodes")
    return ", ".join(parts)


def compare(name: str, expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> Fidelity:
    """Errors of `found` against `expected`, sample by sample; rows along the last axis of each sample."""
    pairs = [(np.asarray(e, dtype=np.float64), np.asarray(f, dtype=np.float64)) for e, f in zip(expected, found)]
    a = np.concatenate([e.reshape(-1) for e, _ in pairs] or [np.zeros(0)])
    b = np.concatenate([f.reshape(-1) for _, f in pairs] or [np.zeros(0)])
    error = np.abs(a - b)
    whole = bool(pairs) and kind_of(np.asarray(expected[0]).dtype) in "iub"
    same = [np.mean(e == f) if whole else np.mean(_argmax(e) == _argmax(f)) for e, f in pairs if e.size]
    top = [np.mean(e == f) if whole else common_places(e, f) for e, f in pairs if e.size]
    return Fidelity(
        name=name,
        max_abs_error=float(error.max(initial=0.0)),
        mean_abs_error=float(error.mean()) if error.size else 0.0,
        largest=float(np.abs(a).max(initial=0.0)),
        cosine=cosine(a, b),
        argmax_agreement=float(np.mean(same)) if same else 1.0,
        top5_agreement=float(np.mean(top)) if top else 1.0,
        least_cosine=min((cosine(e.reshape(-1), f.reshape(-1)) for e, f in pairs), default=1.0),
    )


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    """Of two float64 vectors; 1 where both are zero, 0 where one is."""
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else float(not a.any() and not b.any())


def common_places(a: np.ndarray, b: np.ndarray) -> float:
    """The share of the TOP largest places along the last axis that both arrays have; of rows no longer than that, 1."""
    if a.ndim == 0 or a.shape[-1] <= TOP:
        return 1.0
    one, other = (np.argpartition(x, -TOP, axis=-1)[..., -TOP:] for x in (a, b))
    return float(np.mean((one[..., :, None] == other[..., None, :]).any(axis=-1)))


def _argmax(x: np.ndarray) -> np.ndarray:
    return np.argmax(np.atleast_1d(x), axis=-1)
