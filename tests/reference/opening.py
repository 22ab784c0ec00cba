"""One linear form over the limbs of several commitments (crates/protocols/open/README.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .circuit import Parameters
from .field import GENERATOR, ONE, ZERO, K, P, bits, dot, eq_table, root_of_unity, total
from .transcript import Proof, keccak256, require, words


@dataclass
class Added:
    """coefficient * (1, x, x^2, ..), added to the weight when `start` coordinates were bound."""

    coefficient: K
    x: K
    start: int


@dataclass
class Oracle:
    """Its trees, the elements of F in a row of each, and the coefficient by which each element enters the folded value."""

    index: int
    roots: list[bytes]
    widths: list[int]
    coefficients: list[K]


class Opening:
    """The running claim <weight, vector> = target, both bound to `point` so far."""

    def __init__(self, parameters: Parameters, proof: Proof, target: K) -> None:
        self.parameters, self.proof, self.target = parameters, proof, target
        self.point: list[K] = []
        self.added: list[Added] = []

    def sumcheck(self, rounds: int) -> list[K]:
        """h(X) = h_0 + h_1 X + h_2 X^2 with h(0) + h(1) = target; h_0 and h_2 are sent."""
        start = len(self.point)
        for _ in range(rounds):
            constant, leading = self.proof.receive_many("opening: round", 2)
            r = self.proof.draw("opening: fold")
            linear = self.target - constant - constant - leading
            self.target = constant + (linear + leading * r) * r
            self.point.append(r)
        return self.point[start:]

    def log_domain(self, i: int) -> int:
        return self.parameters.log_rows - sum(self.parameters.folds[:i]) + self.parameters.log_inverse_rates[i]

    def queries(self, oracle: Oracle) -> list[tuple[K, K]]:
        """The points that are asked and the folded values there."""
        depth, width = self.log_domain(oracle.index), len(oracle.coefficients)
        positions = self.proof.transcript.positions("opening: queries", depth, self.parameters.queries[oracle.index])
        data = self.proof.receive_bytes("opening: rows", 8 * width * len(positions))
        cells = words(data, "opening: rows")
        answers, leaves = [], [{} for _ in oracle.roots]
        for n, position in enumerate(positions):
            answers.append((K(domain_point(oracle.index, depth, position)), dot(cells[n * width :], oracle.coefficients)))
            at = 8 * width * n
            for tree, own in zip(leaves, oracle.widths):
                tree[position] = data[at : at + 8 * own]
                at += 8 * own
        size = self.parameters.salt
        for root, rows in zip(oracle.roots, leaves):
            salts = self.proof.take("opening: salts", size * len(positions)) if size else b""
            salted = (salts[size * n : size * (n + 1)] + row for n, row in enumerate(rows.values()))
            check_tree(root, depth, {position: keccak256(b"\0" + leaf) for position, leaf in zip(rows, salted)}, self.proof)
        return answers

    def added_weight(self) -> K:
        """The power vectors' extensions: prod_b (1 - r_b + r_b x^(2^(n - 1 - b)))."""
        result = ZERO
        for added in self.added:
            product, power = added.coefficient, added.x
            for r in reversed(self.point[added.start :]):
                product = product * (r * power - r + 1)
                power = power * power
            result = result + product
        return result


def domain_point(i: int, log_domain: int, position: int) -> int:
    """g^(i + 1) w^(position with its digits reversed)."""
    digits = f"{position:0{log_domain}b}"
    return pow(GENERATOR, i + 1, P) * pow(root_of_unity(log_domain), int(digits[::-1], 2), P) % P


def check_tree(root: bytes, depth: int, known: dict[int, bytes], proof: Proof) -> None:
    """Layer by layer from the leaves up, ascending in a layer: siblings that are not known come from the proof."""
    for _ in range(depth):
        above: dict[int, bytes] = {}
        for position in sorted(known):
            if position >> 1 in above:
                continue
            pair = [known.get(position & ~1), known.get(position | 1)]
            pair = [digest if digest is not None else proof.take("Merkle siblings", 32) for digest in pair]
            above[position >> 1] = keccak256(b"\1" + pair[0] + pair[1])
        known = above
    require(known == {0: root}, "a Merkle root")


def bind(parameters: Parameters, widths: list[int], addresses: list[int], roots: list[bytes], value: K, proof: Proof) -> None:
    """Schedule, shape, roots and value; lists with their lengths, all numbers as u64."""
    schedule = [parameters.log_rows, parameters.salt]
    for values in (parameters.folds, parameters.log_inverse_rates, parameters.queries):
        schedule += [len(values), *values]
    shape = [len(widths), *widths, *addresses]
    for label, numbers in (("opening: schedule", schedule), ("opening: shape", shape)):
        proof.transcript.absorb(label, b"".join(n.to_bytes(8, "little") for n in numbers))
    for root in roots:
        proof.transcript.absorb("opening: root", root)
    proof.transcript.absorb("opening: claim", value.to_bytes())


def verify(
    parameters: Parameters,
    widths: list[int],
    addresses: list[int],
    roots: list[bytes],
    value: K,
    proof: Proof,
    form: Callable[[list[K]], K],
) -> None:
    """`form` is the multilinear extension of the weight vector, evaluated once, at all coordinates: address digits first.
    `widths`: limbs of each commitment; `addresses`: of every limb, commitment after commitment."""
    bind(parameters, widths, addresses, roots, value, proof)
    state = Opening(parameters, proof, value)
    limbs = eq_table(state.sumcheck(bits(max(addresses) + 1)))
    oracle = Oracle(0, roots, widths, [limbs[address] for address in addresses])
    for i, fold in enumerate(parameters.folds, 1):
        root = proof.receive_bytes("opening: oracle", 32)
        z = proof.draw("opening: out of domain")
        answers = [(z, proof.receive("opening: out of domain"))]
        answers += state.queries(oracle)
        zeta = coefficient = proof.draw("opening: combine")
        for x, y in answers:
            state.target = state.target + coefficient * y
            state.added.append(Added(coefficient, x, len(state.point)))
            coefficient = coefficient * zeta
        blocks = eq_table(state.sumcheck(fold))
        # An element of K is three words: coefficients of 1, X, X^2.
        oracle = Oracle(i, [root], [3 * len(blocks)], [c * b for c in blocks for b in (ONE, K(0, 1), K(0, 0, 1))])
    log_final = parameters.log_rows - sum(parameters.folds)
    last = proof.receive_many("opening: final", 1 << log_final)
    for x, y in state.queries(oracle):
        found = ZERO
        for coefficient in reversed(last):
            found = found * x.c0 + coefficient
        require(found == y, "the final polynomial")
    eq = eq_table(state.sumcheck(log_final))
    vector = total(a * b for a, b in zip(last, eq))
    require(vector * (form(state.point) + state.added_weight()) == state.target, "the opening's last equation")
