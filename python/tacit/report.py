"""What `compile` found out: fidelity, costs, bits, sizes. Data that inspect, bench and compile print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Fidelity:
    """One output of the integer model against float32, over all samples."""

    name: str
    max_abs_error: float
    mean_abs_error: float
    largest: float
    cosine: float
    argmax_agreement: float


@dataclass(frozen=True)
class Report:
    """`fidelity` against onnxruntime float32 on the samples; `nodes`: (node, cells, lookups) of each node that has any."""

    parameters: int = 0
    samples: int = 0
    fidelity: tuple[Fidelity, ...] = ()
    nodes: tuple[tuple[str, int, int], ...] = ()
    cells: int = 0
    lookups: int = 0
    table_rows: int = 0
    security: tuple[tuple[str, float], ...] = ()
    bits: float = 0.0

    def text(self) -> str:
        lines = [
            f"parameters {self.parameters:,}   cells {self.cells:,}   lookups {self.lookups:,}   table rows {self.table_rows:,}   "
            f"security {self.bits:.1f} bits"
        ]
        for f in self.fidelity:
            share = 100 * f.max_abs_error / f.largest if f.largest else 0.0
            lines.append(
                f"output {f.name}: max error {f.max_abs_error:.3g} ({share:.2f} % of the largest output), cosine {f.cosine:.7f}, "
                f"same argmax {100 * f.argmax_agreement:.1f} % of {self.samples} samples"
            )
        return "\n".join(lines)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Report:
        values = dict(data)
        values["fidelity"] = tuple(Fidelity(**f) for f in values["fidelity"])
        values["nodes"] = tuple((str(n), int(c), int(l)) for n, c, l in values["nodes"])
        values["security"] = tuple((str(n), float(b)) for n, b in values["security"])
        return cls(**values)


def compare(name: str, expected: Sequence[np.ndarray], found: Sequence[np.ndarray]) -> Fidelity:
    """Errors of `found` against `expected`, sample by sample; argmax along the last axis of each sample."""
    a = np.concatenate([np.asarray(e, dtype=np.float64).reshape(-1) for e in expected])
    b = np.concatenate([np.asarray(f, dtype=np.float64).reshape(-1) for f in found])
    error = np.abs(a - b)
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    rows = [np.mean(_argmax(e) == _argmax(f)) for e, f in zip(expected, found) if e.size]
    return Fidelity(
        name=name,
        max_abs_error=float(error.max(initial=0.0)),
        mean_abs_error=float(error.mean()) if error.size else 0.0,
        largest=float(np.abs(a).max(initial=0.0)),
        cosine=float(a @ b) / norms if norms else 1.0,
        argmax_agreement=float(np.mean(rows)) if rows else 1.0,
    )


def _argmax(x: np.ndarray) -> np.ndarray:
    return np.argmax(np.atleast_1d(x), axis=-1)
