"""Removes nodes that return their first input unchanged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tacit.graph import Graph, Node

ALWAYS = frozenset({"Identity", "Dropout"})
WHEN_SAME_SHAPE = frozenset({"Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile"})
WHEN_SINGLE = frozenset({"Concat", "Sum", "Max", "Min", "Mean"})
WIDER = {("float16", "float32"), ("float16", "float64"), ("float32", "float64")}


def remove_identities(graph: Graph) -> Graph:
    """Every reader of such a node's output reads its input instead. Where the output is the graph's, the producer of
    the input takes its name; where that is impossible (input and output of the graph are one), an Identity stays."""
    alias: dict[str, str] = {}
    renamed: dict[str, str] = {}
    kept: list[Node] = []
    for node in graph.nodes:
        node = node.with_inputs(alias.get(name, name) for name in node.inputs)
        source = _unchanged(graph, node, kept)
        if source is None:
            kept.append(node)
            continue
        target = node.outputs[0]
        if target not in graph.outputs:
            alias[target] = source
        elif source in graph.producers and source not in graph.outputs and source not in renamed:
            renamed[source] = target
            alias[target] = source
        else:
            kept.append(
                replace(node, operator="Identity", domain="", inputs=(source,), outputs=(target,), attributes={})
            )
    nodes = [
        node.with_inputs(renamed.get(n, n) for n in node.inputs).with_outputs(renamed.get(n, n) for n in node.outputs)
        for node in kept
    ]
    return graph.rebuild(nodes)


def _unchanged(graph: Graph, node: Node, before: list[Node]) -> str | None:
    """The value that the node's only read output equals, or None."""
    if node.domain or not node.inputs or any(graph.uses(name) for name in node.outputs[1:] if name):
        return None
    source, target = node.inputs[0], node.outputs[0]
    if node.operator in ALWAYS:
        return source
    same_shape = source in graph.values and graph.values[source].shape == graph.values[target].shape
    static = all(not name or graph.constant(name) is not None for name in node.inputs[1:])
    if node.operator in WHEN_SAME_SHAPE and same_shape and static:
        return source
    if node.operator in WHEN_SINGLE and len(node.inputs) == 1:
        return source
    if node.operator == "Cast":
        return _cast(graph, node, before)
    if node.operator == "Transpose":
        order = node.attributes.get("perm")
        return source if order is not None and list(order) == list(range(len(order))) else None
    if node.operator == "Pad" and same_shape:
        pads = graph.constant(node.input(1))
        return source if pads is not None and not np.any(pads) else None
    if node.operator == "Slice" and same_shape:
        steps = graph.constant(node.input(4))
        return source if not node.input(4) or (steps is not None and bool(np.all(steps == 1))) else None
    return _neutral(graph, node) if node.operator in ("Add", "Sub", "Mul", "Div") else None


def _cast(graph: Graph, node: Node, before: list[Node]) -> str | None:
    """A cast to the dtype that the value has already, or back from a wider one."""
    source = node.inputs[0]
    have, want = graph.values[source].dtype, graph.values[node.outputs[0]].dtype
    if have == want:
        return source
    inner = next((n for n in before if n.operator == "Cast" and not n.domain and source in n.outputs), None)
    if inner is not None and graph.values[inner.inputs[0]].dtype == want and (want, have) in WIDER:
        return inner.inputs[0]
    return None


def _neutral(graph: Graph, node: Node) -> str | None:
    """x + 0, x - 0, x * 1, x / 1, and the mirrored sum and product, where no broadcast changes the shape."""
    neutral = 0 if node.operator in ("Add", "Sub") else 1
    candidates = [(0, 1)] if node.operator in ("Sub", "Div") else [(0, 1), (1, 0)]
    for kept, other in candidates:
        array = graph.constant(node.inputs[other])
        same = graph.values[node.inputs[kept]].shape == graph.values[node.outputs[0]].shape
        if same and array is not None and array.size and bool(np.all(array == neutral)):
            return node.inputs[kept]
    return None
