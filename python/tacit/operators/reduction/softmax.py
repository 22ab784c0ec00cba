"""Softmax along one axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

PUBLIC_BITS = 16
"""Probabilities that leave the model have steps of 2^-15."""
WIDEST_SPREAD = 1 << 18
"""Scores whose proved interval is wider are saturated at twice what was observed."""
DOMAIN_BITS = 4
"""The table of exponentials covers differences below 2^4."""


def scores(context: Context, node: Node) -> tuple[Tensor, list[int]]:
    """What a softmax reads, saturated where it is too wide, its axis brought to the end; and the order that brings it back."""
    x = context.tensor(node.inputs[0])
    if (x.high - x.low) >> max(x.exponent, 0) >= WIDEST_SPREAD:
        x = context.narrow(node.inputs[0])
    rank = len(x.shape)
    axis = int(node.attributes.get("axis", -1)) % rank
    order = [i for i in range(rank) if i != axis] + [axis]
    return movement.transpose(context.builder, x, order), [order.index(i) for i in range(rank)]


@lowering("Softmax")
def softmax(context: Context, node: Node) -> None:
    """Before opset 13 the frontend has given the axis of one dimension."""
    builder = context.builder
    moved, back = scores(context, node)
    final = not context.graph.consumers.get(node.outputs[0])
    bits = context.bits(node.outputs[0])
    state = context.graph.state
    longest = {} if state is None or state.places <= moved.shape[-1] else {"longest": state.places}
    result = gadgets.softmax(builder, node.outputs[0], moved, PUBLIC_BITS if final else bits, bits - DOMAIN_BITS, **longest)
    context.put(node.outputs[0], movement.transpose(builder, result, back))
