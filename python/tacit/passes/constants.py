"""Evaluates what depends on no input: shapes are static, so this includes all shape arithmetic."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.errors import ModelError
from tacit.graph import Graph, Node
from tacit.graph.evaluate import Evaluator

RANDOM = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)


def fold_constants(graph: Graph) -> Graph:
    """The graph with every node that can be evaluated replaced by its value. Nodes that onnxruntime cannot run stay."""
    known = dict(graph.constants)
    for node in graph.nodes:
        array = _shape_of(graph, node)
        if array is not None:
            known[node.outputs[0]] = array
    constant = set(known)
    foldable: list[Node] = []
    for node in graph.nodes:
        if (
            node.outputs[0] not in known
            and node.operator not in RANDOM
            and all(not n or n in constant for n in node.inputs)
        ):
            foldable.append(node)
            constant.update(name for name in node.outputs if name)
    known.update(_evaluated(graph, foldable, known))
    rest = [node for node in graph.nodes if not all(name in known for name in node.outputs if name)]
    return graph.rebuild(rest, {name: array for name, array in known.items() if name not in graph.constants})


def _shape_of(graph: Graph, node: Node) -> np.ndarray | None:
    """Shape and Size of a value, which need no values at all."""
    if node.domain or node.operator not in ("Shape", "Size"):
        return None
    value = graph.values[node.inputs[0]]
    if node.operator == "Size":
        return np.array(value.size, dtype=np.int64)
    start, end = node.attributes.get("start", 0), node.attributes.get("end")
    return np.array(value.shape[start:end], dtype=np.int64)


def _evaluated(graph: Graph, nodes: Sequence[Node], known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    if not nodes:
        return {}
    try:
        return _run(graph, nodes, known)
    except ModelError:
        found: dict[str, np.ndarray] = {}
        for node in nodes:
            if all(not name or name in known or name in found for name in node.inputs):
                try:
                    found.update(_run(graph, [node], known | found))
                except ModelError:
                    continue
        return found


def _run(graph: Graph, nodes: Sequence[Node], known: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The values of nodes whose inputs are all in `known` or computed among them."""
    names = [name for node in nodes for name in node.outputs if name]
    piece = Graph((), graph.values, (), tuple(names), {}, graph.opset).rebuild(nodes, known)
    return Evaluator(piece, names).run({})
