"""SVMClassifier and SVMRegressor: kernels of the row with every support vector, and sums of them.

Semantics are onnxruntime's: one score for every pair of classes i < j, a vote for i where it is positive, else for j.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
from onnx import TensorProto

from tacit.graph import Node
from tacit.operators.classical.coupling import probabilities
from tacit.operators.classical.distances import squared_distances
from tacit.operators.classical.scores import affine, floats, labelled, numbers, of_one, refused, transformed, whole_labels
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
    """The sum of the weighted kernels and rho; of a one-class model 1 where it is positive, else -1. onnxruntime transforms
    no such score."""
    vectors = support_vectors(node, int(node.attributes.get("n_supports", 0)))
    if vectors is None:
        score = e.op("Add", affine(e, node, 1), e.constant(numbers(node, "rho")[:1]))
    else:
        weights = numbers(node, "coefficients").reshape(-1, 1)
        score = e.op("Add", weighted(e, node, vectors, weights), e.constant(numbers(node, "rho")[:1]))
    if node.attributes.get("one_class", 0):
        inside = e.op("Greater", score, e.constant(0.0, np.float32))
        return e.op("Where", inside, e.constant(1.0, np.float32), e.constant(-1.0, np.float32))
    return score


@expansion("ai.onnx.ml.SVMClassifier")
def classifier(e: Expansion, node: Node) -> list[str]:
    labels = whole_labels(node, "classlabels_ints")
    counts = [int(count) for count in node.attributes.get("vectors_per_class") or ()]
    vectors = support_vectors(node, sum(counts))
    if vectors is None:
        return linear(e, node, labels)
    if len(counts) != len(labels):
        raise refused(node, f"it has vectors of {len(counts)} classes and {len(labels)} labels")
    weights = numbers(node, "coefficients").reshape(-1, len(vectors))
    scores = e.op("Add", weighted(e, node, vectors, between_pairs(weights, counts)), e.constant(numbers(node, "rho")))
    label = labelled(e, node, votes(e, scores, len(labels)), labels)
    if len(labels) == 2 and weights.min() >= 0:
        label = e.op("Add", e.op("Mul", label, e.constant(0, np.int64)), e.constant(labels[1], np.int64))
    if node.attributes.get("prob_a"):
        return [label, transformed(e, node, probabilities(e, node, scores, len(labels)))]
    if len(labels) > 2:
        return [label, transformed(e, node, scores)]
    plain = node.attributes.get("post_transform", "NONE") == "NONE"
    return [label, of_one(e, node, scores, 0.0 if plain else 1.0)]


def linear(e: Expansion, node: Node, labels: list[int]) -> list[str]:
    """A score for every class. Of two labels without probabilities onnxruntime takes the second where any score is positive (at
    least 1/2 where no coefficient is negative), and only else the larger."""
    scores = e.op("Add", affine(e, node, len(labels)), e.constant(numbers(node, "rho")[:1]))
    label = labelled(e, node, scores, labels)
    if len(labels) == 2 and not node.attributes.get("prob_a"):
        largest = e.op("ReduceMax", scores, e.integers(1), keepdims=0)
        positive = bool(numbers(node, "coefficients").min() >= 0)
        test, level = ("GreaterOrEqual", 0.5) if positive else ("Greater", 0.0)
        label = e.op("Where", e.op(test, largest, e.constant(level, np.float32)), e.constant(labels[1], np.int64), label)
    return [label, transformed(e, node, scores)]


def support_vectors(node: Node, count: int) -> np.ndarray | None:
    """float32 [vectors, features]; None of a model that has its coefficients instead."""
    return numbers(node, "support_vectors").reshape(count, -1) if count else None


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
