"""Everything that the verifier absorbs and draws, in order, against the table of docs/transcript.md; and what follows from it.

The steps are those of the reference verifier. The core accepts the same receipts, and a step more, less or other would have moved
its challenges; its prover's steps are compared with the same table in crates/proof/tests/inventory.rs.
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest

import tacit
from small_models import dense_model
from tacit import _core

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]
from reference import opening, transcript, verifier  # noqa: E402
from reference.field import bits  # noqa: E402

FOLDER = ROOT / "vectors" / "format-1"
Step = tuple[str, str, bytes]
BIND = (
    "format", "profile 128", "hidden", "circuit", "model commitment", "model seal", "linked commitments", "public tensors",
    "public tensor", "context", "witness commitment",
)  # fmt: skip


@dataclass
class Sizes:
    """How often each step of the table is taken."""

    publics: int
    width: int
    levels: list[int]
    points: int
    rounds: int
    degree: int
    factors: int
    totals: tuple[bool, bool]
    log_limbs: int
    folds: tuple[int, ...]
    final: int
    trees: list[int]
    named: int = 0


def order(sizes: Sizes) -> Iterator[tuple[str, str]]:
    """The table, unrolled."""
    for label in BIND:
        yield from [("a", label)] * (sizes.publics if label == "public tensor" else 1)
        if label == "linked commitments":
            yield from [("a", "linked commitment")] * sizes.named
    if sizes.levels:
        yield from [("d", "lookup alpha"), *[("d", "lookup beta")] * (sizes.width + 1)]
    for rounds in sizes.levels:
        for _ in range(rounds):
            yield from [*[("s", "tree round")] * 3, ("d", "tree challenge")]
        yield from [*[("s", "tree values")] * 4, ("d", "tree tau"), ("d", "tree lambda")]
    if any(sizes.totals) or sizes.points:
        yield from [*[("d", "contract point")] * sizes.points, ("d", "contract batch")]
    for sent, label in zip(sizes.totals, ("contract affine total", "contract virtual total")):
        yield from [("s", label)] * sent
    for _ in range(sizes.rounds):
        yield from [*[("s", "contract round")] * sizes.degree, ("d", "contract challenge")]
    yield from [("s", "contract value")] * sizes.factors
    yield ("d", "combine")
    yield from [("a", f"opening: {label}") for label in ("schedule", "shape", "root", "root", *["root"] * sizes.named, "claim")]
    yield from opening_rounds(sizes.log_limbs)
    for i, fold in enumerate(sizes.folds):
        yield from [("s", "opening: oracle"), ("d", "opening: out of domain"), ("s", "opening: out of domain")]
        yield from opened(sizes, i)
        yield ("d", "opening: combine")
        yield from opening_rounds(fold)
    yield from [("s", "opening: final")] * 2**sizes.final
    yield from opened(sizes, len(sizes.folds))
    yield from opening_rounds(sizes.final)


def opening_rounds(count: int) -> Iterator[tuple[str, str]]:
    for _ in range(count):
        yield from [("s", "opening: round"), ("s", "opening: round"), ("d", "opening: fold")]


def opened(sizes: Sizes, oracle: int) -> Iterator[tuple[str, str]]:
    yield from [("q", "opening: queries"), ("s", "opening: rows"), *[("x", "Merkle siblings")] * sizes.trees[oracle]]


def once(steps: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Without repetitions in a row."""
    return [step for before, step in zip([None, *steps], steps) if step != before]


def table() -> list[tuple[str, str]]:
    """(how, label) of the rows of docs/transcript.md; rows that refer to earlier ones name no label."""
    text = (ROOT / "docs" / "transcript.md").read_text()
    rows = text[text.index("| stage | how |") : text.index("Rounds of the tree bind")].strip().splitlines()[2:]
    found = []
    for row in rows:
        _, how, labels, _ = re.split(r" *\| *", row.strip("|").strip() if not row.startswith("| |") else row[1:].strip("|"))
        names = re.findall(r"`([^`]+)`", labels)
        if names or how.strip() == "x":
            found += zip([kind.strip() for kind in how.split(",")], [*names, "Merkle siblings"])
    return found


class Recording(transcript.Transcript):
    """Keeps every step. `sent`: the next absorption is read from the proof."""

    def __init__(self, domain: str) -> None:
        super().__init__(domain)
        self.steps: list[Step] = []
        self.sent = False

    def absorb(self, label: str, message: bytes) -> None:
        super().absorb(label, message)
        self.steps.append(("s" if self.sent else "a", label, message))

    def draw(self, label: str) -> transcript.K:
        found = super().draw(label)
        self.steps.append(("d", label, found.to_bytes()))
        return found

    def positions(self, label: str, log_length: int, count: int) -> list[int]:
        found = super().positions(label, log_length, count)
        self.steps.append(("q", label, struct.pack(f"<{2 + len(found)}Q", log_length, count, *found)))
        return found


class RecordingProof(transcript.Proof):
    def take(self, label: str, count: int) -> bytes:
        data = super().take(label, count)
        if not self.transcript.sent:
            self.transcript.steps.append(("x", label, data))
        return data

    def receive_bytes(self, label: str, count: int) -> bytes:
        self.transcript.sent = True
        try:
            return super().receive_bytes(label, count)
        finally:
            self.transcript.sent = False


@pytest.fixture(scope="module", autouse=True)
def recording():
    """The reference verifier with the core's Keccak-256, for speed, and a transcript that keeps its steps."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (transcript, verifier, opening):
            patch.setattr(module, "keccak256", _core.digest)
        patch.setattr(verifier, "Transcript", Recording)
        patch.setattr(verifier, "Proof", RecordingProof)
        yield


@cache
def vector(name: str) -> tuple[bytes, bytes, bytes]:
    """Key, receipt, context."""
    return (FOLDER / name / "key.bin").read_bytes(), (FOLDER / name / "receipt.bin").read_bytes(), b"vector"


@cache
def steps_of(name: str) -> tuple[Step, ...]:
    key, receipt, context = vector(name)
    return tuple(verifier.walk(receipt, key, context).transcript.steps)


def sizes_of(key: bytes, steps: tuple[Step, ...]) -> Sizes:
    """Repetitions from the circuit; those of the batched sumcheck, and of siblings, as they were found."""
    circuit = verifier.read_key(key).circuit
    count = lambda how, label: sum(step[:2] == (how, label) for step in steps)  # noqa: E731
    regions = [lookup.components[0].output_axes() for lookup in circuit.lookups]
    regions += [(segment.entries,) for each in circuit.tables for segment in each.segments]
    depth = bits(sum(2 ** sum(map(bits, axes)) for axes in regions)) if circuit.lookups else 0
    longest: dict[int, int] = {}
    for contract in circuit.contracts:
        for a, d in enumerate(contract.zero.output_axes()):
            longest[a] = max(longest.get(a, 0), bits(d))
    rounds = count("d", "contract challenge")
    trees, p = [], circuit.parameters
    for i, step in enumerate(steps):
        if step[:2] == ("s", "opening: rows"):
            after = [later[0] for later in steps[i + 1 :]]
            trees.append(next(n for n, how in enumerate([*after, "end"]) if how != "x"))
    return Sizes(
        publics=len(circuit.publics),
        width=max((len(lookup.components) for lookup in circuit.lookups), default=0),
        levels=list(range(depth)),
        points=sum(longest.values()),
        rounds=rounds,
        degree=count("s", "contract round") // max(rounds, 1),
        factors=count("s", "contract value"),
        totals=(
            any(len(term.views) > 1 for contract in circuit.contracts for term in contract.zero.terms),
            any(c.definition and any(len(term.views) > 1 for term in c.definition.terms) for c in circuit.columns),
        ),
        log_limbs=bits(sum(verifier.read_key(key).layout.widths)),
        folds=p.folds,
        final=p.log_rows - sum(p.folds),
        trees=trees,
    )


OUTLINE = Sizes(1, 0, [1], 1, 1, 1, 1, (True, True), 1, (0,), 0, [1, 1])


def test_the_table_is_the_order():
    """The order that the other tests expect, every loop run once, is the table of the documents row by row."""
    assert len(table()) > 40 and once(table()) == once(list(order(OUTLINE)))


@pytest.mark.parametrize("name", ["linear", "relations", "convolution", "softmax", "perceptron"])
def test_the_verifier_takes_the_steps_of_the_table(name):
    key, receipt, context = vector(name)
    _core.VerifyingKey(key).verify(_core.Receipt(receipt), context)
    steps = steps_of(name)
    expected = list(order(sizes_of(key, steps)))
    assert [step[:2] for step in steps] == expected


def test_the_vectors_take_every_step_of_the_table():
    assert {step[:2] for name in ("relations", "perceptron") for step in steps_of(name)} == set(table())


@pytest.mark.parametrize("name", ["linear", "relations", "convolution", "softmax", "perceptron"])
def test_nothing_of_the_statement_is_absorbed_after_the_first_draw(name):
    """What is absorbed later without being sent is determined by what was absorbed before; the only roots that the prover sends
    later are those of the opening's own oracles, one a fold."""
    key, data, _ = vector(name)
    held, receipt, steps = verifier.read_key(key), verifier.read_receipt(data), steps_of(name)
    first = next(i for i, step in enumerate(steps) if step[0] == "d")
    before = [(label, message) for how, label, message in steps[:first]]
    assert {how for how, _, _ in steps[:first]} == {"a"}
    none, p = bytes(4), held.circuit.parameters
    assert before == [
        ("format", b"\1\0"),
        ("profile 128", p.encoded),
        ("hidden", none),
        ("circuit", _core.digest(_core.VerifyingKey(key).circuit())),
        ("model commitment", key[-56:-24]),
        ("model seal", key[-24:]),
        ("linked commitments", none),
        ("public tensors", len(receipt.publics).to_bytes(4, "little")),
        *[("public tensor", public) for public in receipt.publics],
        ("context", b"vector"),
        ("witness commitment", receipt.witness_root),
    ]
    later = [(label, message) for how, label, message in steps[first:] if how == "a"]
    assert [label for label, _ in later] == [f"opening: {label}" for label in ("schedule", "shape", "root", "root", "claim")]
    numbers = partial(np.frombuffer, dtype="<u8")
    lists = [n for values in (p.folds, p.log_inverse_rates, p.queries) for n in (len(values), *values)]
    assert numbers(later[0][1]).tolist() == [p.log_rows, p.salt, *lists]
    widths = held.layout.widths
    assert numbers(later[1][1]).tolist() == [len(widths), *widths, *range(sum(widths))]
    assert [message for _, message in later[2:4]] == [key[-56:-24], receipt.witness_root]
    digests = [label for how, label, message in steps[first:] if how == "s" and len(message) == 32]
    assert digests == ["opening: oracle"] * len(p.folds)


def hidden_table() -> list[tuple[str, str]]:
    """(how, label) of the rows for receipts that hide; what is sent in clear is sent."""
    text = (ROOT / "docs" / "transcript.md").read_text()
    rows = re.findall(r"^\|[^|]*\| ([adsc]) \| `([^`]+)` \|", text[text.index("## Receipts that hide") :], re.MULTILINE)
    return [("s" if how == "c" else how, label) for how, label in rows]


@pytest.mark.parametrize(
    ("number", "name", "hidden", "named"),
    [(2, "relations", b"\1\0\0", 0), (2, "layer", b"\1\0\0", 0), (3, "relations", b"\1\0\1", 1), (3, "layer", b"\1\1\1", 2)],
)
def test_a_hiding_receipt_takes_the_steps_of_all_tables(number, name, hidden, named):
    folder = ROOT / "vectors" / f"format-{number}" / name
    key, data = (folder / "key.bin").read_bytes(), (folder / "receipt.bin").read_bytes()
    steps = tuple(verifier.walk(data, key, b"vector").transcript.steps)
    absorbed = {label: message for how, label, message in steps if how == "a"}
    assert absorbed["format"] == bytes([number, 0]) and absorbed["hidden"] == b"\3\0\0\0" + hidden
    assert absorbed["linked commitments"] == bytes([named, 0, 0, 0])
    given = verifier.read_receipt(data)
    roots = [message for how, label, message in steps if (how, label) == ("a", "opening: root")]
    assert roots == [given.weights_root, given.witness_root, *(each.root for each in given.named)]
    stated = [message for how, label, message in steps if (how, label) == ("a", "linked commitment")]
    assert stated == [struct.pack("<I", each.binding) + each.root + each.seal.to_bytes() for each in given.named]
    salts = [step[:2] for step in steps if step[1] in ("opening: rows", "opening: salts")]
    rows, salt = ("s", "opening: rows"), ("x", "opening: salts")
    assert salts == [rows, *[salt] * (2 + named), rows, salt, rows, salt]
    # All commitments' limbs, then all addresses.
    count, *shape = struct.unpack(f"<{len(absorbed['opening: shape']) // 8}Q", absorbed["opening: shape"])
    addresses = shape[count:]
    assert count == 2 + named and len(addresses) == sum(shape[:count])
    outline = replace(
        sizes_of(key, steps), publics=len(given.publics), log_limbs=bits(max(addresses) + 1), named=named
    )
    rounds = sum(step[1] == "triples: tau" for step in steps)
    tau, sent, challenge, value, combine, point, masked, last, linked = hidden_table()
    assert linked == ("a", "linked commitment")
    added = [*[tau] * rounds, *[*[sent] * 3, challenge] * rounds, *[value] * 3, combine, point, masked, last]
    expected = [step for step in order(outline) if step[0] != "x"]
    at = expected.index(combine)
    assert [step[:2] for step in steps if step[0] != "x"] == [*expected[:at], *added, *expected[at + 1 :]]


def test_depth_adds_no_step_but_rounds():
    """Every column is committed at once: with more layers the same steps are taken, in one tree and one batched sumcheck."""
    samples = np.random.default_rng(1).uniform(-1, 1, (8, 6)).astype(np.float32)
    bound = []
    for sizes in ((6, 5, 5, 3), (6, 5, 5, 5, 5, 3)):
        model = tacit.compile(dense_model(sizes), samples=samples, openings=0)
        walked = verifier.walk(model.prove(samples[0]).to_bytes(), model.key.to_bytes(), b"").transcript.steps
        first = next(i for i, step in enumerate(walked) if step[0] == "d")
        assert sum(how == "a" and label == "witness commitment" for how, label, _ in walked[:first]) == 1
        assert not any(len(message) == 32 and how == "s" for how, _, message in walked)
        levels = sum(label == "tree tau" for _, label, _ in walked)
        assert sum(label == "tree challenge" for _, label, _ in walked) == levels * (levels - 1) // 2
        labels = [label for _, label, _ in walked]
        assert all(labels.count(each) == 1 for each in ("lookup alpha", "contract batch", "combine"))
        assert all(labels.count(each) <= 1 for each in ("contract affine total", "contract virtual total"))
        assert {step[:2] for step in walked} <= set(table())
        bound.append(once([step[:2] for step in walked[:first]]))
    assert bound[0] == bound[1]


def replay(steps: list[Step]) -> list[bytes]:
    """What a transcript draws when it absorbs these messages."""
    fresh, drawn = transcript.Transcript("tacit"), []
    for how, label, message in steps:
        if how in "as":
            fresh.absorb(label, message)
        elif how == "d":
            drawn.append(fresh.draw(label).to_bytes())
        elif how == "q":
            log_length, count = struct.unpack_from("<2Q", message)
            drawn.append(message[:16] + struct.pack(f"<{count}Q", *fresh.positions(label, log_length, count)))
    return drawn


def altered(steps: list[Step], at: int, change: Callable[[str, bytes], tuple[str, bytes]]) -> list[Step]:
    how, label, message = steps[at]
    return [*steps[:at], (how, *change(label, message)), *steps[at + 1 :]]


@pytest.mark.parametrize("name", ["relations", "perceptron"])
def test_every_absorbed_byte_moves_every_later_draw_and_no_earlier_one(name):
    steps = list(steps_of(name))
    honest = [message for how, _, message in steps if how in "dq"]
    assert replay(steps) == honest
    rng = np.random.default_rng(0)
    absorbed = [i for i, step in enumerate(steps) if step[0] in "as"]
    last = max(i for i, step in enumerate(steps) if step[0] in "dq")
    labels = {steps[i][1]: i for i in reversed(absorbed)}
    chosen = sorted({i for i in [*labels.values(), *rng.choice(absorbed, 20).tolist()] if i < last})

    def flipped(label: str, message: bytes) -> tuple[str, bytes]:
        at = int(rng.integers(len(message)))
        return label, message[:at] + bytes([message[at] ^ 1 << int(rng.integers(8))]) + message[at + 1 :]

    for at in chosen:
        earlier = sum(how in "dq" for how, _, _ in steps[:at])
        for change in (flipped, lambda label, message: (label + " ", message), lambda label, message: (label, message + b"\0")):
            drawn = replay(altered(steps, at, change))
            assert drawn[:earlier] == honest[:earlier]
            assert all(a != b for a, b in zip(drawn[earlier:], honest[earlier:], strict=True))


def first_draw(key: bytes, data: bytes, **changes: object) -> bytes:
    """The first challenge of a statement, parts of which are altered after it was parsed."""
    held, receipt = verifier.read_key(key), verifier.read_receipt(data)
    held.seal = changes.get("seal", held.seal)
    fields = {name: value for name, value in changes.items() if hasattr(receipt, name)}
    if "encoded" in changes:
        held.circuit = replace(held.circuit, parameters=replace(held.circuit.parameters, encoded=changes["encoded"]))
    return verifier.bind(held, replace(receipt, **fields)).draw("lookup alpha").to_bytes()


def test_domains_are_apart():
    """Format version, profile, circuit, key, tensors, context and witness: statements that differ in one of them have different
    first challenges."""
    key, data, _ = vector("relations")
    receipt = verifier.read_receipt(data)
    draw = partial(first_draw, key, data)
    found = [
        draw(),
        draw(encoded=verifier.read_key(key).circuit.parameters.encoded[:-1] + b"\1"),
        draw(circuit_digest=_core.digest(b"another circuit")),
        draw(weights_root=_core.digest(b"other weights")),
        draw(seal=verifier.read_key(key).seal + 1),
        draw(publics=receipt.publics[:1]),
        draw(publics=receipt.publics[::-1]),
        draw(publics=(receipt.publics[0] + receipt.publics[1][:1], receipt.publics[1][1:])),
        draw(publics=(*receipt.publics, b"")),
        draw(context=b"vectors"),
        draw(context=b""),
        draw(witness_root=_core.digest(b"another witness")),
        draw(weights_root=receipt.witness_root, witness_root=receipt.weights_root),
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "FORMAT", 2)
        found.append(draw())
        patch.undo()
        patch.setattr(verifier, "Transcript", lambda domain: Recording(domain + "2"))
        found.append(draw())
    assert len(set(found)) == len(found)


def test_trees_and_transcripts_hash_apart():
    """The first byte tells leaves, nodes, absorptions, draws and the start apart: none of them is ever another's hash."""
    seen: list[bytes] = []

    def spy(data: bytes) -> bytes:
        seen.append(data[:1])
        return _core.digest(data)

    with pytest.MonkeyPatch.context() as patch:
        for module in (transcript, opening):
            patch.setattr(module, "keccak256", spy)
        key, receipt, context = vector("linear")
        verifier.walk(receipt, key, context)
    assert set(seen) == {bytes([first]) for first in range(5)}
