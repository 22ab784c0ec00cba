"""The recording interpretation: builder calls -> an unfinished circuit."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace
from math import prod

import numpy as np

from tacit import circuit
from tacit.circuit import FIELD, Affine, column_bytes
from tacit.primitives.builder import Builder, Table
from tacit.primitives.tensor import Axis, Column, Factor, Map, Tensor, Term
from tacit.primitives.threads import Elementwise

COEFFICIENT_LIMIT = 2**40


@dataclass(frozen=True, slots=True)
class Virtual:
    """A virtual column: the tensor whose values it has, over the output axes of its lookup."""

    column: Column
    tensor: Tensor


class Record(Builder):
    """Collects columns, relations, tables and bindings of one sample; `finish` gives the circuit of all, without parameters."""

    def __init__(self, batch: int | None = None) -> None:
        super().__init__(batch)
        self.stored: list[Column] = []
        self.numbers: dict[str, int] = {}
        self.definitions: dict[int, circuit.Sum] = {}
        self.virtuals: dict[circuit.Sum, int] = {}
        self.tables: dict[tuple, int] = {}
        self.specifications: list[Table] = []
        self.contracts: list[circuit.Contract] = []
        self.lookups: list[circuit.Lookup] = []
        self.publics: list[circuit.Public] = []

    def store(self, column: Column) -> int:
        self.numbers[column.name] = len(self.stored)
        self.stored.append(column)
        return self.numbers[column.name]

    def on_weight(self, column: Column, shape: tuple[int, ...], exponent: int, array: np.ndarray | None) -> None:
        self.store(column)

    def on_input(self, column: Column, name: str, shape: tuple[int, ...], exponent: int, dtype: str) -> None:
        number = self.store(column)
        self.publics.append(circuit.Public(name, False, number, dtype, shape, exponent, column.low, column.high))

    def on_claim(self, column: Column, name: str, shape: tuple[int, ...], dtype: str) -> None:
        number = self.store(column)
        self.publics.append(circuit.Public(name, True, number, dtype, shape, 0, column.low, column.high))

    def on_commit(self, column: Column, shape: tuple[int, ...], compute: Callable[[], np.ndarray | Elementwise]) -> None:
        self.store(column)

    def on_output(self, column: Column, name: str, shape: tuple[int, ...], exponent: int, dtype: str) -> None:
        number = self.numbers[column.name]
        self.publics.append(circuit.Public(name, True, number, dtype, shape, exponent, column.low, column.high))

    def on_contract(self, name: str, tensor: Tensor) -> None:
        whole = replace(tensor, denominator=1)
        self.contracts.append(circuit.Contract(name, self.lowered(whole, whole.axes)))

    def on_lookup(self, name: str, table: Table, components: tuple[Tensor, ...]) -> None:
        axes = components[0].axes
        sums = tuple(
            self.lowered(component, axes) if number is None else self.read_virtual(number, axes)
            for component, number in zip(components, self.virtual_columns(name, components))
        )
        self.lookups.append(circuit.Lookup(name, self.table_number(table), sums))

    def virtual_columns(self, name: str, components: Sequence[Tensor]) -> list[int | None]:
        """The numbers of the columns that a lookup's components need, None for those that it may read directly."""
        axes = components[0].axes
        return [
            None if is_direct(component) else self.virtual_column(f"{name}/virtual{place}", component, axes)
            for place, component in enumerate(components)
        ]

    def virtual_column(self, name: str, tensor: Tensor, axes: Sequence[Axis]) -> int:
        """The column that names the tensor's sum; equal sums share one."""
        definition = self.lowered(tensor, axes)
        if definition not in self.virtuals:
            shape = tuple(axis.size for axis in axes)
            column = self._register(Column(self._name(name), shape, "virtual", tensor.low, tensor.high))
            number = self.store(column)
            self.virtuals[definition] = number
            self.definitions[number] = definition
            self.on_virtual(Virtual(column, tensor))
        return self.virtuals[definition]

    def on_virtual(self, virtual: Virtual) -> None:
        """A virtual column was declared."""

    def read_virtual(self, number: int, axes: Sequence[Axis]) -> circuit.Sum:
        sizes = tuple(axis.size for axis in axes)
        maps = tuple(Affine(0, ((place, 1),)) for place in range(len(sizes)))
        return circuit.Sum(sizes, len(sizes), (circuit.Term(1, (circuit.View(number, maps),)),))

    def table_number(self, table: Table) -> int:
        key = table.segments
        if key not in self.tables:
            self.tables[key] = len(self.specifications)
            self.specifications.append(table)
        return self.tables[key]

    def lowered(self, tensor: Tensor, axes: Sequence[Axis]) -> circuit.Sum:
        """The tensor over numbered axes, `axes` first; its denominator goes into the field coefficients."""
        numbers = {axis: place for place, axis in enumerate(axes)}
        summed: list[Axis] = []
        for term in tensor.terms:
            for factor in term.factors:
                for axis in factor.axes:
                    if axis not in numbers:
                        numbers[axis] = len(numbers)
                        summed.append(axis)
        inverse = 1 if tensor.denominator == 1 else pow(tensor.denominator, -1, FIELD)
        terms = tuple(
            circuit.Term(term.coefficient * inverse % FIELD, tuple(self.view(f, numbers) for f in term.factors))
            for term in tensor.terms
        )
        sizes = tuple(axis.size for axis in axes) + tuple(axis.size for axis in summed)
        return circuit.Sum(sizes, len(axes), terms)

    def view(self, factor: Factor, numbers: dict[Axis, int]) -> circuit.View:
        return circuit.View(self.numbers[factor.column.name], tuple(numbered(item, numbers) for item in factor.maps))

    def finish(self) -> circuit.Circuit:
        """The circuit, unfinished: its parameters are left to the core."""
        columns = [
            circuit.Column(c.name, c.shape, column_bytes(c.low, c.high), c.home, self.definitions.get(number))
            for number, c in enumerate(self.stored)
        ]
        tables = []
        for table in self.specifications:
            segments = []
            for place, rows in enumerate(table.segments):
                segments.append(circuit.Segment(rows.entries, len(columns), rows.rules))
                columns.append(circuit.Column(f"{table.name}/count{place}", (rows.entries,), 8, "count"))
            tables.append(circuit.Table(table.name, table.width, tuple(segments)))
        one = circuit.Circuit(tuple(columns), tuple(tables), tuple(self.contracts), tuple(self.lookups), tuple(self.publics))
        return one if self.batch is None else circuit.repeated(one, self.batch)


def numbered(item: Map, numbers: dict[Axis, int]) -> Affine[int] | circuit.Positions[int]:
    if isinstance(item, Affine):
        return Affine(item.offset, tuple(sorted((numbers[axis], stride) for axis, stride in item.terms)))
    return circuit.Positions(numbers[item.axis], item.indices)


def is_direct(component: Tensor) -> bool:
    """Whether a lookup may read the tensor without naming it: affine, with small integer coefficients, and below 2^63 whatever
    its columns' cells hold."""
    if not component.is_affine or any(abs(term.coefficient) >= COEFFICIENT_LIMIT for term in component.terms):
        return False
    given = set(component.axes)
    return sum(abs(term.coefficient) * cells_reach(term, given) for term in component.terms) < 1 << 63


def cells_reach(term: Term, given: Set[Axis]) -> int:
    """The largest sum over a term's own axes that the cells of its column hold, if it has one."""
    if not term.factors:
        return 1
    column = term.factors[0].column
    size = column_bytes(column.low, column.high)
    largest = column.reach if size == 8 else 1 << (8 * size - 1)
    return largest * prod(axis.size for axis in term.axes - given)
