"""CumSum, and Trilu: sums and masks along positions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import as_output, lowering
from tacit.primitives import arithmetic, gadgets, movement

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
    """A product with a constant mask of zeros and ones."""
    x = context.factor(node.inputs[0])
    offset = int(context.require_constant(node, 1, "diagonal").reshape(-1)[0]) if node.input(1) else 0
    ones = np.ones(x.shape[-2:], dtype=np.int64)
    mask = np.triu(ones, offset) if node.attributes.get("upper", 1) else np.tril(ones, offset)
    column = context.weight(f"{node.name}/mask", mask, 0)
    result = arithmetic.multiply(context.builder, x, column).bounded(min(x.low, 0), max(x.high, 0))
    context.put(node.outputs[0], result)
