"""Sqrt, Reciprocal and Pow. A root or a reciprocal has no table wide enough for its slope near zero: it is computed by
integers, unless it only continues a chain of functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators import tables
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic
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


@lowering("Pow")
def power(context: Context, node: Node) -> None:
    """A constant exponent of one element; squares and cubes are products, other powers a table."""
    source, output = node.inputs[0], node.outputs[0]
    array = context.require_constant(node, 1, "exponent").reshape(-1)
    if array.size != 1 or context.shape(source) != context.shape(output):
        raise context.unsupported(node, "its exponent has more than one element; only one for all can be proved yet")
    exponent = float(array[0])
    if exponent == 1:
        context.put(output, context.addend(source))
    elif exponent in (2, 3) and not context.is_deferred(source):
        x = context.factor(source)
        square = arithmetic.multiply(context.builder, x, x)
        context.put(output, square if exponent == 2 else arithmetic.multiply(context.builder, square, x))
    elif exponent == 0.5:
        square_root(context, node)
    elif exponent == -1:
        reciprocal(context, node)
    elif not context.is_float(output):
        raise context.unsupported(node, "it raises integers; only squares and cubes of integers can be proved yet")
    else:
        context.defer(output, source, Function("power", (exponent,)))
