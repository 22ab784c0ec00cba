"""BatchNormalization after a linear node becomes part of its weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tacit.graph import Graph, Node
from tacit.passes.linear import linear_before, rescaled


def fold_batch_normalization(graph: Graph) -> Graph:
    """gamma * (x - mean) / sqrt(variance + epsilon) + beta is a scale and a shift per channel of the node before."""
    for node in graph.nodes:
        if node.operator != "BatchNormalization" or node.domain:
            continue
        before = linear_before(graph, node.inputs[0])
        parameters = [graph.constant(name) for name in node.inputs[1:5]]
        if before is None or any(array is None for array in parameters):
            continue
        graph = _folded(graph, before, node)
    return graph


def _folded(graph: Graph, before: Node, node: Node) -> Graph:
    gamma, beta, mean, variance = (graph.constants[name].astype(np.float64) for name in node.inputs[1:5])
    scale = gamma / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    merged, constants = rescaled(graph, before, scale, beta - mean * scale)
    return replaced(graph, before, node, merged, constants)


def replaced(graph: Graph, before: Node, node: Node, merged: Node, constants: Mapping[str, np.ndarray]) -> Graph:
    """The graph with `merged` in the place of `before` computing what `node` computed."""
    merged = merged.with_outputs(node.outputs[:1])
    nodes = [merged if other is before else other for other in graph.nodes if other is not node]
    return graph.rebuild(nodes, constants)
