"""LogSoftmax, ReduceLogSumExp and ReduceLogSum: log sum_j exp(x_j) = m + log sum_j exp(x_j - m), m the maximum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators.reduction.sums import reduced_axes
from tacit.operators.registry import lowering
from tacit.operators.rows import turned
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

DECAY = Function("affine", (-1.0, 0.0)).then(Function("exp"))
DOMAIN = 4
"""exp(-d) comes from a table for d < 2^DOMAIN; beyond that d saturates, where exp(-d) is below 2^-23."""
MANTISSA = 16
"""Exponent of the exponentials."""


def log_of(context: Context, name: str, x: Tensor) -> Tensor:
    """log(x), x >= 1 as an integer; its own rounding adds nothing that matters to a narrow consumer."""
    bits = context.scales.bits
    return gadgets.logarithm(context.builder, name, x, bits, bits)


def log_sum_exp(context: Context, name: str, rows: Tensor) -> tuple[Tensor, Tensor]:
    """(m, log sum_j exp(x_j - m)) of each row, along the last dimension, which keeps length 1."""
    builder, bits = context.builder, context.scales.bits
    top = gadgets.maximum_along(builder, f"{name}/maximum", rows, -1)
    distance = movement.plus(builder, top, -rows).bounded(0, rows.high - rows.low)
    step = bits - 1 - DOMAIN
    shift = max(0, distance.exponent - step)
    decays = gadgets.round_saturate(
        builder, f"{name}/exponential", distance, shift, bits, DECAY, MANTISSA, bits_out=MANTISSA + 2
    )
    total = arithmetic.reduce_sum(builder, decays, [-1], keepdims=True)
    return top, log_of(context, f"{name}/logarithm", total.bounded(1 << MANTISSA, rows.shape[-1] << MANTISSA))


@lowering("LogSoftmax")
def log_softmax(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    x = context.wide(node.inputs[0])
    turn = turned(x.shape, [int(node.attributes.get("axis", -1))])
    rows = turn.rows(builder, x)
    top, rest = log_sum_exp(context, output, rows)
    result = arithmetic.subtract(builder, movement.plus(builder, rows, -top), rest)
    context.put(output, turn.back(builder, result))


@lowering("ReduceLogSumExp")
def reduce_log_sum_exp(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    x = context.wide(node.inputs[0])
    rows = turned(x.shape, reduced_axes(context, node, len(x.shape))).rows(builder, x)
    top, rest = log_sum_exp(context, output, rows)
    context.put(output, movement.reshape(builder, arithmetic.add(builder, top, rest), context.shape(output)))


@lowering("ReduceLogSum")
def reduce_log_sum(context: Context, node: Node) -> None:
    """A sum of zero or less counts as the smallest positive step."""
    builder, output = context.builder, node.outputs[0]
    x = context.addend(node.inputs[0])
    rows = turned(x.shape, reduced_axes(context, node, len(x.shape))).rows(builder, x)
    total = arithmetic.reduce_sum(builder, rows, [-1])
    if total.low < 1:
        total = gadgets.maximum(builder, f"{output}/total", total, constant(total.shape, 1, total.exponent))
    context.put(output, movement.reshape(builder, log_of(context, output, total), context.shape(output)))
