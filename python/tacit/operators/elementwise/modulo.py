"""Mod: the remainder of a division rounded down (the divisor's sign) or, with fmod=1, towards zero (the dividend's)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.elementwise.quotient import truncated
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("Mod")
def modulo(context: Context, node: Node) -> None:
    """a - q d, exact; a divisor of zero leaves a. Floats are divided as they were quantised."""
    builder, output = context.builder, node.outputs[0]
    a, d = (operand(context, node, position) for position in (0, 1))
    exponent = max(a.exponent, d.exponent)
    a, d = (movement.shifted(x, exponent).with_exponent(0) for x in (a, d))
    a, d = movement.align_all(builder, (a, d))
    if node.attributes.get("fmod", 0):
        quotient = truncated(context, f"{output}/quotient", a, d)
    else:
        quotient = gadgets.divide_signed(builder, f"{output}/quotient", *tables.positive_divisor(context, output, a, d))
    quotient = tables.column_of(context, f"{output}/whole", quotient)
    rest = movement.plus(builder, a, -arithmetic.multiply(builder, quotient, d))
    context.put(output, rest.bounded(*bounds(a, d, bool(node.attributes.get("fmod", 0)))).with_exponent(exponent))


def operand(context: Context, node: Node, position: int) -> Tensor:
    """A float as a narrow tensor, an integer exact; as one view."""
    name = node.inputs[position]
    return context.narrow(name) if context.is_float(name) else context.exact(name)


def bounds(a: Tensor, d: Tensor, truncates: bool) -> tuple[int, int]:
    """The interval of the remainder: no further from zero than the dividend, where it has its sign; else less far than the
    divisor, a zero divisor aside."""
    if truncates:
        return min(a.low, 0), max(a.high, 0)
    low, high = min(d.low + 1, 0), max(d.high - 1, 0)
    return (min(low, a.low), max(high, a.high)) if d.low <= 0 <= d.high else (low, high)
