"""Rows divided by their deviation: what all normalisations share.

The square sum V of a row is exact, its inverse root has its own exponent (`gadgets.inverse_root`), and the product is
rounded once: there is no table whose range V would have to fit.
"""

from __future__ import annotations

from math import ceil, isqrt, log2
from typing import TYPE_CHECKING

from tacit.operators.forms import signed_bits
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.gadgets.roots import product_within
from tacit.primitives.tensor import Tensor, with_squares

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
SHORT = 10
"""Rows of up to 2^SHORT elements are normalised to `bits` signed bits: a norm of 1 is 2^(bits - 1) - 1. Each time rows are four
times longer, and their elements half as large, they get one bit more."""


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
    """x / sqrt(sum of x^2 + length * epsilon) of rows along the last dimension, and the inverse root, both times a `unit`; at least
    one square step is added. `most`: a bound of the sum of x^2, where the interval of x gives a larger one. `fine`: what is divided
    instead, a view of which x is the rounding to fewer bits.

    A view or a difference of two. The magnitude is at most the unit: n^2 <= V for each element n, see `inverse_root`; that of a
    finer one, which is off by half a step of x, at most 3 / 2.
    """
    builder, length = context.builder, x.shape[-1]
    reach = max(abs(x.low), abs(x.high))
    squares = arithmetic.multiply(builder, x.bounded(0, 0), x.bounded(0, 0))
    extra = max(1, round(epsilon * length * 4.0**x.exponent))
    total = arithmetic.reduce_sum(builder, squares, [-1], keepdims=True)
    total = total.bounded(0, most or length * reach * reach) + extra
    target = min(context.bits(name) - 1 + max(0, ceil((log2(max(length, 1)) - SHORT) / 2)), FINEST)
    half = -(-total.high.bit_length() // 2)
    finer = 0 if fine is None else fine.exponent - x.exponent
    room = WIDEST_PRODUCT - finer - half
    fraction = min(max(target + GUARD, min(target + REMAINDER - half + 1, 24)), room)
    less = 0 if finer else 1 << half - 1 + fraction - target
    inverse = gadgets.inverse_root(builder, f"{name}/deviation", total, fraction, less)
    exponent = inverse.exponent + finer
    limit, shift = (3 << exponent) >> 1 if finer else (1 << exponent) - less, max(0, exponent - target)
    product = product_within(builder, x if fine is None else fine, inverse, -limit, limit).with_exponent(exponent)
    result = gadgets.round_wide(builder, f"{name}/normalised", product, shift)
    if length > 1 and not finer:
        result = with_squares(result, row_squares(inverse, total.high, length, shift))
    return result, inverse.with_exponent(inverse.exponent - x.exponent)


def unit(normalised: Tensor) -> float:
    """What 1 is in rows of `by_square_sum`: one step less, for an integer of one bit less."""
    return 1.0 - 2.0**-normalised.exponent


def row_squares(inverse: Tensor, v_high: int, length: int, shift: int) -> int:
    """A bound of the sum of u^2, u = round(x h / 2^shift), for every integer row x of that length with sum x^2 < v <= v_high, v
    being what `inverse_root` gave h of, as an integer of the exponent that it gave it.

    With m, F, j, r of `inverse_root`: 4^j sum x^2 < 4^j v <= r^2 + 2 r and h <= 2^(F + j) / r, so sum (x h)^2 <= 4^F (1 + 2 / r) <=
    P = 4^F + 2^(2 F + 2 - m), for r >= 2^(m - 1). Each |u| <= |x h| / 2^shift + 1 / 2, so sum u^2 <= P / 4^shift + sqrt(length P) /
    2^shift + length / 4; by Cauchy and Schwarz for the middle. Unrounded (shift 0) it is P.
    """
    m = max(1, -(-v_high.bit_length() // 2))
    most = (1 << 2 * inverse.exponent) + (1 << 2 * inverse.exponent + 2 - m)
    if shift == 0:
        return most
    return (most >> 2 * shift) + (isqrt(length * most) >> shift) + length // 4 + 3
