"""Missing values on their way from an input to a tree or an imputer: Where(missing, NaN, x), then choices of features."""

from __future__ import annotations

import numpy as np

from tacit.graph import Graph, Node
from tacit.passes.expansion import Expansion


def mask_of(graph: Graph, node: Node) -> str | None:
    """The condition, where a node is Where(condition, NaN, x)."""
    known = graph.constant(node.inputs[1]) if node.kind == "Where" else None
    return node.inputs[0] if known is not None and known.dtype.kind == "f" and np.isnan(known).all() else None


def parts_of(e: Expansion, name: str) -> tuple[str, str] | None:
    """(x, where it is missing) of a value that may be missing; None where it may not, or where it is computed from such values."""
    node = e.graph.producers.get(name)
    if node is None:
        return None
    mask = mask_of(e.graph, node)
    if mask is not None:
        return node.inputs[2], mask
    if node.kind == "Identity":
        return parts_of(e, node.inputs[0])
    if node.kind not in ("Gather", "ai.onnx.ml.ArrayFeatureExtractor") or e.known(node.inputs[1]) is None:
        return None
    below = parts_of(e, node.inputs[0])
    if below is None:
        return None
    axis = int(node.attributes.get("axis", 0)) if node.operator == "Gather" else len(e.shape(node.inputs[0])) - 1
    positions = node.inputs[1] if node.operator == "Gather" else e.op("Reshape", node.inputs[1], e.integers(-1))
    values, missing = (e.op("Gather", part, positions, axis=axis) for part in below)
    return values, missing
