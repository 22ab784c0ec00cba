"""BatchNormalization at inference, where it could not be folded into a convolution: a product and a sum for each
channel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.operators.weights import add_bias, weigh
from tacit.primitives import arithmetic

if TYPE_CHECKING:
    from tacit.operators.context import Context


def line(context: Context, node: Node) -> tuple[np.ndarray, np.ndarray]:
    """Slope and offset of each channel, shaped to broadcast over [N, C, ..]."""
    names = ("scale", "bias", "mean", "variance")
    scale, bias, mean, variance = (
        context.require_constant(node, 1 + i, name).astype(np.float64) for i, name in enumerate(names)
    )
    slope = scale / np.sqrt(variance + float(node.attributes.get("epsilon", 1e-5)))
    rank = len(context.shape(node.inputs[0]))
    shape = (-1,) + (1,) * (rank - 2)
    return slope.reshape(shape), (bias - mean * slope).reshape(shape)


def weighs(context: Context, node: Node) -> tuple[str, np.ndarray] | None:
    if any(context.constant(name) is None for name in node.inputs[1:5]):
        return None
    return node.inputs[0], line(context, node)[0]


@lowering("BatchNormalization", weighs=weighs)
def batch_normalisation(context: Context, node: Node) -> None:
    if node.attributes.get("training_mode", 0):
        raise context.unsupported(node, "it is in training mode; only inference can be proved")
    slope, offset = line(context, node)
    x = context.factor(node.inputs[0])
    product = arithmetic.multiply(context.builder, x, weigh(context, node, f"{node.name}/slope", slope, x))
    context.put(node.outputs[0], add_bias(context, node, f"{node.name}/offset", offset, product))
