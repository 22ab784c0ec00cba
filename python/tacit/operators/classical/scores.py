"""What classifiers share: scores through a transform, and the label of the largest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from onnx import TensorProto

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion

APART = 32.0
"""Scores that SOFTMAX_ZERO leaves out are put so far below the others; exp(-16) is no step of a softmax any more."""
BEND = 0.147
"""Of Winitzki's inverse error function, which onnxruntime takes for PROBIT."""


def floats(e: Expansion, x: str) -> str:
    """x as float32, in rows."""
    return rows_of(e, x if e.dtype(x) == "float32" else e.op("Cast", x, to=TensorProto.FLOAT))


def rows_of(e: Expansion, x: str) -> str:
    """x in rows, of its own dtype: what is only compared needs no cast."""
    return e.op("Unsqueeze", x, e.integers(0)) if len(e.shape(x)) == 1 else x


def numbers(node: Node, name: str) -> np.ndarray:
    """An attribute that is a list of floats; empty when it is absent."""
    return np.array(node.attributes.get(name, ()), dtype=np.float32)


def refused(node: Node, reason: str) -> UnsupportedOperator:
    return UnsupportedOperator(f"Node {node} cannot be proved: {reason}.")


def transformed(e: Expansion, node: Node, scores: str) -> str:
    """post_transform of [rows, scores], as onnxruntime applies it: to one score a row only PROBIT."""
    kind = str(node.attributes.get("post_transform", "NONE"))
    if kind not in TRANSFORMS:
        raise refused(node, f"it transforms scores by {kind}, which ONNX does not have; use one of {', '.join(TRANSFORMS)}")
    return scores if e.shape(scores)[-1] == 1 and kind != "PROBIT" else TRANSFORMS[kind](e, scores)


def softmax_zero(e: Expansion, scores: str) -> str:
    """Softmax over the scores that are not 0; those stay 0."""
    lowest = e.op("ReduceMin", scores, e.integers(-1), keepdims=1)
    is_zero = e.op("Equal", scores, e.constant(0.0, np.float32))
    apart = e.op("Expand", e.op("Sub", lowest, e.constant(APART, np.float32)), e.integers(*e.shape(scores)))
    return e.op("Softmax", e.op("Where", is_zero, apart, scores), axis=-1)


def probit(e: Expansion, scores: str) -> str:
    """sqrt(2) erfinv(2 s - 1); scores outside (0, 1), where it is no number, give that of the nearer end."""
    one = e.constant(1.0, np.float32)
    inner = e.op("Sub", e.op("Mul", scores, e.constant(2.0, np.float32)), one)
    logarithm = e.op("Log", e.op("Sub", one, e.op("Mul", inner, inner)))
    half = e.op("Add", e.op("Mul", logarithm, e.constant(0.5, np.float32)), e.constant(2 / (np.pi * BEND), np.float32))
    square = e.op("Sub", e.op("Mul", half, half), e.op("Mul", logarithm, e.constant(1 / BEND, np.float32)))
    size = e.op("Sqrt", e.op("Mul", e.op("Sub", e.op("Sqrt", square), half), e.constant(2.0, np.float32)))
    return e.op("Mul", e.op("Sign", inner), size)


TRANSFORMS: Mapping[str, Callable[[Expansion, str], str]] = {
    "NONE": lambda e, scores: scores,
    "LOGISTIC": lambda e, scores: e.op("Sigmoid", scores),
    "SOFTMAX": lambda e, scores: e.op("Softmax", scores, axis=-1),
    "SOFTMAX_ZERO": softmax_zero,
    "PROBIT": probit,
}


def of_one(e: Expansion, node: Node, score: str, complement: float) -> str:
    """[rows, 2] scores of two classes from one score s a row: [complement - s, s], and as probabilities where it is logistic.
    Raises UnsupportedOperator for PROBIT, of which onnxruntime gives the second class none."""
    kind = str(node.attributes.get("post_transform", "NONE"))
    if kind == "PROBIT":
        raise refused(node, "PROBIT of one score for two classes has no defined result; export a score for each class")
    return pair_of(e, e.op("Sigmoid", score), 1.0) if kind == "LOGISTIC" else pair_of(e, score, complement)


def labelled(e: Expansion, node: Node, scores: str, labels: Sequence[int]) -> str:
    """The label of the largest score of each row, the first among equals."""
    index = e.op("ArgMax", scores, axis=-1, keepdims=0)
    if list(labels) == list(range(len(labels))):
        return index
    return e.op("Gather", e.constant(np.array(labels, dtype=np.int64)), index, axis=0)


def whole_labels(node: Node, *names: str) -> list[int]:
    """The integer labels under the first of these attributes; labels that are texts are refused."""
    for name in names:
        if node.attributes.get(name):
            return [int(label) for label in node.attributes[name]]
    raise refused(node, "its labels are texts; export it with integer labels")


def pair_of(e: Expansion, score: str, complement: float) -> str:
    """[complement - s, s] of one score s a row."""
    other = e.op("Sub", e.constant(complement, "float32"), score)
    return e.op("Concat", other, score, axis=-1)


@expansion("ai.onnx.ml.LinearRegressor")
def linear_regressor(e: Expansion, node: Node) -> str:
    """x coefficients' + intercepts."""
    return transformed(e, node, affine(e, node, int(node.attributes.get("targets", 1))))


@expansion("ai.onnx.ml.LinearClassifier")
def linear_classifier(e: Expansion, node: Node) -> list[str]:
    """One score decides between two labels by its sign, and stays one where the labels are not given."""
    width = e.shape(floats(e, node.inputs[0]))[1]
    rows = len(node.attributes["coefficients"]) // width
    scores = affine(e, node, rows)
    if rows > 1:
        labels = whole_labels(node, "classlabels_ints")
        if len(labels) != rows:
            raise refused(node, f"it has {rows} scores for {len(labels)} labels; export as many labels as scores")
        return [labelled(e, node, scores, labels), transformed(e, node, scores)]
    if not node.attributes.get("classlabels_ints") and not node.attributes.get("classlabels_strings"):
        return [labelled(e, node, pair_of(e, scores, 0.0), [0, 1]), transformed(e, node, scores)]
    labels = whole_labels(node, "classlabels_ints")
    if len(labels) != 2:
        raise refused(node, f"it has one score for {len(labels)} labels; export a score for each")
    return [labelled(e, node, pair_of(e, scores, 0.0), labels), of_one(e, node, scores, 1.0)]


def affine(e: Expansion, node: Node, rows: int) -> str:
    """[N, rows]."""
    matrix = np.array(node.attributes["coefficients"], dtype=np.float32).reshape(rows, -1)
    product = e.op("MatMul", floats(e, node.inputs[0]), e.constant(np.ascontiguousarray(matrix.T)))
    intercepts = node.attributes.get("intercepts")
    return e.op("Add", product, e.constant(np.array(intercepts, dtype=np.float32))) if intercepts else product
