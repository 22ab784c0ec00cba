"""Sqrt and Reciprocal. A root or a reciprocal has no table wide enough for its slope near zero: it is computed by
integers, unless it only continues a chain of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators import tables
from tacit.operators.registry import lowering
from tacit.primitives.tensor import constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("Sqrt")
def square_root(context: Context, node: Node) -> None:
    """The root of a negative number is 0."""
    source, output = node.inputs[0], node.outputs[0]
    if context.is_deferred(source):
        context.defer(output, source, Function("sqrt"))
        return
    x = context.addend(source)
    context.put(output, tables.square_root(context, output, x, context.rounding(output)))


@lowering("Reciprocal")
def reciprocal(context: Context, node: Node) -> None:
    """That of zero is the largest one: of the smallest positive step."""
    source, output = node.inputs[0], node.outputs[0]
    if context.is_deferred(source):
        context.defer(output, source, Function("reciprocal"))
        return
    d = tables.divisor(context, source)
    one = constant(d.shape, 1)
    context.put(output, tables.quotient(context, output, one, d, context.rounding(output)))
