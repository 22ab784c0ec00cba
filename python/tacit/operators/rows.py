"""Tensors turned so that what an operator reduces is one last dimension."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from tacit.primitives import movement
from tacit.primitives.builder import Builder
from tacit.primitives.tensor import Tensor


@dataclass(frozen=True)
class Turn:
    """How dimensions of `shape` were brought to [kept.., reduced as one]."""

    shape: tuple[int, ...]
    axes: tuple[int, ...]

    @property
    def order(self) -> list[int]:
        return [i for i in range(len(self.shape)) if i not in self.axes] + list(self.axes)

    @property
    def kept(self) -> tuple[int, ...]:
        return tuple(size for i, size in enumerate(self.shape) if i not in self.axes)

    @property
    def length(self) -> int:
        """Elements in a row."""
        return prod(self.shape[axis] for axis in self.axes)

    def rows(self, builder: Builder, x: Tensor) -> Tensor:
        """x of `shape` as [kept.., length]."""
        return movement.reshape(builder, movement.transpose(builder, x, self.order), (*self.kept, self.length))

    def back(self, builder: Builder, rows: Tensor) -> Tensor:
        """[kept.., length] as `shape`."""
        sizes = [self.shape[i] for i in self.order]
        return movement.transpose(
            builder, movement.reshape(builder, rows, sizes), [self.order.index(i) for i in range(len(sizes))]
        )


def turned(shape: Sequence[int], axes: Sequence[int]) -> Turn:
    """`axes` may be negative."""
    return Turn(tuple(shape), tuple(sorted({axis % len(shape) for axis in axes} if shape else ())))
