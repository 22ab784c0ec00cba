"""Functions without a table of their values: polynomials on pieces of the interval, whose coefficients are looked up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import islice

import numpy as np

from tacit.circuit import Iota, Listed
from tacit.errors import ModelError
from tacit.numbers.fixed import signed_range
from tacit.numbers.functions import Function
from tacit.numbers.pieces import Curve, Pieces, pieces_of
from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, Rows, Table, gadget, listed
from tacit.primitives.gadgets.digits import CELL, ENTRY, LEAF, digit_widths, digits, price, require_injective
from tacit.primitives.tensor import Tensor

SIZES = {1: (15, 14, 12, 10, 8, 6), 2: (12, 11, 10, 9, 8, 7, 6), 3: (12, 11, 10, 9, 8, 7, 6)}
"""Bits of a piece that are tried, by degree."""
SHIFTS = (0, 8, 12, 16, 20, 24, 28, 32, 36)
"""Bits of the polynomials' fractions that are tried; what the last does not give, none does."""
TRIED = 3
FEWEST = 12
"""An interval of fewer bits has a table."""


@dataclass(frozen=True)
class Choice:
    """`degree`, `bits` and `shift` of pieces, and what they cost, in nanoseconds."""

    degree: int
    bits: int
    shift: int
    price: int


def cheapest_pieces(size: int, curve: Curve, everything: int) -> Choice | None:
    """The pieces of a curve that cost least for `size` elements of `everything`; None where no polynomials give it."""
    found = [Choice(*parameters, price_of(size, curve, parameters, everything)) for parameters in fitting(curve)]
    return min(found, key=lambda choice: choice.price, default=None)


@lru_cache(maxsize=256)
def fitting(curve: Curve) -> tuple[tuple[int, int, int], ...]:
    """(degree, bits, least shift) of pieces that give the curve: the TRIED longest of each degree."""
    if (curve.high - curve.low).bit_length() < FEWEST:
        return ()
    found = []
    for degree, sizes in SIZES.items():
        given = (bits for bits in sizes if pieces_of(curve, degree, bits, SHIFTS[-1]) is not None)
        for bits in islice(given, TRIED):
            shift = next(s for s in SHIFTS if pieces_of(curve, degree, bits, s) is not None)
            found.append((degree, bits, shift))
    return tuple(found)


def price_of(size: int, curve: Curve, parameters: tuple[int, int, int], everything: int) -> int:
    degree, bits, shift = parameters
    width = (curve.high_out - curve.low_out).bit_length()
    checked = [bits] + ([shift, width] if shift else [])
    count = (curve.high >> bits) - (curve.low >> bits) + 1
    by_digits = sum(price(size, digit_widths(size, width, everything), everything) for width in checked)
    return size * ((2 * degree + 3) * CELL + LEAF) + count * ENTRY + by_digits


@gadget("by_pieces")
def by_pieces(
    b: Builder, name: str, x: Tensor, function: Function, exponent: int, bits_out: int, degree: int, bits: int, shift: int
) -> Tensor:
    """y = f(x), correctly rounded to signed `bits_out`-bit integers of an exponent, for integers x of their proved interval; by
    polynomials of a degree on pieces of 2^bits integers, over 2^shift (`numbers.pieces`). See `polynomial` for relations.

    Raises ModelError where no such polynomials give the function.
    """
    curve = Curve(function, x.low, x.high, x.exponent, exponent, *signed_range(bits_out))
    return polynomial(b, name, x, curve, (degree, bits, shift))


def polynomial(b: Builder, name: str, x: Tensor, curve: Curve, parameters: tuple[int, int, int]) -> Tensor:
    """The curve at x, which must have the curve's interval.

    x = h 2^k + l with l in R_k by digits, (h, c_0 .. c_d) in the table of coefficients, y 2^s + r = sum_j c_j l^j with r in R_s and
    y - low in R_w by digits, r virtual; without r and the range of y for s = 0. Cells h, l, c_0 .. c_d, d - 1 sums and y (and one a
    further digit), leaves 1 and one a digit, d products. Unique: h and l are the digits of an integer below p, or h is in no row;
    they fix the sum, and y 2^s + r < 2^(w + s) < p is its division.
    """
    degree, bits, shift = parameters
    found = pieces_of(curve, degree, bits, shift)
    if found is None:
        raise ModelError(f"{name} has no polynomials of degree {degree} on pieces of {bits} bits")
    require_injective(name, found.count << bits)
    x = x.with_exponent(0)
    piece = b.commit(f"{name}/piece", x, found.first, found.first + found.count - 1, lambda: b.value(x) >> bits)
    place = b.commit(f"{name}/place", x, 0, (1 << bits) - 1, lambda: b.value(x) & ((1 << bits) - 1))
    b.contract(f"{name}/cut", movement.plus(b, x, -(piece * (1 << bits) + place)))
    digits(b, f"{name}/place", place, bits)
    cells = [
        b.commit(f"{name}/coefficient{power}", x, int(each.min()), int(each.max()), partial(chosen, b, piece, found, each))
        for power, each in enumerate(found.coefficients)
    ]
    rules: tuple[Iota | Listed, ...] = (Iota(found.first), *(listed(each) for each in found.coefficients))
    label = f"{curve.function.label}/{curve.exponent_in}>{curve.exponent_out}/pieces of {bits} bits"
    b.lookup(f"{name}/piece", Table(label, (Rows(found.count, rules),)), [piece, *cells])
    total = cells[-1]
    for power in reversed(range(degree)):
        total = movement.plus(b, arithmetic.multiply(b, total, place), cells[power])
        total = b.copy(total, f"{name}/sum{power}") if power else total
    values = curve.table()
    low, high = int(values.min()), int(values.max())
    y = b.commit(name, x, low, high, lambda: found.at(b.value(x)), exponent=curve.exponent_out)
    rest = movement.plus(b, total, -(y.with_exponent(0) * (1 << shift)))
    if shift == 0:
        b.contract(f"{name}/equal", rest)
        return y
    width = (high - low).bit_length()
    require_injective(name, 1 << (width + shift))
    digits(b, f"{name}/remainder", rest.bounded(0, (1 << shift) - 1), shift)
    digits(b, f"{name}/result", y.with_exponent(0) - low, width)
    return y


def chosen(b: Builder, piece: Tensor, found: Pieces, values: np.ndarray) -> np.ndarray:
    return values[b.value(piece) - found.first]
