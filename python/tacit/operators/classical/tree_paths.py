"""Which leaves of trees are reached: every test of every tree, then the paths.

A node is reached when its parent is and the parent's test holds (or not): one product of integers a node, level by level,
over all trees at once. Exactly one leaf of a tree has 1. Ensembles that read the same features (the members of a bagging or of an
isolation forest) are one forest here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from onnx import TensorProto

from tacit.graph import Graph, Node
from tacit.operators.classical.forest import Child, Forest, forest_of, joined
from tacit.operators.classical.missing import mask_of
from tacit.operators.classical.scores import floats, rows_of
from tacit.passes.expansion import Expansion

KINDS = tuple(f"ai.onnx.ml.{name}" for name in ("TreeEnsemble", "TreeEnsembleClassifier", "TreeEnsembleRegressor"))
WITH_EQUAL = ("BRANCH_LEQ", "BRANCH_GT")
"""Tests whose bound moves with what is at most the level; the bound of the others is the next number."""
TESTS = {"BRANCH_LEQ": "LessOrEqual", "BRANCH_LT": "Less", "BRANCH_GTE": "GreaterOrEqual", "BRANCH_GT": "Greater"}


@dataclass(frozen=True)
class Features:
    """What tests of trees read: a value of the graph, and which of its elements are missing ('' where none may be)."""

    values: str
    missing: str = ""


def reached(e: Expansion, node: Node) -> tuple[str, list[int]]:
    """[N, columns] int32, 1 where a leaf of the node's trees is reached; and which leaf each column is. Trees without any test
    have no column for their leaf; where none has one there is a column of zeros for the first leaf."""
    source, forest = source_of(e.graph, node)
    if not forest.features:
        first = e.op("Gather", compared(e, source.values), e.integers(0), axis=1)
        return e.op("Cast", e.op("Less", first, first), to=TensorProto.INT32), [0]
    members = [other for other in e.graph.nodes if other.kind in KINDS and source_of(e.graph, other)[0] == source]
    if node not in members:  # itself a part of another operator
        return leaves_of(e, source, forest)
    if (KINDS, source) not in e.shared:
        forests = [source_of(e.graph, other)[1] for other in members]
        e.shared[KINDS, source] = *leaves_of(e, source, joined(forests)), np.cumsum([0, *(f.leaves for f in forests)])
    leaves, order, starts = e.shared[KINDS, source]
    if len(members) == 1:
        return leaves, order
    first, last = starts[members.index(node)], starts[members.index(node) + 1]
    columns = [column for column, leaf in enumerate(order) if first <= leaf < last]
    return e.op("Gather", leaves, e.integers(*columns), axis=1), [order[column] - int(first) for column in columns]


def source_of(graph: Graph, node: Node) -> tuple[Features, Forest]:
    """What a node's features are chosen from or scaled from, and its trees in terms of that."""
    forest, x = forest_of(node), node.inputs[0]
    while (below := graph.producers.get(x)) is not None:
        if (mask := mask_of(graph, below)) is not None:
            return Features(below.inputs[2], mask), forest
        step = STEPS.get(below.kind)
        if step is None or not step(graph, below, forest):
            break
        x = below.inputs[0]
    return Features(x), forest


def chosen(graph: Graph, node: Node, forest: Forest) -> bool:
    """Features at constant positions of the last axis: the trees read those positions."""
    positions, shape = graph.constant(node.inputs[1]), graph.values[node.inputs[0]].shape
    axis = int(node.attributes.get("axis", 0)) if node.operator == "Gather" else 1
    if positions is None or len(shape) != 2 or axis % 2 != 1:
        return False
    order = positions.reshape(-1) % shape[1]
    forest.features = [int(order[feature]) for feature in forest.features]
    return True


def scaled(graph: Graph, node: Node, forest: Forest) -> bool:
    """(x - o) s <= t, computed in float32 as onnxruntime does, holds up to a largest x. Tests of one sign alone may move: s > 0;
    those of equality may not."""
    value = graph.values[node.inputs[0]]
    if not set(forest.modes) <= TESTS.keys() or value.dtype != "float32":
        return False
    width = value.shape[-1]
    offset, scale = (
        np.broadcast_to(np.array(node.attributes.get(name, [default]), dtype=np.float32), (width,))
        for name, default in (("offset", 0.0), ("scale", 1.0))
    )
    if scale.min() <= 0:
        return False
    features, levels = np.array(forest.features, dtype=np.int64), np.array(forest.thresholds, dtype=np.float32)
    last = last_below(offset[features], scale[features], levels, np.array([mode in WITH_EQUAL for mode in forest.modes]))
    up = np.array([mode in ("BRANCH_LT", "BRANCH_GTE") for mode in forest.modes])
    forest.thresholds = [float(level) for level in np.where(up, np.nextafter(last, np.float32(np.inf)), last)]
    return True


def last_below(offset: np.ndarray, scale: np.ndarray, levels: np.ndarray, equal: np.ndarray) -> np.ndarray:
    """float32: the largest finite x with (x - offset) scale <= level (`equal`) or < level; the least finite where there is none.
    By bisection among float32 numbers, in whose order this is monotone."""
    finite = np.float32(np.finfo(np.float32).max)
    low, high = (np.full(levels.shape, place_of(np.array(end))) for end in (-finite, finite))
    with np.errstate(over="ignore"):
        while (low < high).any():
            middle = (low + high + 1) >> 1
            found = (float_at(middle) - offset) * scale
            below = np.where(equal, found <= levels, found < levels)
            low, high = np.where(below, middle, low), np.where(below, high, middle - 1)
    return float_at(low)


def place_of(numbers: np.ndarray) -> np.ndarray:
    """int64: places of float32 numbers in their order; 0 for both zeros."""
    bits = numbers.astype(np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def float_at(places: np.ndarray) -> np.ndarray:
    """The float32 numbers at such places."""
    return np.where(places < 0, -np.abs(places).astype(np.int32).view(np.float32), places.astype(np.int32).view(np.float32))


def same(graph: Graph, node: Node, forest: Forest) -> bool:
    return True


STEPS: Mapping[str, Callable[[Graph, Node, Forest], bool]] = {
    "Identity": same,
    "Gather": chosen,
    "ai.onnx.ml.ArrayFeatureExtractor": chosen,
    "ai.onnx.ml.Scaler": scaled,
}


def compared(e: Expansion, x: str) -> str:
    """The features in rows; floats of 64 bits stay what they are."""
    return rows_of(e, x) if e.dtype(x).kind == "f" else floats(e, x)


def tests(e: Expansion, source: Features, forest: Forest) -> tuple[str, list[int]]:
    """[N, different tests] bool; and which of them each inner node makes."""
    x, parts = compared(e, source.values), list[str]()
    places = [0] * len(forest.features)
    for mode in sorted(set(forest.modes)):
        numbers = [number for number, found in enumerate(forest.modes) if found == mode]
        start = sum(e.shape(part)[1] for part in parts)
        if mode == "BRANCH_MEMBER":
            for offset, number in enumerate(numbers):
                places[number] = start + offset
                held = member(e, x, forest.features[number], forest.members[number])
                parts.append(or_missing(e, source, held, [forest.features[number]], [forest.tracks[number]]))
            continue
        different = sorted({forest.test(number, bool(source.missing)) for number in numbers})
        order = {test: start + offset for offset, test in enumerate(different)}
        for number in numbers:
            places[number] = order[forest.test(number, bool(source.missing))]
        features, thresholds, tracks = zip(*different)
        read = e.op("Gather", x, e.integers(*features), axis=1)
        holds = e.op(TESTS.get(mode, "Equal"), read, e.constant(np.array(thresholds, dtype=e.dtype(x))))
        holds = e.op("Not", holds) if mode == "BRANCH_NEQ" else holds
        parts.append(or_missing(e, source, holds, features, tracks))
    return side_by_side(e, parts), places


def or_missing(e: Expansion, source: Features, holds: str, features: Sequence[int], tracks: Sequence[bool]) -> str:
    """Tests [N, features], with their tracks where the feature is missing."""
    if not source.missing:
        return holds
    missing = e.op("Gather", rows_of(e, source.missing), e.integers(*features), axis=1)
    return e.op("Where", missing, e.constant(np.array([tracks], dtype=bool)), holds)


def member(e: Expansion, x: str, feature: int, members: np.ndarray) -> str:
    """[N, 1] bool: whether a feature is one of distinct numbers."""
    read = e.op("Gather", x, e.integers(feature), axis=1)
    equal = e.op("Cast", e.op("Equal", read, e.constant(members.astype(e.dtype(x)))), to=TensorProto.INT32)
    return e.op("Cast", e.op("ReduceSum", equal, e.integers(1), keepdims=1), to=TensorProto.BOOL)


def side_by_side(e: Expansion, parts: list[str]) -> str:
    return e.op("Concat", *parts, axis=1) if len(parts) > 1 else parts[0]


def leaves_of(e: Expansion, source: Features, forest: Forest) -> tuple[str, list[int]]:
    """[N, leaves below a test] int32, 1 where a leaf is reached; and which leaf each column is. Flags are booleans on the way:
    what is known to be 0 or 1 keeps its width through any number of products."""
    flags, places = tests(e, source, forest)
    count = e.shape(flags)[1]
    sides = side_by_side(e, [flags, e.op("Not", flags)])
    level = [root.number for root in forest.roots if not root.is_leaf]
    here, found, order = "", [], []
    while level:
        below: list[tuple[int, int, Child]] = []
        for position, number in enumerate(level):
            below += [(position, side, forest.children[number][side]) for side in (0, 1)]
        positions = [places[level[position]] + side * count for position, side, _ in below]
        branch = e.op("Gather", sides, e.integers(*positions), axis=1)
        if here:
            branch = e.op("And", branch, e.op("Gather", here, e.integers(*(position for position, _, _ in below)), axis=1))
        ended = [i for i, (_, _, child) in enumerate(below) if child.is_leaf]
        inner = [i for i, (_, _, child) in enumerate(below) if not child.is_leaf]
        if ended:
            found.append(e.op("Gather", branch, e.integers(*ended), axis=1))
            order += [below[i][2].number for i in ended]
        level = [below[i][2].number for i in inner]
        here = e.op("Gather", branch, e.integers(*inner), axis=1) if inner else ""
    return e.op("Cast", side_by_side(e, found), to=TensorProto.INT32), order
