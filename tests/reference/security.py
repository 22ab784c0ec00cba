"""The soundness error of a circuit's proofs, as a sum of probabilities (SECURITY.md and the protocols' README files)."""

from __future__ import annotations

import math
from collections.abc import Sequence

from .circuit import Circuit
from .field import P, bits
from .layout import Layout

FIELD = float(P) ** 3


def list_size(log_rate: int) -> float:
    """L = 1 / (2 eta sqrt(rho)) = 10 / rho."""
    return 10.0 * 2.0**log_rate


def outer(circuit: Circuit, zeros: int = 0) -> list[float]:
    """LogUp, fraction tree, contract, combine (with the key's seal, and `zeros` more claims): each times the list of oracle 0."""
    sizes = [sum(map(bits, lookup.components[0].output_axes())) for lookup in circuit.lookups]
    sizes += [bits(segment.entries) for table in circuit.tables for segment in table.segments]
    depth = max(bits(sum(1 << size for size in sizes)), 1)
    slots: dict[int, int] = {}
    for contract in circuit.contracts:
        for a, d in enumerate(contract.zero.output_axes()):
            slots[a] = max(slots.get(a, 0), bits(d))
    sums = [contract.zero for contract in circuit.contracts]
    for lookup in circuit.lookups:
        views = (view for component in lookup.components for term in component.terms for view in term.views)
        sums += [c.definition for c in (circuit.columns[view.column] for view in views) if c.definition is not None]
    factors = sum(len(term.views) for each in sums for term in each.terms)
    identity, tree = 2 << depth, sum(3 * k + 2 for k in range(depth))
    contract = sum(slots.values()) + len(circuit.contracts) + 1 + 4 * 64
    several = list_size(circuit.parameters.log_inverse_rates[0])
    return [several * count / FIELD for count in (identity, tree, contract, factors + 4 + zeros)]


def gap(log_message: int, log_rate: int) -> float:
    """How many challenges may fold two words of 2^log_message coefficients, not jointly close to codewords, to a close one."""
    points, dimension = 2.0 ** (log_message + log_rate), 2.0**log_message
    if dimension == 1:
        return math.inf
    reduced, radius = (dimension - 1) / points, 1 - 1.05 * 2.0 ** (-log_rate / 2)
    return (2 * 20.5**5 + 61.5 * radius * reduced) / (3 * reduced**1.5) * points + 20.5 / math.sqrt(reduced)


def opening(circuit: Circuit, log_limbs: int) -> list[float]:
    """Per oracle: out of domain, combination, sumcheck, proximity gap of every fold, queries; then the last sumcheck."""
    p, errors = circuit.parameters, []
    log_message = p.log_rows
    for i, (fold, rate, count) in enumerate(zip((log_limbs, *p.folds), p.log_inverse_rates, p.queries)):
        several, rho = list_size(rate), 2.0**-rate
        if i > 0:
            errors += [several**2 / 2 * 2.0**log_message / FIELD, (1 + p.queries[i - 1]) * several / FIELD]
            log_message -= fold
        errors += [2 * fold * several / FIELD, fold * gap(log_message, rate) / FIELD]
        errors.append((1.05 * math.sqrt(rho)) ** count)
    return [*errors, 2 * log_message / FIELD]


def sealed(circuit: Circuit, layout: Layout) -> float:
    """That two words of the list of the weights' root, of so many cells, have one seal at its point."""
    return list_size(circuit.parameters.log_inverse_rates[0]) ** 2 / 2 * math.prod(layout.shapes[layout.matrix]) / FIELD


def bits_of(circuit: Circuit, layout: Layout) -> float:
    """-log2 of the sum of all terms."""
    return -math.log2(math.fsum([*outer(circuit), sealed(circuit, layout), *opening(circuit, layout.log_limbs)]))


def hidden_bits_of(circuit: Circuit, layout: Layout, products: int, zeros: int, named: Sequence[int] = ()) -> float:
    """Of a hiding receipt: also the check of the products, rounds of degree 3 after a point, and the mask's claim; of `named`
    columns a claim each, and that its seal, a value out of domain, tells two words of the list apart."""
    several = list_size(circuit.parameters.log_inverse_rates[0])
    added = [sealed(circuit, layout), *(several * count / FIELD for count in (4 * bits(products + 2), 1))]
    added += [several**2 / 2 * (math.prod(circuit.columns[column].shape) + 1) / FIELD for column in named]
    return -math.log2(math.fsum(outer(circuit, zeros + len(named)) + added + opening(circuit, layout.log_limbs)))
