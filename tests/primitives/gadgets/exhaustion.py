"""Exhaustive search for every witness of one gadget over a small prime field: decides rule U for given field inputs.

The gadget runs unchanged on a builder that keeps its tensors; each relation becomes polynomials over cells, a cell
being (column name, flat index), a polynomial {sorted tuple of cells: coefficient modulo the prime}.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from math import prod

import numpy as np

from tacit.circuit import Affine
from tacit.primitives.builder import Builder
from tacit.primitives.evaluate import rule_values

LARGEST_SEARCH = 200_000


class Relations(Builder):
    """Keeps the relations of a gadget; columns have no values."""

    def __init__(self):
        super().__init__()
        self.contracts, self.lookups = [], []

    def on_contract(self, name, tensor):
        self.contracts.append(tensor)

    def on_lookup(self, name, table, components):
        self.lookups.append((table, components))


def position(item, place):
    if isinstance(item, Affine):
        return item.offset + sum(stride * place[axis] for axis, stride in item.terms)
    return item.indices[place[item.axis]]


def cell(factor, place):
    """The cell that a factor reads, or None outside its column."""
    where = [position(item, place) for item in factor.maps]
    if any(not 0 <= i < length for i, length in zip(where, factor.column.shape)):
        return None
    return factor.column.name, int(np.ravel_multi_index(where, factor.column.shape)) if where else 0


def polynomials(tensor, axes, prime):
    """One polynomial for every index of the output axes."""
    inverse = pow(tensor.denominator, -1, prime)
    for index in product(*(range(axis.size) for axis in axes)):
        place, found = dict(zip(axes, index)), {}
        for term in tensor.terms:
            summed = [axis for axis in term.axes if axis not in place]
            for rest in product(*(range(axis.size) for axis in summed)):
                cells = [cell(factor, {**place, **dict(zip(summed, rest))}) for factor in term.factors]
                if None not in cells:
                    key = tuple(sorted(cells))
                    found[key] = (found.get(key, 0) + term.coefficient * inverse) % prime
        yield found


def table_rows(table, prime):
    rows = set()
    for segment in table.segments:
        columns = [rule_values(rule, segment.entries) % prime for rule in segment.rules]
        rows |= set(zip(*(column.tolist() for column in columns)))
    return rows


class Search:
    """All witnesses of a gadget modulo `prime`. `make(builder)` runs it and returns its output tensor."""

    def __init__(self, make, prime: int):
        self.prime = prime
        builder = Relations()
        output = make(builder)
        self.equations = [q for t in builder.contracts for q in polynomials(t, t.axes, prime)]
        self.lookups = []
        for table, components in builder.lookups:
            rows = table_rows(table, prime)
            parts = [polynomials(c, components[0].axes, prime) for c in components]
            self.lookups += [(rows, sorted(rows), list(point)) for point in zip(*parts)]
        self.output = list(polynomials(output, output.axes, prime))
        self.inputs = {name: prod(column.shape) for name, column in builder.columns.items() if column.home == "public"}

    def reduce(self, polynomial, known):
        found = {}
        for key, coefficient in polynomial.items():
            rest = []
            for x in key:
                if x in known:
                    coefficient = coefficient * known[x] % self.prime
                else:
                    rest.append(x)
            if coefficient:
                key = tuple(rest)
                found[key] = (found.get(key, 0) + coefficient) % self.prime
        return {key: c for key, c in found.items() if c}

    def propagate(self, known, pending):
        """Solves linear equations of one unknown until none is left; None on a contradiction."""
        changed = True
        while changed:
            changed, left = False, []
            for polynomial in pending:
                q = self.reduce(polynomial, known)
                unknown = [key for key in q if key]
                if not unknown:
                    if q:
                        return None
                elif len(unknown) == 1 and len(unknown[0]) == 1:
                    known[unknown[0][0]] = -q.get((), 0) * pow(q[unknown[0]], -1, self.prime) % self.prime
                    changed = True
                else:
                    left.append(q)
            pending = left
        return pending

    def witnesses(self, known, pending, lookups) -> Iterator[dict]:
        self.steps += 1
        assert self.steps < LARGEST_SEARCH, "the search is too large"
        known = dict(known)
        pending = self.propagate(known, pending)
        if pending is None:
            return
        best, left = None, []
        for rows, ordered, parts in lookups:
            reduced = [self.reduce(q, known) for q in parts]
            fixed = [(i, q.get((), 0)) for i, q in enumerate(reduced) if not any(q)]
            if len(fixed) == len(reduced):
                if tuple(value for _, value in fixed) not in rows:
                    return
                continue
            fitting = [row for row in ordered if all(row[i] == value for i, value in fixed)]
            left.append((rows, fitting, reduced))
            if best is None or len(fitting) < len(best[1]):
                best = left[-1]
        if best is None:
            unknown = sorted({x for q in pending for key in q for x in key})
            if not unknown:
                yield known
                return
            for value in range(self.prime):
                yield from self.witnesses({**known, unknown[0]: value}, pending, [])
            return
        _, fitting, reduced = best
        others = [item for item in left if item is not best]
        for row in fitting:
            equations = [{**q, (): (q.get((), 0) - value) % self.prime} for q, value in zip(reduced, row)]
            yield from self.witnesses(known, pending + equations, others)

    def outputs(self, inputs: dict[str, list[int]]) -> set[tuple[int, ...]]:
        """The values that the output takes over all witnesses for these inputs, by column name, flat."""
        self.steps = 0
        known = {(name, i): value % self.prime for name, values in inputs.items() for i, value in enumerate(values)}
        found = set()
        for witness in self.witnesses(known, self.equations, self.lookups):
            values = [self.reduce(q, witness) for q in self.output]
            assert not any(key for q in values for key in q), "an output that nothing restricts"
            found.add(tuple(q.get((), 0) for q in values))
        return found
