"""The bits that two integers share, by digits of four bits."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np

from tacit.primitives import movement
from tacit.primitives.builder import Builder, Rows, Table, gadget, listed
from tacit.primitives.gadgets.digits import once, require_injective
from tacit.primitives.tensor import Tensor

DIGIT = 4
"""Bits of a digit: a table has 2^(2 DIGIT) tuples."""


@lru_cache(maxsize=32)
def common_rows(bits: int, signed: bool) -> tuple[Rows, ...]:
    """Tuples (x, y, x & y) of digits; where the digit holds a sign, its highest bit stands for minus that bit, inverted."""
    left, right = (axis.reshape(-1) for axis in np.indices((1 << bits, 1 << bits)))
    turn = 1 << (bits - 1) if signed else 0
    return (Rows(left.size, (listed(left), listed(right), listed(((left ^ turn) & (right ^ turn)) ^ turn))),)


def digit_of(values: Callable[[], tuple[np.ndarray, ...]], side: int, start: int, mask: int) -> np.ndarray:
    return (values()[side] >> start) & mask


def shared(values: Callable[[], tuple[np.ndarray, ...]], start: int, mask: int, turn: int) -> np.ndarray:
    left, right = (digit_of(values, side, start, mask) ^ turn for side in (0, 1))
    return (left & right) ^ turn


@gadget("common_bits")
def common_bits(b: Builder, name: str, x: Tensor, y: Tensor) -> Tensor:
    """x & y of integers in two's complement, exponent 0; shapes broadcast.

    Relation: the digits of x and of y (both plus 2^(w-1) if either can be negative) are in a table with the digit of the
    result; the lowest digit of each operand is virtual. Cells 3 a digit less 2, leaves 1 a digit. Unique: digits below 16
    of a number below 2^w < p are, and fix the result's. Raises ModelError where w bits are too many for the field.
    """
    x, y = movement.align_all(b, (x, y))
    signed = min(x.low, y.low) < 0
    reach = max(x.high, y.high, ~x.low, ~y.low)
    width = max(reach.bit_length(), 1) + signed
    require_injective(name, 1 << width)
    offset = 1 << (width - 1) if signed else 0
    values = once(lambda: tuple(b.value(operand) + offset for operand in (x, y)))
    rests = [(operand + offset).bounded(0, (1 << width) - 1) for operand in (x, y)]
    result: Tensor | None = None
    for place in reversed(range(-(-width // DIGIT))):
        start = DIGIT * place
        bits = min(DIGIT, width - start)
        mask, top = (1 << bits) - 1, signed and start + bits == width
        parts = []
        for side, word in enumerate(("left", "right")):
            if place == 0:
                parts.append(rests[side].bounded(0, mask))
                continue
            digit = b.commit(f"{name}/{word}{place}", x, 0, mask, partial(digit_of, values, side, start, mask))
            rests[side] = rests[side] - digit * (1 << start)
            parts.append(digit)
        turn = 1 << (bits - 1) if top else 0
        common = b.commit(f"{name}/digit{place}", x, 0, mask, partial(shared, values, start, mask, turn))
        b.lookup(f"{name}/digit{place}", Table(f"common/{bits}/{top:d}", common_rows(bits, top)), [*parts, common])
        term = common * (1 << start)
        result = term if result is None else result + term
    assert result is not None
    ends = [operand.high for operand in (x, y) if operand.low >= 0]
    low, high = (0, min(ends)) if ends else (-offset, max(x.high, y.high, -1))
    return (result - offset).bounded(low, high)
