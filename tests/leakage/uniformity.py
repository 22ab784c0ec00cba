"""Chi-square tests of many positions at once, with bounds that honest proofs do not meet in a lifetime.

Every statistic becomes a normal deviate (Wilson and Hilferty 1931: the cube root of a chi-square variable is nearly normal). The
largest of all is bounded by a quantile, their distribution by Kolmogorov's distance, their sum by its standard deviation.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf, log, pi, sqrt

import numpy as np

LARGEST, DISTANCE, SUM = 9.0, 4.0, 7.0
"""Deviates: 9 has a probability of 10^-19, so 10^-13 over a million statistics. sqrt(T) times Kolmogorov's distance exceeds 4 with
2 exp(-32) = 3 * 10^-14, the sum 7 deviations with 3 * 10^-12."""


@dataclass
class Verdict:
    statistics: int
    largest: float
    where: int
    distance: float
    step: float
    sum: float

    @property
    def uniform(self) -> bool:
        return self.largest < LARGEST and self.distance < DISTANCE + self.step and abs(self.sum) < SUM

    def __str__(self) -> str:
        return (
            f"{self.statistics} statistics: largest deviate {self.largest:.2f} (expected {sqrt(2 * log(self.statistics)):.1f}), "
            f"Kolmogorov distance {self.distance:.2f} (a step is {self.step:.2f}), sum {self.sum:+.2f} deviations"
        )


def judged(counts: np.ndarray) -> Verdict:
    """`counts`: [statistics, cells], equally likely cells under the hypothesis. Statistics of n draws lie on multiples of
    2 cells / n, so a distance is given with what one step at the mode is of it."""
    cells = counts.shape[1]
    expected = counts.sum(axis=1, keepdims=True) / cells
    chi = ((counts - expected) ** 2 / expected).sum(axis=1)
    k, total = cells - 1, len(chi)
    deviates = (np.cbrt(chi / k) - (1 - 2 / (9 * k))) / sqrt(2 / (9 * k))
    ranks = (np.arange(total) + 0.5) / total
    normal = np.array([0.5 + erf(z / sqrt(2)) / 2 for z in np.sort(deviates)])
    where = int(deviates.argmax())
    distance = float(np.abs(normal - ranks).max() * sqrt(total))
    step = 2 / float(expected.min()) / sqrt(4 * pi * k) * sqrt(total)
    return Verdict(total, float(deviates[where]), where, distance, step, float((chi.sum() - total * k) / sqrt(2 * k * total)))


class Digits:
    """Counts the digits of `bits` bits of every word at every position."""

    def __init__(self, positions: int, word: int = 64, bits: int = 8) -> None:
        self.shifts = np.arange(0, word, bits, dtype=np.uint64)
        self.mask, self.cells = np.uint64((1 << bits) - 1), 1 << bits
        self.counts = np.zeros((positions * len(self.shifts), self.cells), np.uint32)
        self.base = np.arange(len(self.counts)) * self.cells

    def add(self, words: np.ndarray) -> None:
        digits = (words.astype(np.uint64)[:, None] >> self.shifts & self.mask).reshape(-1)
        self.counts.reshape(-1)[self.base + digits.astype(np.int64)] += 1

    def verdict(self) -> Verdict:
        return judged(self.counts)


class Pairs:
    """Counts pairs of digits of `bits` bits, at one place in both words: of each position and the next, of each and that of the
    next element of K, and of pairs drawn once."""

    def __init__(self, positions: int, bits: int, drawn: int, seed: int = 1) -> None:
        rng = np.random.default_rng(seed)
        own = np.arange(positions)
        first, second = rng.integers(0, positions, (2, drawn))
        distinct = first != second
        self.left = np.concatenate([own[:-1], own[:-3], first[distinct]])
        self.right = np.concatenate([own[1:], own[3:], second[distinct]])
        self.bits, self.mask = np.uint64(bits), np.uint64((1 << bits) - 1)
        self.shifts = rng.integers(0, 64 - bits, len(self.left)).astype(np.uint64)
        self.counts = np.zeros((len(self.left), 1 << 2 * bits), np.uint32)
        self.base = np.arange(len(self.left)) << 2 * bits

    def add(self, words: np.ndarray) -> None:
        left, right = (words[side] >> self.shifts & self.mask for side in (self.left, self.right))
        self.counts.reshape(-1)[self.base + (left << self.bits | right).astype(np.int64)] += 1

    def verdict(self) -> Verdict:
        return judged(self.counts)
