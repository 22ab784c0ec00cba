"""Rows divided by their deviation: what all normalisations share.

The square sum V of a row is exact, its inverse root has its own exponent (`gadgets.inverse_root`), and the product is
rounded once: there is no table whose range V would have to fit.
"""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

from tacit.operators.forms import signed_bits
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.gadgets.roots import product_within
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

LARGEST_SQUARES = (1 << 60) - (1 << 57)
"""Square sums of rows, without what is added to them, are at most this."""
GUARD = 2
"""The inverse root has so many bits more than the result."""
REMAINDER = 32
"""The product is rounded by at most so many bits: two digits."""
HEADROOM = 4
"""Normalised elements have an exponent of `bits` less so many: they seldom leave -8 .. 8."""


def widest_of(length: int) -> int:
    """Bits of the widest integers of which `length` squares add up to no more than LARGEST_SQUARES."""
    return ((LARGEST_SQUARES // max(length, 1)).bit_length() - 1) // 2 + 1


def fitting(context: Context, name: str, x: Tensor, length: int) -> Tensor:
    """x as a view of at most `widest_of(length)` bits."""
    shift = max(0, signed_bits(x) - widest_of(length))
    if shift == 0 and x.is_affine and len(x.terms) == 1:
        return x
    return gadgets.round_wide(context.builder, f"{name}/rounded", x, shift)


def centred(context: Context, name: str, x: Tensor) -> tuple[Tensor, Tensor]:
    """x less the rounded mean of its row, along the last dimension, and that mean."""
    builder, length = context.builder, x.shape[-1]
    total = arithmetic.reduce_sum(builder, x, [-1], keepdims=True)
    mean = gadgets.divide_constant(builder, f"{name}/mean", total, length)
    return movement.plus(builder, x, -mean).bounded(x.low - x.high - 1, x.high - x.low + 1), mean


def by_square_sum(context: Context, name: str, x: Tensor, epsilon: float, most: int = 0) -> tuple[Tensor, Tensor]:
    """x / sqrt(sum of x^2 + length * epsilon) of rows along the last dimension, and the inverse root; at least one square
    step is added. `most`: a bound of the sum of x^2, where the interval of x gives a larger one.

    A view or a difference of two. The magnitude is at most 1: n^2 <= V for each element n, see `inverse_root`.
    """
    builder, length = context.builder, x.shape[-1]
    reach = max(abs(x.low), abs(x.high))
    squares = arithmetic.multiply(builder, x.bounded(0, 0), x.bounded(0, 0))
    extra = max(1, round(epsilon * length * 4.0**x.exponent))
    total = arithmetic.reduce_sum(builder, squares, [-1], keepdims=True)
    total = total.bounded(0, most or length * reach * reach) + extra
    target = context.scales.bits - HEADROOM + ceil(log2(max(length, 1)) / 2)
    half = -(-total.high.bit_length() // 2)
    fraction = max(target + GUARD, min(target + REMAINDER - half + 1, 24))
    inverse = gadgets.inverse_root(builder, f"{name}/deviation", total, fraction)
    limit = 1 << inverse.exponent
    product = product_within(builder, x, inverse, -limit, limit).with_exponent(inverse.exponent)
    result = gadgets.round_wide(builder, f"{name}/normalised", product, max(0, inverse.exponent - target))
    return result, inverse.with_exponent(inverse.exponent - x.exponent)
