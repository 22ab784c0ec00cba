"""A classifier that learns to tell the receipts of two secrets apart, from all field elements and what follows from neighbours.

Half of the receipts train it. A word that was met in the receipts of one secret alone and comes again decides (an opened value at
a position that is asked a second time); otherwise a linear discriminant of the features that differ most, chosen in the
training half.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

P = np.uint64(2**64 - 2**32 + 1)
CHUNK = 128


@dataclass
class Outcome:
    right: int
    tested: int

    @property
    def accuracy(self) -> float:
        return self.right / self.tested

    @property
    def deviations(self) -> float:
        """From one half, in standard errors."""
        return float((self.accuracy - 0.5) * 2 * np.sqrt(self.tested))

    def __str__(self) -> str:
        return f"{100 * self.accuracy:.2f} % of {self.tested}: {self.deviations:+.2f} standard errors from 50 %"


def features(words: np.ndarray) -> np.ndarray:
    """[receipts, positions] -> float32[receipts, features]: value, distance from the middle, low byte and bit of every word, and of
    its sum, difference and exclusive or with the next word and with the same word of the next element of K."""
    signed = lambda w: w.astype(np.float32) / np.float32(2**64) - np.float32(0.5)  # noqa: E731
    found = []
    for values in (words, *combined(words, 1), *combined(words, 3)):
        value = signed(values)
        found += [value, np.abs(value), *((values & np.uint64(mask)).astype(np.float32) for mask in (255, 1))]
    return np.concatenate(found, axis=1)


def combined(words: np.ndarray, step: int) -> Iterator[np.ndarray]:
    left, right = words[:, :-step], words[:, step:]
    total = left + right
    yield np.where((total < left) | (total >= P), total - P, total)
    yield np.where(left < right, left - right + P, left - right)
    yield left ^ right


def chunks(train: np.ndarray, test: np.ndarray) -> Iterator[np.ndarray]:
    """Features of all receipts, some positions at a time."""
    for start in range(0, train.shape[1] - 3, CHUNK):
        yield features(np.concatenate([half[:, start : start + CHUNK + 3] for half in (train, test)]))


def met(words: np.ndarray, known: np.ndarray) -> int:
    """How many of the words are among the known ones, which ascend."""
    return int((known[np.minimum(np.searchsorted(known, words), len(known) - 1)] == words).sum())


def told(first: np.ndarray, second: np.ndarray) -> Outcome:
    """Trains on one half of both classes (uint64[receipts, positions]) and tests on the other."""
    half = min(len(first), len(second)) // 2
    train, test = (np.concatenate([c[part] for c in (first, second)]) for part in (slice(half), slice(half, 2 * half)))
    label = np.repeat([-1.0, 1.0], half)
    scores = linear(train, label, test)
    known = [np.unique(train[label == side]) for side in (-1, 1)]
    matches = np.array([[met(words, own) for words in test] for own in known], float)
    decided = np.where(matches[1] == matches[0], scores, matches[1] - matches[0])
    return Outcome(int((np.sign(decided) == label).sum()), len(label))


def linear(train: np.ndarray, label: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Scores of the test half by ridge regression on the features whose means differ by more standard errors than the best of so
    many would by chance, one for 16 receipts at most; on the best one if there is none."""
    beyond, strength, columns = np.sqrt(2 * np.log(28 * train.shape[1])), [], []
    for both in chunks(train, test):
        own = both[: len(train)]
        mean, spread = own.mean(axis=0), own.std(axis=0) + 1e-6
        t = np.abs(own[label > 0].mean(axis=0) - own[label < 0].mean(axis=0)) / spread * np.sqrt(len(train)) / 2
        kept = np.unique([*np.flatnonzero(t > beyond), t.argmax()])
        strength.append(t[kept])
        columns.append((both[:, kept] - mean[kept]) / spread[kept])
    strength = np.concatenate(strength)
    count = np.clip((strength > beyond).sum(), 1, len(train) // 16)
    table = np.concatenate(columns, axis=1)[:, np.argsort(strength)[-count:]].astype(np.float64)
    own = table[: len(train)]
    weights = np.linalg.solve(own.T @ own + len(train) * np.eye(count), own.T @ label)
    return table[len(train) :] @ weights
