"""NonZero: the places of what is not zero, in C order; a padded result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.indexing.arguments import places
from tacit.operators.indexing.packing import in_front, is_not_zero, put_count
from tacit.operators.registry import lowering
from tacit.primitives import movement

if TYPE_CHECKING:
    from tacit.operators.context import Context

@lowering("NonZero")
def non_zero(context: Context, node: Node) -> None:
    """[rank, n] for n elements."""
    builder, output = context.builder, node.outputs[0]
    x = context.addend(node.inputs[0])
    flags = movement.reshape(builder, is_not_zero(context, f"{output}/flags", x), (x.size,))
    coordinates = []
    for axis, size in enumerate(x.shape):
        along = places(builder, f"{output}/axis{axis}", size).bounded(0, size - 1)
        along = movement.unsqueeze(builder, along, [i for i in range(len(x.shape)) if i != axis])
        coordinates.append(movement.reshape(builder, movement.expand(builder, along, x.shape), (x.size,)))
    rows, sums = in_front(builder, output, flags, coordinates)
    context.put(output, movement.concat(builder, [movement.unsqueeze(builder, row, [0]) for row in rows], 0))
    put_count(context, node, sums)
