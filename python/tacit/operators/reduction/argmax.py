"""ArgMax: an integer output, the first largest element or the last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("ArgMax")
def argmax(context: Context, node: Node) -> None:
    x = context.wide(node.inputs[0])
    axis = int(node.attributes.get("axis", 0)) % len(x.shape)
    last = bool(node.attributes.get("select_last_index", 0))
    index = gadgets.argmax(context.builder, node.outputs[0], x, axis, last=last)
    context.put(node.outputs[0], movement.reshape(context.builder, index, context.shape(node.outputs[0])))
