"""What a circuit is: the Python rendering of docs/circuit.md."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

Data: TypeAlias = bytes
FIELD = 2**64 - 2**32 + 1
HOMES = ("weights", "witness", "count", "public", "virtual")


A = TypeVar("A")
"""What names an axis: its number in a circuit, an object while the circuit is built."""


@dataclass(frozen=True, slots=True)
class Affine(Generic[A]):
    """One stored axis of a view: offset + sum of stride * axis. A position outside the column reads zero."""

    offset: int
    terms: tuple[tuple[A, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Positions(Generic[A]):
    """One stored axis of a view: indices[axis]. A position outside the column reads zero."""

    axis: A
    indices: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A column read through one map per stored axis."""

    column: int
    maps: tuple[Affine[int] | Positions[int], ...]


@dataclass(frozen=True, slots=True)
class Term:
    """A coefficient (0 <= coefficient < FIELD) times at most three views."""

    coefficient: int
    views: tuple[View, ...] = ()


@dataclass(frozen=True, slots=True)
class Sum:
    """Axis lengths, of which the first `outputs` are output axes; each term sums the other axes that it mentions."""

    axes: tuple[int, ...]
    outputs: int
    terms: tuple[Term, ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A tensor of signed integers of 1, 2, 4 or 8 bytes; `definition` is given for home `virtual` only."""

    name: str
    shape: tuple[int, ...]
    bytes: int
    home: str
    definition: Sum | None = None


@dataclass(frozen=True, slots=True)
class Constant:
    """A table component that is `value` in every row of its segment."""

    value: int


@dataclass(frozen=True, slots=True)
class Iota:
    """A table component that is `start + i` in row i of its segment."""

    start: int


@dataclass(frozen=True, slots=True)
class Line:
    """A table component that is `start + step * i` in row i of its segment; the step is neither 0 nor 1."""

    start: int
    step: int


@dataclass(frozen=True, slots=True)
class Listed:
    """A table component given row by row: signed little-endian integers of `bytes` bytes."""

    bytes: int
    data: Data = field(repr=False)


@dataclass(frozen=True, slots=True)
class Segment:
    """`entries` rows, their count column (index), and one rule per tuple component."""

    entries: int
    count: int
    rules: tuple[Constant | Iota | Line | Listed, ...]


@dataclass(frozen=True, slots=True)
class Table:
    name: str
    width: int
    segments: tuple[Segment, ...]


@dataclass(frozen=True, slots=True)
class Contract:
    """The sum is zero at every output index."""

    name: str
    zero: Sum


@dataclass(frozen=True, slots=True)
class Lookup:
    """At every output index the tuple of components is a row of the table."""

    name: str
    table: int
    components: tuple[Sum, ...]


@dataclass(frozen=True, slots=True)
class Public:
    """A named input or output: value = integer * 2^-exponent, lowest <= integer <= highest."""

    name: str
    is_output: bool
    column: int
    dtype: str
    shape: tuple[int, ...]
    exponent: int
    lowest: int
    highest: int


SEALED = 3


@dataclass(frozen=True, slots=True)
class Parameters:
    """Chosen by the core; all zero and empty in an unfinished circuit."""

    log_rows: int = 0
    reserved: int = 0
    salt: int = 0
    folds: tuple[int, ...] = ()
    log_inverse_rates: tuple[int, ...] = ()
    queries: tuple[int, ...] = ()

    @property
    def openings(self) -> int:
        """How many proofs can hide the weights: each uses up as many of the reserved rows as it has queries, the seal SEALED."""
        return max(self.reserved - SEALED, 0) // self.queries[0] if self.salt else 0


@dataclass(frozen=True, slots=True)
class Circuit:
    columns: tuple[Column, ...] = ()
    tables: tuple[Table, ...] = ()
    contracts: tuple[Contract, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    publics: tuple[Public, ...] = ()
    parameters: Parameters = Parameters()


def column_bytes(low: int, high: int) -> int:
    """The fewest of 1, 2, 4, 8 bytes that hold every signed integer of the interval; OverflowError beyond 64 bits."""
    for size in (1, 2, 4, 8):
        if -(1 << 8 * size - 1) <= low and high < 1 << 8 * size - 1:
            return size
    raise OverflowError(f"the interval {low} .. {high} needs more than 64 bits")
