"""Floor division of two tensors, exact."""

from __future__ import annotations

from tacit.errors import ModelError
from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.gadgets.digits import digits, require_injective
from tacit.primitives.tensor import Tensor


@gadget("divide")
def divide(b: Builder, name: str, a: Tensor, d: Tensor, *, exponent: int | None = None) -> Tensor:
    """floor(a / d) of integers, with a >= 0 and d >= 1 by their proved intervals; shapes broadcast.

    Exponent: a.exponent - d.exponent unless given. Relation: a = q d + r with q in R_C, r in R_D and d - 1 - r in R_D,
    by digits. Cells q, r (and digits), leaves 3 and more, 1 product. Unique: r + (d - 1 - r) bounds d below 2^(D + 1),
    so that q d + r < 2^(C + D + 1) < p is the integer division. Raises ModelError for other intervals or too wide ones.
    """
    if a.low < 0 or d.low < 1:
        raise ModelError(f"{name} divides {a.low} .. {a.high} by {d.low} .. {d.high}; it needs 0 or more by 1 or more")
    largest = a.high // d.low
    quotient_bits, divisor_bits = largest.bit_length(), (d.high - 1).bit_length()
    require_injective(name, 1 << (quotient_bits + divisor_bits + 1))
    a, d = movement.align_all(b, (a, d))
    exponent = a.exponent - d.exponent if exponent is None else exponent
    q = b.commit(name, a, 0, largest, lambda: b.value(a) // b.value(d), exponent=exponent)
    r = b.commit(f"{name}/remainder", a, 0, d.high - 1, lambda: b.value(a) % b.value(d))
    b.contract(f"{name}/division", arithmetic.multiply(b, q, d) + r - a)
    digits(b, f"{name}/quotient", q, quotient_bits)
    digits(b, f"{name}/remainder", r, divisor_bits)
    digits(b, f"{name}/below", (d - r - 1).bounded(0, (1 << divisor_bits) - 1), divisor_bits)
    return q
