"""Circuit <-> bytes, exactly as docs/circuit.md says: little-endian, fixed width, canonical."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence
from typing import Any

from tacit.circuit.model import (
    FIELD,
    HOMES,
    Affine,
    Circuit,
    Column,
    Constant,
    Contract,
    Iota,
    Line,
    Listed,
    Lookup,
    Parameters,
    Positions,
    Public,
    Segment,
    Sum,
    Table,
    Term,
    View,
)
from tacit.errors import ModelError

HEADER = b"tacit\0C" + struct.pack("<H", 1)


class Writer:
    """Appends fixed-width fields to a buffer."""

    def __init__(self) -> None:
        self.parts = bytearray(HEADER)

    def pack(self, layout: str, *values: int) -> None:
        self.parts += struct.pack("<" + layout, *values)

    def bytes(self, data: bytes) -> None:
        self.pack("I", len(data))
        self.parts += data

    def text(self, text: str) -> None:
        self.bytes(text.encode())

    def integers(self, layout: str, values: Sequence[int]) -> None:
        self.pack(f"I{len(values)}{layout}", len(values), *values)

    def items(self, items: Sequence[Any], write: Callable[[Any], None]) -> None:
        self.pack("I", len(items))
        for item in items:
            write(item)

    def map(self, item: Affine[int] | Positions[int]) -> None:
        if isinstance(item, Affine):
            self.pack("Bq", 0, item.offset)
            self.items(item.terms, lambda term: self.pack("Hq", *term))
        else:
            self.pack("BH", 1, item.axis)
            self.integers("q", item.indices)

    def view(self, view: View) -> None:
        self.pack("I", view.column)
        self.items(view.maps, self.map)

    def term(self, term: Term) -> None:
        self.pack("Q", term.coefficient)
        self.items(term.views, self.view)

    def sum(self, total: Sum) -> None:
        self.integers("Q", total.axes)
        self.pack("H", total.outputs)
        self.items(total.terms, self.term)

    def column(self, column: Column) -> None:
        self.text(column.name)
        self.integers("Q", column.shape)
        self.pack("BB", column.bytes, HOMES.index(column.home))
        if column.definition is not None:
            self.sum(column.definition)

    def rule(self, rule: Constant | Iota | Line | Listed) -> None:
        if isinstance(rule, Constant):
            self.pack("Bq", 0, rule.value)
        elif isinstance(rule, Iota):
            self.pack("Bq", 1, rule.start)
        elif isinstance(rule, Line):
            self.pack("Bqq", 3, rule.start, rule.step)
        else:
            self.pack("BB", 2, rule.bytes)
            self.bytes(rule.data)

    def segment(self, segment: Segment) -> None:
        self.pack("QI", segment.entries, segment.count)
        self.items(segment.rules, self.rule)

    def table(self, table: Table) -> None:
        self.text(table.name)
        self.pack("H", table.width)
        self.items(table.segments, self.segment)

    def contract(self, contract: Contract) -> None:
        self.text(contract.name)
        self.sum(contract.zero)

    def lookup(self, lookup: Lookup) -> None:
        self.text(lookup.name)
        self.pack("I", lookup.table)
        self.items(lookup.components, self.sum)

    def public(self, public: Public) -> None:
        self.text(public.name)
        self.pack("BI", public.is_output, public.column)
        self.text(public.dtype)
        self.integers("Q", public.shape)
        self.pack("iqq", public.exponent, public.lowest, public.highest)

    def parameters(self, parameters: Parameters) -> None:
        self.pack("BIB", parameters.log_rows, parameters.reserved, parameters.salt)
        self.integers("B", parameters.folds)
        self.integers("B", parameters.log_inverse_rates)
        self.integers("H", parameters.queries)


class Reader:
    """Takes fixed-width fields from a buffer; ModelError when there are too few bytes."""

    def __init__(self, data: bytes) -> None:
        self.data, self.position = data, 0

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.position:
            raise ModelError("The circuit's bytes end too early.")
        self.position += size
        return self.data[self.position - size : self.position]

    def unpack(self, layout: str) -> tuple[int, ...]:
        return struct.unpack("<" + layout, self.take(struct.calcsize("<" + layout)))

    def one(self, layout: str) -> int:
        return self.unpack(layout)[0]

    def bytes(self) -> bytes:
        return self.take(self.one("I"))

    def text(self) -> str:
        try:
            return self.bytes().decode()
        except UnicodeDecodeError:
            raise ModelError("A name in the circuit is not UTF-8.") from None

    def integers(self, layout: str) -> tuple[int, ...]:
        return self.unpack(f"{self.one('I')}{layout}")

    def items(self, read: Callable[[], Any]) -> tuple[Any, ...]:
        return tuple(read() for _ in range(self.one("I")))

    def choice(self, limit: int, what: str) -> int:
        value = self.one("B")
        if value >= limit:
            raise ModelError(f"The circuit has an unknown {what}, {value}.")
        return value

    def map(self) -> Affine[int] | Positions[int]:
        if self.choice(2, "map") == 1:
            return Positions(self.one("H"), self.integers("q"))
        offset = self.one("q")
        terms = self.items(lambda: self.unpack("Hq"))
        ordered = all(left[0] < right[0] for left, right in zip(terms, terms[1:]))
        if not ordered or any(stride == 0 for _, stride in terms):
            raise ModelError("A view's strides are not in canonical order.")
        return Affine(offset, terms)

    def view(self) -> View:
        return View(self.one("I"), self.items(self.map))

    def term(self) -> Term:
        coefficient = self.one("Q")
        if coefficient >= FIELD:
            raise ModelError("A coefficient of the circuit is not a canonical field element.")
        return Term(coefficient, self.items(self.view))

    def sum(self) -> Sum:
        return Sum(self.integers("Q"), self.one("H"), self.items(self.term))

    def column(self) -> Column:
        name, shape, size = self.text(), self.integers("Q"), self.one("B")
        home = HOMES[self.choice(len(HOMES), "home")]
        return Column(name, shape, size, home, self.sum() if home == "virtual" else None)

    def rule(self) -> Constant | Iota | Line | Listed:
        kind = self.choice(4, "rule")
        if kind == 2:
            return Listed(self.one("B"), self.bytes())
        if kind == 3:
            return Line(self.one("q"), self.one("q"))
        return (Constant, Iota)[kind](self.one("q"))

    def segment(self) -> Segment:
        return Segment(self.one("Q"), self.one("I"), self.items(self.rule))

    def table(self) -> Table:
        return Table(self.text(), self.one("H"), self.items(self.segment))

    def contract(self) -> Contract:
        return Contract(self.text(), self.sum())

    def lookup(self) -> Lookup:
        return Lookup(self.text(), self.one("I"), self.items(self.sum))

    def public(self) -> Public:
        name, direction, column = self.text(), self.choice(2, "direction"), self.one("I")
        return Public(name, direction == 1, column, self.text(), self.integers("Q"), *self.unpack("iqq"))

    def parameters(self) -> Parameters:
        limb = self.one("B"), self.one("I"), self.one("B")
        return Parameters(*limb, self.integers("B"), self.integers("B"), self.integers("H"))


def encode(circuit: Circuit) -> bytes:
    """The circuit's bytes. struct.error when a number does not fit its field."""
    writer = Writer()
    writer.items(circuit.columns, writer.column)
    writer.items(circuit.tables, writer.table)
    writer.items(circuit.contracts, writer.contract)
    writer.items(circuit.lookups, writer.lookup)
    writer.items(circuit.publics, writer.public)
    writer.parameters(circuit.parameters)
    return bytes(writer.parts)


def decode(data: bytes) -> Circuit:
    """The circuit that `encode` wrote; ModelError for any other bytes. Form only: the core validates meaning."""
    reader = Reader(bytes(data))
    if reader.take(len(HEADER)) != HEADER:
        raise ModelError("These bytes are not a circuit of format 1.")
    circuit = Circuit(
        reader.items(reader.column),
        reader.items(reader.table),
        reader.items(reader.contract),
        reader.items(reader.lookup),
        reader.items(reader.public),
        reader.parameters(),
    )
    if reader.position != len(reader.data):
        raise ModelError("Bytes follow the end of the circuit.")
    return circuit
