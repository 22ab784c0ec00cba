"""Floor division of a signed number, exact."""

from __future__ import annotations

from tacit.errors import ModelError
from tacit.primitives import movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.gadgets.digits import digits, require_injective
from tacit.primitives.gadgets.roots import product_within
from tacit.primitives.tensor import Tensor


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
    if d.low < 1:
        raise ModelError(f"{name} divides by {d.low} .. {d.high}; it needs 1 or more")
    low, high = quotient_bounds(a, d)
    quotient_bits, divisor_bits = (high - low).bit_length(), (d.high - 1).bit_length()
    require_injective(name, 1 << (quotient_bits + divisor_bits + 1))
    a, d = movement.align_all(b, (a, d))
    q = b.commit(name, a, low, high, lambda: b.value(a) // b.value(d), exponent=a.exponent - d.exponent)
    r = b.commit(f"{name}/remainder", a, 0, d.high - 1, lambda: b.value(a) % b.value(d))
    product = product_within(b, q, d, a.low - d.high + 1, a.high)
    b.contract(f"{name}/division", movement.plus(b, product + r, -a))
    digits(b, f"{name}/quotient", (q - low).bounded(0, high - low), quotient_bits)
    digits(b, f"{name}/remainder", r, divisor_bits)
    digits(b, f"{name}/below", (d - r - 1).bounded(0, (1 << divisor_bits) - 1), divisor_bits)
    return q
