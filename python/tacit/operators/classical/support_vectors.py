"""SVMClassifier and SVMRegressor: kernels of the row with every support vector, and sums of them.

Semantics are onnxruntime's: one score for every pair of classes i < j, a vote for i where it is positive, else for j.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from onnx import TensorProto

from tacit.graph import Node
from tacit.operators.classical.distances import squared_distances
from tacit.operators.classical.scores import affine, floats, labelled, pair_of, refused, transformed, whole_labels
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion

HIGHEST_DEGREE = 16


def weighted(e: Expansion, node: Node, vectors: np.ndarray, weights: np.ndarray) -> str:
    """float32 [N, columns of weights]: sums of kernels. With the linear kernel they are one product with x."""
    if str(node.attributes.get("kernel_type", "LINEAR")) == "LINEAR":
        matrix = vectors.T.astype(np.float64) @ weights
        return e.op("MatMul", floats(e, node.inputs[0]), e.constant(matrix.astype(np.float32)))
    return e.op("MatMul", kernels(e, node, vectors), e.constant(weights))


def kernels(e: Expansion, node: Node, vectors: np.ndarray) -> str:
    """float32 [N, vectors]: the kernel of every row with every support vector; the raw exponent of a polynomial is whole."""
    x, kind = floats(e, node.inputs[0]), str(node.attributes.get("kernel_type", "LINEAR"))
    gamma, coefficient, degree = (float(number) for number in (node.attributes.get("kernel_params") or (0.0, 0.0, 0.0))[:3])
    if kind == "RBF":
        return e.op("Exp", e.op("Mul", squared_distances(e, x, vectors), e.constant(-gamma, np.float32)))
    product = e.op("MatMul", x, e.constant(np.ascontiguousarray(gamma * vectors.T, dtype=np.float32)))
    inner = e.op("Add", product, e.constant(coefficient, np.float32)) if coefficient else product
    if kind == "SIGMOID":
        return e.op("Tanh", inner)
    if kind != "POLY" or degree != int(degree) or not 1 <= degree <= HIGHEST_DEGREE:
        whole = f"use LINEAR, RBF, SIGMOID, or POLY of degree 1 to {HIGHEST_DEGREE}"
        raise refused(node, f"its kernel is {kind} of degree {degree:g}; {whole}")
    return power(e, inner, int(degree))


def power(e: Expansion, x: str, degree: int) -> str:
    """x^degree by squaring."""
    if degree == 1:
        return x
    half = power(e, x, degree // 2)
    square = e.op("Mul", half, half)
    return e.op("Mul", square, x) if degree % 2 else square


@expansion("ai.onnx.ml.SVMRegressor")
def regressor(e: Expansion, node: Node) -> str:
    """The sum of the weighted kernels and rho; of a one-class model 1 where it is positive, else -1."""
    vectors = support_vectors(node, int(node.attributes.get("n_supports", 0)))
    if vectors is None:
        score = e.op("Add", affine(e, node, 1), e.constant(numbers(node, "rho")[:1]))
    else:
        weights = numbers(node, "coefficients").reshape(-1, 1)
        score = e.op("Add", weighted(e, node, vectors, weights), e.constant(numbers(node, "rho")[:1]))
    if node.attributes.get("one_class", 0):
        inside = e.op("Greater", score, e.constant(0.0, np.float32))
        return e.op("Where", inside, e.constant(1.0, np.float32), e.constant(-1.0, np.float32))
    return transformed(e, node, score)


@expansion("ai.onnx.ml.SVMClassifier")
def classifier(e: Expansion, node: Node) -> list[str]:
    labels = whole_labels(node, "classlabels_ints")
    counts = [int(count) for count in node.attributes.get("vectors_per_class") or ()]
    vectors = support_vectors(node, sum(counts))
    if vectors is None:
        scores = e.op("Add", affine(e, node, len(labels)), e.constant(numbers(node, "rho")[:1]))
        return [labelled(e, node, scores, labels), transformed(e, node, scores)]
    if len(counts) != len(labels):
        raise refused(node, f"it has vectors of {len(counts)} classes and {len(labels)} labels")
    weights = numbers(node, "coefficients").reshape(-1, len(vectors))
    scores = e.op("Add", weighted(e, node, vectors, between_pairs(weights, counts)), e.constant(numbers(node, "rho")))
    label = labelled(e, node, votes(e, scores, len(labels)), labels)
    if len(labels) == 2 and weights.min() >= 0:
        label = e.op("Add", e.op("Mul", label, e.constant(0, np.int64)), e.constant(labels[1], np.int64))
    if node.attributes.get("prob_a"):
        return [label, transformed(e, node, probabilities(e, node, scores, len(labels)))]
    return [label, transformed(e, node, pair_of(e, scores, 0.0) if len(labels) == 2 else scores)]


def support_vectors(node: Node, count: int) -> np.ndarray | None:
    """float32 [vectors, features]; None of a model that has its coefficients instead."""
    return numbers(node, "support_vectors").reshape(count, -1) if count else None


def numbers(node: Node, name: str) -> np.ndarray:
    return np.array(node.attributes.get(name, ()), dtype=np.float32)


def between_pairs(weights: np.ndarray, counts: list[int]) -> np.ndarray:
    """float32 [vectors, pairs]: what each vector adds to the score of each pair of classes; weights[j - 1] holds those of the
    vectors of class i, weights[i] those of class j."""
    stops = np.cumsum(counts)
    spans = [slice(stop - count, stop) for stop, count in zip(stops, counts)]
    found = np.zeros((weights.shape[1], len(counts) * (len(counts) - 1) // 2), dtype=np.float32)
    for pair, (i, j) in enumerate(combinations(range(len(counts)), 2)):
        found[spans[i], pair] = weights[j - 1, spans[i]]
        found[spans[j], pair] = weights[i, spans[j]]
    return found


def votes(e: Expansion, scores: str, classes: int) -> str:
    """int32 [N, classes]: how many pairs each class wins."""
    sides, lost = np.zeros((classes * (classes - 1) // 2, classes), dtype=np.int32), np.zeros(classes, dtype=np.int32)
    for pair, (i, j) in enumerate(combinations(range(classes), 2)):
        sides[pair, i], sides[pair, j] = 1, -1
        lost[j] += 1
    wins = e.op("Cast", e.op("Greater", scores, e.constant(0.0, np.float32)), to=TensorProto.INT32)
    return e.op("Add", e.op("MatMul", wins, e.constant(sides)), e.constant(lost))


def probabilities(e: Expansion, node: Node, scores: str, classes: int) -> str:
    """float32 [N, classes] that couple the probabilities r_ij = 1 / (1 + exp(a s + b)) of the pairs (Wu, Lin, Weng 2004).

    They minimise the sum of (r_ji p_i - r_ij p_j)^2 under sum p = 1: p is a multiple of A^-1 1 for A_ii = 1 + sum_j r_ji^2 and
    A_ij = 1 - r_ji r_ij, which elimination finds; onnxruntime approaches the same p in steps.
    """
    a, b = numbers(node, "prob_a"), numbers(node, "prob_b")
    first = e.op("Sigmoid", e.op("Sub", e.op("Mul", scores, e.constant(-a)), e.constant(b)))
    second = e.op("Sub", e.constant(1.0, np.float32), first)
    if classes == 2:
        return e.op("Concat", first, second, axis=-1)
    pairs = list(combinations(range(classes), 2))
    lost = np.zeros((len(pairs), classes), dtype=np.float32)
    other = np.zeros((len(pairs), classes), dtype=np.float32)
    place = np.full((classes, classes), len(pairs))
    for pair, (i, j) in enumerate(pairs):
        lost[pair, j], other[pair, i] = 1, 1
        place[i, j] = place[j, i] = pair
    squares = [e.op("MatMul", e.op("Mul", r, r), e.constant(side)) for r, side in ((first, lost), (second, other))]
    diagonal = e.op("Add", e.op("Add", *squares), e.constant(1.0, np.float32))
    across = e.op("Sub", e.constant(1.0, np.float32), e.op("Mul", first, second))
    return solved(e, diagonal, across, place)


def solved(e: Expansion, diagonal: str, across: str, place: np.ndarray) -> str:
    """A^-1 1 over the sum of its elements, for symmetric positive A with this diagonal [N, k] and A_ij = across[place[i, j]].

    Elimination without pivots, rows of [A, 1] above the pivot too: each pivot is at least the least eigenvalue of A.
    """
    size, pairs = len(place), e.shape(across)[1]
    both = e.op("Concat", across, diagonal, axis=-1)
    index = np.where(np.eye(size, dtype=bool), pairs + np.arange(size), place)
    matrix = e.op("Reshape", e.op("Gather", both, e.integers(*index.reshape(-1).tolist()), axis=1), e.integers(-1, size, size))
    ones = e.op("Expand", e.constant(np.ones((1, size, 1), np.float32)), e.integers(e.shape(matrix)[0], size, 1))
    rows = e.op("Concat", matrix, ones, axis=-1)
    for t in range(size):
        row = e.op("Gather", rows, e.integers(t), axis=1)
        row = e.op("Div", row, e.op("Slice", row, e.integers(0), e.integers(1), e.integers(2)))
        rest = [i for i in range(size) if i != t]
        others = e.op("Gather", rows, e.integers(*rest), axis=1)
        column = e.op("Slice", others, e.integers(0), e.integers(1), e.integers(2))
        reduced = e.op("Sub", others, e.op("Mul", column, row))
        order = [rest.index(i) if i != t else size - 1 for i in range(size)]
        rows = e.op("Gather", e.op("Concat", reduced, row, axis=1), e.integers(*order), axis=1)
        rows = e.op("Slice", rows, e.integers(1), e.integers(size + 1 - t), e.integers(2))
    solution = e.op("Squeeze", rows, e.integers(2))
    return e.op("Div", solution, e.op("ReduceSum", solution, e.integers(1), keepdims=1))
