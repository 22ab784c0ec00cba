"""Random changes of receipts, keys and contexts: what somebody without a prover may try.

A kind of tamper is a function `(rng, own, others) -> Attempt`. Its caller asks whether the attempt happens to be an honest one.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from tacit import _core
from tacit.circuit import FIELD
from tacit.key import Signature

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
from generate import parts  # noqa: E402

Rng = np.random.Generator
Place = tuple[str, int, int]


@dataclass(frozen=True)
class Attempt:
    """What a verifier is handed."""

    receipt: bytes
    key: bytes
    context: bytes


@dataclass
class Honest:
    """One model's key, three valid attempts (two inputs; the first input for two contexts), and where a receipt's parts lie."""

    name: str
    key: bytes
    """The key of the same circuit with one weight changed, which no attempt belongs to."""
    forged_key: bytes
    attempts: list[Attempt]
    """(label, first byte, last byte + 1) of every message of the first receipt's proof, counted in the receipt."""
    messages: list[Place]
    """The same of the second."""
    other_messages: list[Place]
    publics: tuple[Signature, ...]
    """Those that the first receipt shows."""
    fields: dict[str, tuple[int, int]] = field(init=False)

    def __post_init__(self) -> None:
        self.fields = parts(self.receipt)

    @property
    def first(self) -> Attempt:
        return self.attempts[0]

    @property
    def receipt(self) -> bytes:
        return self.attempts[0].receipt

    @property
    def second(self) -> bytes:
        return self.attempts[1].receipt

    def with_receipt(self, data: bytes) -> Attempt:
        return Attempt(data, self.key, self.first.context)


Tamper = Callable[[Rng, Honest, Sequence[Honest]], Attempt]


def put(data: bytes, start: int, stop: int, found: bytes) -> bytes:
    return data[:start] + found + data[stop:]


def pick(rng: Rng, items: Sequence):
    return items[int(rng.integers(len(items)))]


def run(rng: Rng, length: int, most: int) -> tuple[int, int]:
    """A random piece: every power of two up to `most` is as likely as any other as a bound of its length."""
    size = int(rng.integers(1, 1 + min(length, most, 1 << int(rng.integers(most.bit_length())))))
    start = int(rng.integers(length - size + 1))
    return start, start + size


def message(rng: Rng, own: Honest) -> Place:
    """Every label of the proof is as likely as any other."""
    label = pick(rng, sorted({label for label, _, _ in own.messages}))
    return pick(rng, [place for place in own.messages if place[0] == label])


# Bytes, wherever they lie


def flip(data: bytes, rng: Rng, within: tuple[int, int], count: int = 1) -> bytes:
    found = bytearray(data)
    for at in rng.integers(*within, count).tolist():
        found[at] ^= 1 << int(rng.integers(8))
    return bytes(found)


def one_bit(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    return own.with_receipt(flip(own.receipt, rng, (0, len(own.receipt))))


def several_bits(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    return own.with_receipt(flip(own.receipt, rng, (0, len(own.receipt)), int(rng.integers(2, 9))))


def field_bit(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """Every field of the receipt is as likely as the proof."""
    place = pick(rng, [place for place in own.fields.values() if place[1] > place[0]])
    return own.with_receipt(flip(own.receipt, rng, place))


def overwritten(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """By random bytes, zeros or ones."""
    start, stop = run(rng, len(own.receipt), 4096)
    size = stop - start
    return own.with_receipt(put(own.receipt, start, stop, pick(rng, [rng.bytes(size), bytes(size), b"\xff" * size])))


def deleted(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    start, stop = run(rng, len(own.receipt), 1 << 16)
    return own.with_receipt(put(own.receipt, start, stop, b""))


def truncated(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    return own.with_receipt(own.receipt[: int(rng.integers(len(own.receipt)))])


def inserted(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """Random bytes or a copy of a piece, anywhere or at the end."""
    start, stop = run(rng, len(own.receipt), 4096)
    found = pick(rng, [rng.bytes(stop - start), own.receipt[start:stop]])
    at = pick(rng, [int(rng.integers(len(own.receipt))), len(own.receipt)])
    return own.with_receipt(put(own.receipt, at, at, found))


def moved(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """A piece cut out and put in elsewhere."""
    start, stop = run(rng, len(own.receipt), 4096)
    rest = put(own.receipt, start, stop, b"")
    at = int(rng.integers(len(rest) + 1))
    return own.with_receipt(put(rest, at, at, own.receipt[start:stop]))


def swapped(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """Two messages of the proof of equal length exchanged, mostly under one label."""
    label, start, stop = message(rng, own)
    same = [m for m in own.messages if m[2] - m[1] == stop - start and (m[0] == label or rng.random() < 0.2)]
    _, first, last = pick(rng, same)
    if first < start:
        start, stop, first, last = first, last, start, stop
    data = own.receipt
    if first == start:
        return own.first
    return own.with_receipt(put(put(data, first, last, data[start:stop]), start, stop, data[first:last]))


# Parts of other receipts

PARTS = (
    "circuit digest", "weights root", "hide set", "publics", "public 0", "public 1", "context", "witness root", "proof length",
    "proof",
)  # fmt: skip


def grafted(rng: Rng, own: Honest, there: bytes) -> Attempt:
    """A run of whole fields from another receipt."""
    fields = parts(there)
    names = [name for name in PARTS if name in fields and name in own.fields]
    first, last = sorted(rng.integers(len(names), size=2).tolist())
    begin, end = names[first], names[last]
    found = there[fields[begin][0] : fields[end][1]]
    return own.with_receipt(put(own.receipt, own.fields[begin][0], own.fields[end][1], found))


def part_of_the_same_model(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    return grafted(rng, own, own.second)


def part_of_another_model(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    return grafted(rng, own, pick(rng, others).receipt)


def message_of_the_same_model(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """One message, or all from one on, from the proof for another input; rows and siblings differ in number."""
    at = int(rng.integers(min(len(own.messages), len(own.other_messages))))
    _, start, stop = own.messages[at]
    _, first, last = own.other_messages[at]
    if rng.random() < 0.3:
        stop, last = len(own.receipt), len(own.second)
    return own.with_receipt(put(own.receipt, start, stop, own.second[first:last]))


def message_of_another_model(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """The message under the same label with the same number, in a proof of another model."""
    other = pick(rng, others)
    label, start, stop = message(rng, own)
    there = [m for m in other.messages if m[0] == label] or other.messages
    place = [m for m in own.messages if m[0] == label].index((label, start, stop))
    _, first, last = there[min(place, len(there) - 1)]
    return own.with_receipt(put(own.receipt, start, stop, other.receipt[first:last]))


def halves(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """The first half of one valid receipt, the second half of another; for another context or another input."""
    there = pick(rng, own.attempts[1:]).receipt
    at = int(rng.integers(len(own.receipt)))
    return own.with_receipt(own.receipt[:at] + there[at:])


# Values of the decoded receipt, changed to neighbours and written again


def word(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """A word of a message in the proof, which is a field element below p unless it belongs to a digest: one more, one less,
    negated, doubled, zero, or the same element not below p."""
    label, start, stop = message(rng, own)
    at = start + 8 * int(rng.integers((stop - start) // 8))
    (value,) = struct.unpack_from("<Q", own.receipt, at)
    wanted = [(value + 1) % FIELD, (value - 1) % FIELD, -value % FIELD, 2 * value % FIELD, 0, (value + FIELD) % 2**64]
    return own.with_receipt(put(own.receipt, at, at + 8, struct.pack("<Q", pick(rng, wanted))))


def constant_message(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """A message of zeros, or the element 1; all messages under its label, sometimes."""
    label, *place = message(rng, own)
    every = [(begin, end) for name, begin, end in own.messages if name == label]
    places, data = (every if rng.random() < 0.3 else [tuple(place)]), own.receipt
    first = int(rng.integers(2)).to_bytes(8, "little")
    for begin, end in places:
        data = put(data, begin, end, first + bytes(end - begin - 8))
    return own.with_receipt(data)


def cell(rng: Rng, own: Honest, others: Sequence[Honest], is_output: bool) -> Attempt:
    """A public integer moved by one, to an end of its interval, or beyond one."""
    sides = [i for i, public in enumerate(own.publics) if public.is_output == is_output]
    number = pick(rng, sides or range(len(own.publics)))
    size, lowest, highest = (getattr(own.publics[number], name) for name in ("cell_bytes", "lowest", "highest"))
    start, stop = own.fields[f"public {number}"]
    at = start + size * int(rng.integers((stop - start) // size))
    value = int.from_bytes(own.receipt[at : at + size], "little", signed=True)
    far = int(rng.integers(lowest, highest, endpoint=True))
    wanted = pick(rng, [value + 1, value - 1, value + 1, value - 1, lowest, highest, lowest - 1, highest + 1, far])
    encoded = (wanted % (1 << 8 * size)).to_bytes(size, "little")
    return own.with_receipt(put(own.receipt, at, at + size, encoded))


def sized(data: bytes) -> bytes:
    return struct.pack("<I", len(data)) + data


def tensors(own: Honest) -> list[bytes]:
    return [own.receipt[slice(*own.fields[f"public {i}"])] for i in range(len(own.publics))]


def rewritten(own: Honest, publics: list[bytes] | None = None, **changes: bytes) -> bytes:
    """The receipt encoded again around changed fields; sizes and counts follow."""
    publics = tensors(own) if publics is None else publics
    circuit, weights, context, witness, proof = (
        changes.get(name, own.receipt[slice(*own.fields[name.replace("_", " ")])])
        for name in ("circuit_digest", "weights_root", "context", "witness_root", "proof")
    )
    listed = struct.pack("<I", len(publics)) + b"".join(map(sized, publics))
    hidden = changes.get("hide_set", own.receipt[slice(*own.fields["hide set"])] if "hide set" in own.fields else b"")
    format_number = struct.pack("<H", 2 if hidden else 1)
    said = sized(hidden) if hidden else b""
    return own.receipt[:7] + format_number + circuit + weights + said + listed + sized(context) + witness + sized(proof)


def public_list(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """Public tensors dropped, doubled, exchanged, cut, joined or extended."""
    publics = tensors(own)
    n = int(rng.integers(len(publics)))
    cut = int(rng.integers(len(publics[n]) + 1))
    wanted = [
        publics[:n] + publics[n + 1 :],
        publics[:n] + publics[n:] + [publics[n]],
        publics[::-1],
        [*publics[:n], publics[n][:cut], *publics[n + 1 :]],
        [*publics[:n], publics[n] + rng.bytes(1 + cut), *publics[n + 1 :]],
        [*publics[:n], publics[n][:cut], publics[n][cut:], *publics[n + 1 :]],
        [b"".join(publics)],
        [*publics, b""],
    ]
    return own.with_receipt(rewritten(own, publics=pick(rng, wanted)))


def hide_set(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """Another hide set, with the tensors as they are or one less: a part shown or hidden, one more or less, no set, or one where
    nothing is hidden."""
    old = own.receipt[slice(*own.fields["hide set"])] if "hide set" in own.fields else bytes(1 + len(own.publics))
    at = int(rng.integers(len(old)))
    other = bytes(value ^ (place == at) for place, value in enumerate(old))
    less, more, wrong = old[:at] + old[at + 1 :], old + b"\1", old[:at] + b"\2" + old[at + 1 :]
    wanted = [other, other, b"" if any(old) else b"\1" + old[1:], less, more, wrong]
    publics = tensors(own)
    if publics and rng.random() < 0.3:
        del publics[int(rng.integers(len(publics)))]
    return own.with_receipt(rewritten(own, publics=publics, hide_set=pick(rng, wanted)))


def proof_length(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """A proof cut before a message, extended, or with a message dropped or doubled; its length says so."""
    begin, end = own.fields["proof"]
    data = own.receipt[begin:end]
    _, start, stop = message(rng, own)
    start, stop = start - begin, stop - begin
    wanted = [
        data[:start],
        data + rng.bytes(int(rng.integers(1, 64))),
        put(data, start, stop, b""),
        put(data, stop, stop, data[start:stop]),
        data + data,
    ]
    return own.with_receipt(rewritten(own, proof=pick(rng, wanted)))


def number(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """A count, a length or the format number: one more, one less, or an extreme."""
    name = pick(rng, [name for name in own.fields if name.endswith("length") or name in ("publics", "format")])
    start, stop = own.fields[name]
    bits = 8 * (stop - start)
    value = int.from_bytes(own.receipt[start:stop], "little")
    wanted = pick(rng, [value + 1, value - 1, 0, (1 << bits) - 1, 1 << bits - 1, value << 8, int(rng.integers(1 << bits))])
    return own.with_receipt(put(own.receipt, start, stop, (wanted % (1 << bits)).to_bytes(stop - start, "little")))


# Contexts and keys


def context(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """Another context: asked for, written into the receipt, or both."""
    old = own.first.context
    at = int(rng.integers(len(old)))
    wanted = [own.attempts[2].context, b"", old + b"\0", b"\0" + old, old[:-1], flip(old, rng, (at, at + 1)), old + old]
    found = pick(rng, wanted)
    written = rewritten(own, context=found)
    return pick(rng, [Attempt(own.receipt, own.key, found), Attempt(written, own.key, old), Attempt(written, own.key, found)])


def another_key(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """The key of another model, or of the same circuit with another weight; the receipt names it, sometimes."""
    key = pick(rng, [*(other.key for other in others), own.forged_key])
    return following(rng, own, key)


def following(rng: Rng, own: Honest, key: bytes) -> Attempt:
    """The receipt as it is, or with the circuit digest and the weights' root of this key."""
    data = own.receipt
    if rng.random() < 0.6:
        data = rewritten(own, circuit_digest=_core.digest(key[13:-56]), weights_root=key[-56:-24])
    return Attempt(data, key, own.first.context)


def key_bytes(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """A key with a few bits or bytes changed."""
    start, stop = run(rng, len(own.key), 16)
    random = put(own.key, start, stop, rng.bytes(stop - start))
    return following(rng, own, pick(rng, [flip(own.key, rng, (9, len(own.key))), flip(own.key, rng, (start, stop), 3), random]))


def key_pieces(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """A key cut, with a piece removed, doubled, or taken from another model's; or no key at all."""
    start, stop = run(rng, len(own.key), 1024)
    piece = own.key[start:stop]
    there = pick(rng, others).key
    wanted = [
        own.key[:start],
        put(own.key, start, stop, b""),
        put(own.key, stop, stop, piece),
        put(own.key, start, stop, there[start:stop]),
        there[:-56] + own.key[-56:],
        own.key[:-24] + there[-24:],
        own.key[:-24] + own.forged_key[-24:],
        own.receipt,
    ]
    return following(rng, own, pick(rng, wanted))


def swapped_roles(rng: Rng, own: Honest, others: Sequence[Honest]) -> Attempt:
    """A key in the receipt's place, an empty one, or random bytes behind a receipt's header."""
    wanted = [own.key, b"", own.receipt[:9] + rng.bytes(int(rng.integers(400))), rng.bytes(int(rng.integers(400)))]
    return own.with_receipt(pick(rng, wanted))


KINDS: dict[str, Tamper] = {
    "a bit": one_bit,
    "several bits": several_bits,
    "a bit of a field": field_bit,
    "bytes overwritten": overwritten,
    "bytes deleted": deleted,
    "cut": truncated,
    "bytes inserted": inserted,
    "bytes moved": moved,
    "messages exchanged": swapped,
    "fields of another input": part_of_the_same_model,
    "fields of another model": part_of_another_model,
    "messages of another input": message_of_the_same_model,
    "a message of another model": message_of_another_model,
    "halves of two receipts": halves,
    "a word of the proof": word,
    "constant messages": constant_message,
    "an input": partial(cell, is_output=False),
    "an output": partial(cell, is_output=True),
    "the list of tensors": public_list,
    "the hide set": hide_set,
    "length of the proof": proof_length,
    "counts and lengths": number,
    "contexts": context,
    "another key": another_key,
    "bytes of the key": key_bytes,
    "pieces of the key": key_pieces,
    "another kind of file": swapped_roles,
}
