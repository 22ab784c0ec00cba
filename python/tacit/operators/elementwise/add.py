"""Add and Sub, broadcasting; exact and never committed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators.registry import as_output, lowering
from tacit.primitives import arithmetic
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def operand(context: Context, node: Node, position: int) -> Tensor:
    """An operand; a constant one is held at the exponent of the other where that is fine enough."""
    name = node.inputs[position]
    array = context.constant(name)
    if array is None or array.dtype.kind != "f":
        return context.addend(name)
    other = context.tensor(node.inputs[1 - position])
    return context.weight(name, array, max(other.exponent, context.rounding(node.outputs[0]) + 4))


def chained(context: Context, node: Node, sign: float) -> bool:
    """Joins a constant of one element to a function that already waits for its table."""
    for position in (0, 1):
        data, other = node.inputs[position], context.constant(node.inputs[1 - position])
        if other is not None and other.size == 1 and context.is_deferred(data) and fits(context, node, data):
            number = float(other.reshape(-1)[0])
            slope, offset = (1.0, sign * number) if position == 0 else (sign, number)
            context.defer(node.outputs[0], data, Function("affine", (slope, offset)))
            return True
    return False


def fits(context: Context, node: Node, data: str) -> bool:
    return context.shape(data) == context.shape(node.outputs[0])


@lowering("Add", rounds=as_output)
def add(context: Context, node: Node) -> None:
    if not chained(context, node, 1.0):
        left, right = operand(context, node, 0), operand(context, node, 1)
        context.put(node.outputs[0], arithmetic.add(context.builder, left, right))


@lowering("Sub", rounds=as_output)
def subtract(context: Context, node: Node) -> None:
    if not chained(context, node, -1.0):
        left, right = operand(context, node, 0), operand(context, node, 1)
        context.put(node.outputs[0], arithmetic.subtract(context.builder, left, right))


def is_scalar(array: np.ndarray | None) -> bool:
    """Whether a value is a constant of one element."""
    return array is not None and array.size == 1
