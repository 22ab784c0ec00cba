"""y = saturate(round(x / scale) + zero point), halves to even: the rounding of quantised operators, on exact integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, gcd, lcm
from typing import TYPE_CHECKING

import numpy as np

from tacit.numbers.dtypes import limits_of
from tacit.numbers.functions import Function
from tacit.operators import tables
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.gadgets.floats import SINGLE, least_quotients
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

RECIPROCAL_BITS = 24
"""Division by a scale that is no power of two is a product with so many bits of its reciprocal: float32 has no more."""
WIDEST = 61
MOST_STEPS, LONGEST_STEP = 255, 1 << 28
"""Step functions have at most so many steps, those of integers of 8 bits, and steps that two digits check."""


def limits(dtype: str) -> tuple[int, int]:
    """The least and the greatest integer of a dtype."""
    return limits_of(dtype)


def by_scale(context: Context, name: str, x: Tensor, scale: float, zero: int, dtype: str) -> Tensor:
    """saturate(round(x / scale) + zero) for a constant scale. To integers of 8 bits it is a step function, and float32's: of an x
    that is a float32 number, fl(x / scale) is rounded; where products with factors by channel have too many bits, x / scale is."""
    low, high = limits(dtype)
    if high - low <= MOST_STEPS:
        whole, bounds = primitive(x, float_bounds(x.exponent, scale, low - zero, high - zero))
        if bounds[1] - bounds[0] <= LONGEST_STEP:
            return gadgets.stepped(context.builder, name, whole, bounds, low)
    x, shift = divided(x, scale)
    if not may_tie(x, shift):
        return saturated(context, name, x, shift, zero, dtype)
    return saturated(context, name, halves_to_even(context, name, x, shift), 0, zero, dtype)


def float_bounds(exponent: int, scale: float, first: int, last: int) -> list[int]:
    """The least integers X for which X 2^-exponent / scale, rounded to a float32 and then to an integer, is first + 1, .., last."""
    unit = Fraction(scale) * Fraction(2) ** (exponent - SINGLE - 1)
    return [ceil(bound * unit) for bound in least_quotients(first + 1, last)]


def primitive(x: Tensor, bounds: Sequence[int]) -> tuple[Tensor, list[int]]:
    """x and bounds without the factor that all of x's integers have."""
    common = gcd(*(term.coefficient for term in x.terms)) or 1
    terms = tuple(replace(term, coefficient=term.coefficient // common) for term in x.terms)
    return replace(x, terms=terms, low=-(-x.low // common), high=x.high // common), [-(-bound // common) for bound in bounds]


def divided(x: Tensor, scale: float) -> tuple[Tensor, int]:
    """(integers, shift) with x / scale = integers / 2^shift; exact where the scale is a power of two."""
    mantissa, power = np.frexp(scale)
    shift = x.exponent + int(power) - 1
    if mantissa != 0.5:
        bits = min(RECIPROCAL_BITS, WIDEST - max(x.high, -x.low, 1).bit_length())
        x = x * int(np.rint(np.ldexp(0.5 / mantissa, bits)))
        shift += bits
    return (x * (1 << -shift), 0) if shift < 0 else (x, shift)


def may_tie(x: Tensor, shift: int) -> bool:
    """Whether some integer of x can lie in the middle of two multiples of 2^shift.

    Every integer of x is a multiple of some g; a tie is a multiple of 2^(shift-1) too, hence 0 or at least their lcm.
    """
    if shift == 0:
        return False
    middle = 1 << (shift - 1)
    largest = max(x.high, -x.low)
    return any(lcm(g, middle) <= largest * g // smallest for g, smallest in multiples(x))


def multiples(x: Tensor) -> list[tuple[int, int]]:
    """(g, least g) for every place of x: its integers there are multiples of g, and x's bound is for the greatest of them."""
    common = gcd(*(term.coefficient for term in x.terms)) or 1
    shared = [f.column for f in x.terms[0].factors if f.column.known is not None] if x.terms else []
    for column in shared:
        if column.known is not None and all(any(f.column == column for f in t.factors) for t in x.terms):
            known = np.unique(np.abs(column.known.astype(np.int64)))
            largest = int(known[-1]) or 1
            return [(common * int(w), common * largest) for w in known if w]
    return [(common, common)]


def halves_to_even(context: Context, name: str, x: Tensor, shift: int) -> Tensor:
    """round(x / 2^shift), halves to even: q = floor(x / 2^shift + 1/2), less 1 where the remainder is 0 and q is odd."""
    builder, d = context.builder, 1 << shift
    x = tables.column_of(context, f"{name}/exact", x)
    q = gadgets.divide_constant(builder, f"{name}/rounded", x, d)
    remainder = movement.plus(builder, x + d // 2, q * -d).bounded(0, d - 1)
    tie = gadgets.compare(builder, f"{name}/tie", constant(x.shape, 0, x.exponent), remainder)
    half = gadgets.divide_constant(builder, f"{name}/half", q, 2)
    odd = (half * 2 - q).bounded(0, 1)
    even = movement.plus(builder, q, -arithmetic.multiply(builder, tie, odd))
    return even.bounded(q.low - 1, q.high).with_exponent(0)


def saturated(context: Context, name: str, x: Tensor, shift: int, zero: int, dtype: str) -> Tensor:
    """saturate(round(x / 2^shift) + zero), halves upwards, integers of `dtype`."""
    low, high = limits(dtype)
    bits = (high - low).bit_length() + (low == 0)
    x = (x + (zero << shift)).with_exponent(shift)
    if low <= x.low >> shift and (x.high + (1 << shift >> 1)) >> shift <= high:
        return gadgets.round_wide(context.builder, name, x, shift)
    clip = Function("clip", (float(low), float(high)))
    result = gadgets.round_saturate(context.builder, name, x, shift, bits, clip, 0, bits_out=bits)
    return result.bounded(max(result.low, low), min(result.high, high))


def by_divisor(
    context: Context, name: str, x: Tensor, divisor: Tensor, zero: Tensor | int, dtype: str, *, upwards: bool = False
) -> Tensor:
    """saturate(round(x / divisor) + zero) for a scale that varies or is computed, halves to even or `upwards`.

    A divisor of 0 or less counts as the smallest positive step.
    """
    builder = context.builder
    low, high = limits(dtype)
    exponent = max(x.exponent, divisor.exponent)
    a, d = movement.shifted(x, exponent), movement.shifted(divisor, exponent)
    d = gadgets.maximum(builder, f"{name}/divisor", d, constant(d.shape, 1, d.exponent)) if d.low < 1 else d
    if upwards:
        q = gadgets.divide_signed(builder, f"{name}/quotient", movement.plus(builder, a * 2, d), d * 2).with_exponent(0)
    else:
        q = gadgets.divide_nearest(builder, f"{name}/quotient", a, d).with_exponent(0)
    total = movement.plus(builder, q, zero) if isinstance(zero, Tensor) else q + zero
    return clamped(context, name, total, low, high)


def clamped(context: Context, name: str, x: Tensor, low: int, high: int) -> Tensor:
    """min(max(x, low), high) of integers of exponent 0."""
    builder = context.builder
    if x.low < low:
        x = gadgets.maximum(builder, f"{name}/least", x, constant(x.shape, low))
    if x.high > high:
        x = gadgets.minimum(builder, f"{name}/greatest", x, constant(x.shape, high))
    return x
