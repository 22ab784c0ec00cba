"""exp(s - log sum exp s) is a softmax: naive Bayes and other classifiers that compute with logarithms write it so."""

from __future__ import annotations

from dataclasses import replace

from tacit.graph import Graph, Node

RESHAPES = frozenset({"Identity", "Reshape", "Squeeze", "Unsqueeze"})


def join_softmax(graph: Graph) -> Graph:
    """Exp of scores minus the ReduceLogSumExp of the same scores becomes Softmax, before operators are expanded: logarithms are
    wide, and the difference of two rounded ones is coarser than a softmax of exact scores."""
    found = {id(node): scores for node in graph.nodes if (scores := scores_of(graph, node)) is not None}
    if not found:
        return graph
    return graph.rebuild([softmax(node, found[id(node)]) if id(node) in found else node for node in graph.nodes], {})


def softmax(node: Node, scores: str) -> Node:
    return replace(node, operator="Softmax", inputs=(scores,), attributes={"axis": -1})


def scores_of(graph: Graph, node: Node) -> str | None:
    """s, where a node computes exp(s - log sum exp s) over the last axis of s."""
    if node.kind != "Exp" or graph.opset < 13:
        return None
    gap = graph.producers.get(node.inputs[0])
    if gap is None or gap.kind != "Sub":
        return None
    scores, total = gap.inputs
    shape = graph.values[scores].shape
    if graph.values[total].shape != (*shape[:-1], 1) or graph.values[gap.outputs[0]].shape != shape:
        return None
    below = graph.producers.get(total)
    while below is not None and below.kind in RESHAPES:
        below = graph.producers.get(below.inputs[0])
    if below is None or below.kind != "ReduceLogSumExp" or below.inputs[0] != scores:
        return None
    axes = graph.constant(below.inputs[1]) if below.input(1) else below.attributes.get("axes")
    listed = [] if axes is None else [int(axis) % len(shape) for axis in axes]
    return scores if listed == [len(shape) - 1] else None
