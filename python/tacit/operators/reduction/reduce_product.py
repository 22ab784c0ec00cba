"""ReduceProd: exact where all factors together have few bits, else with a mantissa and an exponent, as floats are multiplied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import tables, wrapping
from tacit.operators.reduction.sums import reduced_axes
from tacit.operators.registry import lowering
from tacit.operators.rows import turned
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

WIDEST_PRODUCT = 60
MANTISSA = 28
"""Bits of the mantissa of a product."""
MOST_PLACES = 1 << 14
"""A table lists the powers of two that a product may have."""


@lowering("ReduceProd")
def reduce_product(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    x = context.factor(node.inputs[0])
    turn = turned(x.shape, reduced_axes(context, node, len(x.shape)))
    rows = turn.rows(builder, x)
    if turn.length * max(x.high, -x.low, 1).bit_length() <= WIDEST_PRODUCT:
        result = movement.take(builder, rows, -1, [0])
        for i in range(1, turn.length):
            result = arithmetic.multiply(builder, result, movement.take(builder, rows, -1, [i]))
    elif context.is_float(output):
        result = of_floats(context, node, tables.column_of(context, f"{output}/factors", rows))
    else:
        result = of_integers(context, node, rows)
    context.put(output, movement.reshape(builder, result, context.shape(output)))


def of_integers(context: Context, node: Node, rows: Tensor) -> Tensor:
    """Factor by factor, modulo 2^bits."""
    limits = np.iinfo(context.graph.values[node.outputs[0]].dtype)
    if limits.bits > wrapping.WIDEST:
        reason = f"its product of {rows.shape[-1]} factors needs more than {WIDEST_PRODUCT} bits"
        raise context.unsupported(node, f"{reason}; use smaller integers, or cast to floats first")
    result = movement.take(context.builder, rows, -1, [0])
    for i in range(1, rows.shape[-1]):
        factor, name = movement.take(context.builder, rows, -1, [i]), f"{node.outputs[0]}/product{i}"
        result = wrapping.product(context.builder, name, result, factor, int(limits.min), limits.bits)
        result = tables.column_of(context, f"{name}/exact", result)
    return result


def of_floats(context: Context, node: Node, x: Tensor) -> Tensor:
    """(-1)^negatives times the product of the magnitudes, 0 where one of them is: |x| = mantissa 2^place."""
    builder, name, count = context.builder, node.outputs[0], x.shape[-1]
    negative = 1 - gadgets.compare(builder, f"{name}/not_negative", x, constant(x.shape, 0, x.exponent))
    size = tables.absolute(context, f"{name}/size", x)
    least = gadgets.maximum(builder, f"{name}/least", size, constant(x.shape, 1, x.exponent)) if size.low < 1 else size
    width = least.high.bit_length()
    if count * (width + 1) > MOST_PLACES:
        raise context.unsupported(node, f"its product has {count} factors; take products of fewer, and their product")
    normal, place = gadgets.normalised(builder, f"{name}/normal", least, [-j for j in range(width)])
    normal = normal.with_exponent(width)
    if width > MANTISSA:
        normal = gadgets.round_wide(builder, f"{name}/rounded", normal, width - MANTISSA)
    mantissa, doubled = product_of(context, name, normal)
    places = movement.plus(builder, arithmetic.reduce_sum(builder, place, [-1], keepdims=True), -doubled)
    places = builder.copy(places, f"{name}/places")
    exponent = context.rounding(name)
    first = count * (width - x.exponent) - mantissa.exponent + exponent
    shifts = [first + p for p in range(places.low, places.high + 1)]
    magnitude = tables.times_power(context, name, mantissa, places, shifts, exponent)
    turned = arithmetic.reduce_sum(builder, negative, [-1], keepdims=True)
    half = gadgets.round_wide(builder, f"{name}/half", turned - 1, 1).with_exponent(0)
    odd = movement.plus(builder, turned, half * -2).bounded(0, 1)
    signed = arithmetic.multiply(builder, magnitude, builder.copy(1 - odd * 2, f"{name}/sign"))
    if size.low < 1:
        some = movement.plus(builder, size, 1 - least).bounded(0, 1).with_exponent(0)
        whole = arithmetic.reduce_sum(builder, some, [-1], keepdims=True)
        all_of_them = gadgets.compare(builder, f"{name}/some", whole, constant(whole.shape, count))
        signed = arithmetic.multiply(builder, signed, all_of_them)
    return signed.bounded(-magnitude.high, magnitude.high)


def product_of(context: Context, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """(2^d times the product along the last dimension, d) of mantissas of 1/2 .. 1; the product is one of 1/4 .. 1."""
    builder, depth = context.builder, 0
    doubled = constant((*x.shape[:-1], 1), 0)
    while True:
        x = tables.column_of(context, f"{name}/mantissa{depth}", x)
        count, half = x.shape[-1], x.shape[-1] // 2
        pair = [movement.slice_(builder, x, -1, i * half, (i + 1) * half) for i in (0, 1)]
        rest = movement.slice_(builder, x, -1, 2 * half, count) if count % 2 else None
        low, high = pair[0].low, pair[0].high
        product = arithmetic.multiply(builder, pair[0].bounded(0, 0), pair[1].bounded(0, 0)).bounded(low * low, high * high)
        product = gadgets.round_wide(builder, f"{name}/product{depth}", product, product.exponent - MANTISSA)
        if count == 2:
            return product, doubled
        middle = constant(product.shape, 1 << MANTISSA - 1, MANTISSA)
        below = 1 - gadgets.compare(builder, f"{name}/above{depth}", product, middle)
        x = arithmetic.multiply(builder, product, below + 1).bounded(1 << MANTISSA - 1, 1 << MANTISSA).with_exponent(MANTISSA)
        doubled = movement.plus(builder, doubled, arithmetic.reduce_sum(builder, below, [-1], keepdims=True))
        if rest is not None:
            rest = movement.shifted(rest, MANTISSA) if rest.exponent < MANTISSA else rest
            x = movement.concat(builder, [builder.copy(x, f"{name}/doubled{depth}"), rest], -1)
        depth += 1
