"""Products with constant weights, and the right shift that most of them share."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.fixed import FLOAT_BITS, PIECE, exact_exponent, exponent_for
from tacit.operators.context import (
    EXACT_BITS,
    FACTOR_SLACK,
    FEWEST_EXACT,
    LARGEST_COMMON_SHIFT,
    WEIGHT_BITS,
    WIDEST_PRODUCT,
)
from tacit.operators.forms import signed_bits
from tacit.operators.magnitude import magnitude_bits, require_finite
from tacit.operators.registry import LOWERINGS
from tacit.primitives import arithmetic
from tacit.primitives.tensor import Tensor
from tacit.quantize.scales import FAITHFUL

if TYPE_CHECKING:
    from tacit.operators.context import Context

SINGLE = 24
"""Significant bits of a float32."""
LOST_BITS = (1 << 13) - 1
"""The bits of a float32's fraction that a float16 has not."""
TOY_SHIFT = 14
SHIFT = "shift"
"""What the common shift is called among the exponents of weights."""


def common_shift(context: Context) -> int:
    """The smallest shift under which all weights are precise enough: remainders of equal width share one range table.

    Weights need no range check, so a shift costs only the rows of that table. Layers that a shift within the limit does
    not serve get one of their own.
    """
    width, known = context.scales.width, context.scales.weighed.get(SHIFT)
    if known is not None:
        return known
    shift = width.shift
    limit = TOY_SHIFT if width.bits <= 12 else LARGEST_COMMON_SHIFT
    for node in context.graph.nodes:
        entry = LOWERINGS[node.kind]
        product = entry.weighs(context, node) if entry.weighs is not None else None
        if product is None:
            continue
        data, array = product
        needed = width.precision - magnitude_bits(array) - context.rounding(node.outputs[0]) + context.exponent(data)
        if np.isfinite(needed):
            shift = max(shift, min(ceil(needed), limit))
    return shift


def weigh(
    context: Context, node: Node, name: str, array: np.ndarray, data: Tensor, order: Sequence[int] | None = None
) -> Tensor:
    """The column of constant weights that multiply `data` in `node`; `order`: see `Context.weight`."""
    require_finite(name, array)
    whole, key = context.is_whole(node.outputs[0]), f"{node.name}/{name}"
    shared, known = context.shared.get(name, ()), context.scales.weighed.get(key)
    if whole:
        exponent = 0
    elif known is not None:
        exponent = known
    elif len(shared) == 1:
        exponent = shared[0][0]
    else:
        finer = context.finer(data)
        exponent = context.weight_exponent(node.outputs[0], data.exponent - finer, array)
        if finer or signed_bits(data) > context.scales.bits + FACTOR_SLACK // 2:
            sums = max(float(np.abs(array).sum(axis=axis).max()) for axis in range(array.ndim)) if array.ndim else 1.0
            exponent = min(exponent, exponent_for(sums, WIDEST_PRODUCT - signed_bits(data), headroom=0))
        if node.operator == "Mul" and context.bits(node.outputs[0]) >= FLOAT_BITS:
            largest = float(np.abs(array).max(initial=0))
            exponent = max(exponent, exponent_for(largest, min(WEIGHT_BITS, WIDEST_PRODUCT - signed_bits(data)), headroom=0))
        exponent = max(exponent, kept_exponent(context, array, data))
        exponent = tied_exponent(context, node, name, array, data, exponent)
    context.weighed[key] = exponent
    return context.weight(name, array, exponent, order)


def kept_exponent(context: Context, array: np.ndarray, data: Tensor) -> int:
    """The exponent that keeps weights exactly, where they have few bits and a product of `data` with them fits; else a small one.
    It costs a digit of the remainder of each result, and often more. Of 16-bit floats with too many bits between the largest and
    the least, all but the least are kept: those within 2^-18 of the largest."""
    least = -WIDEST_PRODUCT
    if array.size < FEWEST_EXACT or sum(size > 1 for size in array.shape) < 2 or are_rounded(context, array):
        return least
    exponent = exact_exponent(array, EXACT_BITS)
    if exponent is None and are_half_precision(array):
        exponent = exponent_for(float(np.abs(array).max(initial=0)), EXACT_BITS, headroom=0)
    sums = max(float(np.abs(array).sum(axis=axis).max()) for axis in range(array.ndim))
    if exponent is None or exponent > exponent_for(sums, WIDEST_PRODUCT - signed_bits(data), headroom=0):
        return least
    return exponent


def are_rounded(context: Context, array: np.ndarray) -> bool:
    """Whether weights are 16-bit floats, and widths coarser than FAITHFUL: then they are rounded as floats of 32 bits are."""
    return context.scales.width.precision < FAITHFUL.precision and are_half_precision(array)


def are_half_precision(array: np.ndarray) -> bool:
    """Whether weights have at most the 11 significant bits of a float16; a bfloat16 has 8."""
    flat = array.reshape(-1)
    pieces = (flat[start : start + PIECE].astype(np.float32) for start in range(0, flat.size, PIECE))
    return all(not np.any(piece.view(np.uint32) & LOST_BITS) for piece in pieces)


def tied_exponent(context: Context, node: Node, name: str, array: np.ndarray, data: Tensor, exponent: int) -> int:
    """`exponent`, or a larger one that weights tied to these have already: they are stored once then. More bits of the remainder
    cost a cell a result or two, so only weights of more elements than results are shared."""
    if array.size <= context.graph.values[node.outputs[0]].size:
        return exponent
    room = exponent_for(float(np.abs(array).max(initial=0)), WIDEST_PRODUCT - signed_bits(data), headroom=0)
    return min((e for e in context.tied_exponents(name, array) if exponent <= e <= room), default=exponent)


def add_bias(context: Context, node: Node, name: str, array: np.ndarray, product: Tensor) -> Tensor:
    """product + array, the constant held at the accumulator's exponent."""
    bias = context.weight(name, array, product.exponent)
    return arithmetic.add(context.builder, product, bias)


def scale(context: Context, node: Node, tensor: Tensor, factor: float) -> Tensor:
    """tensor * factor by a public constant: a power of two moves the exponent, any other becomes an integer
    coefficient."""
    if factor == 0:
        return tensor * 0
    if not context.is_float(node.outputs[0]):
        if factor != int(factor):
            raise context.unsupported(node, "it divides integers; cast to floats first")
        return tensor * int(factor)
    mantissa, power = np.frexp(abs(factor))
    if mantissa == 0.5:
        scaled = tensor if factor > 0 else -tensor
        return scaled.with_exponent(tensor.exponent - (int(power) - 1))
    exponent = max(context.rounding(node.outputs[0]) + context.shift - tensor.exponent, 15 - int(power))
    readers = context.graph.consumers.get(node.outputs[0], ())
    if context.bits(node.outputs[0]) >= FLOAT_BITS or any(reader.operator == "QuantizeLinear" for reader in readers):
        exponent = max(exponent, SINGLE - int(power))
    exponent = min(exponent, 30 - int(power))
    coefficient = int(np.floor(np.ldexp(factor, exponent) + 0.5))
    while coefficient % 2 == 0 and exponent > 0:
        coefficient //= 2
        exponent -= 1
    return (tensor * coefficient).with_exponent(tensor.exponent + exponent)
