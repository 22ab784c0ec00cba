"""TopK: values and indices, always sorted; among equals the lower index first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.indexing.arguments import values_of
from tacit.operators.indexing.gather import from_last, to_last
from tacit.operators.registry import lowering
from tacit.primitives import gadgets

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("TopK")
def top_k(context: Context, node: Node) -> None:
    """The smallest are the largest of what is negated."""
    output = next(name for name in node.outputs if name)
    target = context.shape(output)
    axis = int(node.attributes.get("axis", -1)) % len(target)
    sign = 1 if node.attributes.get("largest", 1) else -1
    x = to_last(context, values_of(context, node.inputs[0]), axis)
    values, indices = gadgets.top_k(context.builder, output, x * sign, target[axis])
    for name, result in zip(node.outputs, (values * sign, indices)):
        if name:
            context.put(name, from_last(context, result, axis))
