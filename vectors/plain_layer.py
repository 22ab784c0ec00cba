"""Receipts that hide, of the layer y = w x + b, by a prover in plain Python (docs/transcript.md, docs/protocol.md).

It answers the second verifier step by step. With a verifier that lacks a check it makes receipts that only this check refuses.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

import layer
from plain_opening import Opener, Tree, committed, log_domain

from reference import verifier
from reference.circuit import Circuit, Parameters, decode, integers
from reference.field import ONE, ZERO, K, P, bits, eq_table, total
from reference.forms import FormTerm
from reference.hiding import Hidden
from reference.layout import Block, Kept, Layout, clear, place, special, top
from reference.named import Named, long_axes
from reference.seal import seal_point
from reference.transcript import Proof, Transcript
from tacit import _core

Cells = Mapping[int, Sequence[int]]


def places(block: Block, shape: Sequence[int]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(row, index in the column) of every cell of a block."""
    ranges = (range(start, start + (1 << e)) for start, e in block.parts)
    for offset, index in enumerate(product(*ranges)):
        yield block.row + offset, index


def flat(index: tuple[int, ...], shape: Sequence[int]) -> int:
    found = 0
    for i, length in zip(index, shape):
        found = found * length + i
    return found


@dataclass
class Commitment:
    limbs: list[list[int]]
    tree: Tree


def commit(p: Parameters, limbs: list[list[int]], rng: random.Random) -> Commitment:
    return Commitment(limbs, committed(limbs, 0, log_domain(p, 0), p.salt, rng))


def durable(p: Parameters, shapes: dict[int, tuple[int, ...]], cells: Cells, rng: random.Random) -> Commitment:
    """Of columns that serve several receipts: the top `reserved` rows of each limb are uniform."""
    blocks, count = place(shapes, p.log_rows, [], top(p.log_rows, p.reserved))
    limbs = [[0] * (1 << p.log_rows) for _ in range(count)]
    for block in blocks:
        for row, index in places(block, shapes[block.column]):
            limbs[block.address][row] = cells[block.column][flat(index, shapes[block.column])] % P
    for limb in limbs:
        limb[len(limb) - p.reserved :] = [rng.randrange(P) for _ in range(p.reserved)]
    return commit(p, limbs, rng)


@dataclass
class Tensor:
    """A tensor with a commitment of its own: any receipt of a circuit of these parameters can carry it."""

    commitment: Commitment
    seal: K

    @property
    def root(self) -> bytes:
        return self.commitment.tree.root


def named_tensor(p: Parameters, cells: Sequence[int], shape: Sequence[int], seed: int) -> Tensor:
    rng, own = random.Random(seed), tuple(long_axes(tuple(shape)))
    sealing = [rng.randrange(P) for _ in range(3)]
    commitment = durable(p, {0: own, 1: (3,)}, {0: cells, 1: sealing}, rng)
    return Tensor(commitment, seal_of(commitment.tree.root, cells, sealing))


def seal_of(root: bytes, cells: Sequence[int], sealing: Sequence[int]) -> K:
    z = seal_point(root)
    return polynomial(cells, z) * z + K(*sealing)


def polynomial(cells: Sequence[int], z: K) -> K:
    """Its value at z; the constant comes first."""
    found = ZERO
    for cell in reversed(cells):
        found = found * z + cell
    return found


class Blank(Proof):
    """A proof of zeros, to see what a verifier multiplies."""

    def receive(self, label: str) -> K:
        return ZERO


class Answering(Proof):
    """A proof that is written while it is read: `script` yields (label, message)."""

    def __init__(self, transcript: Transcript) -> None:
        super().__init__(transcript, b"")
        self.script: Iterator[tuple[str, K]] = iter(())
        self.drawn: dict[str, list[K]] = {}

    def draw(self, label: str) -> K:
        found = super().draw(label)
        self.drawn.setdefault(label, []).append(found)
        return found

    def receive(self, label: str) -> K:
        expected, message = next(self.script)
        assert label == expected
        self.data += message.to_bytes()
        return super().receive(label)


def weighed(table: Sequence[K], cells: Sequence[int]) -> K:
    return total(weight * cell for weight, cell in zip(table, cells))


@dataclass
class Model:
    """The circuit, the cells of its columns (weights, then x and y of one seed), and the commitment to the weights."""

    encoded: bytes
    circuit: Circuit
    cells: dict[int, list[int]]
    weights: Commitment
    seal: K

    @property
    def key(self) -> bytes:
        return b"tacit\0K\2\0" + number(len(self.encoded)) + self.encoded + self.weights.tree.root + self.seal.to_bytes()

    def buffer(self, column: int) -> bytes:
        """The column's cells as a receipt shows them."""
        size = self.circuit.columns[column].size
        return b"".join(cell.to_bytes(size, "little", signed=True) for cell in self.cells[column])

    def tensor(self, binding: int, seed: int) -> Tensor:
        """A commitment to the tensor of a binding."""
        public = self.circuit.publics[binding]
        return named_tensor(self.circuit.parameters, self.cells[public.column], public.shape, seed)


def model(case: layer.Case, seed: int = 7) -> Model:
    circuit, data = decode(case.circuit), case.weights + case.public
    cells: dict[int, list[int]] = {}
    for column in (layer.W, layer.B, layer.X, layer.Y):
        size, count = circuit.columns[column].size, prod(circuit.columns[column].shape)
        cells[column] = list(integers(data[: size * count], size))
        data = data[size * count :]
    shapes = {column: circuit.columns[column].shape for column in (layer.W, layer.B)}
    weights = durable(circuit.parameters, shapes, cells, random.Random(seed))
    return Model(case.circuit, circuit, cells, weights, key_seal(weights))


def key_seal(weights: Commitment) -> K:
    """One limb behind the other, all rows, at the seal point."""
    return polynomial([cell for limb in weights.limbs for cell in limb], seal_point(weights.tree.root))


class LayerProver:
    """One receipt. `named`: binding -> its tensor; the hide set hides these bindings."""

    def __init__(self, model: Model, hidden: bytes, named: Mapping[int, Tensor], seed: int) -> None:
        self.model, self.cells, self.hidden = model, dict(model.cells), hidden
        self.named, self.rng = dict(sorted(named.items())), random.Random(seed)
        self.given = tuple(Named(binding, tensor.root, tensor.seal) for binding, tensor in self.named.items())
        self.circuit, self.p = model.circuit, model.circuit.parameters

    def receipt(self, context: bytes) -> bytes:
        shown = [each for number, each in enumerate(self.circuit.publics) if self.hidden[number + 1] == 0]
        publics = tuple(self.model.buffer(each.column) for each in shown)
        digest, root = _core.digest(self.model.encoded), self.model.weights.tree.root
        given = verifier.Receipt(digest, root, self.hidden, self.given, publics, context, b"", b"")
        circuit = verifier.hidden_circuit(self.circuit, given)
        layout, witness = self.witness(circuit)
        given.witness_root = witness.tree.root
        values = verifier.public_values(self.circuit, given)
        key = verifier.Key(self.circuit, digest, root, self.model.seal, layout)
        proof = Answering(verifier.bind(key, given))
        proof.script = self.messages(proof, layout)
        layout, form, value = verifier.reduce_hiding(key, circuit, values, proof, self.given)
        data = proof.data + self.opened(layout, form, witness, value, proof.transcript)
        return written(given, data)

    def witness(self, circuit: Circuit) -> tuple[Layout, Commitment]:
        """Draws pads and masks, multiplies what the verifier will, and commits."""
        hidden = Hidden(Blank(Transcript(""), b""))
        verifier.outer(circuit, hidden)
        hidden.check_products()
        element = lambda: K(*(self.rng.randrange(P) for _ in range(3)))  # noqa: E731
        self.pads, self.dummies = [element() for _ in range(hidden.pads)], [element() for _ in range(6)]
        for i in (0, 3):
            self.dummies[i + 2] = self.dummies[i] * self.dummies[i + 1]
        values = [self.pads, [], self.dummies]
        self.triples = []
        for first, second in hidden.products:
            a, b = values[first[0]][first[1]], values[second[0]][second[1]]
            values[1].append(a * b)
            self.triples.append((a, b, a * b))
        self.triples += [tuple(self.dummies[:3]), tuple(self.dummies[3:])]
        layout = Layout(circuit, hidden.variables, verifier.named_columns(circuit, self.given))
        self.cells[layout.pads] = [word for group in values for value in group for word in (value.c0, value.c1, value.c2)]
        for mask in layout.masks:
            self.cells[mask] = [self.rng.randrange(P) for _ in range(layout.shapes[mask][0])]
        return layout, commit(self.p, self.witness_limbs(layout), self.rng)

    def witness_limbs(self, layout: Layout) -> list[list[int]]:
        rows, first = 1 << self.p.log_rows, special(self.p, layout.log_limbs)
        limbs = [[0] * rows for _ in range(layout.widths[1])]
        for limb, cells in enumerate(limbs):
            kept: Kept = first[limb] if limb < len(first) else top(self.p.log_rows, clear(self.p, layout.log_limbs))
            for run in kept.noise:
                for row in run:
                    cells[row] = self.rng.randrange(P)
        begin = layout.widths[0]
        own = {address: limb for limb, address in enumerate(layout.addresses[begin : begin + layout.widths[1]])}
        for column, blocks in layout.blocks.items():
            for block in blocks:
                if block.address in own:
                    for row, index in places(block, layout.shapes[column]):
                        limbs[own[block.address]][row] = self.cells[column][flat(index, layout.shapes[column])] % P
        return limbs

    def messages(self, proof: Answering, layout: Layout) -> Iterator[tuple[str, K]]:
        """Everything before the opening."""
        pads = iter(self.pads)
        for label, message in self.contraction(proof):
            yield label, message + next(pads)
        yield from self.products(proof, pads)
        z, masked = proof.drawn["mask point"][0], ZERO
        for mask, base in zip(layout.masks, powers_of(z)):
            power = base
            for cell in self.cells[mask]:
                masked, power = masked + power * cell, power * base
        yield "mask value", masked

    def contraction(self, proof: Answering) -> Iterator[tuple[str, K]]:
        """sum_k W[k] x[k] + b = y at the contracts' point, W being the rows of w folded."""
        rows, columns = self.circuit.columns[layer.W].shape
        eq = eq_table(proof.drawn.get("contract point", []))[:rows]
        w, x = self.cells[layer.W], self.cells[layer.X]
        yield "contract affine total", weighed(eq, self.cells[layer.B]) - weighed(eq, self.cells[layer.Y])
        absent = [ZERO] * ((1 << bits(columns)) - columns)
        left = [weighed(eq, w[k::columns]) for k in range(columns)] + absent
        right = [K(cell) for cell in x] + absent
        while len(left) > 1:
            half = len(left) // 2
            yield "contract round", total(a * b for a, b in zip(left[:half], right[:half]))
            ends = ((left[i + half] * 2 - left[i], right[i + half] * 2 - right[i]) for i in range(half))
            yield "contract round", total(a * b for a, b in ends)
            r = proof.drawn["contract challenge"][-1]
            left, right = (folded(table, r) for table in (left, right))
        yield "contract value", left[0]
        yield "contract value", right[0]

    def products(self, proof: Answering, pads: Iterator[K]) -> Iterator[tuple[str, K]]:
        """sum_i eq(tau, i) (a_i b_i - c_i), coefficients of 1, X^2, X^3; the last a, b, c are in clear."""
        tau = proof.drawn["triples: tau"]
        empty = [(ZERO, ZERO, ZERO)] * ((1 << len(tau)) - len(self.triples))
        a, b, c = (list(place) for place in zip(*self.triples, *empty))
        e = eq_table(tau)
        for _ in tau:
            half = len(e) // 2
            coefficients = [ZERO, ZERO, ZERO]
            for i in range(half):
                (e0, a0, b0, c0), (e1, a1, b1, c1) = ((t[i] for t in (e, a, b, c)), (t[i + half] - t[i] for t in (e, a, b, c)))
                coefficients[0] = coefficients[0] + e0 * (a0 * b0 - c0)
                coefficients[1] = coefficients[1] + e0 * a1 * b1 + e1 * (a0 * b1 + a1 * b0 - c1)
                coefficients[2] = coefficients[2] + e1 * a1 * b1
            for coefficient in coefficients:
                yield "triples: round", coefficient + next(pads)
            r = proof.drawn["triples: challenge"][-1]
            e, a, b, c = (folded(table, r) for table in (e, a, b, c))
        for table in (a, b, c):
            yield "triples: value", table[0]

    def opened(self, layout: Layout, form: list[FormTerm], witness: Commitment, value: K, transcript: Transcript) -> bytes:
        size = 1 << layout.log_limbs + self.p.log_rows
        commitments = [self.model.weights, witness, *(tensor.commitment for tensor in self.named.values())]
        vector, weights = [ZERO] * size, [ZERO] * size
        limbs = (limb for commitment in commitments for limb in commitment.limbs)
        for address, limb in zip(layout.addresses, limbs, strict=True):
            vector[address << self.p.log_rows : (address + 1) << self.p.log_rows] = map(K, limb)
        for term in form:
            for block in layout.blocks[term.column]:
                base = block.address << self.p.log_rows
                for row, index in places(block, layout.shapes[term.column]):
                    weight = term.coefficient
                    for axis, i in zip(term.weights, index):
                        weight = weight * axis.entries[i]
                    weights[base + row] = weights[base + row] + weight
        opener = Opener(self.p, [commitment.tree for commitment in commitments], vector, weights, self.rng)
        return opener.open(transcript, layout.widths, layout.addresses, value)


def folded(table: list[K], r: K) -> list[K]:
    half = len(table) // 2
    return [low + (high - low) * r for low, high in zip(table[:half], table[half:])]


def powers_of(z: K) -> Iterator[K]:
    """z, z^2, .."""
    power = ONE
    while True:
        power = power * z
        yield power


def number(n: int) -> bytes:
    return n.to_bytes(4, "little")


def sized(data: bytes) -> bytes:
    return number(len(data)) + data


def written(given: verifier.Receipt, proof: bytes) -> bytes:
    """The bytes of a receipt."""
    named = number(len(given.named)) + b"".join(each.to_bytes() for each in given.named) if given.named else b""
    head = b"tacit\0R" + given.format.to_bytes(2, "little") + given.circuit_digest + given.weights_root
    publics = number(len(given.publics)) + b"".join(map(sized, given.publics))
    return head + sized(given.hidden) + named + publics + sized(given.context) + given.witness_root + sized(proof)
