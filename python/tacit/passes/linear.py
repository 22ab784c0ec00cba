"""Nodes with constant weights whose output channels can be scaled and shifted by changing the weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tacit.graph import Graph, Node

LINEAR = frozenset({"Conv", "ConvTranspose", "Gemm"})


def linear_before(graph: Graph, name: str) -> Node | None:
    """The Conv, ConvTranspose or Gemm with constant weights that computes `name` for a single reader, or None."""
    node = graph.producers.get(name)
    if node is None or node.domain or node.operator not in LINEAR or graph.uses(name) != 1:
        return None
    parameters = [parameter for parameter in node.inputs[1:] if parameter]
    return node if parameters and all(parameter in graph.constants for parameter in parameters) else None


def channels(graph: Graph, node: Node) -> int:
    """How many output channels (columns, for Gemm) a linear node has."""
    return graph.values[node.outputs[0]].shape[1]


def rescaled(graph: Graph, node: Node, scale: np.ndarray, shift: np.ndarray) -> tuple[Node, dict[str, np.ndarray]]:
    """The node that computes scale * output + shift per output channel, and its new constants.

    `scale`, `shift`: float64 of shape [channels]. Computed in float64, rounded once to the dtype of the weights.
    """
    weight = graph.constants[node.inputs[1]]
    bias = graph.constants[node.input(2)].astype(np.float64) if node.input(2) else np.zeros(())
    attributes = dict(node.attributes)
    if node.operator == "Gemm":
        bias = bias * float(attributes.pop("beta", 1.0))
    scaled = _scaled_weight(node, weight.astype(np.float64), scale)
    moved = bias * scale + shift
    constants = {
        graph.fresh(f"{node.name}/weight"): scaled.astype(weight.dtype),
        graph.fresh(f"{node.name}/bias"): moved.astype(weight.dtype),
    }
    return replace(node, inputs=(node.inputs[0], *constants), attributes=attributes), constants


def _scaled_weight(node: Node, weight: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Conv: [out, in/groups, ...]. ConvTranspose: [in, out/groups, ...]. Gemm: [in, out], or [out, in] with transB."""
    tail = (1,) * (weight.ndim - 2)
    if node.operator == "Gemm":
        return weight * (scale[:, None] if node.attributes.get("transB", 0) else scale[None, :])
    if node.operator == "Conv":
        return weight * scale.reshape(-1, 1, *tail)
    groups = int(node.attributes.get("group", 1))
    grouped = weight.reshape(groups, weight.shape[0] // groups, *weight.shape[1:])
    return (grouped * scale.reshape(groups, 1, -1, *tail)).reshape(weight.shape)
