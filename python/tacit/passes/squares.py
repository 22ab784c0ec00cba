"""Squares over constants of very different sizes, a Gaussian's exponent: the root of the constant goes into the square."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tacit.graph import Graph, Node

SPREAD = 2.0**12
"""Below this ratio of the largest to the smallest constant the squares stay as they are: exact products, never rounded."""


def scale_squares(graph: Graph) -> Graph:
    """x^2 / c = (x / sqrt(c))^2 for a constant c > 0: squares of features in their own units could need more bits than a field
    element has, and the small features would have none left."""
    constants: dict[str, np.ndarray] = {}
    values = dict(graph.values)
    nodes: list[Node] = []
    for node in graph.nodes:
        found = divided_square(graph, node)
        if found is None:
            nodes.append(node)
            continue
        x, divisor = found
        factor, scaled = (graph.fresh(f"{node.name}/{part}") for part in ("root", "scaled"))
        constants[factor] = (1 / np.sqrt(divisor.astype(np.float64))).astype(np.float32)
        values[scaled] = replace(values[node.outputs[0]], name=scaled)
        nodes.append(Node("Mul", "", f"{node.name}/scale", (x, factor), (scaled,), {}))
        nodes.append(Node("Mul", "", f"{node.name}/square", (scaled, scaled), node.outputs, {}))
    return graph.rebuild(nodes, constants, values) if constants else graph


def divided_square(graph: Graph, node: Node) -> tuple[str, np.ndarray] | None:
    """(x, c) where a node computes x^2 / c, c constant and positive, for the only reader of x^2."""
    divisor = graph.constant(node.inputs[1]) if node.kind == "Div" else None
    if divisor is None or divisor.dtype.kind != "f" or divisor.min(initial=1) <= 0:
        return None
    if divisor.max(initial=0) < SPREAD * divisor.min(initial=np.inf):
        return None
    square = graph.producers.get(node.inputs[0])
    if square is None or graph.uses(node.inputs[0]) != 1:
        return None
    if square.kind == "Mul" and square.inputs[0] == square.inputs[1]:
        return square.inputs[0], divisor
    exponent = graph.constant(square.inputs[1]) if square.kind == "Pow" else None
    return (square.inputs[0], divisor) if exponent is not None and exponent.size == 1 and exponent.reshape(-1)[0] == 2 else None
