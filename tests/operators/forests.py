"""Fitted scikit-learn trees as attributes of TreeEnsembleClassifier, TreeEnsembleRegressor and TreeEnsemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def attributes_of(trees: Sequence[Any], kind: str, weights: Any) -> dict[str, Any]:
    """The old form. `kind`: 'class' or 'target'; `weights(tree, node)` -> what a leaf adds to each target."""
    names = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids")
    found: dict[str, list] = {f"nodes_{name}": [] for name in names}
    found |= {f"{kind}_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}
    for number, tree in enumerate(trees):
        for node in range(tree.node_count):
            leaf = tree.children_left[node] < 0
            row = (
                number,
                node,
                0 if leaf else int(tree.feature[node]),
                "LEAF" if leaf else "BRANCH_LEQ",
                0.0 if leaf else float(np.float32(tree.threshold[node])),
                0 if leaf else int(tree.children_left[node]),
                0 if leaf else int(tree.children_right[node]),
            )
            for name, value in zip(names, row):
                found[f"nodes_{name}"].append(value)
            for target, weight in enumerate(weights(tree, node) if leaf else ()):
                found[f"{kind}_treeids"].append(number)
                found[f"{kind}_nodeids"].append(node)
                found[f"{kind}_ids"].append(target)
                found[f"{kind}_weights"].append(float(weight))
    return found
