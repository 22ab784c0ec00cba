"""Functions of integers as polynomials on pieces of their interval: few coefficients in place of a table of every value.

Only where the polynomials, rounded, give the correctly rounded value at every integer: that is tried, not estimated. All of it is
exact arithmetic on integers, so that every machine finds the same coefficients.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, lru_cache
from math import lcm

import numpy as np

from tacit.numbers.functions import Function, rounded_at, tabulate

NODES = {1: (146, 854), 2: (67, 500, 933), 3: (38, 309, 691, 962)}
"""Where polynomials of each degree meet the function, in thousandths of a piece: about the zeros of Chebyshev's polynomials."""
FINER = 20
"""They meet values of so many bits more than the results."""
LARGEST = 1 << 58
"""Polynomials stay below it."""
TIES = 14
"""Results that are halves exactly are rounded up: polynomials may have to be 2^-14 more."""


@dataclass(frozen=True)
class Curve:
    """f(x 2^-exponent_in) 2^exponent_out for low <= x <= high, rounded, halves upwards, held in low_out .. high_out."""

    function: Function
    low: int
    high: int
    exponent_in: int
    exponent_out: int
    low_out: int
    high_out: int

    def table(self) -> np.ndarray:
        return tabulate(self.function, self.low, self.high, self.exponent_in, self.exponent_out, self.low_out, self.high_out)

    def finer(self, x: np.ndarray, bits: int) -> np.ndarray:
        """The values at integers x of any shape, of so many bits more."""
        low, high = self.low_out << bits, self.high_out << bits
        found = rounded_at(self.function, x.reshape(-1), self.exponent_in, self.exponent_out + bits, low, high)
        return found.reshape(x.shape)


@dataclass(frozen=True, eq=False)
class Pieces:
    """The value at x is (sum_j coefficients[j][h - first] l^j) >> shift for x = h 2^bits + l, 0 <= l < 2^bits."""

    first: int
    bits: int
    shift: int
    coefficients: tuple[np.ndarray, ...]

    @property
    def count(self) -> int:
        return len(self.coefficients[0])

    def at(self, x: np.ndarray) -> np.ndarray:
        """int64 of the shape of x."""
        piece, place = (x >> self.bits) - self.first, x & ((1 << self.bits) - 1)
        total = self.coefficients[-1][piece]
        for each in self.coefficients[-2::-1]:
            total = total * place + each[piece]
        return total >> self.shift


@lru_cache(maxsize=256)
def pieces_of(curve: Curve, degree: int, bits: int, shift: int) -> Pieces | None:
    """Pieces of 2^bits integers, of polynomials of a degree over 2^shift; None where they miss a value or grow too large."""
    if len(set(nodes_of(degree, bits))) <= degree:
        return None
    numerators, denominator = met(curve, degree, bits)
    rounded = [((each << shift + 1) + denominator) // (2 * denominator) for each in numerators]
    if sum(max(abs(each)) << bits * power for power, each in enumerate(rounded)) >= LARGEST:
        return None
    half = 1 << shift - 1 if shift else 0
    table, x = curve.table(), np.arange(curve.low, curve.high + 1, dtype=np.int64)
    for more in {0: None, (1 << shift) >> TIES: None}:
        found = Pieces(curve.low >> bits, bits, shift, tuple(c.astype(np.int64) for c in (rounded[0] + half + more, *rounded[1:])))
        if np.array_equal(found.at(x), table):
            return found
    return None


def nodes_of(degree: int, bits: int) -> list[int]:
    return [(part * ((1 << bits) - 1) + 500) // 1000 for part in NODES[degree]]


@lru_cache(maxsize=64)
def met(curve: Curve, degree: int, bits: int) -> tuple[list[np.ndarray], int]:
    """(n, q): the polynomial of each piece that meets the curve at NODES has the coefficients n[power] / q."""
    nodes = nodes_of(degree, bits)
    pieces = np.arange(curve.low >> bits, (curve.high >> bits) + 1)
    fine = curve.finer((pieces[:, None] << bits) + nodes, FINER).astype(object)
    matrix, denominator = interpolation(tuple(nodes))
    return [(fine * row).sum(axis=1) for row in matrix], denominator << FINER


@cache
def interpolation(nodes: tuple[int, ...]) -> tuple[list[list[int]], int]:
    """(m, q): the polynomial with the values v at these places has the coefficients m v / q."""
    columns = []
    for i, node in enumerate(nodes):
        product, below = [Fraction(1)], Fraction(1)
        for j, other in enumerate(nodes):
            if j != i:
                product = [a - other * b for a, b in zip([Fraction(0), *product], [*product, Fraction(0)])]
                below *= node - other
        columns.append([c / below for c in product])
    denominator = lcm(*(c.denominator for column in columns for c in column))
    return [[int(column[power] * denominator) for column in columns] for power in range(len(nodes))], denominator
