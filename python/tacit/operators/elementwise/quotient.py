"""Div by a value that the model computes."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import forms, tables
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

WIDEST_MULTIPLE = 60
"""Divisors have at most so many bits when they are multiplied by the largest quotient."""


def divide(context: Context, node: Node) -> None:
    """A zero divisor counts as the smallest positive step. Integers are truncated."""
    output = node.outputs[0]
    a = context.addend(node.inputs[0])
    if is_decided(context, node):
        result = decided(context, output, a, context.exact(node.inputs[1]))
    elif context.is_float(output):
        d = tables.divisor(context, node.inputs[1])
        result = tables.quotient(context, output, a, d, context.rounding(output))
    else:
        result = truncated(context, output, a, context.exact(node.inputs[1]))
    context.put(output, movement.expand(context.builder, result, context.shape(output)))


def is_decided(context: Context, node: Node) -> bool:
    """Whether a quotient is only compared, and the largest that was seen leaves the divisor its bits."""
    output, divisor = node.outputs[0], node.inputs[1]
    return forms.is_fine(context, output) and (context.tensor(divisor).high * reach(context, output)) >> WIDEST_MULTIPLE == 0


def reach(context: Context, name: str) -> int:
    """Beyond it a quotient that is only compared saturates: twice the largest that was seen."""
    return ceil(max(2 * context.largest(name), 1.0))


def decided(context: Context, name: str, a: Tensor, d: Tensor) -> Tensor:
    """A quotient that is only compared."""
    most = reach(context, name)
    a, d = tables.positive_divisor(context, name, tables.column_of(context, f"{name}/numerator", a), d)
    a = gadgets.limited(context.builder, f"{name}/limited", a, d * most)
    return tables.decided_quotient(context, name, a, d, most)


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
