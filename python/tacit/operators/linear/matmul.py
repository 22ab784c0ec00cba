"""MatMul, batched, by NumPy's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.forms import WIDE_BITS, signed_bits
from tacit.operators.lines import Folded, Joined, Line
from tacit.operators.registry import lowering
from tacit.operators.weights import add_bias, kept_exponent, weigh
from tacit.primitives import arithmetic
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


WIDEST_GATED = 36
"""Bits of a product of two computed values that a matrix may multiply unrounded."""


def weighs(context: Context, node: Node) -> tuple[str, np.ndarray] | None:
    for data, weights in ((0, 1), (1, 0)):
        array = context.constant(node.inputs[weights])
        if array is not None:
            return node.inputs[data], array
    return None


@lowering("MatMul", weighs=weighs)
def matmul(context: Context, node: Node) -> None:
    left, right = node.inputs
    line = context.lines.get(left)
    if line is not None and node.outputs[0] in line.takers:
        context.put(node.outputs[0], of_line(context, node, line, line.takers[node.outputs[0]]))
        return
    if context.constant(right) is not None:
        product = of_product(context, node)
        if product is not None:
            context.put(node.outputs[0], product)
            return
        a = context.factor(left)
        b = weigh(context, node, right, context.graph.constants[right], a)
    elif context.constant(left) is not None:
        b = context.factor(right)
        a = weigh(context, node, left, context.graph.constants[left], b)
    else:
        a, b = context.factor(left), context.factor(right)
    context.put(node.outputs[0], arithmetic.matmul(context.builder, a, b))


def of_product(context: Context, node: Node) -> Tensor | None:
    """A product of two computed values times a constant matrix, of three factors: the first one is neither rounded nor committed.
    None for anything else, and where others read it, or the sum would have too many bits for a matrix that is kept exactly."""
    left, right = node.inputs
    if not context.is_gated(left) or context.graph.uses(left) != 1:
        return None
    x, array = context.tensor(left), context.graph.constants[right]
    if x.degree != 2 or x.denominator != 1 or len(x.terms) > 1 or array.ndim != 2 or signed_bits(x) > WIDEST_GATED:
        return None
    half = 1 << WIDE_BITS - 1
    if kept_exponent(context, array, x) != kept_exponent(context, array, x.bounded(-half, half - 1)):
        return None
    return arithmetic.matmul(context.builder, x, weigh(context, node, right, array, x), factors=3)


def of_line(context: Context, node: Node, line: Line, form: Folded | Joined) -> Tensor:
    """The line times the constant matrix of a node that takes it over."""
    builder, name = context.builder, node.inputs[1]
    array = context.graph.constants[name]
    exact = array.astype(np.float64)
    if isinstance(form, Folded):
        weights = weigh(context, node, f"{name}/sloped", line.slope[:, None] * exact, line.rows)
    else:
        slope = context.weight(f"{name}/slope", line.slope[:, None], form.slope)
        weights = arithmetic.multiply(builder, slope, context.weight(name, array, form.weights))
    result = arithmetic.matmul(builder, line.rows, weights, factors=3)
    if line.offset is None or not line.offset.any():
        return result
    return add_bias(context, node, f"{name}/offset", line.offset @ exact, result)
