"""Products of two computed matrices that are scaled, as attention scores are: constant weights take the scale over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tacit.graph import Graph, Node

STILL = {"Flatten", "Identity", "Reshape", "Squeeze", "Transpose", "Unsqueeze"}


def scale_scores(graph: Graph) -> Graph:
    """(q k) c = q' k where q = x W + b, perhaps moved, and q' = x (c W) + c b: a factor that is no power of two would cost the
    rounding of the scores fifteen bits. Only where nothing else reads what is scaled."""
    while (found := next((site for node in graph.nodes if (site := scaled(graph, node)) is not None), None)) is not None:
        graph = moved(graph, *found)
    return graph


def scaled(graph: Graph, node: Node) -> tuple[Node, float, list[Node]] | None:
    """(the scaling, its factor, the product with weights and the sums with constants that take it over)."""
    if node.domain or node.operator not in ("Mul", "Div"):
        return None
    for data, other in ((0, 1), (1, 0)) if node.operator == "Mul" else ((0, 1),):
        number = graph.constant(node.inputs[other])
        if number is None or number.size != 1 or number.dtype != np.float32 or not np.isfinite(number).all() or not number.all():
            continue
        factor = float(number.reshape(-1)[0]) if node.operator == "Mul" else 1 / float(number.reshape(-1)[0])
        name = node.inputs[data]
        if np.frexp(abs(factor))[0] == 0.5 or graph.values[name].shape != graph.values[node.outputs[0]].shape:
            continue
        takers = takers_of(graph, name)
        return None if takers is None else (node, factor, takers)
    return None


def takers_of(graph: Graph, name: str) -> list[Node] | None:
    """The nodes that have to scale their constants for a value to be scaled, if there are such and it has no other reader."""
    takers: list[Node] = []
    products = 0
    while graph.uses(name) == 1:
        node = graph.producers.get(name)
        if node is None or node.domain:
            return None
        if node.operator in STILL:
            name = node.inputs[0]
            continue
        known = [graph.constant(i) is not None for i in node.inputs]
        if node.operator == "Add" and sum(known) == 1:
            takers.append(node)
            name = node.inputs[known.index(False)]
        elif node.operator == "MatMul" and known == [False, True] and is_plain(graph, node.inputs[1]):
            return [*takers, node] if products else None
        elif node.operator == "MatMul" and known == [False, False] and not products and not takers:
            products, name = 1, node.inputs[0]
        else:
            return None
    return None


def is_plain(graph: Graph, name: str) -> bool:
    """Whether weights are floats that have no exact form that a factor would spoil."""
    return name not in graph.blocks and graph.constants[name].dtype == np.float32


def moved(graph: Graph, scaling: Node, factor: float, takers: list[Node]) -> Graph:
    """The graph without the scaling, its constants multiplied where they are."""
    constants: dict[str, np.ndarray] = {}
    changed: dict[str, Node] = {}
    for node in takers:
        place = next(i for i, name in enumerate(node.inputs) if graph.constant(name) is not None)
        fresh = graph.fresh(f"{node.name}/scaled{len(constants)}")
        constants[fresh] = (graph.constants[node.inputs[place]].astype(np.float64) * factor).astype(np.float32)
        changed[node.outputs[0]] = replace(node, inputs=(*node.inputs[:place], fresh, *node.inputs[place + 1 :]))
    last = next(i for i, name in enumerate(scaling.inputs) if graph.constant(name) is None)
    nodes = [
        replace(node, outputs=scaling.outputs) if scaling.inputs[last] in node.outputs else changed.get(node.outputs[0], node)
        for node in graph.nodes
        if node is not scaling
    ]
    return graph.rebuild(nodes, constants)
