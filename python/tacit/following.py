"""One token after the other: the integers of a circuit's rows, computed one row at a time from kept keys and values.

A circuit reads all places of a sequence at once, which is what proving wants. Who writes has one token at a time; its row depends
on earlier ones by their keys and values alone. So the same model is lowered once more, for one token behind as many others as the
sequence may have, with the scales and the weights of the circuit; it is executed, never proved. Where it is in the sequence is no
input: its tables of positions are turned until its own row is read, and its mask is opened for the keys before it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tacit.numbers.drawing import CACHE, GENERATED, LENGTH, PROMPT, UNIFORM
from tacit.primitives.builder import Builder
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets.digits import forgetting
from tacit.primitives.program import Program, claim_of, run
from tacit.primitives.reading import Reading
from tacit.primitives.tensor import Column, Tensor
from tacit.primitives.threads import Elementwise

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Following:
    """`program`: of one token. `tables`: its columns of weights with a row for every place. `masks`: those that hide
    keys, and the number that does. `kept`: the columns of the circuit that hold the keys and values of its own places, in the order
    of the layers; empty where they are no columns. `shape`: [layers, 2, heads, places, size] of those of the longest sequence."""

    program: Program
    tables: tuple[str, ...]
    masks: Mapping[str, int]
    kept: tuple[str, ...]
    shape: tuple[int, ...]

    def empty(self) -> np.ndarray:
        """int64: room for what a sequence keeps."""
        return np.zeros(self.shape, dtype=np.int64)

    def kept_of(self, builder: Evaluate) -> np.ndarray:
        """What a computed circuit keeps, [layers, 2, heads, its places, size]; only where it has columns that hold it."""
        layers, two, heads, _, size = self.shape
        found = [builder.values[name].astype(np.int64).reshape(heads, -1, size) for name in self.kept]
        return np.stack(found).reshape(layers, two, heads, -1, size)

    def chooser(self, weights: Arrays, kept: np.ndarray) -> Callable[[int, int, int | None], int]:
        """What the model chooses, as a function of a place, of the token there and of what the next one is drawn with, if it is.
        `kept` holds what the places before keep, and gets what this one does; `weights`: the columns of the circuit."""
        with forgetting() as forget:
            values = Values(weights | {name: np.full((1, self.shape[3]), hidden) for name, hidden in self.masks.items()})
            run(self.program, values)

        def chosen(place: int, token: int, uniform: int | None) -> int:
            forget()
            values.begin(self.at(weights, kept, place, token, uniform))
            kept[:, :, :, place : place + 1] = values.value(values.outputs[CACHE]).reshape(kept[:, :, :, :1].shape)
            return int(values.value(values.contracts[claim_of(GENERATED)]).reshape(-1)[0])

        return chosen

    def at(self, weights: Arrays, kept: np.ndarray, place: int, token: int, uniform: int | None) -> dict[str, np.ndarray]:
        """The program's inputs for a token at a place, and the columns of weights that depend on the place."""
        seen = np.arange(self.shape[3]) < place
        seen[-1] = True
        given = {
            PROMPT: np.array([[token]]),
            LENGTH: np.array([1]),
            GENERATED: np.array([[0]]),
            f"{CACHE}_0": kept[:, :, :, :-1],
        }
        if uniform is not None:
            given[UNIFORM] = np.array([[uniform]])
        given |= {name: np.roll(weights[name], self.shape[3] - 1 - place, axis=0) for name in self.tables}
        return given | {name: np.where(seen, 0, hidden)[None] for name, hidden in self.masks.items()}

    def to_json(self) -> dict[str, Any]:
        return {
            "program": self.program.to_json(),
            "tables": list(self.tables),
            "masks": dict(self.masks),
            "kept": list(self.kept),
            "shape": list(self.shape),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Following:
        return cls(
            Program.from_json(data["program"]),
            tuple(data["tables"]),
            {str(name): int(hidden) for name, hidden in data["masks"].items()},
            tuple(data["kept"]),
            tuple(map(int, data["shape"])),
        )


class Values(Builder):
    """Computes a column when somebody asks for it: digits, remainders and whatever else only relations read are never asked for.
    A program is run once; then `begin` gives it other inputs, as often as wanted.

    `weights`: signed arrays by column name. `outputs` and `contracts`: the tensors bound, and demanded to be zero, by name.
    """

    def __init__(self, weights: Arrays) -> None:
        super().__init__()
        self._weights = weights
        self._inputs: dict[str, Column] = {}
        self._compute: dict[str, Callable[[], np.ndarray]] = {}
        self._stored: dict[str, np.ndarray] = {}
        self._known: dict[str, np.ndarray] = {}
        self._reading = Reading(self.column_values)
        self.outputs: dict[str, Tensor] = {}
        self.contracts: dict[str, Tensor] = {}

    def begin(self, given: Arrays) -> None:
        """Forgets what was computed. `given`: integer arrays of inputs and claims by name, and columns of weights that change."""
        self._known = dict(self._stored)
        for name, array in given.items():
            column = self._inputs.get(name) or self.columns[name]
            self._known[column.name] = np.ascontiguousarray(array, dtype=np.int64).reshape(column.shape)
        self._reading.recent.clear()

    def value(self, tensor: Tensor) -> np.ndarray:
        return self._reading.value(tensor)

    def column_values(self, column: Column) -> np.ndarray:
        if column.name not in self._known:
            self._known[column.name] = np.ascontiguousarray(self._compute[column.name]()).reshape(column.shape)
        return self._known[column.name]

    def on_weight(self, column: Column, shape: tuple[int, ...], exponent: int, array: np.ndarray | None) -> None:
        self._stored[column.name] = np.ascontiguousarray(self._weights[column.name]).reshape(column.shape)

    def on_input(self, column: Column, name: str, shape: tuple[int, ...], exponent: int, dtype: str) -> None:
        self._inputs[name] = column

    def on_claim(self, column: Column, name: str, shape: tuple[int, ...], dtype: str) -> None:
        self.on_input(column, name, shape, 0, dtype)

    def on_commit(self, column: Column, shape: tuple[int, ...], compute: Callable[[], np.ndarray | Elementwise]) -> None:
        self._compute[column.name] = lambda: np.broadcast_to(np.asarray(compute(), dtype=np.int64), shape)

    def on_contract(self, name: str, tensor: Tensor) -> None:
        self.contracts[name] = tensor

    def output(self, name: str, tensor: Tensor, dtype: str = "float32", shape: Sequence[int] | None = None) -> None:
        self.outputs[name] = tensor
