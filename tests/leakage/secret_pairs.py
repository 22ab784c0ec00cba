"""Pairs of secrets behind one circuit, and the field elements of many receipts of each.

A receipt is read with the second verifier (`tests/reference`), up to its opening with all its arithmetic, since the opening's
transcript begins with the claim; of the opening only the order of the messages is followed. Every receipt has a weight commitment
of its own, with a fresh seed, and so has every named commitment, so that receipts are independent of each other.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import onnx
from onnx import numpy_helper

import tacit
from small_models import dense_model
from tacit import _core
from tacit.execute import executed

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]
from reference import opening, transcript, verifier  # noqa: E402
from reference.field import ZERO, K, bits, eq  # noqa: E402
from reference.layout import Layout  # noqa: E402
from reference.named import named_columns, seal_claim  # noqa: E402
from reference.transcript import Proof  # noqa: E402

SIZES = (16, 96, 8)
"""2,304 weights; with everything else some 2^12 cells."""
NOT_ELEMENTS = ("opening: salts", "opening: oracle", "Merkle siblings")


@dataclass
class Secret:
    """What one group of receipts has in common."""

    name: str
    model: tacit.Model
    x: np.ndarray
    buffers: tuple[bytes, bytes] = field(init=False)

    def __post_init__(self) -> None:
        builder = executed(self.model.program, self.model.tensors(), self.model.integers({"x": self.x[None]}))
        self.buffers = builder.public(), builder.witness()

    @property
    def output(self) -> bytes:
        signature = self.model.key.outputs[0]
        return self.buffers[0][-SIZES[-1] * signature.cell_bytes :]

    def receipt(self, hide: bytes | None, named: tuple[int, ...] = ()) -> tuple[bytes, bytes]:
        """A receipt and its key; the `named` bindings have commitments of their own, with fresh secrets. Of a transparent receipt
        every challenge follows from a nonce in the context instead of randomness."""
        public, witness = self.buffers
        prover = _core.Prover(self.model.circuit, self.model.weights, _core.Progress(), os.urandom(32))
        own = [(binding, os.urandom(32)) for binding in named]
        return prover.prove(public, witness, b"" if hide else os.urandom(16), _core.Progress(), hide, own), prover.key()


def permuted(model: onnx.ModelProto, before: np.ndarray, inside: np.ndarray) -> onnx.ModelProto:
    """Two dense layers with their inputs and their hidden units in other orders."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    for tensor in changed.graph.initializer:
        values = numpy_helper.to_array(tensor)
        found = {"w0": lambda v: v[inside][:, before], "b0": lambda v: v[inside], "w1": lambda v: v[:, inside]}.get(tensor.name)
        if found:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(found(values)), tensor.name))
    return changed


@lru_cache
def secrets(equal_outputs: bool) -> tuple[Secret, Secret, Secret]:
    """A model with an input; the same model with another input; another model of the same circuit with the first input.

    With `equal_outputs` all three have the same output, which may then be shown: the weights of the first two inputs are equal, the
    other input has these two exchanged, and the other model has its hidden units in another order.
    """
    rng = np.random.default_rng(7)
    samples = rng.uniform(-1, 1, (16, SIZES[0])).astype(np.float32)
    source = dense_model(SIZES)
    before, inside = rng.permutation(SIZES[0]), rng.permutation(SIZES[1])
    x, other = samples[0], samples[1]
    if equal_outputs:
        before = np.arange(SIZES[0])
        for tensor in source.graph.initializer:
            if tensor.name == "w0":
                values = numpy_helper.to_array(tensor).copy()
                values[:, 1] = values[:, 0]
                tensor.CopyFrom(numpy_helper.from_array(values, "w0"))
        samples[:, 1] = samples[::-1, 0]
        x = samples[0]
        other = x[[1, 0, *range(2, SIZES[0])]]
    model = tacit.compile(source, samples=samples, openings=1)
    exchanged = tacit.compile(permuted(source, before, inside), samples=samples[:, before], openings=1)
    assert exchanged.circuit == model.circuit and exchanged.weights != model.weights
    found = Secret("first", model, x), Secret("another input", model, other), Secret("other weights", exchanged, x)
    assert len({secret.buffers[1] for secret in found}) == 3
    assert len({secret.output for secret in found}) == (1 if equal_outputs else 3)
    return found


@contextmanager
def native_hash() -> Iterator[None]:
    """The second verifier with the core's Keccak-256, which takes a thousandth of the time."""
    with ExitStack() as patches:
        for module in (transcript, opening, verifier):
            patches.enter_context(patch.object(module, "keccak256", lambda data: bytes(_core.digest(data))))
        yield


def siblings(positions: list[int], depth: int) -> int:
    """Digests that a multi-proof of these leaves brings."""
    count, known = 0, set(positions)
    for _ in range(depth):
        count += sum(position ^ 1 not in known for position in known)
        known = {position >> 1 for position in known}
    return count


def opened(proof: Proof, circuit: verifier.Circuit, layout: Layout) -> None:
    """Reads an opening without computing with it (docs/transcript.md)."""
    p = circuit.parameters

    def rounds(count: int) -> None:
        proof.receive_many("opening: round", 2 * count)

    def queries(i: int, widths: list[int]) -> None:
        depth = p.log_rows - sum(p.folds[:i]) + p.log_inverse_rates[i]
        positions = proof.transcript.positions("opening: queries", depth, p.queries[i])
        proof.receive_bytes("opening: rows", 8 * sum(widths) * len(positions))
        for _ in widths:
            proof.take("opening: salts", p.salt * len(positions))
            proof.take("Merkle siblings", 32 * siblings(positions, depth))

    rounds(layout.log_limbs)
    widths = layout.widths
    for i, fold in enumerate(p.folds):
        proof.receive_bytes("opening: oracle", 32)
        proof.receive("opening: out of domain")
        queries(i, widths)
        rounds(fold)
        widths = [3 << fold]
    final = p.log_rows - sum(p.folds)
    proof.receive_many("opening: final", 1 << final)
    queries(len(p.folds), widths)
    rounds(final)


class Constants:
    """The reading that `reference.hiding.Hidden` is, of the constants alone: they are computed as values in clear are. What must be
    zero is kept."""

    def __init__(self, proof: Proof) -> None:
        self.proof, self.zeros = proof, []

    def __getattr__(self, name: str) -> Any:
        return getattr(self.proof, name)

    def require_zero(self, value: K, check: str) -> None:
        self.zeros.append(value)

    def check_products(self, count: int) -> None:
        tau, target, point = self.draw_many("triples: tau", bits(count + 2)), ZERO, []
        for _ in tau:
            constant, square, cube = self.receive_many("triples: round", 3)
            r = self.draw("triples: challenge")
            linear = target - constant - constant - square - cube
            target = constant + (linear + (square + cube * r) * r) * r
            point.append(r)
        a, b, c = self.receive_many("triples: value", 3)
        self.zeros += [target - eq(tau, point) * (a * b - c), -a, -b, -c]


class Reader:
    """Reads receipts of one circuit with one hide set; the first one with all its checks, which also counts variables."""

    def __init__(self, receipt: bytes, key: bytes) -> None:
        self.key, self.layout, self.products = verifier.read_key(key), verifier.read_key(key).layout, 0
        given, made = verifier.read_receipt(receipt), verifier.Hidden
        if given.hidden:
            met: list[verifier.Hidden] = []
            with native_hash(), patch.object(verifier, "Hidden", lambda proof: met.append(made(proof)) or met[-1]):
                verifier.walk(receipt, key, given.context)
            circuit = verifier.hidden_circuit(self.key.circuit, given)
            columns = named_columns(circuit, given.named)
            self.layout, self.products = Layout(circuit, met[0].variables, columns), len(met[0].products)

    def walk(self, receipt: bytes, key: bytes) -> Proof:
        """All that a verifier reads, where it lies."""
        given = verifier.read_receipt(receipt)
        held = verifier.read_key(key)
        with native_hash():
            proof = Proof(verifier.bind(held, given), given.proof)
            value = self.claim(held, proof, given)
            roots = [given.weights_root, given.witness_root, *(each.root for each in given.named)]
            opening.bind(held.circuit.parameters, self.layout.widths, self.layout.addresses, roots, value, proof)
            opened(proof, held.circuit, self.layout)
        proof.finish()
        return proof

    def claim(self, held: verifier.Key, proof: Proof, given: verifier.Receipt) -> K:
        """What the opening is a proof of, as in `verifier.reduce_transparent` and `reduce_hiding`."""
        publics = verifier.public_values(held.circuit, given)
        if not given.hidden:
            return verifier.reduce_transparent(held, publics, proof)[1]
        circuit, reading = verifier.hidden_circuit(held.circuit, given), Constants(proof)
        claims = verifier.outer(circuit, reading)
        reading.check_products(self.products)
        claims += [verifier.Claim([], zero) for zero in reading.zeros]
        claims.append(verifier.key_claim(held.weights_root, held.seal, self.layout))
        for each, column, seal in zip(given.named, named_columns(circuit, given.named), self.layout.seals):
            claims.append(seal_claim(each, column, circuit.columns[column].shape, seal))
        value = verifier.combine(publics, claims, ZERO, proof.draw("combine")).value
        proof.draw("mask point")
        masked = proof.receive("mask value")
        return value + proof.draw("mask combine") * masked


def seals(receipt: bytes, key: bytes) -> list[tuple[str, bytes]]:
    """The key's, and those of the receipt's named commitments."""
    named = verifier.read_receipt(receipt).named
    return [("key: seal", key[-24:]), *(("named commitment: seal", each.seal.to_bytes()) for each in named)]


def elements(receipt: bytes, key: bytes, proof: Proof) -> np.ndarray:
    """The words of all seals and of all field elements of a proof, in their order: uint64[places]."""
    parts = [proof.data[start:end] for label, start, end in proof.places if label not in NOT_ELEMENTS]
    return np.frombuffer(b"".join(seal for _, seal in seals(receipt, key)) + b"".join(parts), "<u8")


def labels(receipt: bytes, key: bytes, proof: Proof) -> list[str]:
    """The message of every place of `elements`."""
    lengths = [(label, len(seal)) for label, seal in seals(receipt, key)]
    lengths += [(label, end - start) for label, start, end in proof.places if label not in NOT_ELEMENTS]
    return [label for label, length in lengths for _ in range(length // 8)]


def salts(proof: Proof) -> np.ndarray:
    """The salts: uint8[places]."""
    return np.frombuffer(b"".join(proof.data[start:end] for label, start, end in proof.places if label == "opening: salts"), "u1")


@dataclass
class Batch:
    """What many receipts of one secret show: words uint64[receipts, places], salts uint8[receipts, places], a label per place."""

    words: np.ndarray
    salts: np.ndarray
    labels: list[str]


def drawn(equal_outputs: bool, secret: int, hide: bytes | None, named: tuple[int, ...], count: int) -> Batch:
    """So many receipts of one of `secrets`."""
    group = secrets(equal_outputs)[secret]
    reader = Reader(*group.receipt(hide, named))
    receipts = [group.receipt(hide, named) for _ in range(count)]
    proofs = [reader.walk(*each) for each in receipts]
    words = [elements(*each, proof) for each, proof in zip(receipts, proofs)]
    return Batch(np.stack(words), np.stack([salts(p) for p in proofs]), labels(*receipts[0], proofs[0]))


def joined(batches: list[Batch]) -> Batch:
    return Batch(np.concatenate([b.words for b in batches]), np.concatenate([b.salts for b in batches]), batches[0].labels)
