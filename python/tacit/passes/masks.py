"""Attention masks as numbers of ordinary size: -inf, -3.4e38 and their like before a softmax or an argmax become -LARGEST, whose
weight is 0 just the same."""

from __future__ import annotations

import numpy as np

from tacit.graph import MOVES, Graph, Node

HUGE, LARGEST = 1 << 15, 1 << 12
"""Constants beyond HUGE become LARGEST, where exp(-LARGEST) is 0 at any precision and scores are far smaller."""
COMBINES = {"Add", "Sub", "Mul", "Where", "Max", "Min"}
ENDS = {"Softmax", "ArgMax"}
SELECTS = {"Pad", "Gather", "GatherElements", "GatherND", "Cast"}


def bound_masks(graph: Graph) -> Graph:
    """The graph with huge constants bounded wherever all that follows from them ends in a softmax or an argmax."""
    ends: dict[str, bool] = {}

    def masked(name: str) -> bool:
        """Whether a value has readers, and each leads on to one of ENDS through movement, selection and sums alone."""
        if name not in ends:
            readers = graph.consumers.get(name, ())
            ends[name] = bool(readers) and name not in graph.outputs and all(map(leads, readers))
        return ends[name]

    def leads(node: Node) -> bool:
        if node.domain:
            return False
        if node.operator in ENDS:
            return True
        return node.operator in MOVES | COMBINES | SELECTS and all(masked(name) for name in node.outputs if name)

    constants: dict[str, np.ndarray] = {}
    nodes = []
    for node in graph.nodes:
        huge = [name for name in node.inputs if name and is_huge(graph.constant(name))]
        if huge and leads(node) and node.operator not in ENDS:
            for name in huge:
                bounded = f"{name}/bounded"
                constants[bounded] = np.clip(graph.constants[name], -LARGEST, LARGEST)
                node = node.with_inputs(bounded if name == given else given for given in node.inputs)
        nodes.append(node)
    return graph.rebuild(nodes, constants) if constants else graph


def is_huge(array: np.ndarray | None) -> bool:
    """Whether a constant of floats has a magnitude beyond HUGE (and no NaN)."""
    if array is None or array.dtype.kind != "f" or not array.size or np.isnan(array).any():
        return False
    return bool(np.abs(array).max() > HUGE)
