"""TreeEnsemble, TreeEnsembleRegressor, TreeEnsembleClassifier: every test of every tree, then the leaf that is reached.

A node is reached when its parent is and the parent's test holds (or not): one product of integers a node, level by level,
over all trees at once. Exactly one leaf of a tree has 1; the targets are a product with the leaves' weights.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tacit.graph import Node
from tacit.operators.classical.forest import Child, Forest, by_identifiers, by_positions, values_of
from tacit.operators.classical.scores import floats, labelled, pair_of, refused, transformed, whole_labels
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion

TESTS = {"BRANCH_LEQ": "LessOrEqual", "BRANCH_LT": "Less", "BRANCH_GTE": "GreaterOrEqual", "BRANCH_GT": "Greater"}
TRANSFORMS = {0: "NONE", 1: "SOFTMAX", 2: "LOGISTIC", 3: "SOFTMAX_ZERO", 4: "PROBIT"}
AGGREGATES = {0: "AVERAGE", 1: "SUM", 2: "MIN", 3: "MAX"}


def tests(e: Expansion, x: str, forest: Forest) -> tuple[str, list[int]]:
    """[N, different tests] int32, 1 where a test holds; and which of them each inner node makes."""
    parts: list[str] = []
    places = [0] * len(forest.features)
    for mode in sorted(set(forest.modes)):
        numbers = [number for number, found in enumerate(forest.modes) if found == mode]
        start = sum(e.shape(part)[1] for part in parts)
        if mode == "BRANCH_MEMBER":
            for offset, number in enumerate(numbers):
                places[number] = start + offset
                parts.append(member(e, x, forest.features[number], forest.members[number]))
            continue
        different = sorted({forest.test(number) for number in numbers})
        order = {test: start + offset for offset, test in enumerate(different)}
        for number in numbers:
            places[number] = order[forest.test(number)]
        read = e.op("Gather", x, e.integers(*(feature for feature, _ in different)), axis=1)
        levels = e.constant(np.array([threshold for _, threshold in different], dtype=e.dtype(x)))
        if mode in TESTS:
            holds = e.op(TESTS[mode], read, levels)
        else:
            holds = e.op("Equal", read, levels)
            holds = e.op("Not", holds) if mode == "BRANCH_NEQ" else holds
        parts.append(e.op("Cast", holds, to=TensorProto.INT32))
    return (e.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]), places


def unscaled(e: Expansion, x: str, forest: Forest) -> str:
    """What a Scaler before the trees reads, with the thresholds moved in its place: (x - o) s <= t where x <= t / s + o. Tests
    of one sign alone may move: s > 0."""
    node = e.graph.producers.get(x)
    if node is None or node.kind != "ai.onnx.ml.Scaler" or forest.members or e.dtype(node.inputs[0]) != "float32":
        return x
    width = e.shape(x)[-1]
    offset = np.broadcast_to(np.array(node.attributes.get("offset", [0.0]), dtype=np.float64), (width,))
    scale = np.broadcast_to(np.array(node.attributes.get("scale", [1.0]), dtype=np.float64), (width,))
    if scale.min() <= 0:
        return x
    forest.thresholds = [t / scale[f] + offset[f] for f, t in zip(forest.features, forest.thresholds)]
    return node.inputs[0]


def member(e: Expansion, x: str, feature: int, members: np.ndarray) -> str:
    """[N, 1]: whether a feature is one of distinct numbers."""
    read = e.op("Gather", x, e.integers(feature), axis=1)
    equal = e.op("Equal", read, e.constant(members.astype(e.dtype(x))))
    return e.op("ReduceSum", e.op("Cast", equal, to=TensorProto.INT32), e.integers(1), keepdims=1)


def reached(e: Expansion, x: str, forest: Forest) -> tuple[str, list[int]]:
    """[N, leaves below a test] int32, 1 where a leaf is reached; and which leaf each column is."""
    flags, places = tests(e, x, forest)
    level = [root.number for root in forest.roots if not root.is_leaf]
    here, found, order = "", [], []
    while level:
        below: list[tuple[int, int, Child]] = []
        for position, number in enumerate(level):
            below += [(position, holds, forest.children[number][1 - holds]) for holds in (1, 0)]
        chosen = e.op("Gather", flags, e.integers(*(places[level[position]] for position, _, _ in below)), axis=1)
        signs = e.constant(np.array([1 if holds else -1 for _, holds, _ in below], dtype=np.int32))
        starts = e.constant(np.array([1 - holds for _, holds, _ in below], dtype=np.int32))
        branch = e.op("Add", e.op("Mul", chosen, signs), starts)
        if here:
            branch = e.op("Mul", branch, e.op("Gather", here, e.integers(*(position for position, _, _ in below)), axis=1))
        ended = [i for i, (_, _, child) in enumerate(below) if child.is_leaf]
        inner = [i for i, (_, _, child) in enumerate(below) if not child.is_leaf]
        if ended:
            found.append(e.op("Gather", branch, e.integers(*ended), axis=1))
            order += [below[i][2].number for i in ended]
        level = [below[i][2].number for i in inner]
        here = e.op("Gather", branch, e.integers(*inner), axis=1) if inner else ""
    return (e.op("Concat", *found, axis=1) if len(found) > 1 else found[0]), order


def totals(e: Expansion, node: Node, x: str, forest: Forest, targets: int, aggregate: str, base: np.ndarray) -> str:
    """float32 [N, targets]: sums (or averages) over the trees, and the base values."""
    if aggregate not in ("SUM", "AVERAGE"):
        raise refused(node, f"it takes the {aggregate} over trees; SUM and AVERAGE can be proved")
    scale = 1.0 / len(forest.roots) if aggregate == "AVERAGE" else 1.0
    matrix = forest.matrix(targets).astype(np.float64) * scale
    offset = np.zeros(targets) + (base if base.size else 0.0)
    for root in forest.roots:
        offset = offset + (matrix[root.number] if root.is_leaf else 0.0)
    if all(root.is_leaf for root in forest.roots):
        raise refused(node, "none of its trees has a test; its result is a constant")
    leaves, order = reached(e, unscaled(e, x, forest), forest)
    product = e.op("MatMul", e.op("Cast", leaves, to=TensorProto.FLOAT), e.constant(matrix[order].astype(np.float32)))
    return e.op("Add", product, e.constant(offset.astype(np.float32))) if np.any(offset) else product


@expansion("ai.onnx.ml.TreeEnsembleRegressor")
def regressor(e: Expansion, node: Node) -> str:
    forest, targets = by_identifiers(node.attributes, "target"), int(node.attributes.get("n_targets", 1))
    aggregate = str(node.attributes.get("aggregate_function", "SUM"))
    base = values_of(node.attributes, "base_values")
    return transformed(e, node, totals(e, node, floats(e, node.inputs[0]), forest, targets, aggregate, base))


@expansion("ai.onnx.ml.TreeEnsemble")
def ensemble(e: Expansion, node: Node) -> str:
    x = node.inputs[0]
    aggregate = AGGREGATES[int(node.attributes.get("aggregate_function", 1))]
    kind = TRANSFORMS[int(node.attributes.get("post_transform", 0))]
    targets = int(node.attributes.get("n_targets", 1))
    scores = totals(e, node, floats(e, x), by_positions(node), targets, aggregate, np.zeros(0))
    named = Node(node.operator, node.domain, node.name, node.inputs, node.outputs, {"post_transform": kind})
    result = transformed(e, named, scores)
    return e.op("Cast", result, to=TensorProto.DOUBLE) if e.dtype(node.outputs[0]) == "float64" else result


@expansion("ai.onnx.ml.TreeEnsembleClassifier")
def classifier(e: Expansion, node: Node) -> list[str]:
    """With two labels and weights for one class alone the score decides by its sign, or by 1/2 where no weight is negative."""
    labels = whole_labels(node, "classlabels_int64s")
    forest, x = by_identifiers(node.attributes, "class"), floats(e, node.inputs[0])
    base = values_of(node.attributes, "base_values")
    if len(labels) != 2 or len({target for _, target, _ in forest.weights}) > 1:
        scores = totals(e, node, x, forest, len(labels), "SUM", base)
        return [labelled(e, node, scores, labels), transformed(e, node, scores)]
    forest.weights = [(leaf, 0, weight) for leaf, _, weight in forest.weights]
    score = totals(e, node, x, forest, 1, "SUM", base[:1])
    kind = str(node.attributes.get("post_transform", "NONE"))
    if all(weight >= 0 for _, _, weight in forest.weights) and kind == "NONE":
        both = pair_of(e, score, 1.0)
        return [labelled(e, node, both, labels), both]
    both = pair_of(e, score, 0.0)
    if kind not in ("NONE", "LOGISTIC"):
        raise refused(node, f"it transforms one score by {kind}; NONE and LOGISTIC can be proved")
    return [labelled(e, node, both, labels), both if kind == "NONE" else pair_of(e, e.op("Sigmoid", score), 1.0)]
