"""TreeEnsemble, TreeEnsembleRegressor, TreeEnsembleClassifier: every test of every tree, then the leaf that is reached.

A node is reached when its parent is and the parent's test holds (or not): one product of integers a node, level by level,
over all trees at once. Exactly one leaf of a tree has 1; the targets are a product with the leaves' weights.
"""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tacit.graph import Node
from tacit.operators.classical.forest import Child, Forest, by_identifiers, by_positions, values_of
from tacit.operators.classical.scores import floats, labelled, of_one, pair_of, refused, rows_of, transformed, whole_labels
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion

TESTS = {"BRANCH_LEQ": "LessOrEqual", "BRANCH_LT": "Less", "BRANCH_GTE": "GreaterOrEqual", "BRANCH_GT": "Greater"}
TRANSFORMS = {0: "NONE", 1: "SOFTMAX", 2: "LOGISTIC", 3: "SOFTMAX_ZERO", 4: "PROBIT"}
AGGREGATES = {0: "AVERAGE", 1: "SUM", 2: "MIN", 3: "MAX"}


def compared(e: Expansion, x: str) -> str:
    """The features in rows; floats of 64 bits stay what they are."""
    return rows_of(e, x) if e.dtype(x).kind == "f" else floats(e, x)


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
    """[N, leaves below a test] int32, 1 where a leaf is reached; and which leaf each column is. Without any test no columns are
    left: then one column of zeros for the first leaf."""
    if not forest.features:
        first = e.op("Gather", x, e.integers(0), axis=1)
        return e.op("Cast", e.op("Less", first, first), to=TensorProto.INT32), [0]
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


def votes(e: Expansion, node: Node, x: str, forest: Forest, targets: int, aggregate: str) -> tuple[str, str]:
    """What the trees give each row, before base values: float32 [N, targets]; and whether a target has a score at all: bool of
    that shape, '' where all of them have one in every row. Where no leaf that is reached names a target its score is 0."""
    trees, named = forest.trees(), forest.named(targets)
    leaves, order = reached(e, unscaled(e, x, forest), forest)
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
    forest = by_identifiers(node.attributes, "target")
    scores, scored = votes(e, node, compared(e, node.inputs[0]), forest, targets, aggregate)
    scores = based(e, node, scores)
    if scored and values_of(node.attributes, "base_values").size:
        scores = e.op("Where", scored, scores, e.constant(0.0, np.float32))
    return transformed(e, node, scores)


@expansion("ai.onnx.ml.TreeEnsemble")
def ensemble(e: Expansion, node: Node) -> str:
    aggregate = AGGREGATES.get(int(node.attributes.get("aggregate_function", 1)), "unknown aggregate")
    kind = TRANSFORMS.get(int(node.attributes.get("post_transform", 0)), "an unknown function")
    targets = int(node.attributes.get("n_targets", 1))
    scores, _ = votes(e, node, compared(e, node.inputs[0]), by_positions(node), targets, aggregate)
    named = Node(node.operator, node.domain, node.name, node.inputs, node.outputs, {"post_transform": kind})
    result = transformed(e, named, scores)
    return e.op("Cast", result, to=TensorProto.DOUBLE) if e.dtype(node.outputs[0]) == "float64" else result


@expansion("ai.onnx.ml.TreeEnsembleClassifier")
def classifier(e: Expansion, node: Node) -> list[str]:
    """The label of the largest score, of those that have one. Two labels and weights for the first alone: its score decides by
    its sign, or by 1/2 where no weight is negative. (Two labels and weights for both: onnxruntime's label is 1 or 0 by the sign
    of the second, whatever the labels are; here it is that of the larger, as ONNX says.)"""
    labels = whole_labels(node, "classlabels_int64s")
    forest, x = by_identifiers(node.attributes, "class"), compared(e, node.inputs[0])
    classes = {target for _, target, _ in forest.weights}
    if len(labels) == 2 and len(classes) == 1:
        return of_two(e, node, x, forest, labels)
    scores, scored = votes(e, node, x, forest, len(labels), "SUM")
    scores = candidates = based(e, node, scores)
    if scored and not values_of(node.attributes, "base_values").size and any(weight < 0 for _, _, weight in forest.weights):
        below = e.constant(-1.0 - sum(abs(weight) for _, _, weight in forest.weights), np.float32)
        candidates = e.op("Where", scored, scores, below)
    return [labelled(e, node, candidates, labels), transformed(e, node, scores)]


def of_two(e: Expansion, node: Node, x: str, forest: Forest, labels: list[int]) -> list[str]:
    """Label and scores of a classifier with weights for one of its two classes. onnxruntime gives weights for the second alone
    and base values another meaning than ONNX does: refused."""
    base, target = values_of(node.attributes, "base_values"), forest.weights[0][1]
    if base.size > 1 or (base.size and target == 1):
        raise refused(node, "it has base values for a class without weights; export one base value and weights of the first class")
    forest.weights = [(leaf, 0, weight) for leaf, _, weight in forest.weights]
    score = plus(e, votes(e, node, x, forest, 1, "SUM")[0], base)
    positive = all(weight >= 0 for _, _, weight in forest.weights)
    label = labelled(e, node, pair_of(e, score, 1.0 if positive else 0.0), labels)
    if target == 0:
        return [label, of_one(e, node, score, 1.0 if positive else 0.0)]
    both = e.op("Concat", e.op("Sub", score, score), score, axis=-1)
    return [label, transformed(e, node, both)]
