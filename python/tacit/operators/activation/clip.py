"""Clip: a function of one variable where floats have constant bounds, else a maximum and a minimum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators import domains
from tacit.operators.elementwise.comparison import operand
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context

EXTREME = float(np.finfo(np.float32).max)
"""A missing bound of floats."""


def function(context: Context, node: Node) -> Function:
    """Of floats with constant bounds, which are inputs or attributes. Raises UnsupportedOperator for computed ones."""
    bounds = []
    for position, attribute, default in ((1, "min", -EXTREME), (2, "max", EXTREME)):
        if node.input(position):
            bounds.append(float(context.require_constant(node, position, f"{attribute} bound").reshape(-1)[0]))
        else:
            bounds.append(float(node.attributes.get(attribute, default)))
    low, high = bounds
    if low == 0 and high >= EXTREME:
        return Function("relu")
    return Function("clip", (min(low, high), high))


def is_function(context: Context, node: Node) -> bool:
    known = all(context.constant(name) is not None for name in node.inputs[1:] if name)
    return known and context.is_float(node.outputs[0])


def rounds(context: Context, node: Node, name: str) -> int | None:
    if not is_function(context, node):
        return None
    return domains.exponents(context, function(context, node), name, node.outputs[0])[0]


@lowering("Clip", rounds=rounds, function=function)
def clip(context: Context, node: Node) -> None:
    """min(max(x, low), high), so that a lower bound above the upper one gives the upper one."""
    output = node.outputs[0]
    if is_function(context, node):
        context.defer(output, node.inputs[0], function(context, node))
        return
    builder = context.builder
    x = context.narrow(node.inputs[0])
    if node.input(1):
        x = gadgets.maximum(builder, f"{output}/least", x, movement.reshape(builder, operand(context, node, 1, 0), ()))
    if node.input(2):
        x = gadgets.minimum(builder, output, x, movement.reshape(builder, operand(context, node, 2, 0), ()))
    context.put(output, x)
