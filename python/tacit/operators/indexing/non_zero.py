"""NonZero: the places of what is not zero, in C order; a padded result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.indexing.arguments import places
from tacit.operators.indexing.packing import is_not_zero, packed, put_count
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context

LETTERS = "abcdefgh"


@lowering("NonZero")
def non_zero(context: Context, node: Node) -> None:
    """[rank, n] for n elements: with z of `packed`, coordinate d of place t is the sum over all elements of z_jt j_d."""
    builder, output = context.builder, node.outputs[0]
    x = context.addend(node.inputs[0])
    shape = x.shape
    flags = movement.reshape(builder, is_not_zero(context, f"{output}/flags", x), (x.size,))
    z, sums = packed(builder, output, flags)
    z = movement.reshape(builder, z, (*shape, z.shape[1]))
    letters, rows = LETTERS[: len(shape)], []
    for axis, size in enumerate(shape):
        along = places(builder, f"{output}/axis{axis}", size).bounded(0, size - 1)
        row = arithmetic.einsum(builder, f"{letters}Z,{letters[axis]}->Z", z, along).bounded(0, size - 1)
        rows.append(movement.unsqueeze(builder, row, [0]))
    context.put(output, movement.concat(builder, rows, 0))
    put_count(context, node, sums)
