"""Distances of rows from rows: com.microsoft.CDist, which nearest neighbours export to, and the kernels of support vectors."""

from __future__ import annotations

import numpy as np

from tacit.graph import Node
from tacit.operators.classical.scores import refused
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


def squared_distances(e: Expansion, x: str, rows: np.ndarray | str) -> str:
    """float [N, M]: the sum of (x_i - row_j)^2 over the features, exact sums of products of differences."""
    others = rows if isinstance(rows, str) else e.constant(rows)
    gap = e.op("Sub", e.op("Unsqueeze", x, e.integers(1)), e.op("Unsqueeze", others, e.integers(0)))
    return e.op("ReduceSum", e.op("Mul", gap, gap), e.integers(2), keepdims=0)


@expansion("com.microsoft.CDist")
def distances(e: Expansion, node: Node) -> str:
    metric = str(node.attributes.get("metric", "sqeuclidean"))
    if metric not in ("euclidean", "sqeuclidean"):
        raise refused(node, f"its metric is {metric}; euclidean and sqeuclidean can be proved")
    x, rows = node.inputs
    squares = squared_distances(e, x, rows)
    return squares if metric == "sqeuclidean" else e.op("Sqrt", squares)
