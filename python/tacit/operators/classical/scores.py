"""What classifiers share: scores through a transform, and the label of the largest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion

TRANSFORMS: Mapping[str, tuple[str, dict[str, Any]]] = {"LOGISTIC": ("Sigmoid", {}), "SOFTMAX": ("Softmax", {"axis": -1})}


def floats(e: Expansion, x: str) -> str:
    """x as float32, in rows."""
    x = x if e.dtype(x) == "float32" else e.op("Cast", x, to=TensorProto.FLOAT)
    return e.op("Unsqueeze", x, e.integers(0)) if len(e.shape(x)) == 1 else x


def refused(node: Node, reason: str) -> UnsupportedOperator:
    return UnsupportedOperator(f"Node {node} cannot be proved: {reason}.")


def transformed(e: Expansion, node: Node, scores: str) -> str:
    """post_transform of [rows, scores]."""
    kind = str(node.attributes.get("post_transform", "NONE"))
    if kind == "NONE":
        return scores
    if kind not in TRANSFORMS:
        raise refused(node, f"it transforms scores by {kind}; NONE, LOGISTIC and SOFTMAX can be proved")
    operator, attributes = TRANSFORMS[kind]
    return e.op(operator, scores, **attributes)


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
    labels = whole_labels(node, "classlabels_ints")
    rows = len(node.attributes["coefficients"]) // e.shape(floats(e, node.inputs[0]))[1]
    scores = affine(e, node, rows)
    if rows == len(labels):
        return [labelled(e, node, scores, labels), transformed(e, node, scores)]
    if rows != 1 or node.attributes.get("post_transform") != "LOGISTIC":
        raise refused(node, f"it has {rows} scores for {len(labels)} labels and no logistic transform")
    return [labelled(e, node, pair_of(e, scores, 0.0), labels), pair_of(e, e.op("Sigmoid", scores), 1.0)]


def affine(e: Expansion, node: Node, rows: int) -> str:
    """[N, rows]."""
    matrix = np.array(node.attributes["coefficients"], dtype=np.float32).reshape(rows, -1)
    product = e.op("MatMul", floats(e, node.inputs[0]), e.constant(np.ascontiguousarray(matrix.T)))
    intercepts = node.attributes.get("intercepts")
    return e.op("Add", product, e.constant(np.array(intercepts, dtype=np.float32))) if intercepts else product
