"""Which keys blocks of queries can see, where a constant mask says so: what it hides has a weight of exactly 0, and need not be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tacit.graph import Graph, Node
from tacit.passes.masks import LARGEST
from tacit.primitives.gadgets.digits import CELL, LEAF

SCORE = 5 * CELL + 3 * LEAF
"""What a score costs, in nanoseconds: rounded and exponentiated."""
BLOCK = 7 * 500_000
"""What a block costs besides: so many relations of half a millisecond."""
MOST_BLOCKS = 12
"""Means over all blocks are one sum with a term for each: no more than a relation takes."""
SCALES = frozenset({"Cast", "Div", "Identity", "Mul", "Reshape", "Squeeze", "Unsqueeze"})


@dataclass(frozen=True)
class Span:
    """Rows first .. last - 1 see no keys but start .. stop - 1."""

    first: int
    last: int
    start: int
    stop: int

    @property
    def rows(self) -> int:
        return self.last - self.first

    @property
    def keys(self) -> int:
        return self.stop - self.start


def spans(graph: Graph, softmax: Node, samples: int = 1) -> tuple[Span, ...]:
    """Blocks of the rows of a softmax along its last axis, at the lowest price for so many samples; one of all keys where no
    constant mask hides any. One token of a sequence has another mask at each place (`tacit.following`): its row stays whole."""
    shape = graph.values[softmax.inputs[0]].shape
    last = int(softmax.attributes.get("axis", -1)) in (-1, len(shape) - 1)
    hidden = hidden_of(graph, softmax.inputs[0]) if last else None
    if hidden is None or hidden.all(axis=1).any() or (graph.state is not None and len(hidden) == 1):
        return (whole(graph, softmax),)
    rows = len(hidden)
    scale = samples * int(np.prod(shape[:-2], dtype=np.int64)) * SCORE
    found = (cut(hidden, count) for count in range(1, min(MOST_BLOCKS, rows) + 1))
    return min(found, key=lambda blocks: scale * sum(block.rows * block.keys for block in blocks) + BLOCK * len(blocks))


def whole(graph: Graph, softmax: Node) -> Span:
    """All rows and all keys of a softmax along any axis."""
    shape, axis = graph.values[softmax.inputs[0]].shape, int(softmax.attributes.get("axis", -1))
    return Span(0, shape[-2], 0, shape[axis])


def cut(hidden: np.ndarray, count: int) -> tuple[Span, ...]:
    """About `count` blocks of as many rows."""
    rows = len(hidden)
    height = -(-rows // count)
    blocks = []
    for first in range(0, rows, height):
        last = min(first + height, rows)
        seen = np.flatnonzero(~hidden[first:last].all(axis=0))
        blocks.append(Span(first, last, int(seen[0]), int(seen[-1]) + 1))
    return tuple(blocks)


def hidden_of(graph: Graph, name: str) -> np.ndarray | None:
    """Boolean [rows, keys]: which of the scores constants alone hide, whatever leads the others. None where nothing is hidden, and
    where a computed mask may hide the rest of a row."""
    shape = graph.values[name].shape
    found: np.ndarray | None = None
    for array in masks_of(graph, name):
        if array is None:
            return None
        if array.ndim > len(shape):
            continue
        mask = np.broadcast_to(array, (*array.shape[:-2], *shape[-2:]) if array.ndim > 1 else shape[-2:])
        mask = np.asarray(mask.reshape(-1, *shape[-2:]).all(axis=0))
        found = mask if found is None else np.logical_or(found, mask)
    return found if found is not None and bool(np.any(found)) else None


def masks_of(graph: Graph, name: str) -> Iterator[np.ndarray | None]:
    """What constants hide of scores on the way back to the product that they are; None for a computed sum or choice on this way."""
    while (node := graph.producers.get(name)) is not None and not node.domain:
        known = [graph.constant(i) for i in node.inputs]
        computed = [i for i, array in zip(node.inputs, known) if array is None]
        if node.operator == "Where":
            condition = known[0]
            if condition is None or len(computed) != 1:
                yield None
                return
            place = node.inputs.index(computed[0])
            other = known[3 - place]
            assert other is not None
            yield (condition if place == 2 else ~condition) & (other <= -LARGEST)
        elif node.operator == "Add":
            if len(computed) != 1:
                yield None
                return
            constant = next(array for array in known if array is not None)
            yield constant <= -LARGEST
        elif node.operator not in SCALES or len(computed) != 1 or not same_ends(graph, computed[0], name):
            return
        name = computed[0]


def same_ends(graph: Graph, one: str, other: str) -> bool:
    """Whether two values have the same last two dimensions."""
    return graph.values[one].shape[-2:] == graph.values[other].shape[-2:]
