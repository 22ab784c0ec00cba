"""Functions, roots and quotients of tensors that are no values of the graph: steps inside one lowering."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tacit.numbers.fixed import exponent_for
from tacit.numbers.functions import Function
from tacit.operators.forms import signed_bits
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.gadgets.comparison import common_exponent
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

WIDEST_RADICAND = 60
"""Roots are taken of numbers of at most so many bits."""
WIDEST_DIVISION = 60
"""Bits of quotient and divisor together."""
WIDEST_DIVISOR = 26
"""Divisors have at most so many bits."""
WIDEST_ROUNDED = 31
"""Bits of a signed number that is rounded before it is divided."""
FINEST_CONSTANT = 30
"""A constant that is one number everywhere has at most so many fraction bits."""
LARGEST_POWER = 30
"""Numbers that powers of two of an unknown size multiply end at this power."""
GUARD = 4
"""Bits of roots and quotients beyond what their consumers keep."""


def apply(context: Context, name: str, x: Tensor, function: Function, first: int, last: int, bits: int = 0) -> Tensor:
    """function(x) from a table: the argument rounded to exponent `first` and saturated to `bits` bits (default: those of
    narrow tensors), the result of exponent `last`."""
    shift = max(0, x.exponent - first)
    return gadgets.round_saturate(context.builder, name, x, shift, bits or context.scales.bits, function, last)


def absolute(context: Context, name: str, x: Tensor) -> Tensor:
    """|x|, exact."""
    if x.low >= 0:
        return x
    x = column_of(context, f"{name}/signed", x)
    return gadgets.maximum(context.builder, name, x, -x)


def nonnegative(context: Context, name: str, x: Tensor) -> Tensor:
    """max(x, 0), exact."""
    return x if x.low >= 0 else gadgets.maximum(context.builder, name, x, constant(x.shape, 0, x.exponent))


def column_of(context: Context, name: str, x: Tensor) -> Tensor:
    """x as a single view."""
    return x if x.is_affine and len(x.terms) == 1 else context.builder.copy(x, name)


def finer(x: Tensor, bits: int) -> Tensor:
    """The same value with so many fraction bits more."""
    return movement.shifted(x, x.exponent + bits)


def square_root(context: Context, name: str, x: Tensor, exponent: int) -> Tensor:
    """floor(sqrt(max(x, 0))), of about this exponent and GUARD bits more, as far as integers of WIDEST_RADICAND bits
    go."""
    x = nonnegative(context, f"{name}/radicand", x)
    wanted = max(2 * (exponent + GUARD) - x.exponent, 0)
    extra = min(wanted, max(WIDEST_RADICAND - x.high.bit_length(), 0))
    extra += (x.exponent + extra) % 2
    return gadgets.square_root(context.builder, name, finer(x, extra))


def divisor(context: Context, name: str) -> Tensor:
    """A value that others are divided by: GUARD bits finer than narrow, never saturated. A wider one would leave the
    quotient fewer bits."""
    x = context.tensor(name)
    shift = max(x.exponent - context.exponent(name) - GUARD, signed_bits(x) - WIDEST_DIVISOR, 0)
    if shift == 0 and x.is_affine and len(x.terms) == 1:
        return x
    return gadgets.round_wide(context.builder, f"{name}/divisor", x, shift)


def quotient(context: Context, name: str, a: Tensor, d: Tensor, exponent: int) -> Tensor:
    """floor(a / d), of about this exponent and GUARD bits more; a zero divisor counts as the smallest positive step.

    a / d = s a / |d|, with s the sign of d.
    """
    a, d = positive_divisor(context, name, a, d)
    bound = max(a.high, -a.low, 1).bit_length() + 1
    room = min(0, max(d.low.bit_length() - 1, 0) - d.high.bit_length()) + WIDEST_DIVISION - bound
    if room < 0:
        shift = max(-room, signed_bits(a) - WIDEST_ROUNDED)
        a, room = gadgets.round_wide(context.builder, f"{name}/dividend", a, shift), room + shift
    extra = min(exponent + GUARD + d.exponent - a.exponent, room)
    return gadgets.divide_signed(context.builder, name, finer(a, max(0, extra)), d)


def decided_quotient(context: Context, name: str, a: Tensor, d: Tensor, most: int) -> Tensor:
    """floor(a / d), GUARD bits finer than `name` is held: of quotients that are only compared. |a| <= most |d| by the caller's
    proof; a zero divisor counts as one step."""
    a, d = positive_divisor(context, name, column_of(context, f"{name}/dividend", a), d)
    a, d = common_exponent(a, d)
    return gadgets.long_quotient(context.builder, name, a, d, context.exponent(name) + GUARD, most)


def positive_divisor(context: Context, name: str, a: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    """(a, d) with both signs exchanged where d < 0, and d = 0 replaced by 1."""
    if d.low >= 1:
        return a, d
    builder = context.builder
    d = column_of(context, f"{name}/divisor", d)
    above = gadgets.compare(builder, f"{name}/positive", d, constant(d.shape, 1, d.exponent))
    if d.low == 0:
        return a, (d + (1 - above)).bounded(1, max(d.high, 1))
    below = gadgets.compare(builder, f"{name}/negative", constant(d.shape, -1, d.exponent), d)
    magnitude = arithmetic.multiply(builder, d, above - below) + (1 - above - below)
    magnitude = builder.copy(magnitude.bounded(1, max(d.high, -d.low, 1)), f"{name}/magnitude")
    turned = arithmetic.multiply(builder, column_of(context, f"{name}/dividend", a), 1 - 2 * below)
    return turned.bounded(min(a.low, -a.high), max(a.high, -a.low)), magnitude


def times_power(context: Context, name: str, number: Tensor, place: Tensor, shifts: Sequence[int], exponent: int) -> Tensor:
    """round(number 2^shifts[place - place.low]), at most 2^LARGEST_POWER, of this exponent, for a number of 0 or more. A power
    that no number of its interval could bear gives that largest result."""
    builder, bits = context.builder, number.high.bit_length()
    fraction, most = bits + 1, 1 << LARGEST_POWER
    fits = [shift + bits <= LARGEST_POWER for shift in shifts]
    scales = [1 << shift + fraction if fit and shift > -fraction else 0 for shift, fit in zip(shifts, fits)]
    ends = [0 if fit else most << fraction for fit in fits]
    scale = gadgets.choice(builder, f"{name}/scale", place, place.low, scales)
    scaled = arithmetic.multiply(builder, number.bounded(0, 0), scale.bounded(0, 0)).bounded(0, most << fraction)
    if not all(fits):
        end = gadgets.choice(builder, f"{name}/end", place, place.low, ends)
        scaled = movement.plus(builder, scaled, end).bounded(0, most << fraction)
    return gadgets.round_wide(builder, f"{name}/rounded", scaled, fraction).with_exponent(exponent)


def exact_exponent(array: np.ndarray, limit: int) -> int:
    """The smallest exponent at which an array's values are integers, at most `limit`."""
    values = array.astype(np.float64)
    for exponent in range(limit):
        scaled = np.ldexp(values, exponent)
        if np.array_equal(scaled, np.rint(scaled)):
            return exponent
    return limit


def narrow_exponent(largest: float, bits: int) -> int:
    """The exponent of a narrow tensor with one headroom bit above this magnitude."""
    return exponent_for(largest, bits, headroom=1)
