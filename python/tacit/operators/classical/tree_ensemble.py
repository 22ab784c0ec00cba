"""TreeEnsemble, TreeEnsembleRegressor, TreeEnsembleClassifier: the leaves that are reached (tree_paths.py), and a product with
their weights."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tacit.graph import Node
from tacit.operators.classical.forest import Forest, forest_of, values_of
from tacit.operators.classical.scores import labelled, of_one, pair_of, refused, transformed, whole_labels
from tacit.operators.classical.tree_paths import reached
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion

TRANSFORMS = {0: "NONE", 1: "SOFTMAX", 2: "LOGISTIC", 3: "SOFTMAX_ZERO", 4: "PROBIT"}
AGGREGATES = {0: "AVERAGE", 1: "SUM", 2: "MIN", 3: "MAX"}


def votes(e: Expansion, node: Node, forest: Forest, targets: int, aggregate: str) -> tuple[str, str]:
    """What the trees give each row, before base values: float32 [N, targets]; and whether a target has a score at all: bool of
    that shape, '' where all of them have one in every row. Where no leaf that is reached names a target its score is 0."""
    trees, named = forest.trees(), forest.named(targets)
    leaves, order = reached(e, node)
    always = np.any([named[tree].all(axis=0) for tree in trees], axis=0)
    scored = "" if always.all() else any_named(e, leaves, named[order], np.asarray(named[fixed(forest)].any(axis=0)))
    if aggregate in ("MIN", "MAX"):
        found = extreme(e, leaves, order, forest, targets, aggregate)
        zero = e.constant(0.0, np.float32)
        return (e.op("Where", scored, found, zero) if scored else found), scored
    if aggregate not in ("SUM", "AVERAGE"):
        raise refused(node, f"it takes the {aggregate} over trees, which ONNX does not have; use SUM, AVERAGE, MIN or MAX")
    matrix = forest.matrix(targets) / (len(trees) if aggregate == "AVERAGE" else 1)
    product = e.op("MatMul", e.op("Cast", leaves, to=TensorProto.FLOAT), e.constant(matrix[order].astype(np.float32)))
    return plus(e, product, matrix[fixed(forest)].sum(axis=0)), scored


def fixed(forest: Forest) -> list[int]:
    """The leaves of trees that are one leaf."""
    return [root.number for root in forest.roots if root.is_leaf]


def any_named(e: Expansion, leaves: str, named: np.ndarray, always: np.ndarray) -> str:
    """bool [N, targets]: whether a reached leaf names a target."""
    count = e.op("Add", e.op("MatMul", leaves, e.constant(named.astype(np.int32))), e.constant(always.astype(np.int32)))
    return e.op("Greater", count, e.constant(0, np.int32))


def extreme(e: Expansion, leaves: str, order: list[int], forest: Forest, targets: int, aggregate: str) -> str:
    """float32 [N, targets]: the least or largest of the trees' weights; a leaf that does not name a target counts as the
    largest (least) weight of that target anywhere."""
    take, operator = (np.max, "ReduceMin") if aggregate == "MIN" else (np.min, "ReduceMax")
    matrix, named, trees = forest.matrix(targets), forest.named(targets), forest.trees()
    neutral = np.array([take(matrix[named[:, t], t]) if named[:, t].any() else 0.0 for t in range(targets)])
    matrix = np.where(named, matrix, neutral)
    blocks = np.zeros((len(order), len(trees), targets))
    place = {leaf: row for row, leaf in enumerate(order)}
    offset = np.zeros((len(trees), targets))
    for number, tree in enumerate(trees):
        if forest.roots[number].is_leaf:
            offset[number] = matrix[tree[0]]
        else:
            blocks[[place[leaf] for leaf in tree], number] = matrix[tree]
    weights = blocks.reshape(len(order), -1).astype(np.float32)
    product = plus(e, e.op("MatMul", e.op("Cast", leaves, to=TensorProto.FLOAT), e.constant(weights)), offset.reshape(-1))
    return e.op(operator, e.op("Reshape", product, e.integers(-1, len(trees), targets)), e.integers(1), keepdims=0)


def plus(e: Expansion, x: str, offset: np.ndarray) -> str:
    return e.op("Add", x, e.constant(offset.astype(np.float32))) if np.any(offset) else x


def based(e: Expansion, node: Node, scores: str) -> str:
    """Scores and the base values, of which there are as many as targets or none."""
    base, targets = values_of(node.attributes, "base_values"), e.shape(scores)[1]
    if base.size not in (0, targets):
        raise refused(node, f"it has {base.size} base values for {targets} scores; give none or one for each")
    return plus(e, scores, base)


@expansion("ai.onnx.ml.TreeEnsembleRegressor")
def regressor(e: Expansion, node: Node) -> str:
    """A target that no reached leaf names is 0, without its base value, as onnxruntime has it."""
    targets = int(node.attributes.get("n_targets", 1))
    aggregate = str(node.attributes.get("aggregate_function", "SUM"))
    scores, scored = votes(e, node, forest_of(node), targets, aggregate)
    scores = based(e, node, scores)
    if scored and values_of(node.attributes, "base_values").size:
        scores = e.op("Where", scored, scores, e.constant(0.0, np.float32))
    return transformed(e, node, scores)


@expansion("ai.onnx.ml.TreeEnsemble")
def ensemble(e: Expansion, node: Node) -> str:
    aggregate = AGGREGATES.get(int(node.attributes.get("aggregate_function", 1)), "unknown aggregate")
    kind = TRANSFORMS.get(int(node.attributes.get("post_transform", 0)), "an unknown function")
    targets = int(node.attributes.get("n_targets", 1))
    scores, _ = votes(e, node, forest_of(node), targets, aggregate)
    named = Node(node.operator, node.domain, node.name, node.inputs, node.outputs, {"post_transform": kind})
    result = transformed(e, named, scores)
    return e.op("Cast", result, to=TensorProto.DOUBLE) if e.dtype(node.outputs[0]) == "float64" else result


@expansion("ai.onnx.ml.TreeEnsembleClassifier")
def classifier(e: Expansion, node: Node) -> list[str]:
    """The label of the largest score, of those that have one. Two labels and weights for the first alone: its score decides by
    its sign, or by 1/2 where no weight is negative. (Two labels and weights for both: onnxruntime's label is 1 or 0 by the sign
    of the second, whatever the labels are; here it is that of the larger, as ONNX says.)"""
    labels = whole_labels(node, "classlabels_int64s")
    forest = forest_of(node)
    classes = {target for _, target, _ in forest.weights}
    if len(labels) == 2 and len(classes) == 1:
        return of_two(e, node, forest, labels)
    scores, scored = votes(e, node, forest, len(labels), "SUM")
    scores = candidates = based(e, node, scores)
    if scored and not values_of(node.attributes, "base_values").size and any(weight < 0 for _, _, weight in forest.weights):
        below = e.constant(-1.0 - sum(abs(weight) for _, _, weight in forest.weights), np.float32)
        candidates = e.op("Where", scored, scores, below)
    return [labelled(e, node, candidates, labels), transformed(e, node, scores)]


def of_two(e: Expansion, node: Node, forest: Forest, labels: list[int]) -> list[str]:
    """Label and scores of a classifier with weights for one of its two classes. onnxruntime gives weights for the second alone
    and base values another meaning than ONNX does: refused."""
    base, target = values_of(node.attributes, "base_values"), forest.weights[0][1]
    if base.size > 1 or (base.size and target == 1):
        raise refused(node, "it has base values for a class without weights; export one base value and weights of the first class")
    forest.weights = [(leaf, 0, weight) for leaf, _, weight in forest.weights]
    score = plus(e, votes(e, node, forest, 1, "SUM")[0], base)
    positive = all(weight >= 0 for _, _, weight in forest.weights)
    label = labelled(e, node, pair_of(e, score, 1.0 if positive else 0.0), labels)
    if target == 0:
        return [label, of_one(e, node, score, 1.0 if positive else 0.0)]
    both = e.op("Concat", e.op("Sub", score, score), score, axis=-1)
    return [label, transformed(e, node, both)]
