"""Values that are held as finely as float32 holds them: what dynamic quantisation reads, and the scales that come of it.

A quantised integer is another one where its argument is next to a half: of an argument of 16 bits every 250th. One integer more
or less moves everything behind it, so a few of them become many within some layers.
"""

from __future__ import annotations

from tacit.graph import MOVES, Graph, Node

DYNAMIC = "DynamicQuantizeLinear"
CARRYING = MOVES - {"Concat"} | {"MaxPool", "Relu"}
"""Operators whose result is as fine as what they read."""


def finest(graph: Graph) -> set[str]:
    """Names of float values, inputs included, that are read so or scale others so. A value that goes through operators that carry
    it is one of them from the first on, as long as nobody else reads it."""
    found: set[str] = set()
    for node in graph.nodes:
        if node.kind == DYNAMIC:
            found.update(carried(graph, node.inputs[0]))
            found.update(scaled(graph, node.outputs[1]))
    return found


def carried(graph: Graph, name: str) -> list[str]:
    """A value, and those before it that only become it."""
    names = [name]
    while (node := graph.producers.get(name)) is not None and node.kind in CARRYING and graph.values[node.inputs[0]].is_float:
        name = node.inputs[0]
        if graph.uses(name) > 1:
            break
        names.append(name)
    return names


def scaled(graph: Graph, name: str) -> list[str]:
    """A scale, what constants multiply it to, and what both multiply: the products of integers and their sums with constants."""
    names = [name]
    for node in graph.consumers.get(name, ()):
        if node.kind == "Mul" and graph.values[node.outputs[0]].is_float:
            names += [other for other in node.inputs if is_whole(graph, other)]
            names += scaled(graph, node.outputs[0]) if is_factor(graph, node, name) else []
        elif node.kind in ("Reshape", "Unsqueeze", "Squeeze"):
            names += scaled(graph, node.outputs[0])
    return names


def is_factor(graph: Graph, node: Node, name: str) -> bool:
    """Whether a product with a scale is a scale again: nothing but constants is in it."""
    return all(other == name or other in graph.constants for other in node.inputs)


def is_whole(graph: Graph, name: str) -> bool:
    """Whether a value is integers cast to floats."""
    node = graph.producers.get(name)
    return node is not None and node.kind == "Cast" and not graph.values[node.inputs[0]].is_float
