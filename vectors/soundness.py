"""The soundness terms of a circuit's proofs, from the published formulas, independently of the Rust code.

Sources: LogUp and its fraction tree (ePrint 2022/1530, 2023/1284); sumcheck (LFKN); WHIR (ePrint 2024/1586, Theorem 5.2) in the
Johnson regime with the mutual correlated agreement of ePrint 2025/2055, Theorem 4.6. Probabilities are exact fractions where they
are rational; square roots and the final logarithms are floating point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

P = 2**64 - 2**32 + 1
K = Fraction(P) ** 3


def bits(d: int) -> int:
    return (d - 1).bit_length() if d > 1 else 0


def johnson_list(rate: Fraction) -> Fraction:
    """1 / (2 eta sqrt(rho)) with eta = sqrt(rho) / 20."""
    return Fraction(20, 2) / rate


def query_miss(rate: Fraction) -> float:
    """1 - gamma = sqrt(rho) + eta."""
    return math.sqrt(rate) * (1 + 1 / 20)


def proximity_gap(dimension: int, points: int) -> float:
    """Probability that a random point of a line of two words agrees with a codeword where the two do not. Theorem 4.6 bounds such
    challenges at radius gamma by (2 (m + 1/2)^5 + 3 (m + 1/2) gamma rho) n / (3 rho^(3/2)) + (m + 1/2) / sqrt(rho), for polynomials
    of degree rho n or less, with m = max(ceil(sqrt(rho) / (1 - sqrt(rho) - gamma)), 3)."""
    rho = (dimension - 1) / points
    if rho == 0:
        return math.inf
    gamma = 1 - query_miss(Fraction(dimension, points))
    # The theorem's own m, which is at most 20; 20 is charged.
    assert math.ceil(math.sqrt(rho) / (1 - math.sqrt(rho) - gamma) - 1e-9) <= 20
    half = 20 + 1 / 2
    bad = (2 * half**5 + 3 * half * gamma * rho) * points / (3 * rho**1.5) + half / math.sqrt(rho)
    return bad / float(K)


def opening(log_rows: int, log_limbs: int, folds: Sequence[int], rates: Sequence[int], queries: Sequence[int]) -> list[float]:
    """One probability per term of the opening. `rates`: log2 of the inverse rate of each oracle."""
    terms = []
    rows = log_rows
    for i, (fold, log_rate, count) in enumerate(zip([log_limbs, *folds], rates, queries, strict=True)):
        rate = Fraction(1, 2**log_rate)
        several = johnson_list(rate)
        if i > 0:
            previous_queries, vector = queries[i - 1], 2**rows
            terms.append(float(several**2 / 2 * vector / K))
            terms.append(float((1 + previous_queries) * several / K))
            rows -= fold
        if fold:
            terms.append(float(2 * fold * several / K))
            terms.append(fold * proximity_gap(2**rows, 2 ** (rows + log_rate)))
        terms.append(query_miss(rate) ** count)
    if rows:
        terms.append(float(2 * rows / K))
    return terms


def composed(probabilities: Sequence[float]) -> float:
    """Bits of the sum."""
    return -math.log2(math.fsum(probabilities))


def logup(log_leaves: int, log_rate: int) -> list[float]:
    """Identity and tree, charged the list of the joined word."""
    several = johnson_list(Fraction(1, 2**log_rate))
    tree = sum(3 * i + 2 for i in range(log_leaves))
    return [float(2 ** (log_leaves + 1) * several / K), float(tree * several / K)]


def outer(log_leaves: int, coordinates: int, contracts: int, claims: int, log_rate: int) -> list[float]:
    """Everything before the opening: `logup`; the contracts' points, their batch with the virtual products and at most 64 rounds of
    degree at most 4; the claims that are combined. All charged the list of the joined word."""
    several = johnson_list(Fraction(1, 2**log_rate))
    contraction = coordinates + contracts + 1 + 4 * 64
    return logup(max(log_leaves, 1), log_rate) + [float(contraction * several / K), float(claims * several / K)]


def seal(coefficients: int, log_rate: int) -> float:
    """Two words of a root's list have one seal at its point. The seal is a polynomial in the point, and its coefficients are
    counted, one more than its degree: of a key rows times limbs, of a named commitment the tensor's cells and 1."""
    several = johnson_list(Fraction(1, 2**log_rate))
    return float(several**2 / 2 * coefficients / K)
