"""The waist's Python rendering: encode and decode are inverse, and decode accepts nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tacit.circuit import (
    FIELD,
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
    column_bytes,
    decode,
    encode,
)
from tacit.errors import ModelError

names = st.text(max_size=5)
small = st.integers(0, 5)
signed = st.integers(-(2**63), 2**63 - 1)
long = st.integers(0, 2**64 - 1)


def several(items, size=3):
    return st.lists(items, max_size=size).map(tuple)


strides = st.dictionaries(small, signed.filter(bool), max_size=3).map(lambda d: tuple(sorted(d.items())))
maps = st.builds(Affine, signed, strides) | st.builds(Positions, small, several(signed))
views = st.builds(View, small, several(maps))
terms = st.builds(Term, st.integers(0, FIELD - 1), several(views))
sums = st.builds(Sum, several(long), small, several(terms, 2))
homes = st.sampled_from(["weights", "witness", "count", "public"])
sizes = st.sampled_from([1, 2, 4, 8])
columns = st.builds(Column, names, several(long), sizes, homes) | st.builds(
    Column, names, several(long), sizes, st.just("virtual"), sums
)
lines = st.builds(Iota, signed) | st.builds(Line, signed, signed)
rules = st.builds(Constant, signed) | lines | st.builds(Listed, sizes, st.binary(max_size=9))
tables = st.builds(Table, names, small, several(st.builds(Segment, long, small, several(rules))))
publics = st.builds(
    Public, names, st.booleans(), small, names, several(long), st.integers(-(2**31), 2**31 - 1), signed, signed
)
byte = st.integers(0, 255)
parameters = st.builds(
    Parameters, byte, st.integers(0, 2**32 - 1), byte, several(byte), several(byte), several(st.integers(0, 65535))
)
circuits = st.builds(
    Circuit,
    several(columns),
    several(tables, 2),
    several(st.builds(Contract, names, sums), 2),
    several(st.builds(Lookup, names, small, several(sums, 2)), 2),
    several(publics, 2),
    parameters,
)


@settings(max_examples=80, deadline=None)
@given(circuits)
def test_decode_is_the_inverse_of_encode(circuit):
    assert decode(encode(circuit)) == circuit


@settings(max_examples=150, deadline=None)
@given(circuits, st.data())
def test_altered_bytes_are_refused_or_mean_something_else(circuit, data):
    original = encode(circuit)
    place = data.draw(st.integers(0, len(original) - 1))
    altered = bytearray(original)
    altered[place] ^= data.draw(st.integers(1, 255))
    try:
        other = decode(bytes(altered))
    except ModelError:
        return
    assert other != circuit and encode(other) == bytes(altered)


@settings(max_examples=50, deadline=None)
@given(circuits, st.data())
def test_truncated_and_extended_bytes_are_refused(circuit, data):
    original = encode(circuit)
    with pytest.raises(ModelError):
        decode(original[: data.draw(st.integers(0, len(original) - 1))])
    with pytest.raises(ModelError):
        decode(original + b"\0")


def test_known_bytes():
    """One circuit written out by hand from docs/circuit.md."""
    total = Sum((3,), 1, (Term(FIELD - 1, (View(0, (Affine(-1, ((0, 2),)),)),)),))
    circuit = Circuit((Column("w", (3,), 2, "weights"),), (), (Contract("c", total),))
    expected = (
        b"tacit\0C\x01\x00"
        + b"\x01\0\0\0" + b"\x01\0\0\0w" + b"\x01\0\0\0" + b"\x03" + bytes(7) + b"\x02\x00"  # columns
        + bytes(4)  # tables
        + b"\x01\0\0\0" + b"\x01\0\0\0c" + b"\x01\0\0\0\x03" + bytes(7) + b"\x01\0"  # contracts: name, axes, outputs
        + b"\x01\0\0\0" + (FIELD - 1).to_bytes(8, "little") + b"\x01\0\0\0" + bytes(4)  # terms; views: column
        + b"\x01\0\0\0" + b"\0" + b"\xff" * 8 + b"\x01\0\0\0" + b"\0\0" + b"\x02" + bytes(7)  # maps
        + bytes(4) + bytes(4)  # lookups, publics
        + bytes(6) + bytes(12)  # parameters
    )  # fmt: skip
    assert encode(circuit) == expected


def test_column_bytes_is_the_smallest_signed_width():
    assert [column_bytes(-128, 127), column_bytes(-129, 0), column_bytes(0, 128), column_bytes(0, 2**31)] == [
        1,
        2,
        2,
        8,
    ]
    assert column_bytes(-(2**63), 2**63 - 1) == 8
    with pytest.raises(OverflowError):
        column_bytes(0, 2**63)
