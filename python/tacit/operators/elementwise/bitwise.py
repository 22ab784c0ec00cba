"""BitwiseAnd, BitwiseOr, BitwiseXor of integers in two's complement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("BitwiseAnd", "BitwiseOr", "BitwiseXor")
def bitwise(context: Context, node: Node) -> None:
    """a | b = a + b - (a & b) and a ^ b = a + b - 2 (a & b)."""
    builder, output = context.builder, node.outputs[0]
    a, b = (context.exact(name) for name in node.inputs)
    result = gadgets.common_bits(builder, f"{output}/common", a, b)
    if node.operator != "BitwiseAnd":
        times = 1 if node.operator == "BitwiseOr" else 2
        reach = max(a.high, b.high, ~a.low, ~b.low).bit_length()
        low = -(1 << reach) if min(a.low, b.low) < 0 else 0
        result = movement.plus(builder, movement.plus(builder, a, b), -(result * times)).bounded(low, (1 << reach) - 1)
    context.put(output, movement.expand(builder, result, context.shape(output)))
