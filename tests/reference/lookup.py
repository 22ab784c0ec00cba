"""All lookups in one fraction tree (crates/protocols/lookup/README.md)."""

from __future__ import annotations

from dataclasses import dataclass, field

from .affine import Value
from .circuit import Circuit, Lookup, Segment
from .field import ONE, ZERO, K, bits, eq, eq_index, interpolation_weights
from .forms import Claim, FormTerm, Views, Weight, Weighted, eq_weight, linear_form, rule_value, virtual_terms
from .hiding import Hidden
from .refused import Refused
from .transcript import Proof


@dataclass
class Region:
    """Leaves offset .. offset + 2^size: bits(d) digits per axis, the last axis lowest."""

    source: Lookup | Segment
    axes: tuple[int, ...]
    tag: int
    offset: int = 0

    @property
    def size(self) -> int:
        return sum(bits(d) for d in self.axes)


@dataclass
class Reduced:
    """Two claims, and the virtual sums whose product terms contract takes over. Claim 1's value is to be lowered by their total."""

    claims: list[Claim] = field(default_factory=list)
    virtuals: list[Weighted] = field(default_factory=list)


def regions(circuit: Circuit) -> tuple[list[Region], int]:
    """All regions, packed by size (descending, stable), and the tree's depth."""
    found = [Region(lookup, lookup.components[0].output_axes(), lookup.table + 1) for lookup in circuit.lookups]
    for tag, table in enumerate(circuit.tables, 1):
        found += [Region(segment, (segment.entries,), tag) for segment in table.segments]
    found.sort(key=lambda region: -region.size)
    length = 0
    for region in found:
        region.offset = length
        length += 1 << region.size
    if length > 2**61 or length < 2:
        raise Refused("key", "the lookups are too large, or have no table")
    return found, bits(length)


def verify(circuit: Circuit, views: Views, proof: Proof | Hidden) -> Reduced:
    """Nothing is read for a circuit without lookups."""
    if not circuit.lookups:
        return Reduced()
    packed, depth = regions(circuit)
    alpha = proof.draw("lookup alpha")
    widest = max(table.width for table in circuit.tables)
    betas = proof.draw_many("lookup beta", widest + 1)
    point, numerator, fingerprint = descend(depth, proof)
    return conclude(circuit, packed, alpha, betas, views, point, numerator, fingerprint)


def descend(depth: int, proof: Proof | Hidden) -> tuple[list[K], Value, Value]:
    """From the root, where N = 0, to claims N(point) and E(point) on the leaves."""
    point: list[K] = []
    claim = numerator = fingerprint = proof.constant(ZERO)
    lam = ZERO
    for level in range(depth):
        drawn = []
        for _ in range(level):
            at0, at2, at3 = proof.receive_many("tree round", 3)
            r = proof.draw("tree challenge")
            w0, w1, w2, w3 = interpolation_weights(4, r)
            claim = at0 * w0 + (claim - at0) * w1 + at2 * w2 + at3 * w3
            drawn.append(r)
        rho = drawn[::-1]
        n0, e0, n1, e1 = proof.receive_many("tree values", 4)
        gate_n = n0 + n1 + proof.multiply(n0, e1) + proof.multiply(n1, e0)
        gate_e = e0 + e1 + proof.multiply(e0, e1)
        proof.require_zero((gate_n + gate_e * lam) * eq(point, rho) - claim, "the fraction tree")
        tau, lam = proof.draw("tree tau"), proof.draw("tree lambda")
        numerator = n0 + (n1 - n0) * tau
        fingerprint = e0 + (e1 - e0) * tau
        claim = numerator + fingerprint * lam
        point = [*rho, tau]
    return point, numerator, fingerprint


def conclude(
    circuit: Circuit,
    packed: list[Region],
    alpha: K,
    betas: list[K],
    views: Views,
    point: list[K],
    numerator: Value,
    fingerprint: Value,
) -> Reduced:
    """N(rho) = sum_lookups sel LT - sum_segments sel <eq, count>,
    E(rho) = sum_regions sel ((alpha - 1 - beta_0 tag) LT - sum_j beta_{j+1} <eq, component j>)."""
    first, second, reduced = Claim([], numerator), Claim([], fingerprint), Reduced()
    for region in packed:
        at = len(point) - region.size
        selector = eq_index(point[:at], region.offset >> region.size)
        weights: list[Weight] = []
        whole = selector
        for d in region.axes:
            weights.append(eq_weight(("tree", at, d), point[at : at + bits(d)], d))
            whole = whole * weights[-1].total
            at += bits(d)
        second.value = second.value - whole * (alpha - ONE - betas[0] * region.tag)
        if isinstance(region.source, Lookup):
            first.value = first.value - whole
            for component, beta in zip(region.source.components, betas[1:]):
                weighted = Weighted(component, tuple(weights), -(selector * beta))
                form, constant = linear_form(weighted, circuit, views)
                second.form += form
                second.value = second.value - constant
                products = virtual_terms(weighted, circuit)
                reduced.virtuals += [v for v in products if any(len(term.views) > 1 for term in v.sum.terms)]
        else:
            first.form.append(FormTerm(-selector, region.source.count, tuple(weights)))
            for rule, beta in zip(region.source.rules, betas[1:]):
                second.value = second.value + selector * beta * rule_value(rule, weights[0])
    reduced.claims = [first, second]
    return reduced
