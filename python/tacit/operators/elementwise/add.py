"""Add and Sub, broadcasting; exact and never committed."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from tacit.errors import ModelError
from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators.forms import WIDE_FRACTION
from tacit.operators.mixtures import SOFTMAXES
from tacit.operators.registry import as_output, lowering
from tacit.passes.masks import LARGEST
from tacit.primitives import arithmetic, gadgets
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


BELOW = 32
"""A softmax's exponentials are 0 from 2^4 below the largest score on."""
DEEPEST = 1 << 17
"""Deeper, the scores' spread would not fit a softmax."""


def operand(context: Context, node: Node, position: int) -> Tensor:
    """An operand; a constant one is held at the exponent of the other where that is fine enough."""
    name = node.inputs[position]
    array = context.constant(name)
    if array is None or array.dtype.kind != "f":
        return context.addend(name)
    array = hiding(context, node, array, node.inputs[1 - position])
    other = context.tensor(node.inputs[1 - position])
    return context.weight(name, array, max(other.exponent, context.rounding(node.outputs[0]) + 4))


def hiding(context: Context, node: Node, array: np.ndarray, scores: str) -> np.ndarray:
    """A constant that is added to scores for a softmax: where it hides them, deep enough below all that their proved interval
    allows, so that a hidden score has a weight of exactly 0 whatever the others are. Any other constant as it is. Where no depth
    does and a choice is made from what comes of it, which must be the only one that fits, the scores saturate first; ModelError
    where even then none does."""
    hidden = array <= -LARGEST
    readers = context.graph.consumers.get(node.outputs[0], ())
    if not hidden.any() or hidden.all() or not readers or any(reader.kind not in SOFTMAXES for reader in readers):
        return array
    spread = float(array[~hidden].max() - array[~hidden].min())
    depth = depth_below(context.tensor(scores), spread)
    if depth > DEEPEST and context.graph.choice is not None:
        context.put(scores, saturated(context, scores))
        depth = depth_below(context.tensor(scores), spread)
        if depth > DEEPEST:
            raise ModelError(
                f"Node {node}: attention scores could differ by {depth}, so that a token might see later ones; such a model cannot "
                "be proved to write, but its logits can: compile its path."
            )
    return np.where(hidden, np.float32(-max(depth, LARGEST)), array) if depth <= DEEPEST else array


def saturated(context: Context, name: str) -> Tensor:
    """A value within twice the range of its narrow form, with the fractions of a wide one where it has them."""
    x, exponent = context.tensor(name), context.exponent(name)
    shift = max(x.exponent - exponent - WIDE_FRACTION, 0)
    bits = max(context.bits(name) + 1 + x.exponent - shift - exponent, 2)
    return gadgets.round_saturate(context.builder, f"{name}/saturated", x, shift, bits, form="clamped")


def depth_below(scores: Tensor, spread: float) -> int:
    """A power of two that hides scores of a proved interval, which numbers that differ by `spread` are added to."""
    reach = float(np.ldexp(float(scores.high - scores.low), -scores.exponent)) + spread
    return 1 << ceil(log2(reach + BELOW))


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
        first = int(context.constant(node.inputs[1]) is not None)  # what a constant demands of the other comes before that is read
        found = {position: operand(context, node, position) for position in (first, 1 - first)}
        left, right = found[0], found[1]
        context.put(node.outputs[0], arithmetic.add(context.builder, left, right))


@lowering("Sub", rounds=as_output)
def subtract(context: Context, node: Node) -> None:
    if not chained(context, node, -1.0):
        left, right = operand(context, node, 0), operand(context, node, 1)
        context.put(node.outputs[0], arithmetic.subtract(context.builder, left, right))


def is_scalar(array: np.ndarray | None) -> bool:
    """Whether a value is a constant of one element."""
    return array is not None and array.size == 1
