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
WIDEST_PRODUCT = 60
"""What is divided has at most so many bits together with the inverse root."""
FINEST = 30
"""Fraction bits of a quotient by a root, at most: it is rounded to 32 bits."""
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


def by_square_sum(
    context: Context, name: str, x: Tensor, epsilon: float, most: int = 0, fine: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """x / sqrt(sum of x^2 + length * epsilon) of rows along the last dimension, and the inverse root; at least one square
    step is added. `most`: a bound of the sum of x^2, where the interval of x gives a larger one. `fine`: what is divided instead,
    a view of which x is the rounding to fewer bits.

    A view or a difference of two. The magnitude is at most 1: n^2 <= V for each element n, see `inverse_root`; that of a finer
    one, which is off by half a step of x, at most 3 / 2.
    """
    builder, length = context.builder, x.shape[-1]
    reach = max(abs(x.low), abs(x.high))
    squares = arithmetic.multiply(builder, x.bounded(0, 0), x.bounded(0, 0))
    extra = max(1, round(epsilon * length * 4.0**x.exponent))
    total = arithmetic.reduce_sum(builder, squares, [-1], keepdims=True)
    total = total.bounded(0, most or length * reach * reach) + extra
    target = min(context.bits(name) - HEADROOM + ceil(log2(max(length, 1)) / 2), FINEST)
    half = -(-total.high.bit_length() // 2)
    finer = 0 if fine is None else fine.exponent - x.exponent
    room = WIDEST_PRODUCT - finer - half
    fraction = min(max(target + GUARD, min(target + REMAINDER - half + 1, 24)), room)
    inverse = gadgets.inverse_root(builder, f"{name}/deviation", total, fraction)
    exponent = inverse.exponent + finer
    limit = (3 << exponent) >> 1 if finer else 1 << exponent
    product = product_within(builder, x if fine is None else fine, inverse, -limit, limit).with_exponent(exponent)
    result = gadgets.round_wide(builder, f"{name}/normalised", product, max(0, exponent - target))
    return result, inverse.with_exponent(inverse.exponent - x.exponent)
