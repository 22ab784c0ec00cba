"""The second verifier's opening against a toy prover in plain Python, with any number of commitments (docs/transcript.md)."""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tacit import _core

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from reference import Refused, opening  # noqa: E402
from reference.circuit import Parameters  # noqa: E402
from reference.field import ZERO, K, P, bits, eq_table, total  # noqa: E402
from reference.transcript import Proof, Transcript  # noqa: E402

PARAMETERS = Parameters(4, 0, 16, (2, 1), (1, 2, 2), (3, 4, 3), b"")
FINAL = 1


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

    def attached(self, positions: list[int]) -> bytes:
        data, known = b"".join(self.salts[position] for position in positions), set(positions)
        for layer in self.layers[:-1]:
            data += b"".join(layer[position ^ 1] for position in sorted(known) if position ^ 1 not in known)
            known = {position >> 1 for position in known}
        return data


def evaluated(coefficients: list, x: K) -> K:
    value = ZERO
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


class Prover:
    """limbs[c][l]: the cells of limb l of commitment c. `weights`: by address and row; the vector has the same places."""

    def __init__(self, limbs: list[list[list[int]]], addresses: list[int], weights: list[K], seed: int) -> None:
        self.random, self.limbs, self.p = random.Random(seed), limbs, PARAMETERS
        self.transcript, self.data, self.weights = Transcript("tacit"), b"", list(weights)
        self.vector, flat = [ZERO] * len(weights), [limb for commitment in limbs for limb in commitment]
        for address, limb in zip(addresses, flat):
            self.vector[address << self.p.log_rows : (address + 1) << self.p.log_rows] = map(K, limb)
        self.value = total(v * w for v, w in zip(self.vector, weights))
        self.trees = [self.tree(0, [[list(map(K, limb)) for limb in commitment]], 1) for commitment in limbs]

    def depth(self, i: int) -> int:
        return self.p.log_rows - sum(self.p.folds[:i]) + self.p.log_inverse_rates[i]

    def tree(self, i: int, groups: list[list[list[K]]], words: int) -> Tree:
        """Oracle i: the polynomials' values, of which the first `words` words are kept."""
        points = [K(opening.domain_point(i, self.depth(i), position)) for position in range(1 << self.depth(i))]
        polynomials = [polynomial for group in groups for polynomial in group]
        rows = [b"".join(evaluated(each, x).to_bytes()[: 8 * words] for each in polynomials) for x in points]
        return Tree(rows, [self.random.randbytes(self.p.salt) for _ in rows])

    def send(self, label: str, message: bytes) -> None:
        self.transcript.absorb(label, message)
        self.data += message

    def rounds(self, count: int) -> None:
        for _ in range(count):
            half = len(self.vector) // 2
            low, high = (self.vector[:half], self.weights[:half]), (self.vector[half:], self.weights[half:])
            self.send("opening: round", total(v * w for v, w in zip(*low)).to_bytes())
            leading = (((b - a) * (d - c)) for a, b, c, d in zip(low[0], high[0], low[1], high[1]))
            self.send("opening: round", total(leading).to_bytes())
            r = self.transcript.draw("opening: fold")
            self.vector, self.weights = ([a + (b - a) * r for a, b in zip(x, y)] for x, y in zip(low, high))

    def queries(self, i: int, trees: list[Tree]) -> list[K]:
        positions = self.transcript.positions("opening: queries", self.depth(i), self.p.queries[i])
        self.send("opening: rows", b"".join(tree.rows[position] for position in positions for tree in trees))
        self.data += b"".join(tree.attached(positions) for tree in trees)
        return [K(opening.domain_point(i, self.depth(i), position)) for position in positions]

    def prove(self, widths: list[int], addresses: list[int]) -> bytes:
        opening.bind(self.p, widths, addresses, [tree.root for tree in self.trees], self.value, Proof(self.transcript, b""))
        self.rounds(bits(len(self.weights)) - self.p.log_rows)
        trees = self.trees
        for i, fold in enumerate(self.p.folds, 1):
            size = len(self.vector) >> fold
            after = self.tree(i, [[self.vector[at : at + size] for at in range(0, len(self.vector), size)]], 3)
            self.send("opening: oracle", after.root)
            z = self.transcript.draw("opening: out of domain")
            self.send("opening: out of domain", evaluated(self.vector, z).to_bytes())
            points = [z, *self.queries(i - 1, trees)]
            zeta = coefficient = self.transcript.draw("opening: combine")
            for x in points:
                power = coefficient
                for row in range(len(self.weights)):
                    self.weights[row], power = self.weights[row] + power, power * x
                coefficient = coefficient * zeta
            self.rounds(fold)
            trees = [after]
        for coefficient in self.vector:
            self.send("opening: final", coefficient.to_bytes())
        self.queries(len(self.p.folds), trees)
        self.rounds(FINAL)
        return self.data


# Widths of the commitments, and addresses as in a hiding layout: the second commitment's first limbs at 0, 1, 2, 4.
SHAPES = {
    "one": ([3], [0, 1, 2]),
    "two": ([1, 4], [3, 0, 1, 2, 4]),
    "three": ([1, 4, 2], [3, 0, 1, 2, 4, 5, 6]),
    "four": ([2, 4, 1, 1], [3, 5, 0, 1, 2, 4, 6, 7]),
}


def made(name: str, equal: bool = False) -> tuple[list[bytes], K, bytes, list[K]]:
    """Roots, value, proof and weights. `equal`: the last two commitments are one."""
    widths, addresses = SHAPES[name]
    rng = random.Random(1)
    limbs = [[[rng.randrange(P) for _ in range(1 << PARAMETERS.log_rows)] for _ in range(width)] for width in widths]
    if equal:
        limbs[-1] = limbs[-2]
    size = 1 << bits(max(addresses) + 1) + PARAMETERS.log_rows
    weights = [K(*(rng.randrange(P) for _ in range(3))) for _ in range(size)]
    prover = Prover(limbs, addresses, weights, 2)
    if equal:
        prover.trees[-1] = prover.trees[-2]
    return [tree.root for tree in prover.trees], prover.value, prover.prove(widths, addresses), weights


def verify(name: str, roots: list[bytes], value: K, data: bytes, weights: list[K]) -> Proof:
    widths, addresses = SHAPES[name]
    proof = Proof(Transcript("tacit"), data)
    extension = lambda point: total(w * e for w, e in zip(weights, eq_table(point)))  # noqa: E731
    opening.verify(PARAMETERS, widths, addresses, roots, value, proof, extension)
    proof.finish()
    return proof


def refused(*arguments) -> bool:
    try:
        verify(*arguments)
    except Refused as error:
        return error.kind in ("check", "truncated", "trailing", "noncanonical")
    return False


@pytest.mark.parametrize("name", SHAPES)
def test_an_honest_opening_is_accepted(name):
    proof = verify(name, *made(name))
    trees = len(SHAPES[name][0])
    labels = [label for label, _, _ in proof.places]
    assert labels.count("opening: salts") == trees + len(PARAMETERS.folds)


def test_two_commitments_may_have_one_root():
    roots, *rest = made("four", equal=True)
    assert roots[2] == roots[3]
    verify("four", roots, *rest)


def test_roots_values_and_trees_are_not_exchanged():
    roots, value, data, weights = made("four")
    assert refused("four", [*roots[:2], roots[3], roots[2]], value, data, weights)
    assert refused("four", [roots[0], roots[0], *roots[2:]], value, data, weights)
    assert refused("four", roots, value + 1, data, weights)
    assert refused("four", roots, value, data, [weights[0] + 1, *weights[1:]])
    assert refused("four", roots[:3], value, data, weights)


def test_every_part_of_the_last_tree_is_checked():
    roots, value, data, weights = made("four")
    honest = verify("four", roots, value, data, weights)
    (start, end) = next((start, end) for label, start, end in honest.places if label == "opening: rows")
    width = sum(SHAPES["four"][0])
    assert end - start == 8 * width * PARAMETERS.queries[0]
    salts = [place for place in honest.places if place[0] == "opening: salts"][3]
    sibling = next(place for place in honest.places if place[1] == salts[2])
    places = [start + 8 * (width * query + width - 1) for query in range(PARAMETERS.queries[0])]
    for at in (*places, salts[1], salts[2] - 1, sibling[1], sibling[2] - 1):
        assert refused("four", roots, value, data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :], weights)
