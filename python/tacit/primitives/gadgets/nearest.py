"""Division to the nearest integer, halves to even, exact."""

from __future__ import annotations

import numpy as np

from tacit.errors import ModelError
from tacit.primitives import movement
from tacit.primitives.builder import Builder, gadget, range_table
from tacit.primitives.gadgets.digits import digits, once, require_injective
from tacit.primitives.gadgets.roots import product_within
from tacit.primitives.tensor import Tensor


def nearest_quotients(a: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The integers nearest to a / d, halves to even, of int64 arrays with 2 |a| + d < 2^63 and d >= 1."""
    q, rest = np.divmod(2 * a + d, 2 * d)
    return q - ((rest == 0) & (q & 1))


@gadget("divide_nearest")
def divide_nearest(b: Builder, name: str, a: Tensor, d: Tensor) -> Tensor:
    """The integer nearest to a / d, of two the even one, d >= 1 by its proved interval; shapes broadcast. Exponent: a.exponent
    - d.exponent.

    Relation: s = 2 a - 2 d y; y = 2 h + e with e in {0, 1} and h - low in R_C; d - 1 in R_D; d - e - s and d - e + s in
    R_(D+2), by digits. Cells h, e, s (and digits), leaves 5 and more, 1 product. Unique: d is an integer of 1 .. 2^D, and so
    are s and |s| <= d - e. Two witnesses would have 2 d |y - y'| = |s - s'| <= 2 d - e - e' as integers, for 2^(C + D + 3) < p:
    then y and y' are neighbours, one of them odd, and 2 d <= 2 d - 1. Raises ModelError for other intervals or too wide ones.
    """
    if d.low < 1:
        raise ModelError(f"{name} divides by {d.low} .. {d.high}; it needs 1 or more")
    low = min(a.low // d.low, a.low // d.high)
    high = max(-(-a.high // d.low), -(-a.high // d.high))
    half_bits, divisor_bits = ((high >> 1) - (low >> 1)).bit_length(), (d.high - 1).bit_length()
    require_injective(name, 1 << (half_bits + divisor_bits + 3))
    a, d = movement.align_all(b, (a, d))
    nearest = once(lambda: nearest_quotients(b.value(a), b.value(d)))
    half = b.commit(f"{name}/half", a, low >> 1, high >> 1, lambda: nearest() >> 1)
    odd = b.commit(f"{name}/odd", a, 0, 1, lambda: nearest() & 1)
    y = (half * 2 + odd).bounded(low, high)
    rest = b.commit(f"{name}/rest", a, -d.high, d.high, lambda: 2 * (b.value(a) - b.value(d) * nearest()))
    product = product_within(b, y, d, a.low - d.high, a.high + d.high)
    b.contract(f"{name}/division", movement.plus(b, rest + product * 2, a * -2))
    b.lookup(f"{name}/odd", range_table(2), [odd])
    digits(b, f"{name}/half", (half - (low >> 1)).bounded(0, (high >> 1) - (low >> 1)), half_bits)
    digits(b, f"{name}/divisor", (d - 1).bounded(0, d.high - 1), divisor_bits)
    for word, sign in (("above", 1), ("below", -1)):
        reach = movement.plus(b, movement.plus(b, d, -odd), rest * sign).bounded(0, 2 * d.high)
        digits(b, f"{name}/{word}", reach, (2 * d.high).bit_length())
    return y.with_exponent(a.exponent - d.exponent)
