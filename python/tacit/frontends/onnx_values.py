"""What an ONNX value is while a model is unrolled: a tensor of the flat model, a sequence or an optional of such."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from onnx import NodeProto

from tacit.errors import ModelError, UnsupportedOperator


@dataclass(frozen=True, eq=False)
class Tensor:
    """A tensor of the flat model. `element`: ONNX's number of its dtype, 0 when unknown. `shape`: None when unknown.
    `array`: its value, where that is known and small."""

    name: str
    element: int
    shape: tuple[int, ...] | None
    array: np.ndarray | None = None


@dataclass(frozen=True)
class Items:
    """A sequence: its length and the place of every element are known."""

    items: tuple[Item, ...]


@dataclass(frozen=True)
class Maybe:
    """An optional: whether it holds a value is known."""

    item: Item | None


Item: TypeAlias = "Tensor | Items | Maybe"


@dataclass
class Scope:
    """Names that nodes of one graph see: their own, then those of the graphs around it."""

    names: dict[str, Item] = field(default_factory=dict)
    outer: Scope | None = None

    def find(self, name: str) -> Item | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None


@dataclass(frozen=True)
class Site:
    """One application of a node. `inputs`: None for an absent one. `path`: unique to this application; `home`: common to
    all of them, whichever turn of a loop they belong to."""

    node: NodeProto
    inputs: Sequence[Item | None]
    scope: Scope
    path: str
    home: str
    attributes: Mapping[str, object]

    def __str__(self) -> str:
        return f"{self.path!r} ({self.node.op_type})"

    def refusal(self, reason: str) -> UnsupportedOperator:
        return UnsupportedOperator(f"Node {self} cannot be unrolled: {reason}.")

    def item(self, position: int) -> Item | None:
        """An input, None when it is absent."""
        return self.inputs[position] if position < len(self.inputs) else None

    def tensor(self, position: int) -> Tensor:
        """An input that must be a tensor."""
        item = self.item(position)
        if not isinstance(item, Tensor):
            raise ModelError(f"Node {self}: its input {position} is no tensor; export the model again.")
        return item

    def optional(self, position: int) -> Tensor | None:
        """An input that must be a tensor where it is there."""
        return None if self.item(position) is None else self.tensor(position)

    def sequence(self, position: int) -> Items:
        """An input that must be a sequence."""
        item = self.item(position)
        if not isinstance(item, Items):
            raise ModelError(f"Node {self}: its input {position} is no sequence; export the model again.")
        return item

    def integer(self, position: int, what: str) -> int | None:
        """A constant input of one element, None when it is absent."""
        if self.item(position) is None:
            return None
        array = self.tensor(position).array
        if array is None:
            raise self.refusal(f"its {what} is computed from the input, so that the circuit cannot fix it; make it constant")
        if array.size != 1:
            raise ModelError(f"Node {self}: its {what} has {array.size} elements instead of one.")
        return int(array.reshape(-1)[0])

    def number(self, name: str, default: int) -> int:
        """An integer attribute."""
        value = self.attributes.get(name, default)
        return value if isinstance(value, int) else default

    def numbers(self, name: str, count: int) -> list[int]:
        """An attribute of `count` integers, zeros by default."""
        value = self.attributes.get(name)
        found = [int(i) for i in value] if isinstance(value, (list, tuple)) else [0] * count
        if len(found) != count:
            raise ModelError(f"Node {self}: its attribute {name!r} has {len(found)} numbers instead of {count}.")
        return found
