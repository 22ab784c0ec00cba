"""The hiding reading of the verifier, and what a hiding receipt adds before the opening (docs/transcript.md, Receipts that hide).

Messages are one-time padded: what is received stands for itself minus a committed pad. So no check can be looked at; all of them
join the claims on committed columns. A product of two values needs committed products of variables; a sumcheck over the same kind
of values says that those are products.
"""

from __future__ import annotations

from .affine import DUMMY, PAD, PRODUCT, Affine, Variable
from .field import ONE, ZERO, K, bits, eq, eq_table
from .forms import FormTerm, Weight
from .layout import Layout
from .transcript import Proof

DUMMIES = 6


class Hidden:
    """Reads padded messages from a proof. `zeros`: what must be zero. `products`: the factors of product 0, 1, .."""

    def __init__(self, proof: Proof) -> None:
        self.proof, self.pads = proof, 0
        self.zeros: list[Affine] = []
        self.products: dict[tuple[Variable, Variable], int] = {}

    def constant(self, value: K) -> Affine:
        return Affine(value)

    def receive(self, label: str) -> Affine:
        message, pad = self.proof.receive(label), (PAD, self.pads)
        self.pads += 1
        return Affine(message, [(pad, -ONE)])

    def receive_many(self, label: str, count: int) -> list[Affine]:
        return [self.receive(label) for _ in range(count)]

    def draw(self, label: str) -> K:
        return self.proof.draw(label)

    def draw_many(self, label: str, count: int) -> list[K]:
        return self.proof.draw_many(label, count)

    def multiply(self, a: Affine, b: Affine) -> Affine:
        """Variables ascending, a's first; a pair that was not multiplied before gets the next number."""
        terms = [(variable, x * b.constant) for variable, x in a.terms.items()]
        terms += [(variable, y * a.constant) for variable, y in b.terms.items()]
        for first in sorted(a.terms):
            for second in sorted(b.terms):
                pair = (min(first, second), max(first, second))
                number = self.products.setdefault(pair, len(self.products))
                terms.append(((PRODUCT, number), a.terms[first] * b.terms[second]))
        return Affine(a.constant * b.constant, terms)

    def require_zero(self, value: Affine, check: str) -> None:
        self.zeros.append(value)

    def check_products(self) -> None:
        """sum_i eq(tau, i) (a_i b_i - c_i) = 0 over all products and two dummies. The last a, b and c are in clear: the dummies, of
        which nobody knows anything, make them uniform."""
        triples = [(a, b, (PRODUCT, number)) for (a, b), number in self.products.items()]
        triples += [((DUMMY, i), (DUMMY, i + 1), (DUMMY, i + 2)) for i in (0, 3)]
        tau, target, point = self.draw_many("triples: tau", bits(len(triples))), Affine(ZERO), []
        for _ in tau:
            constant, square, cube = self.receive_many("triples: round", 3)
            r = self.draw("triples: challenge")
            linear = target - constant - constant - square - cube
            target = constant + linear * r + square * (r * r) + cube * (r * r * r)
            point.append(r)
        a, b, c = self.proof.receive_many("triples: value", 3)
        self.zeros.append(target - eq(tau, point) * (a * b - c))
        for place, value in enumerate((a, b, c)):
            column = [triple[place] for triple in triples]
            self.zeros.append(Affine(-value, zip(column, eq_table(point))))

    @property
    def variables(self) -> int:
        return self.pads + len(self.products) + DUMMIES

    def position(self, variable: Variable) -> int:
        """Where a variable stands in the column of all."""
        kind, number = variable
        return number + {PAD: 0, PRODUCT: self.pads, DUMMY: self.pads + len(self.products)}[kind]


def dense(name: str, entries: list[K]) -> Weight:
    return Weight((name,), len(entries), build=lambda: entries)


def basis() -> Weight:
    """An element of K from its three cells."""
    return dense("basis", [ONE, K(0, 1), K(0, 0, 1)])


def pads_term(value: Affine, hidden: Hidden, column: int) -> FormTerm:
    """form = value, with the variables on the form's side: an element of K is three cells, times 1, X and X^2."""
    weights = [ZERO] * hidden.variables
    for variable, coefficient in value.terms.items():
        weights[hidden.position(variable)] = coefficient
    return FormTerm(-ONE, column, (dense("pads", weights), basis()))


def mask_terms(layout: Layout, z: K, scale: K) -> list[FormTerm]:
    """scale * sum over mask limbs j and their rows i of z^((j + 1) (i + 1)) cell."""
    found, base = [], z
    for j, column in enumerate(layout.masks):
        power, weights = base, []
        for _ in range(layout.shapes[column][0]):
            weights.append(power)
            power = power * base
        found.append(FormTerm(scale, column, (dense(f"mask {j}", weights),)))
        base = base * z
    return found
