"""Relu before a quantisation whose zero point is its least integer: saturating there does the same, with one rounding less."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tacit.graph import Graph, Node

KINDS = frozenset({"QuantizeLinear", "com.microsoft.QuantizeLinear"})


def drop_rectified(graph: Graph) -> Graph:
    """saturate(round(max(x, 0) / s) + z) = saturate(round(x / s) + z) where z is the least integer of the type: the quantisation
    reads x itself. The Relu stays for whoever else reads it."""
    nodes: list[Node] = []
    for node in graph.nodes:
        source = rectified_source(graph, node)
        nodes.append(node if source is None else replace(node, inputs=(source, *node.inputs[1:])))
    return graph.rebuild(nodes)


def rectified_source(graph: Graph, node: Node) -> str | None:
    """What the Relu before a quantisation reads, if the quantisation does its work."""
    producer = graph.producers.get(node.inputs[0]) if node.kind in KINDS else None
    if producer is None or producer.kind != "Relu":
        return None
    scale, dtype = graph.constant(node.inputs[1]), np.dtype(graph.values[node.outputs[0]].dtype)
    zero = graph.constant(node.input(2)) if node.input(2) else np.zeros(1, dtype)
    if dtype.kind not in "iu" or scale is None or zero is None or not np.all(scale > 0):
        return None
    return producer.inputs[0] if np.all(zero == np.iinfo(dtype).min) else None
