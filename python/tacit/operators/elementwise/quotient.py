"""Div by a value that the model computes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import tables
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


def divide(context: Context, node: Node) -> None:
    """A zero divisor counts as the smallest positive step. Integers are truncated."""
    output = node.outputs[0]
    a = context.addend(node.inputs[0])
    if context.is_float(output):
        d = tables.divisor(context, node.inputs[1])
        result = tables.quotient(context, output, a, d, context.rounding(output))
    else:
        result = truncated(context, output, a, context.exact(node.inputs[1]))
    context.put(output, movement.expand(context.builder, result, context.shape(output)))


def truncated(context: Context, name: str, a: Tensor, d: Tensor) -> Tensor:
    """a / d towards zero: s floor(s a / d), where d > 0 and s is the sign of a."""
    builder = context.builder
    a, d = tables.positive_divisor(context, name, a, d)
    if a.low >= 0:
        return gadgets.divide_signed(builder, name, a, d)
    a = tables.column_of(context, f"{name}/dividend", a)
    sign = 2 * gadgets.compare(builder, f"{name}/sign", a, constant(a.shape, 0)) - 1
    magnitude = arithmetic.multiply(builder, a, sign).bounded(0, max(a.high, -a.low))
    quotient = gadgets.divide_signed(builder, name, magnitude, d)
    return arithmetic.multiply(builder, quotient, sign)
