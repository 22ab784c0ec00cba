"""Tensors without elements: their shape says all of them, so they are constants."""

from __future__ import annotations

import numpy as np

from tacit.graph import Graph, Node, Value


def fold_no_elements(graph: Graph) -> Graph:
    """The graph without nodes that compute only such tensors, and with constants for the readers of others; Concat joins what is
    left. Inputs and outputs keep their names and shapes."""
    nothing = {name for name, value in graph.values.items() if not value.size}
    if not nothing:
        return graph
    nodes = [node for node in graph.nodes if not nothing.issuperset(filter(None, node.outputs))]
    written = {name for node in nodes for name in node.outputs if name in nothing}
    constant = {name: graph.fresh(f"{name}/nothing") if name in graph.inputs else name for name in nothing}
    unread = {name: graph.fresh(f"{name}/unread") for name in written}
    computed = sorted(nothing - graph.constants.keys())
    kept = [_joined(node, nothing).with_outputs(unread.get(name, name) for name in node.outputs) for node in nodes]
    return graph.rebuild(
        [node.with_inputs(constant.get(name, name) for name in node.inputs) for node in kept],
        {constant[name]: np.zeros(graph.values[name].shape, graph.values[name].dtype) for name in computed},
        {new: Value(new, graph.values[old].shape, graph.values[old].dtype) for old, new in sorted(unread.items())},
    )


def _joined(node: Node, nothing: set[str]) -> Node:
    """A Concat without the operands that have no elements; other nodes as they are."""
    return node.with_inputs(name for name in node.inputs if name not in nothing) if node.kind == "Concat" else node
