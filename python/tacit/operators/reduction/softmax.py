"""Softmax along one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context

PUBLIC_EXPONENT = 15
"""Probabilities that leave the model have steps of 2^-15."""


@lowering("Softmax")
def softmax(context: Context, node: Node) -> None:
    """The axis is brought to the end and back; before opset 13 the frontend has given the axis of one dimension."""
    builder = context.builder
    x = context.tensor(node.inputs[0])
    rank = len(x.shape)
    axis = int(node.attributes.get("axis", -1)) % rank
    order = [i for i in range(rank) if i != axis] + [axis]
    moved = movement.transpose(builder, x, order)
    final = not context.graph.consumers.get(node.outputs[0])
    exponent = PUBLIC_EXPONENT if final else min(PUBLIC_EXPONENT, context.scales.bits - 2)
    result = gadgets.softmax(builder, node.outputs[0], moved, exponent=exponent)
    back = [order.index(i) for i in range(rank)]
    context.put(node.outputs[0], movement.transpose(builder, result, back))
