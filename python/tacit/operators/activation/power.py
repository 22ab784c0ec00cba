"""Pow. Constant exponents are products, roots and tables; computed ones take a logarithm, and integers are multiplied out."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, log
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators import tables, wrapping
from tacit.operators.activation.roots import reciprocal, square_root
from tacit.operators.elementwise.comparison import equality
from tacit.operators.quantised.saturation import clamped
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

WIDEST_POWER = 61
"""Bits of powers of integers."""
LARGEST_EXPONENT = 1 << 10
LOGARITHM = 20
"""Fraction bits of logarithms."""
REACH, FAR = 3, 12
"""A table of exp covers 2^(REACH + 1): results of 16 bits and more have logarithms within 12 of each other. Arguments FAR bits
beyond its ends are held there first: a table saturates no further ones."""


@lowering("Pow")
def power(context: Context, node: Node) -> None:
    source, output = node.inputs[0], node.outputs[0]
    array = context.constant(node.inputs[1])
    single = array is not None and array.size == 1 and context.shape(source) == context.shape(output)
    exponent = float(array.reshape(-1)[0]) if array is not None and single else None
    if exponent == 1:
        context.put(output, context.addend(source))
    elif exponent in (2, 3) and not context.is_deferred(source):
        x = context.factor(source)
        square = arithmetic.multiply(context.builder, x, x)
        context.put(output, square if exponent == 2 else arithmetic.multiply(context.builder, square, x))
    elif not context.is_float(output):
        result = of_integers(context, node)
        context.put(output, movement.expand(context.builder, result, context.shape(output)))
    elif exponent == 0.5:
        square_root(context, node)
    elif exponent == -1:
        reciprocal(context, node)
    elif exponent is not None:
        context.defer(output, source, Function("power", (exponent,)))
    elif (rate := rate_of(context, node)) is not None:
        context.defer(output, node.inputs[1], Function("affine", (rate, 0.0)).then(Function("exp")))
    else:
        result = of_floats(context, node)
        context.put(output, movement.expand(context.builder, result, context.shape(output)))


def rate_of(context: Context, node: Node) -> float | None:
    """log b of one constant base b > 0 for all elements: b^x = exp(x log b) is one table."""
    base = context.constant(node.inputs[0])
    whole_shape = context.shape(node.inputs[1]) == context.shape(node.outputs[0])
    if base is None or base.size != 1 or base.reshape(-1)[0] <= 0 or not whole_shape:
        return None
    return float(np.log(np.float64(base.reshape(-1)[0])))


@dataclass(frozen=True)
class Exponent:
    """y = whole + a fraction of 0 .. 1; `is_whole` and `odd` are flags, `whole` has exponent 0."""

    y: Tensor
    whole: Tensor
    is_whole: Tensor
    odd: Tensor


def exponent_of(context: Context, node: Node) -> Exponent:
    builder, name = context.builder, f"{node.outputs[0]}/exponent"
    y = tables.column_of(context, f"{name}/exact", context.factor(node.inputs[1]))
    whole, is_whole = y, constant(y.shape, 1)
    if y.exponent > 0:
        whole = gadgets.round_wide(builder, f"{name}/whole", y - (1 << y.exponent - 1), y.exponent).with_exponent(0)
        fraction = movement.plus(builder, y, whole * -(1 << y.exponent)).bounded(0, (1 << y.exponent) - 1)
        is_whole = gadgets.compare(builder, f"{name}/is_whole", constant(y.shape, 0), fraction.with_exponent(0))
    half = gadgets.round_wide(builder, f"{name}/half", whole - 1, 1).with_exponent(0)
    return Exponent(y, whole, is_whole, movement.plus(builder, whole, half * -2).bounded(0, 1))


def of_floats(context: Context, node: Node) -> Tensor:
    """exp(y log |x|) with the sign of x^y. A negative base with a fraction in its exponent gives 0; 0 counts as the smallest
    step where the exponent is negative."""
    builder, output = context.builder, node.outputs[0]
    x = tables.column_of(context, f"{output}/base", context.factor(node.inputs[0]))
    exponent = exponent_of(context, node)
    last, bits = context.exponent(output), context.scales.bits
    result = by_logarithm(context, output, x, exponent.y, Function("exp"), last, bits)
    if x.low >= 0:
        return result
    negative = 1 - gadgets.compare(builder, f"{output}/not_negative", x, constant(x.shape, 0, x.exponent))
    lost = arithmetic.multiply(builder, exponent.is_whole, exponent.odd * 2 - 1) + 1
    lost = builder.copy(lost.bounded(0, 2).with_exponent(0), f"{output}/lost")
    turned = (1 - arithmetic.multiply(builder, negative, lost)).bounded(-1, 1)
    signed = arithmetic.multiply(builder, result, builder.copy(turned, f"{output}/turned"))
    return signed.bounded(-result.high, result.high)


def by_logarithm(
    context: Context, name: str, x: Tensor, y: Tensor, exponential: Function, last: int, bits: int
) -> Tensor:
    """exponential(y log |x|) of exponent `last`, saturated to `bits` bits, exponential(z) <= exp(z); 0 for x = 0 and y > 0."""
    builder = context.builder
    size = tables.absolute(context, f"{name}/size", x)
    least = gadgets.maximum(builder, f"{name}/least", size, constant(x.shape, 1, x.exponent)) if size.low < 1 else size
    logarithm = gadgets.logarithm(builder, f"{name}/logarithm", least, LOGARITHM)
    product = arithmetic.multiply(builder, y, logarithm)
    first = bits - 1 - REACH
    middle = ceil((bits - 1 - last) * log(2)) - (1 << REACH)
    centred = product - (middle << product.exponent)
    function = Function("affine", (1.0, float(middle))).then(exponential)
    end = constant(centred.shape, 1 << REACH + FAR + centred.exponent, centred.exponent)
    if centred.high > end.high:
        centred = gadgets.minimum(builder, f"{name}/greatest", centred, end)
    if centred.low < -end.high:
        centred = gadgets.maximum(builder, f"{name}/lowest", centred, -end)
    found = tables.apply(context, f"{name}/power", centred, function, first, last, bits)
    if size.low >= 1:
        return found
    some = movement.plus(builder, size, 1 - least).bounded(0, 1).with_exponent(0)
    if y.low > 0:
        return arithmetic.multiply(builder, found, some).bounded(min(found.low, 0), max(found.high, 0))
    positive = gadgets.compare(builder, f"{name}/raised", y, constant(y.shape, 1, y.exponent))
    gone = arithmetic.multiply(builder, 1 - some, positive).bounded(0, 1)
    kept = arithmetic.multiply(builder, found, builder.copy(1 - gone, f"{name}/kept"))
    return kept.bounded(min(found.low, 0), max(found.high, 0))


def of_integers(context: Context, node: Node) -> Tensor:
    """Exact for whole exponents; the others are rounded towards zero, and saturate at 15 bits."""
    builder, output = context.builder, node.outputs[0]
    x, exponent = context.exact(node.inputs[0]), exponent_of(context, node)
    exact = multiplied_out(context, node, x, exponent)
    if exponent.y.exponent <= 0:
        return exact
    function = Function("exp").then(Function("floor"))
    close = by_logarithm(context, output, x, exponent.y, function, 0, 16)
    if x.low < 0:
        there = gadgets.compare(builder, f"{output}/not_negative", x, constant(x.shape, 0))
        close = arithmetic.multiply(builder, close, there).bounded(min(close.low, 0), max(close.high, 0))
    gain = movement.plus(builder, builder.copy(exact, f"{output}/exact"), -builder.copy(close, f"{output}/close"))
    chosen = movement.plus(builder, close, arithmetic.multiply(builder, gain, exponent.is_whole))
    return chosen.bounded(min(exact.low, close.low), max(exact.high, close.high))


def multiplied_out(context: Context, node: Node, x: Tensor, exponent: Exponent) -> Tensor:
    """x^k for the whole part k: the product of the powers x^(2^i) that the bits of k choose. 1 / x^-k, rounded towards zero,
    for k < 0: nothing but 1 and -1 have one, and 0 counts as those that have none."""
    builder, name = context.builder, node.outputs[0]
    k = clamped(context, f"{name}/times", exponent.whole, 0, max(exponent.whole.high, 0))
    limits, base = np.iinfo(context.graph.values[name].dtype), max(x.high, -x.low, 1)
    if k.high > LARGEST_EXPONENT:
        raise context.unsupported(node, f"its exponents reach {k.high}, more than {LARGEST_EXPONENT}; use smaller ones")
    exact = base.bit_length() * k.high <= WIDEST_POWER or base**k.high >> WIDEST_POWER == 0
    if not exact and limits.bits > wrapping.WIDEST:
        reason = f"its powers reach {base}^{k.high}, more than {WIDEST_POWER} bits; use smaller integers, or cast to floats first"
        raise context.unsupported(node, reason)

    def times(key: str, a: Tensor, b: Tensor, bound: int) -> Tensor:
        if not exact:
            return wrapping.product(builder, f"{name}/{key}", a, b, int(limits.min), limits.bits)
        return arithmetic.multiply(builder, a.bounded(0, 0), b.bounded(0, 0)).bounded(-bound if x.low < 0 else 0, bound)

    result, square = constant(x.shape, 1), x
    for i in range(k.high.bit_length()):
        bit = gadgets.choice(builder, f"{name}/bit{i}", k, 0, [j >> i & 1 for j in range(k.high + 1)])
        factor = arithmetic.multiply(builder, square - 1, bit) + 1
        factor = builder.copy(factor.bounded(min(square.low, 1), max(square.high, 1)), f"{name}/factor{i}")
        result = times(f"product{i}", result, factor, base ** min(k.high, (2 << i) - 1) if exact else 0)
        if 2 << i <= k.high:
            result = tables.column_of(context, f"{name}/product{i}/exact", result)
            square = times(f"square{i}", square, square, base ** (2 << i) if exact else 0)
            square = tables.column_of(context, f"{name}/square{i}/exact", square)
    if exponent.whole.low >= 0:
        return result
    raised = gadgets.compare(builder, f"{name}/raised", exponent.whole, constant(k.shape, 0))
    result = tables.column_of(context, f"{name}/raised/exact", result)
    one = equality(context, f"{name}/one", x, constant(x.shape, 1))
    minus = equality(context, f"{name}/minus", x, constant(x.shape, -1))
    sign = builder.copy(1 - exponent.odd * 2, f"{name}/sign")
    minus = arithmetic.multiply(builder, builder.copy(minus, f"{name}/minus/flag"), sign)
    turned = movement.plus(builder, one, minus).bounded(-1, 1)
    gain = movement.plus(builder, result, -builder.copy(turned, f"{name}/inverse"))
    chosen = movement.plus(builder, turned, arithmetic.multiply(builder, gain, raised))
    return chosen.bounded(min(result.low, -1), max(result.high, 1))
