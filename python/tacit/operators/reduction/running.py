"""CumSum, and Trilu: sums and masks along positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import as_output, lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("CumSum")
def running_sum(context: Context, node: Node) -> None:
    """Exact sums of what was rounded once; `exclusive` leaves each element itself out, `reverse` starts at the end."""
    builder, output = context.builder, node.outputs[0]
    x = context.wide(node.inputs[0])
    axis = int(context.require_constant(node, 1, "axis").reshape(-1)[0]) % len(x.shape)
    backwards = bool(node.attributes.get("reverse", 0))
    if backwards:
        x = movement.flip(builder, x, [axis])
    y = gadgets.running_sum(builder, output, x, axis)
    if node.attributes.get("exclusive", 0):
        y = movement.pad(builder, y, [(1, -1) if i == axis else (0, 0) for i in range(len(x.shape))])
    context.put(output, movement.flip(builder, y, [axis]) if backwards else y)


@lowering("Trilu", rounds=as_output)
def triangle(context: Context, node: Node) -> None:
    """A product with [j - i >= k] or [j - i <= k]; the positions i and j are running sums of ones, so that the mask is
    public structure and no weight."""
    builder, output = context.builder, node.outputs[0]
    x = context.factor(node.inputs[0])
    rows, columns = (
        gadgets.running_sum(builder, f"{output}/{key}", constant(shape, 1), axis)
        for key, shape, axis in (("rows", (x.shape[-2], 1), 0), ("columns", (1, x.shape[-1]), 1))
    )
    reach = rows
    if node.input(1):
        known = context.constant(node.inputs[1])
        offset = context.exact(node.inputs[1]) if known is None else constant((), int(known.reshape(-1)[0]))
        reach = movement.plus(builder, rows, movement.reshape(builder, offset, (1, 1)))
    pair = (columns, reach) if node.attributes.get("upper", 1) else (reach, columns)
    mask = gadgets.compare(builder, f"{output}/mask", *pair)
    result = arithmetic.multiply(builder, x, mask).bounded(min(x.low, 0), max(x.high, 0))
    context.put(output, result)
