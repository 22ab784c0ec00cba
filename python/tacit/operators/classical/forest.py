"""Tree ensembles as plain data: one form for the attributes of TreeEnsemble, TreeEnsembleClassifier and -Regressor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tacit.graph import Node

MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ", "BRANCH_MEMBER")
LEAF = "LEAF"


@dataclass(frozen=True)
class Child:
    """An inner node or a leaf, by number."""

    is_leaf: bool
    number: int


@dataclass
class Forest:
    """Inner nodes: feature, mode, threshold (or members), whether a missing value counts as one for which the test holds,
    children where the test holds and where not. `roots`: the trees.
    `weights`: (leaf, target, weight)."""

    features: list[int] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    members: dict[int, np.ndarray] = field(default_factory=dict)
    tracks: list[bool] = field(default_factory=list)
    children: list[tuple[Child, Child]] = field(default_factory=list)
    roots: list[Child] = field(default_factory=list)
    leaves: int = 0
    weights: list[tuple[int, int, float]] = field(default_factory=list)

    def test(self, number: int, missing: bool) -> tuple[int, float, bool]:
        """(feature, threshold, what a missing value gives) of an inner node; the last counts where values may be missing."""
        holds = self.tracks[number] or self.modes[number] == "BRANCH_NEQ"
        return self.features[number], self.thresholds[number], missing and holds

    def matrix(self, targets: int) -> np.ndarray:
        """float64 [leaves, targets]: what each leaf adds to each target, every weight rounded to float32."""
        found = np.zeros((self.leaves, targets))
        for leaf, target, weight in self.weights:
            found[leaf, target] += np.float32(weight)
        return found

    def named(self, targets: int) -> np.ndarray:
        """bool [leaves, targets]: which leaves have a weight for which target, be it 0."""
        found = np.zeros((self.leaves, targets), dtype=bool)
        for leaf, target, _ in self.weights:
            found[leaf, target] = True
        return found

    def trees(self) -> list[list[int]]:
        """The leaves of every tree, in the order of `roots`."""
        found = []
        for root in self.roots:
            waiting, below = [root], []
            while waiting:
                child = waiting.pop()
                if child.is_leaf:
                    below.append(child.number)
                else:
                    waiting += self.children[child.number]
            found.append(below)
        return found


def forest_of(node: Node) -> Forest:
    """The trees of a node of any of the three operators."""
    if node.operator == "TreeEnsemble":
        return by_positions(node)
    return by_identifiers(node.attributes, "class" if node.operator == "TreeEnsembleClassifier" else "target")


def joined(forests: list[Forest]) -> Forest:
    """All trees in one: nodes and leaves of later forests come after those of earlier ones. Without weights."""
    whole = Forest()
    for forest in forests:
        first, leaf = len(whole.features), whole.leaves

        def moved(child: Child, first: int = first, leaf: int = leaf) -> Child:
            return Child(child.is_leaf, child.number + (leaf if child.is_leaf else first))

        whole.features += forest.features
        whole.modes += forest.modes
        whole.thresholds += forest.thresholds
        whole.tracks += forest.tracks
        whole.members |= {number + first: members for number, members in forest.members.items()}
        whole.children += [(moved(true), moved(false)) for true, false in forest.children]
        whole.roots += [moved(root) for root in forest.roots]
        whole.leaves += forest.leaves
    return whole


def by_identifiers(attributes: Any, kind: str) -> Forest:
    """The old form: nodes with (tree, node) identifiers, leaves among them; `kind` is 'class' or 'target'."""
    forest = Forest()
    keys = list(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"]))
    modes = list(attributes["nodes_modes"])
    values = values_of(attributes, "nodes_values")
    tracks = attributes.get("nodes_missing_value_tracks_true") or [0] * len(keys)
    places: dict[tuple[int, int], Child] = {}
    for key, mode in zip(keys, modes):
        is_leaf = mode == LEAF
        places[key] = Child(is_leaf, forest.leaves if is_leaf else len(forest.features))
        if is_leaf:
            forest.leaves += 1
            continue
        row = len(places) - 1
        forest.features.append(int(attributes["nodes_featureids"][row]))
        forest.modes.append(mode)
        forest.thresholds.append(float(values[row]))
        forest.tracks.append(bool(tracks[row]))
    below: set[tuple[int, int]] = set()
    for key, mode, true, false in zip(keys, modes, attributes["nodes_truenodeids"], attributes["nodes_falsenodeids"]):
        if mode != LEAF:
            pair = ((key[0], true), (key[0], false))
            below.update(pair)
            forest.children.append((places[pair[0]], places[pair[1]]))
    forest.roots = [places[key] for key in keys if key not in below]
    entries = zip(attributes[f"{kind}_treeids"], attributes[f"{kind}_nodeids"], attributes[f"{kind}_ids"])
    for (tree, node, target), weight in zip(entries, values_of(attributes, f"{kind}_weights")):
        forest.weights.append((places[tree, node].number, int(target), float(weight)))
    return forest


def by_positions(node: Node) -> Forest:
    """The form of ai.onnx.ml 5: inner nodes and leaves in lists of their own, children by position."""
    attributes = node.attributes
    forest = Forest(leaves=len(attributes["leaf_weights"]))
    forest.features = [int(i) for i in attributes["nodes_featureids"]]
    forest.modes = [MODES[int(mode)] for mode in np.asarray(attributes["nodes_modes"]).reshape(-1)]
    forest.thresholds = [float(value) for value in np.asarray(attributes["nodes_splits"]).reshape(-1)]
    tracks = attributes.get("nodes_missing_value_tracks_true")
    forest.tracks = [bool(track) for track in ([0] * len(forest.features) if tracks is None else tracks)]
    sides = [
        [Child(bool(leaf), int(i)) for leaf, i in zip(attributes[f"nodes_{side}leafs"], attributes[f"nodes_{side}nodeids"])]
        for side in ("true", "false")
    ]
    forest.children = list(zip(*sides))
    for root in attributes["tree_roots"]:
        same = forest.children[root][0] == forest.children[root][1] and forest.children[root][0].is_leaf
        forest.roots.append(forest.children[root][0] if same else Child(False, int(root)))
    targets = [int(target) for target in attributes["leaf_targetids"]]
    weights = np.asarray(attributes["leaf_weights"]).reshape(-1)
    forest.weights = [(leaf, target, float(weight)) for leaf, (target, weight) in enumerate(zip(targets, weights))]
    sets = member_sets(attributes.get("membership_values"))
    for number, mode in enumerate(forest.modes):
        if mode == "BRANCH_MEMBER":
            forest.members[number] = sets.pop(0)
    return forest


def member_sets(values: Any) -> list[np.ndarray]:
    """The sets of BRANCH_MEMBER nodes in order, each ended by a NaN."""
    if values is None:
        return []
    array = np.asarray(values, dtype=np.float64).reshape(-1)
    ends = [-1, *np.flatnonzero(np.isnan(array))]
    return [np.unique(array[a + 1 : b]) for a, b in zip(ends, ends[1:])]


def values_of(attributes: Any, name: str) -> np.ndarray:
    """A list of numbers, given as floats or as a tensor."""
    tensor = attributes.get(f"{name}_as_tensor")
    return np.asarray(attributes.get(name, ()) if tensor is None else tensor, dtype=np.float64).reshape(-1)
