"""Graph, Node and Value: a model as frozen data, every shape static, every value produced once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from tacit.numbers.drawing import Sampling
from tacit.numbers.dtypes import kind_of

MOVES = frozenset(
    ["Cast", "Concat", "Dropout", "Expand", "Flatten", "Gather", "Identity", "Pad", "Reshape", "Slice", "Split", "Squeeze", "Tile"]
    + ["Transpose", "Trilu", "Unsqueeze"]
)
"""ONNX's operators that carry values elsewhere and leave them as they are."""


@dataclass(frozen=True)
class Value:
    """A tensor of the graph: static shape and name of the dtype (`numbers.dtypes`)."""

    name: str
    shape: tuple[int, ...]
    dtype: str

    @property
    def size(self) -> int:
        """How many elements it has."""
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def is_float(self) -> bool:
        return kind_of(self.dtype) == "f"


@dataclass(frozen=True, eq=False)
class Node:
    """One operator application. `domain` is '' for ONNX's own operators; '' in inputs or outputs is an absent one."""

    operator: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]

    @property
    def kind(self) -> str:
        """The operator's name, with its domain when that is not ONNX's own: what sets of supported operators hold."""
        return f"{self.domain}.{self.operator}" if self.domain else self.operator

    def input(self, position: int) -> str:
        """The name of an input, '' when it is absent."""
        return self.inputs[position] if position < len(self.inputs) else ""

    def with_inputs(self, inputs: Iterable[str]) -> Node:
        return replace(self, inputs=tuple(inputs))

    def with_outputs(self, outputs: Iterable[str]) -> Node:
        return replace(self, outputs=tuple(outputs))

    def __str__(self) -> str:
        return f"{self.name!r} ({self.kind})"


@dataclass(frozen=True)
class Choice:
    """What is made of an output of the graph: `scores` [rows, classes] is not shown; in every row one class is chosen, the largest
    score's or, with `sampling`, one that the input `uniform` [1, rows] draws. What was chosen is the input `fed` [1, rows], which
    the receipt shows as an output. Row i must not depend on `fed` from place i on: then exactly one `fed` fits."""

    scores: str
    fed: str
    sampling: Sampling | None = None
    uniform: str = ""


@dataclass(frozen=True)
class State:
    """What a sequence is read in chunks with: every layer's keys and values [heads, tokens, size], which later chunks read again.

    `kept`: their names, a layer's keys before its values; they are rounded once, and every reader has these integers. `past`: of
    each earlier chunk, the inputs that stand for its kept values, in the order of `kept`. `mixed`: sums over all keys of the
    sequence. `mask`: the constant that hides keys. `places`: how many keys the longest sequence has: softmax and sums are rounded
    as over so many. `shown`: the kept values are an output of the circuit.
    """

    kept: tuple[str, ...]
    past: tuple[tuple[str, ...], ...]
    mixed: tuple[str, ...]
    mask: str
    places: int
    shown: bool


@dataclass(frozen=True, eq=False)
class Block:
    """A constant as a part of a longer one that is stored in its place: the part at `offset` of `whole`, which is zero outside."""

    whole: np.ndarray
    offset: tuple[int, ...]

    def stored(self, part: np.ndarray) -> np.ndarray:
        """The whole with `part`, of the constant's shape, in its place."""
        found = np.array(self.whole, dtype=part.dtype)
        inside = tuple(slice(max(o, 0), min(o + n, m)) for o, n, m in zip(self.offset, part.shape, found.shape))
        found[inside] = part[tuple(slice(cut.start - o, cut.stop - o) for cut, o in zip(inside, self.offset))]
        return found


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes in topological order. `values` has every input, constant and intermediate; `constants` the known.

    `opset` is the version of ONNX's own domain that the nodes' semantics follow. `classes`: the names of the classes whose
    numbers the graph gives, where the model named them by texts. `intervals`: least and greatest of integer inputs that have them
    whatever the samples show. `choice`: what an output leads to, if it is not what the model gives. `state`: what is kept of a
    sequence for its later chunks. `blocks`: constants that are stored as parts of longer ones.
    """

    nodes: tuple[Node, ...]
    values: Mapping[str, Value]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    constants: Mapping[str, np.ndarray]
    opset: int
    classes: tuple[str, ...] = ()
    intervals: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    choice: Choice | None = None
    state: State | None = None
    blocks: Mapping[str, Block] = field(default_factory=dict)

    @cached_property
    def producers(self) -> Mapping[str, Node]:
        """Value name -> the node that computes it. Inputs and constants have none."""
        return {output: node for node in self.nodes for output in node.outputs if output}

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """Value name -> the nodes that read it, one entry per reading input. Values that nobody reads are absent."""
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            for name in node.inputs:
                if name:
                    found.setdefault(name, []).append(node)
        return {name: tuple(nodes) for name, nodes in found.items()}

    def constant(self, name: str) -> np.ndarray | None:
        """The known array of a value, or None."""
        return self.constants.get(name)

    def uses(self, name: str) -> int:
        """How often a value is read, counting graph outputs."""
        return len(self.consumers.get(name, ())) + self.outputs.count(name)

    def rebuild(
        self,
        nodes: Sequence[Node],
        constants: Mapping[str, np.ndarray] | None = None,
        values: Mapping[str, Value] | None = None,
    ) -> Graph:
        """The graph with other nodes and more (or replaced) constants and values, without what nothing reads."""
        merged = dict(self.constants)
        known = dict(self.values)
        for name, array in (constants or {}).items():
            merged[name] = array
            known[name] = Value(name, tuple(array.shape), array.dtype.name)
        known.update(values or {})
        read = {name for node in nodes for name in node.inputs} | set(self.outputs)
        written = {name for node in nodes for name in node.outputs}
        merged = {name: array for name, array in merged.items() if name in read and name not in written}
        keep = read | written | set(self.inputs)
        known = {name: value for name, value in known.items() if name in keep}
        return replace(self, nodes=tuple(nodes), values=known, constants=merged)

    def fresh(self, stem: str) -> str:
        """A value name that the graph does not use yet."""
        if stem not in self.values:
            return stem
        number = 1
        while f"{stem}_{number}" in self.values:
            number += 1
        return f"{stem}_{number}"
