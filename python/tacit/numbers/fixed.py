"""The only definition of rounding and saturation.

A tensor of integers with exponent f holds the values integer * 2^-f. Rounding is to the nearest integer, halves
upwards: round(x / 2^s) = floor((x + 2^(s-1)) / 2^s). Values outside a range saturate at its ends.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

from tacit.errors import InputError
from tacit.numbers.dtypes import plain

Integer = TypeVar("Integer", int, np.ndarray)

WIDEST = 62
"""Integers of the system stay below 2^62 in magnitude."""
FLOAT_BITS = 26
"""Values of so many bits are held as finely as float32 holds them: 24 and a sign, and one headroom bit. No table has so many."""
PIECE = 1 << 16
"""Elements that are quantised at a time: what is computed of them stays in cache."""
LARGEST_FACTOR = 1022
"""2^-1022 to 2^1022 are float64 numbers of full precision."""


def signed_range(bits: int) -> tuple[int, int]:
    """Lowest and highest signed integer of `bits` bits."""
    return -(1 << (bits - 1)), (1 << (bits - 1)) - 1


def round_shift(x: Integer, shift: int) -> Integer:
    """round(x / 2^shift), halves upwards, of an int or an int64 array; a negative shift multiplies by 2^-shift.

    The caller keeps |x| + 2^(shift-1), and the product for a negative shift, below 2^63.
    """
    if shift > 0:
        return (x + (1 << (shift - 1))) >> shift
    return x << -shift


def saturate(x: Integer, low: int, high: int) -> Integer:
    """x held inside [low, high]; int or int64 array."""
    if isinstance(x, np.ndarray):
        return np.clip(x, low, high)
    return min(max(x, low), high)


def round_half_up(x: np.ndarray) -> np.ndarray:
    """Nearest whole numbers of a float64 array as float64, halves upwards; exact for every float."""
    below = np.floor(x)
    with np.errstate(invalid="ignore"):  # infinity - infinity
        return below + (x - below >= 0.5)


def quantise(array: np.ndarray, exponent: int, low: int, high: int) -> np.ndarray:
    """Integers saturate(round(array * 2^exponent), low, high) as int64, of the array's shape.

    Any real dtype. Infinities saturate. Raises InputError for a value that is not a number.
    """
    values = plain(np.asarray(array))
    if values.dtype.kind in "iub" and exponent == 0 and values.dtype != np.uint64:
        return np.clip(values.astype(np.int64), low, high)
    result = np.empty(values.shape, dtype=np.int64)
    source, target = values.reshape(-1), result.reshape(-1)
    for start in range(0, source.size, PIECE):
        place = slice(start, start + PIECE)
        target[place] = _quantised(source[place], exponent, low, high)
    return result


def _quantised(values: np.ndarray, exponent: int, low: int, high: int) -> np.ndarray:
    """One piece of what `quantise` gives; most are far from the ends of the interval."""
    exact = values.astype(np.float64)
    if values.dtype.kind not in "iub" and np.isnan(exact).any():
        raise InputError("an array holds a value that is not a number (NaN); replace it before quantising")
    with np.errstate(over="ignore"):
        # Both are rounded once, and the factor is exact; multiplying is ten times as fast.
        scaled = exact * 2.0**exponent if abs(exponent) <= LARGEST_FACTOR else np.ldexp(exact, exponent)
    scaled = round_half_up(scaled)
    if low < scaled.min() and scaled.max() < high:
        return scaled.astype(np.int64)
    inside = (scaled > low) & (scaled < high)
    found = np.where(inside, scaled, 0.0).astype(np.int64)
    return np.where(inside, found, np.where(scaled >= high, high, low)).astype(np.int64)


def dequantise(integers: np.ndarray, exponent: int) -> np.ndarray:
    """float64 values integers * 2^-exponent, of the same shape."""
    return np.ldexp(np.asarray(integers).astype(np.float64), -exponent)


def exact_exponent(array: np.ndarray, bits: int) -> int | None:
    """The smallest exponent f with array * 2^f all integers, of at most `bits` signed bits; None where there is none.

    For finite floats that are not all zero; taken in pieces, so that most arrays are refused after the first one.
    """
    flat = array.reshape(-1)
    finest = exponent_for(float(np.abs(flat).max(initial=0)), bits, headroom=0)
    common = 0
    for start in range(0, flat.size, PIECE):
        scaled = np.ldexp(flat[start : start + PIECE].astype(np.float64), finest)
        integers = scaled.astype(np.int64)
        if not np.array_equal(integers, scaled):
            return None
        common |= int(np.bitwise_or.reduce(integers))
    return finest - ((common & -common).bit_length() - 1) if common else None


def exponent_for(max_abs: float, bits: int, headroom: int = 1) -> int:
    """The largest exponent f with max_abs * 2^(f + headroom) <= 2^(bits-1), for signed integers of `bits` bits.

    An all-zero tensor (max_abs = 0) gets bits - 1 - headroom. Raises InputError if max_abs is negative or not finite.
    """
    if not math.isfinite(max_abs) or max_abs < 0:
        raise InputError(f"the largest magnitude of a tensor is {max_abs}; a finite number of at least 0 is needed")
    mantissa, power = math.frexp(max_abs)
    ceil_log2 = 0 if mantissa == 0 else (power - 1 if mantissa == 0.5 else power)
    return bits - 1 - ceil_log2 - headroom
