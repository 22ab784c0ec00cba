"""Integers that leave their dtype wrap, as the model's arithmetic does."""

from __future__ import annotations

from tacit.primitives import gadgets, movement
from tacit.primitives.builder import Builder
from tacit.primitives.tensor import Tensor

WIDEST = 32
"""Wider dtypes would need a modulus that the field does not hold: their overflow is refused."""


def wrap(b: Builder, name: str, x: Tensor, low: int, bits: int) -> Tensor:
    """x - 2^bits q in low .. low + 2^bits - 1, exponent 0: q is x - low, divided by 2^bits and rounded down.

    Cells and lookups: those of `round_wide`, which forces q and puts the result, its remainder, into its range. Raises
    ModelError where x reaches so far that the field cannot hold it.
    """
    half = 1 << (bits - 1)
    wraps = gadgets.round_wide(b, f"{name}/wraps", x - (low + half), bits).with_exponent(0)
    return movement.plus(b, x, -(wraps * (1 << bits))).bounded(low, low + (1 << bits) - 1)
