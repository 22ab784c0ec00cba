"""Drops nodes that no output needs."""

from __future__ import annotations

from tacit.graph import Graph
from tacit.graph.padded import RESULTS

WHOLE = ("Split", "TopK", "DynamicQuantizeLinear", *RESULTS)
"""Operators whose outputs are all there, read or not."""


def remove_dead_code(graph: Graph) -> Graph:
    """The graph without nodes whose outputs nothing reads; unread further outputs (masks, indices) become absent."""
    needed = set(graph.outputs)
    kept = []
    for node in reversed(graph.nodes):
        if not needed.intersection(node.outputs):
            continue
        needed.update(node.inputs)
        outputs = [node.outputs[0], *(name if name in needed else "" for name in node.outputs[1:])]
        while len(outputs) > 1 and not outputs[-1]:
            outputs.pop()
        kept.append(node.with_outputs(node.outputs if node.operator in WHOLE else outputs))
    return graph.rebuild(kept[::-1])
