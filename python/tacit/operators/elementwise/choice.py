"""Where, and PRelu: a product with a flag or with the negative part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.functions import RELU, Function
from tacit.operators import tables
from tacit.operators.registry import as_output, lowering
from tacit.operators.weights import weigh
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

FINER = 4
"""A constant branch has so many bits more than the result keeps."""


def branch(context: Context, node: Node, position: int) -> Tensor:
    """One of the two values; a constant one at an exponent that represents it, or a little finer than the result's."""
    name = node.inputs[position]
    array = context.constant(name)
    if array is None or array.dtype.kind != "f":
        return context.factor(name)
    other = context.finer(context.tensor(node.inputs[3 - position])) if context.constant(node.inputs[3 - position]) is None else 0
    exponent = tables.exact_exponent(array, max(context.rounding(node.outputs[0]) + FINER + other, 0))
    if array.size == 1 and np.isfinite(array).all():
        level = int(np.floor(np.ldexp(float(array.reshape(-1)[0]), exponent) + 0.5))
        return constant(array.shape, level, exponent)
    return context.weight(name, array, exponent)


@lowering("Where", rounds=as_output)
def where(context: Context, node: Node) -> None:
    """b + condition (a - b), exact; features that are finer than other values stay so."""
    builder = context.builder
    condition = context.exact(node.inputs[0])
    a, b = branch(context, node, 1), branch(context, node, 2)
    exponent = max(a.exponent, b.exponent)
    a, b = movement.shifted(a, exponent), movement.shifted(b, exponent)
    gain = arithmetic.multiply(builder, movement.plus(builder, a, -b), condition)
    result = movement.plus(builder, b, gain).bounded(min(a.low, b.low), max(a.high, b.high))
    result = movement.expand(builder, result.with_exponent(exponent), context.shape(node.outputs[0]))
    if context.finer(a) or context.finer(b):
        result = context.features(result, f"{node.outputs[0]}/features")
    context.put(node.outputs[0], result)


@lowering("PRelu")
def parametric_relu(context: Context, node: Node) -> None:
    """r + slope (x - r), r = max(x, 0)."""
    builder, output = context.builder, node.outputs[0]
    slope = context.constant(node.inputs[1])
    if slope is not None and slope.size == 1 and context.is_float(output):
        context.defer(output, node.inputs[0], Function("leaky_relu", (float(slope.reshape(-1)[0]),)))
        return
    x = context.narrow(node.inputs[0])
    if context.is_float(output):
        positive = tables.apply(context, f"{output}/positive", x, RELU, x.exponent, x.exponent, x.high.bit_length() + 1)
    else:
        positive = gadgets.maximum(builder, f"{output}/positive", x, constant(x.shape, 0, x.exponent))
    factor = context.factor(node.inputs[1]) if slope is None else weigh(context, node, node.inputs[1], slope, x)
    negative = movement.plus(builder, x, -positive).bounded(min(x.low, 0), 0)
    context.put(output, arithmetic.add(builder, positive, arithmetic.multiply(builder, negative, factor)))
