"""Both verifiers refuse the same keys: every rule of docs/circuit.md broken once, and bytes altered at random."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tacit import _core
from tacit.circuit import Affine, Circuit, Constant, Line, Listed, Positions, Public, Sum, Term, View, decode, encode

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
import relations  # noqa: E402

import reference  # noqa: E402
from reference.verifier import read_key  # noqa: E402

KEY = (ROOT / "vectors" / "format-1" / "relations" / "key.bin").read_bytes()
SIZE = int.from_bytes(KEY[9:13], "little")
CIRCUIT = decode(KEY[13 : 13 + SIZE])
ROOT_AND_SEAL = KEY[13 + SIZE :]
COLUMN = relations.NAMES.index


def key_of(circuit: Circuit) -> bytes:
    encoded = encode(circuit)
    return KEY[:9] + len(encoded).to_bytes(4, "little") + encoded + ROOT_AND_SEAL


def native(key: bytes) -> bool:
    try:
        _core.VerifyingKey(key)
    except _core.Malformed:
        return False
    return True


def plain(key: bytes) -> bool:
    try:
        read_key(key)
    except reference.Refused as error:
        assert error.kind == "key"
        return False
    return True


def put(items: tuple, at: int, item: object) -> tuple:
    return (*items[:at], item, *items[at + 1 :])


def contract(zero: Sum) -> Circuit:
    """The first contract replaced."""
    return replace(CIRCUIT, contracts=put(CIRCUIT.contracts, 0, replace(CIRCUIT.contracts[0], zero=zero)))


def one(view: View, axes: tuple[int, ...] = (13,), outputs: int = 1) -> Circuit:
    """The first contract is one term."""
    return contract(Sum(axes, outputs, (Term(1, (view,)),)))


def component(term: Term, number: int = 3) -> Circuit:
    """The first component of a lookup is one term."""
    lookup = CIRCUIT.lookups[number]
    changed = replace(lookup.components[0], terms=(term,))
    return replace(CIRCUIT, lookups=put(CIRCUIT.lookups, number, replace(lookup, components=put(lookup.components, 0, changed))))


def column(name: str, **changes: object) -> Circuit:
    at = COLUMN(name)
    return replace(CIRCUIT, columns=put(CIRCUIT.columns, at, replace(CIRCUIT.columns[at], **changes)))


def public(**changes: object) -> Circuit:
    return replace(CIRCUIT, publics=put(CIRCUIT.publics, 0, replace(CIRCUIT.publics[0], **changes)))


def segment(**changes: object) -> Circuit:
    table = CIRCUIT.tables[0]
    segments = put(table.segments, 0, replace(table.segments[0], **changes))
    return replace(CIRCUIT, tables=put(CIRCUIT.tables, 0, replace(table, segments=segments)))


def parameters(**changes: object) -> Circuit:
    return replace(CIRCUIT, parameters=replace(CIRCUIT.parameters, **changes))


HERE, M = Affine(0, ((0, 1),)), COLUMN("m")
LONGEST = Affine(2**62)
SQUARES = CIRCUIT.tables[0].segments[0]
BROKEN = {
    "virtual column in a contract": one(View(COLUMN("square"), (HERE,))),
    "count column in a contract": one(View(COLUMN("range count"), (HERE,))),
    "count column in a lookup": component(Term(1, (View(COLUMN("range count"), (HERE,)),))),
    "column that does not exist": one(View(99, (HERE,))),
    "axis that does not exist": one(View(M, (Affine(0, ((1, 1),)),))),
    "axis that feeds two maps": one(View(COLUMN("w"), (HERE, HERE))),
    "two maps for one stored axis": one(View(M, (HERE, HERE))),
    "stride zero": one(View(M, (Affine(0, ((0, 0),)),))),
    "strides out of order": one(View(M, (Affine(0, ((1, 1), (0, 1))),)), (13, 2), 1),
    "position beyond 2^62": one(View(M, (LONGEST,))),
    "list of another length": one(View(M, (Positions(0, (1, 2)),))),
    "more outputs than axes": contract(Sum((13,), 2, ())),
    "axis of length zero": contract(Sum((0,), 1, ())),
    "four factors": contract(Sum((13,), 1, (Term(1, (View(M, (HERE,)),) * 4),))),
    "too many output indices": contract(Sum((2**20, 2**20), 2, ())),
    "too many shared cells": contract(Sum((2**39, 2**39), 0, (Term(1, (View(M, (Affine(0, ((0, 1), (1, 1))),)),) * 2),))),
    "component with a product": component(Term(1, (View(M, (HERE,)),) * 2)),
    "component with a large coefficient": component(Term(2**40)),
    "component with a large negative coefficient": component(Term(relations.FIELD - 2**40)),
    "virtual column reversed": component(Term(1, (View(COLUMN("square"), (Affine(12, ((0, -1),)),)),))),
    "virtual column at one place": component(Term(1, (View(COLUMN("square"), (Affine(3),)),))),
    "virtual column broadcast": component(Term(1, (View(COLUMN("square"), (HERE,)),)), 2),
    "virtual column of another shape": column("square", shape=(12,)),
    "virtual column of a virtual column": column(
        "square", definition=Sum((13,), 1, (Term(1, (View(COLUMN("shifted"), (HERE,)),)),))
    ),
    "cells of three bytes": column("m", bytes=3),
    "count column of another length": column("range count", shape=(151,)),
    "count column without a segment": column("p", home="count"),
    "count column of two segments": segment(count=COLUMN("single count"), entries=1, rules=(Constant(0), Constant(0))),
    "segment on a witness column": segment(count=M, entries=13),
    "segment of another width": segment(rules=SQUARES.rules[:1]),
    "list of another number of rows": segment(rules=(SQUARES.rules[0], Listed(2, bytes(30)))),
    "line that is a constant": segment(rules=(SQUARES.rules[0], Line(5, 0))),
    "line that is an iota": segment(rules=(SQUARES.rules[0], Line(5, 1))),
    "line that leaves 2^62": segment(rules=(SQUARES.rules[0], Line(5, 2**58))),
    "line that leaves 2^62 downwards": segment(rules=(SQUARES.rules[0], Line(-5, -(2**58)))),
    "table value beyond 2^62": segment(rules=(SQUARES.rules[0], Constant(2**62))),
    "lookup of another width": replace(
        CIRCUIT, lookups=put(CIRCUIT.lookups, 0, replace(CIRCUIT.lookups[0], components=CIRCUIT.lookups[0].components[:1]))
    ),
    "lookup without a table": replace(CIRCUIT, lookups=put(CIRCUIT.lookups, 0, replace(CIRCUIT.lookups[0], table=2))),
    "table without lookups": replace(CIRCUIT, lookups=CIRCUIT.lookups[1:]),
    "public column without a binding": replace(CIRCUIT, publics=CIRCUIT.publics[1:]),
    "public column with two bindings": replace(CIRCUIT, publics=CIRCUIT.publics + CIRCUIT.publics[:1]),
    "binding of a witness column": replace(CIRCUIT, publics=(*CIRCUIT.publics, Public("m", False, M, "int8", (13,), 0, -9, 9))),
    "binding of another size": public(shape=(12,)),
    "empty interval": public(lowest=1, highest=0),
    # Two integers of an interval must not be one field element.
    "interval wider than the field": replace(
        public(lowest=-(2**63), highest=2**63 - 1), columns=column("x", bytes=8).columns
    ),
    "exponent out of range": public(exponent=1001),
    "unfinished": replace(CIRCUIT, parameters=type(CIRCUIT.parameters)()),
    "folds beyond the rows": parameters(folds=(5, 4), log_inverse_rates=(2, 2, 3), queries=(200, 200, 200)),
    "one rate too few": parameters(folds=(1,), queries=(200, 200)),
    "rate one": parameters(log_inverse_rates=(0,)),
    "domain beyond the field": parameters(log_rows=30, log_inverse_rates=(3,)),
    "too many queries": parameters(queries=(4097,)),
    "too few queries": parameters(queries=(137,)),
    "salts of half a word": parameters(salt=18),
    "long salts": parameters(salt=68),
    "reserved rows": parameters(reserved=225),
}


def test_the_key_itself_is_accepted():
    assert key_of(CIRCUIT) == KEY and native(KEY) and plain(KEY)


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_rule_is_refused(name):
    key = key_of(BROKEN[name])
    assert (native(key), plain(key)) == (False, False)


@pytest.mark.parametrize(("queries", "folds", "rates"), [((138,), (), (2,)), ((138, 138), (3,), (2, 2)), ((275,), (), (1,))])
def test_other_parameters_get_one_answer(queries, folds, rates):
    key = key_of(parameters(queries=queries, folds=folds, log_inverse_rates=rates))
    assert native(key) == plain(key)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"reserved": 139}, "cannot hide"),
        ({"salt": 16}, "cannot hide"),
        ({"salt": 16, "reserved": 138}, "cannot hide"),
        ({"salt": 16, "reserved": 158}, "cannot hide"),
        ({"salt": 16, "reserved": 225, "folds": (1,), "log_inverse_rates": (2, 2), "queries": (150, 150)}, "cannot hide"),
        ({"salt": 16, "reserved": 159}, "too short to hide in"),
    ],
)
def test_keys_whose_commitments_cannot_hide_refuse_hidden_tensors(changes, reason):
    """Without salts, without uniform rows, or with limbs that are not folded, so that the polynomial in clear is all of them."""
    key = key_of(parameters(log_rows=9, **{"reserved": 3, "salt": 0} | changes))
    everything, proof = b"\3\0\0\0\1\1\1", (1 << 16).to_bytes(4, "little") + bytes(1 << 16)
    receipt = b"tacit\0R\2\0" + _core.digest(key[13:-56]) + key[-56:-24] + everything + bytes(4) + bytes(4) + bytes(32) + proof
    with pytest.raises(_core.Refused, match=reason):
        _core.VerifyingKey(key).verify(_core.Receipt(receipt), b"")
    with pytest.raises(reference.Refused, match=reason) as refused:
        reference.verify(receipt, key, b"")
    assert refused.value.kind == "hide"


def test_altered_bytes_get_one_answer():
    rng = np.random.default_rng(6)
    answers = {True: 0, False: 0}
    for _ in range(300):
        altered = bytearray(KEY)
        altered[int(rng.integers(9, len(KEY)))] ^= int(rng.choice([1, 2, 4, 8, 16, 32, 64, 128]))
        expected = plain(bytes(altered))
        try:
            _core.VerifyingKey(bytes(altered))
        except _core.Malformed as error:
            # A bound on work is each verifier's own.
            assert not expected or "operations of a verifier" in str(error)
        else:
            assert expected
        answers[expected] += 1
    assert min(answers.values()) > 20
