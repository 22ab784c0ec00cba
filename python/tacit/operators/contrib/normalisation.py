"""Layer normalisation as onnxruntime fuses it: of a sum, of an embedding, without a mean."""

from __future__ import annotations

from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("SimplifiedLayerNormalization", "com.microsoft.SimplifiedLayerNormalization")
def simplified(e: Expansion, node: Node) -> str:
    """x / sqrt(mean(x^2) + epsilon) * scale."""
    axis = int(node.attributes.get("axis", -1))
    return root_mean_square(e, node.inputs[0], node.inputs[1], axis, float(node.attributes.get("epsilon", 1e-5)))


def root_mean_square(e: Expansion, x: str, scale: str, axis: int, epsilon: float) -> str:
    if e.graph.opset >= 23:
        return e.op("RMSNormalization", x, scale, axis=axis, epsilon=epsilon)
    rank = len(e.shape(x))
    axes = e.integers(*range(axis % rank, rank))
    square = e.op("ReduceMean", e.op("Mul", x, x), axes, keepdims=1)
    root = e.op("Sqrt", e.op("Add", square, e.constant(epsilon, e.dtype(x))))
    return e.op("Mul", e.op("Div", x, root), scale)


@expansion("com.microsoft.SkipLayerNormalization")
def skip(e: Expansion, node: Node) -> list[str]:
    """Inputs x, skip, gamma, beta, bias; the fourth output is the sum."""
    total = summed(e, node.inputs[0], node.inputs[1], node.input(4))
    epsilon = float(node.attributes.get("epsilon", 1e-12))
    inputs = [total, node.inputs[2], *([node.inputs[3]] if node.input(3) else [])]
    return [e.op("LayerNormalization", *inputs, axis=-1, epsilon=epsilon), "", "", total]


@expansion("com.microsoft.SkipSimplifiedLayerNormalization")
def skip_simplified(e: Expansion, node: Node) -> list[str]:
    """Inputs x, skip, gamma, bias; the fourth output is the sum."""
    total = summed(e, node.inputs[0], node.inputs[1], node.input(3))
    epsilon = float(node.attributes.get("epsilon", 1e-12))
    return [root_mean_square(e, total, node.inputs[2], -1, epsilon), "", "", total]


def summed(e: Expansion, x: str, skip: str, bias: str) -> str:
    total = e.op("Add", x, skip)
    return e.op("Add", total, bias) if bias else total


@expansion("com.microsoft.EmbedLayerNormalization")
def embed(e: Expansion, node: Node) -> list[str]:
    """Inputs tokens, segments, word, position and segment embeddings, gamma, beta, mask, positions; the second output
    counts the mask, the third is the sum."""
    tokens, segments, words, places, kinds, gamma, beta = node.inputs[:7]
    length = e.shape(tokens)[1]
    if node.input(8):
        placed = e.op("Gather", places, node.inputs[8], axis=0)
    else:
        placed = e.op("Gather", places, e.integers(*range(length)), axis=0)
    total = e.op("Add", e.op("Gather", words, tokens, axis=0), placed)
    if kinds:
        total = e.op("Add", total, e.op("Gather", kinds, segments, axis=0))
    result = e.op("LayerNormalization", total, gamma, beta, axis=-1, epsilon=float(node.attributes.get("epsilon", 1e-12)))
    if node.input(7):
        count = e.op("ReduceSum", node.inputs[7], e.integers(1), keepdims=0)
    else:
        count = e.constant([0] * e.shape(tokens)[0], "int32")
    return [result, count, total]
