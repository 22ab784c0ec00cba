"""Several integers in one cell: packed by powers of two, and taken apart by range checks."""

from __future__ import annotations

import numpy as np

from tacit.primitives import movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.gadgets.digits import digits, require_injective
from tacit.primitives.tensor import Tensor


@gadget("unpacked")
def unpacked(b: Builder, name: str, x: Tensor, count: int, bits: int) -> Tensor:
    """The numbers y [.., count n] of `bits` signed bits with x_j = sum_i y_(i n + j) 2^(bits i), for x [.., n] and i < count; the
    exponent is x's.

    Relations: that, with y_i for y_(i n + j), and y_i + 2^(bits - 1) in R_bits. Cells: one a number, and one a further
    digit; leaves one a digit. Unique for every field value of x: the numbers y_i + 2^(bits - 1) are the digits to the base 2^bits
    of x plus a constant, and 2^(bits count) < p.
    """
    require_injective(name, 1 << bits * count)
    half, mask = 1 << (bits - 1), (1 << bits) - 1
    offset = sum(half << bits * i for i in range(count))
    places = bits * np.arange(count)[:, None]

    def parts() -> np.ndarray:
        return (((b.value(x) + offset)[..., None, :] >> places) & mask) - half

    *lead, n = x.shape
    y = b.commit(name, (*lead, count, n), -half, half - 1, parts, exponent=x.exponent)
    digits(b, f"{name}/number", y + half, bits)
    rest = x
    for i in range(count):
        part = movement.reshape(b, movement.slice_(b, y, len(lead), i, i + 1), x.shape)
        rest = rest - part * (1 << bits * i)
    b.contract(f"{name}/sum", rest)
    return movement.reshape(b, y, (*lead, count * n))
