"""A circuit as data, and its decoder (docs/circuit.md, Encoding). Whether the data make sense is wellformed.py's question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from .field import P
from .refused import Refused

MAGIC = b"tacit\0"
FORMAT, HIDING_FORMAT, NAMED_FORMAT = 1, 2, 3
"""Of receipts; circuits have the first one."""
KEY_FORMAT = 2
WEIGHTS, WITNESS, COUNT, PUBLIC, VIRTUAL, NAMED = range(6)
"""Where a column is; NAMED, in a commitment of its own, is said by a receipt, never by a circuit."""

T = TypeVar("T")


@dataclass(frozen=True)
class Map:
    """One stored axis of a view: offset + sum stride * axis; or indices[axis], `terms` being (axis, 1)."""

    offset: int
    terms: tuple[tuple[int, int], ...]
    indices: tuple[int, ...] | None = None


@dataclass(frozen=True)
class View:
    column: int
    maps: tuple[Map, ...]

    def axes(self) -> set[int]:
        """The relation axes that it mentions."""
        return {axis for m in self.maps for axis, _ in m.terms}


@dataclass(frozen=True)
class Term:
    coefficient: int
    views: tuple[View, ...]


@dataclass(frozen=True)
class Sum:
    axes: tuple[int, ...]
    outputs: int
    terms: tuple[Term, ...]

    def output_axes(self) -> tuple[int, ...]:
        return self.axes[: self.outputs]


@dataclass(frozen=True)
class Column:
    name: str
    shape: tuple[int, ...]
    size: int
    home: int
    definition: Sum | None


@dataclass(frozen=True)
class Rule:
    """`start + step * i` (step 0: a constant; 1: iota), or `cells[i]`. `size` is 0, or the bytes of a listed cell."""

    start: int
    step: int
    size: int = 0
    cells: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Segment:
    entries: int
    count: int
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class Table:
    name: str
    width: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True)
class Contract:
    name: str
    zero: Sum


@dataclass(frozen=True)
class Lookup:
    name: str
    table: int
    components: tuple[Sum, ...]


@dataclass(frozen=True)
class Public:
    name: str
    direction: int
    column: int
    dtype: str
    shape: tuple[int, ...]
    exponent: int
    lowest: int
    highest: int


@dataclass(frozen=True)
class Parameters:
    log_rows: int
    reserved: int
    salt: int
    folds: tuple[int, ...]
    log_inverse_rates: tuple[int, ...]
    queries: tuple[int, ...]
    encoded: bytes


@dataclass(frozen=True)
class Circuit:
    columns: tuple[Column, ...]
    tables: tuple[Table, ...]
    contracts: tuple[Contract, ...]
    lookups: tuple[Lookup, ...]
    publics: tuple[Public, ...]
    parameters: Parameters


def integers(data: bytes, size: int) -> tuple[int, ...]:
    """Signed little-endian integers of `size` bytes."""
    return tuple(int.from_bytes(data[i : i + size], "little", signed=True) for i in range(0, len(data), size))


class Reader:
    """Reads from the front; `what` is being read (circuit, key or receipt)."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data, self.at, self.what = data, 0, what

    def raw(self, count: int) -> bytes:
        if len(self.data) - self.at < count:
            raise Refused("truncated", f"the {self.what} ends too early")
        self.at += count
        return self.data[self.at - count : self.at]

    def unsigned(self, size: int) -> int:
        return int.from_bytes(self.raw(size), "little")

    def signed(self, size: int) -> int:
        return int.from_bytes(self.raw(size), "little", signed=True)

    def below(self, bound: int, what: str) -> int:
        """One byte below `bound`."""
        value = self.unsigned(1)
        if value >= bound:
            raise Refused("key", f"an unknown {what}")
        return value

    def list(self, item: Callable[[], T]) -> tuple[T, ...]:
        """u32 count and the items; every item takes at least a byte, so a false count ends with the bytes."""
        return tuple(item() for _ in range(self.unsigned(4)))

    def bytes(self) -> bytes:
        return self.raw(self.unsigned(4))

    def string(self) -> str:
        try:
            return self.bytes().decode("utf-8")
        except UnicodeDecodeError:
            raise Refused("key", "a name is not UTF-8") from None

    def header(self, kind: bytes, most: int = FORMAT, least: int = FORMAT) -> int:
        """Magic, kind, format number, which is returned."""
        if self.raw(7) != MAGIC + kind:
            raise Refused("kind", f"this is not a tacit {self.what}")
        found = self.unsigned(2)
        if not least <= found <= most:
            raise Refused("format", f"this {self.what} has a format that is not known")
        return found

    def finish(self) -> None:
        if self.at != len(self.data):
            raise Refused("trailing", f"bytes follow the end of the {self.what}")


class Decoder(Reader):
    """The grammar of docs/circuit.md, one method a production."""

    def circuit(self) -> Circuit:
        self.header(b"C")
        found = Circuit(
            columns=self.list(self.column),
            tables=self.list(self.table),
            contracts=self.list(lambda: Contract(self.string(), self.sum())),
            lookups=self.list(lambda: Lookup(self.string(), self.unsigned(4), self.list(self.sum))),
            publics=self.list(self.public),
            parameters=self.parameters(),
        )
        self.finish()
        return found

    def lengths(self) -> tuple[int, ...]:
        return self.list(lambda: self.unsigned(8))

    def column(self) -> Column:
        name, shape, size, home = self.string(), self.lengths(), self.unsigned(1), self.below(5, "home")
        return Column(name, shape, size, home, self.sum() if home == VIRTUAL else None)

    def sum(self) -> Sum:
        return Sum(self.lengths(), self.unsigned(2), self.list(self.term))

    def term(self) -> Term:
        coefficient = self.unsigned(8)
        if coefficient >= P:
            raise Refused("key", "a coefficient is not below p")
        return Term(coefficient, self.list(lambda: View(self.unsigned(4), self.list(self.map))))

    def map(self) -> Map:
        if self.below(2, "map") == 0:
            return Map(self.signed(8), self.list(lambda: (self.unsigned(2), self.signed(8))))
        axis = self.unsigned(2)
        return Map(0, ((axis, 1),), self.list(lambda: self.signed(8)))

    def table(self) -> Table:
        def segment() -> Segment:
            return Segment(self.unsigned(8), self.unsigned(4), self.list(self.rule))

        return Table(self.string(), self.unsigned(2), self.list(segment))

    def rule(self) -> Rule:
        kind = self.below(4, "rule")
        if kind < 2:
            return Rule(self.signed(8), kind)
        if kind == 3:
            start, step = self.signed(8), self.signed(8)
            if step in (0, 1):
                raise Refused("key", "a line is a constant or an iota")
            return Rule(start, step)
        size, data = self.unsigned(1), self.bytes()
        if size not in (1, 2, 4, 8) or len(data) % size:
            raise Refused("key", "a listed rule does not hold whole cells")
        return Rule(0, 0, size, integers(data, size))

    def public(self) -> Public:
        return Public(
            self.string(),
            self.below(2, "direction"),
            self.unsigned(4),
            self.string(),
            self.lengths(),
            self.signed(4),
            self.signed(8),
            self.signed(8),
        )

    def parameters(self) -> Parameters:
        start = self.at
        log_rows, reserved, salt = self.unsigned(1), self.unsigned(4), self.unsigned(1)
        folds, rates = tuple(self.bytes()), tuple(self.bytes())
        queries = self.list(lambda: self.unsigned(2))
        return Parameters(log_rows, reserved, salt, folds, rates, queries, self.data[start : self.at])


def decode(data: bytes) -> Circuit:
    """Every accepted string of bytes is what an encoder writes: no field has two encodings once wellformed.py has passed."""
    return Decoder(data, "circuit").circuit()
