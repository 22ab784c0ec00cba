"""Goldilocks F = Z / p, the cubic extension K = F[X] / (X^3 - X - 1), and multilinear closed forms.

A point lists its coordinates most significant first: `eq(point, i)` reads the binary digits of i from the top.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

P = 2**64 - 2**32 + 1
GENERATOR = 7
TWO_ADICITY = 32


class K:
    """c0 + c1 X + c2 X^2 with 0 <= c < p; integers take part in sums and products as elements of F."""

    __slots__ = ("c0", "c1", "c2")

    def __init__(self, c0: int, c1: int = 0, c2: int = 0) -> None:
        self.c0, self.c1, self.c2 = c0 % P, c1 % P, c2 % P

    def __add__(self, other: K | int) -> K:
        if isinstance(other, int):
            return K(self.c0 + other, self.c1, self.c2)
        return K(self.c0 + other.c0, self.c1 + other.c1, self.c2 + other.c2)

    def __sub__(self, other: K | int) -> K:
        if isinstance(other, int):
            return K(self.c0 - other, self.c1, self.c2)
        return K(self.c0 - other.c0, self.c1 - other.c1, self.c2 - other.c2)

    def __rsub__(self, other: int) -> K:
        return K(other - self.c0, -self.c1, -self.c2)

    def __neg__(self) -> K:
        return K(-self.c0, -self.c1, -self.c2)

    def __mul__(self, other: K | int) -> K:
        if isinstance(other, int):
            return K(self.c0 * other, self.c1 * other, self.c2 * other)
        a0, a1, a2, b0, b1, b2 = self.c0, self.c1, self.c2, other.c0, other.c1, other.c2
        # X^3 = X + 1, X^4 = X^2 + X.
        third, fourth = a1 * b2 + a2 * b1, a2 * b2
        return K(a0 * b0 + third, a0 * b1 + a1 * b0 + third + fourth, a0 * b2 + a1 * b1 + a2 * b0 + fourth)

    __radd__ = __add__
    __rmul__ = __mul__

    def __eq__(self, other: object) -> bool:
        if isinstance(other, int):
            other = K(other)
        return isinstance(other, K) and (self.c0, self.c1, self.c2) == (other.c0, other.c1, other.c2)

    def __hash__(self) -> int:
        return hash((self.c0, self.c1, self.c2))

    def __repr__(self) -> str:
        return f"K({self.c0}, {self.c1}, {self.c2})"

    def to_bytes(self) -> bytes:
        """Three little-endian words."""
        return b"".join(c.to_bytes(8, "little") for c in (self.c0, self.c1, self.c2))


ZERO, ONE = K(0), K(1)


def power(base: K, exponent: int) -> K:
    result = ONE
    for digit in f"{exponent:b}":
        result = result * result * (base if digit == "1" else ONE)
    return result


def inverse(value: int) -> int:
    """1 / value in F."""
    return pow(value, P - 2, P)


def root_of_unity(log_order: int) -> int:
    """The generator of the subgroup of order 2^log_order: 7^((p - 1) / 2^32), squared down."""
    return pow(GENERATOR, (P - 1) >> log_order, P)


def total(values: Iterable[K]) -> K:
    result = ZERO
    for value in values:
        result = result + value
    return result


def dot(cells: Sequence[int], weights: Sequence[K]) -> K:
    """sum_i cells[i] weights[i] with integer cells."""
    pairs = list(zip(cells, weights))
    return K(sum(v * w.c0 for v, w in pairs), sum(v * w.c1 for v, w in pairs), sum(v * w.c2 for v, w in pairs))


def bits(d: int) -> int:
    """ceil(log2 d); 0 for d <= 1."""
    return (d - 1).bit_length() if d > 1 else 0


def eq(x: Sequence[K], y: Sequence[K]) -> K:
    """prod_b (x_b y_b + (1 - x_b)(1 - y_b)) of points of one length."""
    assert len(x) == len(y)
    product = ONE
    for a, b in zip(x, y):
        both = a * b
        product = product * (both + both - a - b + 1)
    return product


def eq_index(point: Sequence[K], index: int) -> K:
    """eq(point, digits of index); zero when the index has more digits than the point."""
    if index >> len(point):
        return ZERO
    product = ONE
    for b, r in enumerate(reversed(point)):
        product = product * (r if index >> b & 1 else 1 - r)
    return product


def eq_table(point: Sequence[K]) -> list[K]:
    """[eq(point, i) for i < 2^len(point)]."""
    table = [ONE]
    for r in point:
        grown = []
        for value in table:
            high = value * r
            grown += (value - high, high)
        table = grown
    return table


def less_than(point: Sequence[K], length: int) -> K:
    """LT_length(point) = sum_{i < length} eq(point, i)."""
    if length >> len(point):
        return ONE
    result, prefix = ZERO, ONE
    for b, r in zip(range(len(point) - 1, -1, -1), point):
        if length >> b & 1:
            result = result + prefix * (1 - r)
            prefix = prefix * r
        else:
            prefix = prefix * (1 - r)
    return result


def interpolation_weights(count: int, x: K) -> list[K]:
    """The value at x of the polynomial of degree below `count` that takes v_i at i is sum v_i weight_i."""
    weights = []
    for i in range(count):
        weight, scale = ONE, 1
        for j in range(count):
            if j != i:
                weight, scale = weight * (x - j), scale * (i - j)
        weights.append(weight * inverse(scale % P))
    return weights
