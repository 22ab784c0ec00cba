"""The costing interpretation: committed cells and lookups, in all and per step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tacit.primitives.builder import Builder, Table
from tacit.primitives.gadgets.grids import Leaving
from tacit.primitives.tensor import Column, Tensor
from tacit.primitives.threads import Elementwise


@dataclass(slots=True)
class Spent:
    """Witness cells and looked-up tuples."""

    cells: int = 0
    lookups: int = 0


class Cost(Builder):
    """What a program costs: `steps` by name, cells of `weights` and `public`, `table_rows` (one count cell each), and how many
    numbers of each width are `checked` by digits, and which are `leaving` their tables."""

    def __init__(self, batch: int | None = None) -> None:
        super().__init__(batch)
        self.samples = batch or 1
        self.steps: dict[str, Spent] = {}
        self.weights = 0
        self.public = 0
        self.tables: dict[tuple, int] = {}
        self.checked: dict[int, int] = {}
        self.leaving: list[Leaving] = []
        self.current = ""

    @property
    def cells(self) -> int:
        return sum(spent.cells for spent in self.steps.values())

    @property
    def lookups(self) -> int:
        return sum(spent.lookups for spent in self.steps.values())

    @property
    def table_rows(self) -> int:
        return sum(self.tables.values())

    @contextmanager
    def step(self, gadget: str, name: str, arguments: dict[str, Any]) -> Iterator[None]:
        if self.depth == 0:
            self.current = name
        with super().step(gadget, name, arguments):
            yield

    def spent(self) -> Spent:
        return self.steps.setdefault(self.current, Spent())

    def on_weight(self, column: Column, shape: tuple[int, ...], exponent: int, array: np.ndarray | None) -> None:
        self.weights += prod(column.shape)

    def on_input(self, column: Column, name: str, shape: tuple[int, ...], exponent: int, dtype: str) -> None:
        self.public += self.samples * prod(column.shape)

    def on_claim(self, column: Column, name: str, shape: tuple[int, ...], dtype: str) -> None:
        self.public += prod(column.shape)

    def on_commit(self, column: Column, shape: tuple[int, ...], compute: Callable[[], np.ndarray | Elementwise]) -> None:
        if column.home == "public":
            self.public += self.samples * prod(column.shape)
        else:
            self.spent().cells += self.samples * prod(column.shape)

    def checks(self, size: int, width: int) -> None:
        self.checked[width] = self.checked.get(width, 0) + size

    def leaves(self, numbers: Leaving) -> None:
        self.leaving.append(numbers)

    def on_lookup(self, name: str, table: Table, components: tuple[Tensor, ...]) -> None:
        self.spent().lookups += self.elements(components[0])
        self.tables[table.segments] = table.entries
