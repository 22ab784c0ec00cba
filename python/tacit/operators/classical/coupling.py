"""Probabilities of classes from those of pairs of classes: what SVMClassifier gives with `prob_a` and `prob_b`.

p minimises the sum over pairs of (r_ji p_i - r_ij p_j)^2 under sum p = 1, where r_ij is the probability of i against j (Wu, Lin,
Weng 2004, their second approach). onnxruntime descends in single coordinates until it is close. Here p goes from 1/k along
W p for W = (I - 1/k) Q, in the steps of Chebyshev's iteration: W is computed once, sums stay 1, nothing is divided, and every
value has the same few bits whatever the pairs are.
"""

from __future__ import annotations

from itertools import combinations
from math import ceil, log, sqrt

import numpy as np

from tacit.graph import Node
from tacit.operators.classical.scores import numbers, refused
from tacit.passes.expansion import Expansion

CLOSE = 2.0**-10
"""What is left of the distance from 1/k to the minimum."""
REACH = 2.0
"""No step goes farther from 0 (1.2 was the farthest of 1,500 with random pairs); a bound keeps the widths of later steps small."""
MOST_CLASSES = 64
"""Steps grow with the number of classes, and so does their length."""


def probabilities(e: Expansion, node: Node, scores: str, classes: int) -> str:
    """float32 [N, classes] from scores [N, pairs] of the pairs i < j: r_ij = 1 / (1 + exp(a s + b))."""
    if classes > MOST_CLASSES:
        most = f"use at most {MOST_CLASSES}, or fit it without probabilities"
        raise refused(node, f"it couples probabilities of {classes} classes; {most}")
    a, b = numbers(node, "prob_a"), numbers(node, "prob_b")
    first = e.op("Sigmoid", e.op("Sub", e.op("Mul", scores, e.constant(-a)), e.constant(b)))
    second = e.op("Sub", e.constant(1.0, np.float32), first)
    if classes == 2:
        return e.op("Concat", first, second, axis=-1)
    turned = gradient(e, first, second, classes)
    p = e.op("Expand", e.constant(np.full((1, 1, classes), 1 / classes, np.float32)), e.integers(e.shape(scores)[0], 1, classes))
    before = ""
    for step, momentum in chebyshev(1 / classes, classes - 1):
        down = e.op("Mul", e.op("MatMul", p, turned), e.constant(step, np.float32))
        after = e.op("Sub", p, down)
        if before:
            after = e.op("Add", after, e.op("Mul", e.op("Sub", p, before), e.constant(momentum, np.float32)))
        before, p = p, clipped(e, after, -REACH, REACH)
    return clipped(e, e.op("Squeeze", p, e.integers(1)), 0.0, 1.0)


def clipped(e: Expansion, x: str, low: float, high: float) -> str:
    return e.op("Clip", x, e.constant(low, np.float32), e.constant(high, np.float32))


def gradient(e: Expansion, first: str, second: str, classes: int) -> str:
    """float32 [N, classes, classes]: Q (I - 1/k), for Q_ii = sum_j r_ji^2 and Q_ij = -r_ji r_ij; p times it is the way up within
    sum p = 1."""
    pairs = list(combinations(range(classes), 2))
    won, lost, across = (np.zeros((len(pairs), classes, classes), dtype=np.float32) for _ in range(3))
    for pair, (i, j) in enumerate(pairs):
        lost[pair, j, j] = won[pair, i, i] = 1
        across[pair, i, j] = across[pair, j, i] = -1
    centre = np.eye(classes, dtype=np.float32) - np.float32(1 / classes)
    products = e.op("Concat", e.op("Mul", first, first), e.op("Mul", second, second), e.op("Mul", first, second), axis=-1)
    weights = (np.concatenate([lost, won, across]) @ centre).reshape(-1, classes * classes)
    return e.op("Reshape", e.op("MatMul", products, e.constant(weights)), e.integers(-1, classes, classes))


def chebyshev(least: float, largest: float) -> list[tuple[float, float]]:
    """(step, momentum) of each iteration, for eigenvalues of Q within sum p = 1 between `least` and `largest`.

    The largest is at most k - 1, the row sums sum_j r_ji of |Q|. The least is at least 1 / k: of v with sum 0, positive entries
    a_i and negative ones -b_j, the form is at least the sum of min(a_i, b_j)^2, which is least for one against equal others.
    """
    middle, half = (largest + least) / 2, (largest - least) / 2
    ratio = half / (middle + sqrt(middle * middle - half * half)) if half else 0.0
    count = max(ceil(log(CLOSE / 2) / log(ratio)), 2) if ratio else 1
    found = [(1 / middle, 0.0)]
    step = 1 / middle
    for turn in range(1, count):
        factor = (half * step) ** 2 / (2 if turn == 1 else 4)
        step = 1 / (middle - factor / step)
        found.append((step, step * middle - 1))
    return found
