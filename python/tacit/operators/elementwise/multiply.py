"""Mul and Div. A constant of one element is public structure; a larger one is a column of weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators.elementwise import quotient
from tacit.operators.forms import signed_bits
from tacit.operators.registry import lowering
from tacit.operators.weights import scale, weigh
from tacit.primitives import arithmetic, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context

WIDEST_SCALED = 46
"""A constant leaves the field room for numbers of at most so many bits; wider sums are rounded first."""


def split(context: Context, node: Node) -> tuple[str, str, np.ndarray] | None:
    """(data input, constant's name, constant factor) of a product with a constant, None for one of two computed
    values."""
    for data, other in ((0, 1), (1, 0)):
        array = context.constant(node.inputs[other])
        if array is not None:
            factor = array.astype(np.float64)
            if node.operator == "Div":
                if data == 1:
                    return None
                factor = 1.0 / factor
            return node.inputs[data], node.inputs[other], factor
    return None


def weighs(context: Context, node: Node) -> tuple[str, np.ndarray] | None:
    found = split(context, node)
    return None if found is None or found[2].size == 1 else (found[0], found[2])


def by_constant(context: Context, node: Node, data: str, name: str, factor: np.ndarray) -> None:
    output = node.outputs[0]
    if factor.size == 1:
        number = float(factor.reshape(-1)[0])
        if context.is_deferred(data) and context.shape(data) == context.shape(output):
            context.defer(output, data, Function("affine", (number, 0.0)))
            return
        x = context.addend(data)
        if context.is_float(output) and signed_bits(x) > WIDEST_SCALED:
            x = context.wide(data)
        scaled = scale(context, node, x, number)
        context.put(output, movement.expand(context.builder, scaled, context.shape(output)))
        return
    x = context.factor(data)
    key = name if node.operator == "Mul" else f"{name}/reciprocal"
    context.put(output, arithmetic.multiply(context.builder, x, weigh(context, node, key, factor, x)))


@lowering("Mul", weighs=weighs)
def multiply(context: Context, node: Node) -> None:
    found = split(context, node)
    if found is not None:
        by_constant(context, node, *found)
        return
    left, right = (context.factor(name) for name in node.inputs)
    context.put(node.outputs[0], arithmetic.multiply(context.builder, left, right))


@lowering("Div", weighs=weighs)
def divide(context: Context, node: Node) -> None:
    divisor = context.constant(node.inputs[1])
    if divisor is None:
        quotient.divide(context, node)
        return
    if not np.all(divisor) or divisor.dtype.kind != "f":
        raise context.unsupported(node, "it divides by zero or divides integers")
    by_constant(context, node, node.inputs[0], node.inputs[1], 1.0 / divisor.astype(np.float64))
