"""Floor division of a signed number, exact, and with more fraction bits than one product of quotient and divisor leaves."""

from __future__ import annotations

from tacit.errors import ModelError
from tacit.primitives import movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.gadgets.digits import DIGIT, digits, require_injective
from tacit.primitives.gadgets.roots import product_within
from tacit.primitives.tensor import Tensor

WIDEST = 61
"""Remainders have at most so many bits with the fraction bits of a step."""


def quotient_bounds(a: Tensor, d: Tensor) -> tuple[int, int]:
    """The least and the greatest floor(a / d) of the intervals, d >= 1."""
    return min(a.low // d.low, a.low // d.high), max(a.high // d.low, a.high // d.high)


@gadget("divide_signed")
def divide_signed(b: Builder, name: str, a: Tensor, d: Tensor) -> Tensor:
    """floor(a / d) of integers, d >= 1 by its proved interval; shapes broadcast. Exponent: a.exponent - d.exponent.

    Relation: a = q d + r with q - low in R_C, r in R_D and d - 1 - r in R_D, by digits, low the least quotient. Cells q,
    r (and digits), leaves 3 and more, 1 product. Unique: r + (d - 1 - r) bounds d below 2^(D + 1) as an integer, so that
    a - low d = (q - low) d + r < 2^(C + D + 1) < p is the integer division. Raises ModelError for other intervals or too
    wide ones.
    """
    require_positive(name, d)
    a, d = movement.align_all(b, (a, d))
    return divided(b, name, a, d, *quotient_bounds(a, d))[0]


@gadget("long_quotient")
def long_quotient(b: Builder, name: str, a: Tensor, d: Tensor, fraction: int, most: int) -> Tensor:
    """floor(2^fraction a / d) of integers, d >= 1 by its proved interval and |a| <= most d by the caller's; shapes broadcast.
    Exponent: a.exponent - d.exponent + fraction.

    Relation: a = q_0 d + r_0 and 2^k r_(i - 1) = q_i d + r_i, as `divide_signed` has it, for steps of k bits, k <= DIGIT, that
    are fraction bits in all; the result is a copy of the sum of q_i 2^(fraction - i k). Cells and leaves of every step are those
    of `divide_signed`. Unique: each step is. Raises ModelError for another interval of d and for too wide ones.
    """
    require_positive(name, d)
    a, d = movement.align_all(b, (a, d))
    room = max(WIDEST - (d.high - 1).bit_length(), 1)
    bits = [min(DIGIT, room)] * (fraction // min(DIGIT, room))
    bits += [fraction - sum(bits)] if fraction > sum(bits) else []
    exponent = a.exponent - d.exponent + fraction
    total, rest = divided(b, f"{name}/whole", a, d, -most, most)
    for step, k in enumerate(bits):
        part, rest = divided(b, f"{name}/step{step}", rest * (1 << k), d, 0, (1 << k) - 1)
        total = movement.plus(b, total.with_exponent(0) * (1 << k), part.with_exponent(0))
    ends = most << fraction
    return b.copy(total.bounded(-ends, ends).with_exponent(exponent), name)


def require_positive(name: str, d: Tensor) -> None:
    if d.low < 1:
        raise ModelError(f"{name} divides by {d.low} .. {d.high}; it needs 1 or more")


def divided(b: Builder, name: str, a: Tensor, d: Tensor, low: int, high: int) -> tuple[Tensor, Tensor]:
    """q = floor(a / d) and r = a - q d, of one shape; low <= q <= high by the caller's proof. See `divide_signed`."""
    quotient_bits, divisor_bits = (high - low).bit_length(), (d.high - 1).bit_length()
    require_injective(name, 1 << (quotient_bits + divisor_bits + 1))
    q = b.commit(name, a, low, high, lambda: b.value(a) // b.value(d), exponent=a.exponent - d.exponent)
    r = b.commit(f"{name}/remainder", a, 0, d.high - 1, lambda: b.value(a) % b.value(d))
    product = product_within(b, q, d, a.low - d.high + 1, a.high)
    b.contract(f"{name}/division", movement.plus(b, product + r, -a))
    digits(b, f"{name}/quotient", (q - low).bounded(0, high - low), quotient_bits)
    digits(b, f"{name}/remainder", r, divisor_bits)
    digits(b, f"{name}/below", (d - r - 1).bounded(0, (1 << divisor_bits) - 1), divisor_bits)
    return q, r
