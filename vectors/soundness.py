"""The soundness terms of a circuit's proofs, from the published formulas, independently of the Rust code.

Sources: LogUp and its fraction tree (ePrint 2022/1530, 2023/1284); sumcheck (LFKN); WHIR (ePrint 2024/1586) in the Johnson regime
with the proximity bound of ePrint 2025/2055, Theorem 1.5, at m = 10. Probabilities are exact fractions; only the final
logarithms are floating point.
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
    """1 - delta = sqrt(rho) + eta."""
    return math.sqrt(rate) * (1 + 1 / 20)


def proximity_gap(points: int, rate: Fraction, m: float = 10.0) -> float:
    """Probability that a random combination of two words is close although they are not: 2 (m + 1/2)^5 / (3 rho^(3/2)) n / |K|."""
    return 2 * (m + 0.5) ** 5 / 3 / float(rate) ** 1.5 * points / float(K)


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
            terms.append(fold * proximity_gap(2 ** (rows + log_rate), rate))
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
