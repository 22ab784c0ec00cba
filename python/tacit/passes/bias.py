"""A constant added to (or multiplied into) every channel after a linear node becomes part of its weights."""

from __future__ import annotations

import numpy as np

from tacit.graph import Graph, Node
from tacit.passes.batch_normalization import replaced
from tacit.passes.linear import channels, linear_before, rescaled


def merge_bias(graph: Graph) -> Graph:
    """Conv, ConvTranspose or Gemm followed by Add, Sub or Mul of a constant that has one value per output channel."""
    changed = True
    while changed:
        changed = False
        for node in graph.nodes:
            merged = _merged(graph, node)
            if merged is not None:
                graph, changed = merged, True
                break
    return graph


def _merged(graph: Graph, node: Node) -> Graph | None:
    if node.domain or node.operator not in ("Add", "Sub", "Mul"):
        return None
    for position in (0, 1):
        before = linear_before(graph, node.inputs[position])
        array = graph.constant(node.inputs[1 - position])
        if (
            before is None
            or array is None
            or graph.values[node.outputs[0]].shape != graph.values[before.outputs[0]].shape
        ):
            continue
        each = _per_channel(array, len(graph.values[before.outputs[0]].shape), channels(graph, before))
        if each is None:
            continue
        one, zero = np.ones_like(each), np.zeros_like(each)
        scale, shift = {
            "Add": (one, each),
            "Sub": (one, -each) if position == 0 else (-one, each),
            "Mul": (each, zero),
        }[node.operator]
        merged, constants = rescaled(graph, before, scale, shift)
        return replaced(graph, before, node, merged, constants)
    return None


def _per_channel(array: np.ndarray, rank: int, count: int) -> np.ndarray | None:
    """The constant as float64 [count] when it broadcasts along every axis but the channels', else None."""
    if array.ndim > rank or array.dtype.kind != "f":
        return None
    shape = (1,) * (rank - array.ndim) + array.shape
    if any(length != 1 for axis, length in enumerate(shape) if axis != 1) or shape[1] not in (1, count):
        return None
    return np.broadcast_to(array.reshape(-1).astype(np.float64), (count,)).copy()
