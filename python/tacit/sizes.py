"""How large the commitments and the receipts of a circuit are, from the circuit alone (docs/hiding.md, docs/transcript.md)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import zip_longest
from math import prod

from tacit.circuit import Circuit, Lookup, Parameters, Sum, Table

WORD, ELEMENT, DIGEST = 8, 24, 32
"""Bytes of an element of the field, of its extension, of a hash."""
TRACED = 4
"""Limbs of a witness that hides the oracles after the first (docs/hiding.md, T)."""
LEAST_LOG_LIMBS = 5
"""Coordinates of an address where something is hidden, at least."""
PRODUCTS = 3
"""Products of messages at a level of the fraction tree."""


@dataclass(frozen=True)
class Sizes:
    """`limbs` of the commitments to weights and witness, of 2^log_rows rows, at 2^log_limbs addresses; `uniform` cells in each hide
    the others; `receipt`: about how many bytes it has without its context, with inputs hidden where that is possible."""

    log_rows: int
    log_limbs: int
    limbs: tuple[int, int]
    uniform: tuple[int, int]
    receipt: int

    @property
    def cells(self) -> int:
        """What is encoded and opened."""
        return sum(self.limbs) << self.log_rows


def sizes(circuit: Circuit) -> Sizes:
    """Of a finished circuit."""
    p, hides = circuit.parameters, circuit.parameters.salt > 0
    cells = dict.fromkeys(("weights", "witness", "count", "public", "virtual"), 0)
    for column in circuit.columns:
        cells[column.home] += prod(column.shape)
    rows, messages, products = 1 << p.log_rows, *_messages(circuit)
    # Where rows are reserved, columns are cut into blocks of a 32nd of a limb, of which whole ones fit.
    block = max(rows >> 5, 1) if p.reserved else 1
    weights = max(1, -(-cells["weights"] // ((rows - p.reserved) // block * block)))
    if not hides:
        witness = max(1, -(-(cells["witness"] + cells["count"]) // rows))
        shown, uniform, log_limbs = circuit.publics, (0, 0), (weights + witness - 1).bit_length()
    else:
        messages += 3 * (products + 1).bit_length() + 4
        variables = 3 * (messages + products + 6)
        shown = tuple(public for public in circuit.publics if public.is_output)
        hidden = sum(prod(public.shape) for public in circuit.publics if not public.is_output)
        witness, log_limbs, kept = _hiding(p, weights, cells["witness"] + cells["count"] + hidden + variables)
        uniform = (weights * p.reserved, kept + variables)
    opening = _opening(p, (weights, witness), log_limbs)
    public = sum(prod(public.shape) * circuit.columns[public.column].bytes for public in shown)
    return Sizes(p.log_rows, log_limbs, (weights, witness), uniform, 160 + public + ELEMENT * messages + opening)


def _hiding(p: Parameters, weights: int, cells: int) -> tuple[int, int, int]:
    """Limbs of a witness of so many cells, coordinates of an address, uniform cells: T, and the top rows, masks among them."""
    traced, log_limbs = trace(p), max((weights + TRACED - 1).bit_length(), LEAST_LOG_LIMBS)
    while True:
        clear, special = p.queries[0] + 3 * log_limbs + 6, log_limbs + 1
        free = (1 << p.log_rows) - clear
        witness = special + max(0, -(-(cells - special * free + TRACED * traced) // free))
        if (weights + witness - 1).bit_length() <= log_limbs:
            return witness, log_limbs, TRACED * traced + witness * clear
        log_limbs += 1


def trace(p: Parameters) -> int:
    """How many rows T has; blocks that overlap are counted twice."""
    log_message, count = p.log_rows, 1 << p.log_rows - sum(p.folds)
    for i, fold in enumerate(p.folds, 1):
        before = min(p.queries[i - 1], 1 << log_message + p.log_inverse_rates[i - 1])
        log_message -= fold
        each = min(p.queries[i], 1 << log_message + p.log_inverse_rates[i])
        if each + before + 3 > 1 << log_message:
            return count + (1 << log_message + fold)
        count += ((1 << fold) - 1) * each + before + 1 + 2 * fold
    return count


def _messages(circuit: Circuit) -> tuple[int, int]:
    """Messages before the opening, and how often two of them are multiplied."""
    levels = (max(leaves(circuit.lookups, circuit.tables), 1) - 1).bit_length() if circuit.lookups else 0
    messages, products = 3 * levels * (levels - 1) // 2 + 4 * levels, PRODUCTS * levels
    sums = [contract.zero for contract in circuit.contracts]
    sums += [column.definition for column in circuit.columns if column.definition is not None]
    factors = {(view.column, view.maps) for total in sums for term in total.terms if len(term.views) > 1 for view in term.views}
    if factors:
        messages += 2 + 4 * rounds(sums) + len(factors)
        products += len(factors)
    return messages, products


def rounds(sums: Iterable[Sum]) -> int:
    """Variables of the batched sumcheck: those of the longest inner axes, place by place."""
    inner = [total.axes[total.outputs :] for total in sums]
    return sum(max(lengths) - 1 and (max(lengths) - 1).bit_length() for lengths in zip_longest(*inner, fillvalue=1))


def leaves(lookups: Iterable[Lookup], tables: Iterable[Table]) -> int:
    """Of the fraction tree, each axis rounded up to a power of two."""
    regions = [lookup.components[0].axes[: lookup.components[0].outputs] for lookup in lookups]
    regions += [(segment.entries,) for table in tables for segment in table.segments]
    return sum(prod(1 << (length - 1).bit_length() for length in axes) for axes in regions)


def _opening(p: Parameters, limbs: tuple[int, int], log_limbs: int) -> int:
    """Bytes: rounds, the last polynomial, and for every oracle its rows with salts and the siblings that make their roots."""
    count = 2 * ELEMENT * (log_limbs + p.log_rows) + (ELEMENT << p.log_rows - sum(p.folds)) + len(p.folds) * (ELEMENT + DIGEST)
    log_message = p.log_rows
    for i, queries in enumerate(p.queries):
        trees, row = (len(limbs), WORD * sum(limbs)) if i == 0 else (1, ELEMENT << p.folds[i - 1])
        log_message -= p.folds[i - 1] if i else 0
        depth = log_message + p.log_inverse_rates[i]
        asked = min(queries, 1 << depth)
        count += asked * (row + trees * p.salt) + DIGEST * trees * round(siblings(asked, depth))
    return count


def siblings(asked: int, depth: int) -> float:
    """The expected number of nodes next to a known one that are not known, over all layers of a tree."""
    layers = [2.0**level for level in range(1, depth + 1)]
    return sum(n * ((1 - 1 / n) ** asked - (1 - 2 / n) ** asked) for n in layers)
