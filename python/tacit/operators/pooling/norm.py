"""LpPool and GlobalLpPool: sums of magnitudes or of squares; nothing is rounded between a square and its root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.pooling.average import summed_along
from tacit.operators.registry import lowering
from tacit.operators.windows import Window, windows
from tacit.primitives import arithmetic

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("LpPool", "GlobalLpPool")
def norm_pool(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    order = int(node.attributes.get("p", 2))
    x = context.narrow(node.inputs[0])
    if node.operator == "LpPool":
        spans = windows(context, node, x.shape[2:], list(node.attributes["kernel_shape"]))
    else:
        spans = [Window(length, length, 1, 1, 0, 0, 1) for length in x.shape[2:]]
    if order == 1:
        total = tables.absolute(context, f"{output}/absolute", x)
    elif order == 2:
        reach = max(abs(x.low), abs(x.high))
        total = arithmetic.multiply(builder, x, x).bounded(0, reach * reach)
    else:
        raise context.unsupported(node, f"its norm has order {order}; only 1 and 2 can be proved yet")
    for i, window in enumerate(spans):
        total = summed_along(context, total, 2 + i, window)
    result = total if order == 1 else tables.square_root(context, output, total, context.rounding(output))
    context.put(output, result)
