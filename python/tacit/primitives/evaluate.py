"""The evaluating interpretation: builder calls -> the values of every column, in the bytes of the column."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from math import prod
from typing import Any

import numpy as np

from tacit.circuit import Circuit, Constant, Iota, Line, column_bytes
from tacit.errors import InputError, ModelError
from tacit.primitives.builder import Rows, Table
from tacit.primitives.gadgets.digits import forgetting
from tacit.primitives.reading import Reading
from tacit.primitives.record import Record, Virtual
from tacit.primitives.sums import Sum
from tacit.primitives.tensor import Axis, Column, Tensor
from tacit.primitives.threads import Elementwise, Index, in_parts


class Unsatisfied(AssertionError):  # noqa: N818
    """A relation does not hold for the computed values; the message names it and an index."""


class Evaluate(Record):
    """Computes columns as they are declared.

    `inputs`: int64 arrays by the name of an input or a claimed output, of the declared shape. `weights`: signed arrays by column
    name; needed when a program is replayed, since steps do not carry them. With `check`, every contract and lookup is evaluated
    too: `Unsatisfied` names the first that does not hold. `saturated`: how many values left their range, by step of the program.
    `values_only`: relations are not recorded, and there is no circuit. `repeats`: `again` computes the values of other inputs,
    without a call of a gadget.
    In a batch, inputs, columns and outputs have an axis of samples before their own, unless `alone`: then they are one sample.
    """

    def __init__(
        self,
        inputs: Mapping[str, np.ndarray],
        weights: Mapping[str, np.ndarray] | None = None,
        check: bool = False,
        batch: int | None = None,
        alone: bool = False,
        values_only: bool = False,
        repeats: bool = False,
    ) -> None:
        super().__init__(batch)
        self.inputs, self.weights, self.check, self.values_only = inputs, weights or {}, check, values_only
        self.values: dict[str, np.ndarray] = {}
        values = self.values  # not through self, which would be kept by itself: all its arrays, while its columns are proved
        self.saturated: dict[str, int] = {}
        self.current = ""
        self.lead = () if batch is None or alone else (batch,)
        self.reading = Reading(lambda column: values[column.name], Axis(batch) if batch and self.lead else None)
        self.repeats = repeats
        self.actions: list[Callable[[], None]] = []

    def act(self, action: Callable[[], None]) -> None:
        """Does what depends on values, now and `again`."""
        if self.repeats:
            self.actions.append(action)
        action()

    def again(self, inputs: Mapping[str, np.ndarray], weights: Mapping[str, np.ndarray]) -> None:
        """Computes every column anew, for other inputs; raises as the calls of the gadgets did. Only if this `repeats`."""
        self.clear()
        self.inputs, self.weights = inputs, weights
        for action in self.actions:
            action()

    def clear(self) -> None:
        """Lets go of all values, inputs and weights."""
        self.inputs, self.weights, self.saturated = {}, {}, {}
        self.values.clear()
        self.reading.clear()

    @contextmanager
    def step(self, gadget: str, name: str, arguments: dict[str, Any]) -> Iterator[None]:
        if self.depth:
            with super().step(gadget, name, arguments):
                yield
            return
        self.current = name
        with super().step(gadget, name, arguments), forgetting() as forget:
            yield
        self.act(forget)

    def saturates(self, compute: Callable[[], int]) -> None:
        self.act(partial(self.count_saturated, self.current, compute))

    def count_saturated(self, step: str, compute: Callable[[], int]) -> None:
        count = compute()
        if count:
            self.saturated[step] = self.saturated.get(step, 0) + count

    def value(self, tensor: Tensor) -> np.ndarray:
        return self.reading.value(tensor)

    def on_weight(self, column: Column, shape: tuple[int, ...], exponent: int, array: np.ndarray | None) -> None:
        super().on_weight(column, shape, exponent, array)
        self.act(partial(self.keep_weight, column, array))

    def keep_weight(self, column: Column, array: np.ndarray | None) -> None:
        given = self.weights.get(column.name) if array is None else array
        if given is None:
            raise ModelError(f"The weight {column.name} is missing.")
        self.values[column.name] = np.ascontiguousarray(given).reshape(column.shape)

    def on_input(self, column: Column, name: str, shape: tuple[int, ...], exponent: int, dtype: str) -> None:
        super().on_input(column, name, shape, exponent, dtype)
        self.act(partial(self.keep_given, column, name, shape))

    def on_claim(self, column: Column, name: str, shape: tuple[int, ...], dtype: str) -> None:
        super().on_claim(column, name, shape, dtype)
        self.act(partial(self.keep_given, column, name, shape))

    def keep_given(self, column: Column, name: str, shape: tuple[int, ...]) -> None:
        """Stores what `inputs` has under a name."""
        given = np.asarray(self.inputs[name]) if name in self.inputs else None
        if given is None or given.shape != self.lead + shape or given.dtype.kind not in "iub":
            raise InputError(f"The input {name} must be an integer array of shape {self.lead + shape}.")
        if not given.size:
            given = np.zeros((*self.lead, 1), dtype=np.int64)
        if given.min() < column.low or given.max() > column.high:
            raise InputError(f"The input {name} has integers outside {column.low} .. {column.high}.")
        self.keep(column, given)

    def on_commit(self, column: Column, shape: tuple[int, ...], compute: Callable[[], np.ndarray | Elementwise]) -> None:
        super().on_commit(column, shape, compute)
        self.act(partial(self.keep_computed, column, shape, compute))

    def keep_computed(self, column: Column, shape: tuple[int, ...], compute: Callable[[], np.ndarray | Elementwise]) -> None:
        array, shape = compute(), self.lead + shape
        array = array if isinstance(array, Elementwise) else np.asarray(array)
        self.keep(column, array if array.shape == shape else np.broadcast_to(np.asarray(array), shape))

    def on_virtual(self, virtual: Virtual) -> None:
        super().on_virtual(virtual)
        self.act(partial(self.keep_virtual, virtual))

    def keep_virtual(self, virtual: Virtual) -> None:
        self.keep(virtual.column, self.reading.once(virtual.tensor))

    def keep(self, column: Column, array: np.ndarray | Elementwise | Sum) -> None:
        """Stores a column's values; ModelError when one leaves the interval that was proved for it."""
        stored = np.empty(array.shape, dtype=f"<i{column_bytes(column.low, column.high)}")
        ends: list[tuple[int, int]] = []

        def store(index: Index) -> None:
            part = array[index]
            ends.append((int(part.min()), int(part.max())))
            np.copyto(stored[index], part, casting="unsafe")

        in_parts(array.shape, store)
        low, high = min(low for low, _ in ends), max(high for _, high in ends)
        if low < column.low or high > column.high:
            raise ModelError(f"A value of {column.name} is outside {column.low} .. {column.high}: {low} .. {high}.")
        self.values[column.name] = stored.reshape(self.lead + column.shape)

    def on_contract(self, name: str, tensor: Tensor) -> None:
        if not self.values_only:
            super().on_contract(name, tensor)
        if self.check:
            found = self.value(replace(tensor, denominator=1))
            if found.any():
                index = tuple(int(i) for i in np.argwhere(found)[0])
                raise Unsatisfied(f"contract {name} is {found[index]} at {index}")

    def on_lookup(self, name: str, table: Table, components: tuple[Tensor, ...]) -> None:
        if self.values_only:
            self.virtual_columns(name, components)
        else:
            super().on_lookup(name, table, components)
        if self.check:
            tuples = np.stack([self.value(component).reshape(-1) for component in components])
            missing = np.flatnonzero(~in_table(table, tuples))
            if missing.size:
                raise Unsatisfied(f"lookup {name}: {tuples[:, missing[0]].tolist()} is no row of {table.name}")

    def finish(self) -> Circuit:
        """As of `Record`. ValueError where only values were asked for."""
        if self.values_only:
            raise ValueError("a builder for values alone has no circuit")
        return super().finish()

    def witness(self) -> bytes:
        """The witness buffer: witness and virtual columns in circuit order (docs/circuit.md, Buffers)."""
        return b"".join(self.witness_columns())

    def witness_columns(self) -> list[memoryview]:
        """The columns that the witness buffer joins, as bytes; valid until `clear`."""
        return [self.cells(column) for column in self.stored if column.home in ("witness", "virtual")]

    def public(self) -> bytes:
        """The public buffer: public columns in the order of the bindings; of a tensor without elements, one zero."""
        return b"".join(self.cells(self.stored[public.column], 0 in public.shape) for public in self.publics)

    def weight_buffer(self) -> bytes:
        """The weights buffer: weight columns in circuit order."""
        return b"".join(self.cells(column) for column in self.stored if column.home == "weights")

    def outputs(self) -> dict[str, np.ndarray]:
        """The integers of the bound outputs, int64 by name, in the declared shapes."""
        found = {}
        for public in self.publics:
            if public.is_output:
                shape = self.lead + public.shape
                values = self.values[self.stored[public.column].name].reshape(-1)[: prod(shape)]
                found[public.name] = values.astype(np.int64).reshape(shape)
        return found

    def cells(self, column: Column, first: bool = False) -> memoryview:
        """The column's cells, or its first one alone, in the bytes of the column."""
        values = self.values[column.name].reshape(-1)[: 1 if first else None]
        return np.asarray(values, dtype=f"<i{column_bytes(column.low, column.high)}", order="C").view(np.uint8).data


def in_table(table: Table, tuples: np.ndarray) -> np.ndarray:
    """Which of the tuples (one per column of `tuples`) are rows of the table."""
    found = np.zeros(tuples.shape[1], dtype=bool)
    for rows in table.segments:
        found |= in_rows(rows, tuples)
    return found


def in_rows(rows: Rows, tuples: np.ndarray) -> np.ndarray:
    for rule, values in zip(rows.rules, tuples):
        if isinstance(rule, Iota):  # the row's number is known: every other component is compared with its rule there
            places = values - rule.start
            found = (places >= 0) & (places < rows.entries)
            places = np.where(found, places, 0)
            for other, given in zip(rows.rules, tuples):
                found &= given == rule_values(other, rows.entries)[places]
            return found
    known = {tuple(row) for row in np.stack([rule_values(rule, rows.entries) for rule in rows.rules], axis=1).tolist()}
    return np.array([tuple(row) in known for row in tuples.T.tolist()], dtype=bool)


def rule_values(rule: object, entries: int) -> np.ndarray:
    if isinstance(rule, Constant):
        return np.full(entries, rule.value, dtype=np.int64)
    if isinstance(rule, Iota):
        return np.arange(rule.start, rule.start + entries, dtype=np.int64)
    if isinstance(rule, Line):
        return rule.start + rule.step * np.arange(entries, dtype=np.int64)
    return np.frombuffer(rule.data, dtype=f"<i{rule.bytes}").astype(np.int64)  # type: ignore[attr-defined]
