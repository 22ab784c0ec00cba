"""Commitments and openings by a prover in plain Python (docs/transcript.md, docs/protocol.md), with any number of commitments. It
is slow, follows the documents alone, and its seeds are in the open: for vectors."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from reference import opening
from reference.circuit import Parameters
from reference.field import GENERATOR, K, P, bits, root_of_unity, total
from reference.transcript import Proof, Transcript
from tacit import _core


@dataclass
class Tree:
    """Rows as bytes, by position, and everything that is hashed."""

    rows: list[bytes]
    salts: list[bytes]
    layers: list[list[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.layers.append([_core.digest(b"\0" + salt + row) for salt, row in zip(self.salts, self.rows)])
        while len(below := self.layers[-1]) > 1:
            self.layers.append([_core.digest(b"\1" + left + right) for left, right in zip(below[::2], below[1::2])])

    @property
    def root(self) -> bytes:
        return self.layers[-1][0]

    def attached(self, positions: Sequence[int]) -> bytes:
        """Salts, then the siblings that are missing, layer by layer."""
        data, known = b"".join(self.salts[position] for position in positions), set(positions)
        for layer in self.layers[:-1]:
            data += b"".join(layer[position ^ 1] for position in sorted(known) if position ^ 1 not in known)
            known = {position >> 1 for position in known}
        return data


def codeword(cells: Sequence[int], oracle: int, log_domain: int) -> list[int]:
    """The polynomial's values at the points of the domain, by position: halves are combined, then multiplied."""
    shift, power, values = pow(GENERATOR, oracle + 1, P), 1, []
    for cell in cells:
        values.append(cell * power % P)
        power = power * shift % P
    values += [0] * ((1 << log_domain) - len(values))
    for level in range(log_domain, 0, -1):
        half, w = 1 << level - 1, root_of_unity(level)
        twiddles = [1]
        for _ in range(half - 1):
            twiddles.append(twiddles[-1] * w % P)
        found: list[int] = []
        for at in range(0, len(values), 2 * half):
            low, high = values[at : at + half], values[at + half : at + 2 * half]
            found += [(a + b) % P for a, b in zip(low, high)]
            found += [(a - b) * t % P for a, b, t in zip(low, high, twiddles)]
        values = found
    return values


def committed(polynomials: Sequence[Sequence[int]], oracle: int, log_domain: int, salt: int, rng: random.Random) -> Tree:
    words = [[value.to_bytes(8, "little") for value in codeword(each, oracle, log_domain)] for each in polynomials]
    rows = [b"".join(row) for row in zip(*words)]
    return Tree(rows, [rng.randbytes(salt) for _ in rows])


def log_domain(p: Parameters, oracle: int) -> int:
    return p.log_rows - sum(p.folds[:oracle]) + p.log_inverse_rates[oracle]


class Opener:
    """Opens `weights` . vector, both of 2^(k0 + log_rows) places, by address and row. The vector is that of the trees' limbs."""

    def __init__(self, p: Parameters, trees: list[Tree], vector: list[K], weights: list[K], rng: random.Random) -> None:
        self.p, self.trees, self.vector, self.weights, self.rng = p, trees, vector, list(weights), rng
        self.value = total(v * w for v, w in zip(vector, weights))
        self.transcript, self.data = Transcript(""), b""

    def send(self, label: str, message: bytes) -> None:
        self.transcript.absorb(label, message)
        self.data += message

    def rounds(self, count: int) -> None:
        for _ in range(count):
            half = len(self.vector) // 2
            v0, v1, w0, w1 = self.vector[:half], self.vector[half:], self.weights[:half], self.weights[half:]
            self.send("opening: round", total(v * w for v, w in zip(v0, w0)).to_bytes())
            self.send("opening: round", total((b - a) * (d - c) for a, b, c, d in zip(v0, v1, w0, w1)).to_bytes())
            r = self.transcript.draw("opening: fold")
            self.vector = [a + (b - a) * r for a, b in zip(v0, v1)]
            self.weights = [a + (b - a) * r for a, b in zip(w0, w1)]

    def queries(self, oracle: int, trees: list[Tree]) -> list[int]:
        depth = log_domain(self.p, oracle)
        positions = self.transcript.positions("opening: queries", depth, self.p.queries[oracle])
        self.send("opening: rows", b"".join(tree.rows[position] for position in positions for tree in trees))
        self.data += b"".join(tree.attached(positions) for tree in trees)
        return [opening.domain_point(oracle, depth, position) for position in positions]

    def fold(self, oracle: int, trees: list[Tree]) -> list[Tree]:
        """Commits to the vector's blocks, queries the oracle before, and binds one block."""
        fold = self.p.folds[oracle - 1]
        size = len(self.vector) >> fold
        blocks = [self.vector[at : at + size] for at in range(0, len(self.vector), size)]
        polynomials = [[getattr(cell, word) for cell in block] for block in blocks for word in ("c0", "c1", "c2")]
        after = committed(polynomials, oracle, log_domain(self.p, oracle), self.p.salt, self.rng)
        self.send("opening: oracle", after.root)
        z = self.transcript.draw("opening: out of domain")
        value = K(0)
        for coefficient in reversed(self.vector):
            value = value * z + coefficient
        self.send("opening: out of domain", value.to_bytes())
        points = self.queries(oracle - 1, trees)
        zeta = coefficient = self.transcript.draw("opening: combine")
        for x in (z, *points):
            power = coefficient
            for row in range(len(self.weights)):
                self.weights[row], power = self.weights[row] + power, power * x
            coefficient = coefficient * zeta
        self.rounds(fold)
        return [after]

    def open(self, transcript: Transcript, widths: list[int], addresses: list[int], value: K | None = None) -> bytes:
        """The proof. `value`: what is claimed, if it is not what is true."""
        self.transcript, self.data = transcript, b""
        claimed = self.value if value is None else value
        opening.bind(self.p, widths, addresses, [tree.root for tree in self.trees], claimed, Proof(transcript, b""))
        self.rounds(bits(len(self.vector)) - self.p.log_rows)
        trees = self.trees
        for oracle in range(1, len(self.p.folds) + 1):
            trees = self.fold(oracle, trees)
        for coefficient in self.vector:
            self.send("opening: final", coefficient.to_bytes())
        self.queries(len(self.p.folds), trees)
        self.rounds(bits(len(self.vector)))
        return self.data
