"""Features that are scaled and shifted one by one before a product with constant weights: the weights take it over."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tacit.graph import Graph, Node

STEPS = {"Add", "Sub", "Mul", "Div"}


def fold_scaling(graph: Graph) -> Graph:
    """((x - o) s) W = x (s W) - o s W, so that scaled features are never rounded. Only where the product is their one reader
    and x has one row a sample."""
    constants: dict[str, np.ndarray] = {}
    values = dict(graph.values)
    nodes: list[Node] = []
    for node in graph.nodes:
        found = scaled_input(graph, node)
        if found is None:
            nodes.append(node)
            continue
        name, scale, shift = found
        weights = graph.constants[node.inputs[1]].astype(np.float64)
        turned = weights.T if node.attributes.get("transB", 0) else weights
        moved = scale[:, None] * turned
        factor = float(node.attributes.get("alpha", 1.0)) if node.operator == "Gemm" else 1.0
        fresh, bias, product = (graph.fresh(f"{node.name}/{part}") for part in ("scaled_weight", "moved_bias", "scaled"))
        constants[fresh] = (moved.T if node.attributes.get("transB", 0) else moved).astype(np.float32)
        constants[bias] = (factor * (shift @ turned)).astype(np.float32)
        values[product] = replace(values[node.outputs[0]], name=product)
        nodes.append(replace(node, inputs=(name, fresh, *node.inputs[2:]), outputs=(product,)))
        nodes.append(Node("Add", "", f"{node.name}/moved", (product, bias), node.outputs, {}))
    return graph.rebuild(nodes, constants, values) if constants else graph


def scaled_input(graph: Graph, node: Node) -> tuple[str, np.ndarray, np.ndarray] | None:
    """(x, s, b) of float64 [features] when a product with a constant matrix reads s x + b, made by steps with constants."""
    if node.domain or node.operator not in ("MatMul", "Gemm") or node.attributes.get("transA", 0):
        return None
    weights = graph.constant(node.inputs[1])
    name, shape = node.inputs[0], graph.values[node.inputs[0]].shape
    if weights is None or weights.ndim != 2 or weights.dtype != np.float32 or len(shape) != 2:
        return None
    scale, shift, features = np.ones(shape[1]), np.zeros(shape[1]), shape[1]
    steps = 0
    while (step := affine_step(graph, name, features)) is not None:
        name, factor, offset = step
        shift, scale = shift + scale * offset, scale * factor
        steps += 1
    return (name, scale, shift) if steps else None


def affine_step(graph: Graph, name: str, features: int) -> tuple[str, np.ndarray, np.ndarray] | None:
    """(x, s, b) with value = s x + b for the node that computes a value for one reader, where that is such a step."""
    node = graph.producers.get(name)
    if node is None or node.domain or node.operator not in STEPS or graph.uses(name) != 1:
        return None
    for data, other in ((0, 1), (1, 0)):
        known = graph.constant(node.inputs[other])
        if known is None or known.size not in (1, features) or known.shape[-1:] not in ((), (1,), (features,)):
            continue
        x = node.inputs[data]
        if graph.values[x].shape != graph.values[name].shape or (node.operator == "Div" and (data == 1 or not known.all())):
            return None
        number = np.broadcast_to(known.reshape(-1).astype(np.float64), (features,))
        one, none = np.ones(features), np.zeros(features)
        return {
            "Add": (x, one, number),
            "Sub": (x, one, -number) if data == 0 else (x, -one, number),
            "Mul": (x, number, none),
            "Div": (x, one / np.where(number == 0, 1, number), none),
        }[node.operator]
    return None
