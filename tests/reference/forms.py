"""Weights on axes, what a view does to them, and linear forms on columns (docs/protocol.md, Forms)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .affine import Value
from .circuit import VIRTUAL, Circuit, Map, Rule, Sum, View
from .field import ONE, ZERO, K, bits, dot, eq, eq_index, eq_table, less_than, power, total


class Weight:
    """A vector of elements of K on one axis: eq of a point, the powers 1, b, b^2, .. of a base, or whatever is built.

    `symbol` says how the verifier came by it: two weights are *the same* for the order of messages (docs/transcript.md, Distinct
    factors) exactly when their symbols are equal, whatever their entries are.
    """

    def __init__(
        self,
        symbol: tuple,
        length: int,
        point: Sequence[K] | None = None,
        build: Callable[[], list[K]] | None = None,
        base: K | None = None,
    ) -> None:
        self.symbol, self.length, self.point, self.base, self._build = symbol, length, point, base, build
        self._entries: list[K] | None = None
        self._total: K | None = None

    @property
    def entries(self) -> list[K]:
        if self._entries is None:
            if self.point is not None:
                self._entries = eq_table(self.point)[: self.length]
            else:
                self._entries = powers(self.base, self.length) if self._build is None else self._build()
            assert len(self._entries) == self.length
        return self._entries

    @property
    def total(self) -> K:
        """The sum of all entries."""
        if self._total is None:
            self._total = total(self.entries) if self.point is None else less_than(self.point, self.length)
        return self._total

    def at(self, position: int) -> K:
        if self.base is not None:
            return power(self.base, position)
        return self.entries[position] if self.point is None else eq_index(self.point, position)

    def piece(self, start: int, segment: Sequence[K]) -> K:
        """sum_{i < 2^e} entry(start + i) eq(segment, i), e = len(segment), start a multiple of 2^e."""
        e = len(segment)
        if self.point is not None:
            cut = len(self.point) - e
            return eq_index(self.point[:cut], start >> e) * eq(self.point[cut:], segment)
        if self.base is not None:
            product, square = power(self.base, start), self.base
            for r in reversed(segment):
                product, square = product * (r * square - r + 1), square * square
            return product
        table = self.entries[start : start + (1 << e)]
        for r in segment:
            half = len(table) // 2
            table = [low + (high - low) * r for low, high in zip(table[:half], table[half:])]
        return table[0]


def eq_weight(symbol: tuple, point: Sequence[K], length: int) -> Weight:
    """i -> eq(point, i) for i < length, the point having bits(length) coordinates."""
    assert len(point) == bits(length)
    return Weight(symbol, length, point=point)


def powers(base: K, length: int) -> list[K]:
    """[base^i for i < length]."""
    found = [ONE]
    while len(found) < length:
        found.append(found[-1] * base)
    return found


def ones(length: int) -> Weight:
    return Weight(("ones", length), length, build=lambda: [ONE] * length)


@dataclass
class FormTerm:
    """coefficient * <column, product of one weight per stored axis>."""

    coefficient: K
    column: int
    weights: tuple[Weight, ...]


@dataclass
class Claim:
    """form(columns) = value."""

    form: list[FormTerm]
    value: Value


@dataclass
class Weighted:
    """scale * sum_o (prod_a weights[a][o_a]) S[o], one weight per output axis."""

    sum: Sum
    weights: tuple[Weight, ...]
    scale: K

    def axis_weights(self) -> tuple[Weight, ...]:
        """One weight per relation axis: ones on the summed ones."""
        return (*self.weights, *(ones(d) for d in self.sum.axes[self.sum.outputs :]))


class Views:
    """From weights on relation axes to weights on stored axes; images are kept by symbol."""

    def __init__(self) -> None:
        self.images: dict[tuple, Weight] = {}

    def weights(self, view: View, shape: Sequence[int], axes: Sequence[Weight]) -> tuple[Weight, ...]:
        """For each stored axis the vector h -> sum of the products of the axes' weights over the index tuples sent to h."""
        return tuple(self._image(m, length, axes) for m, length in zip(view.maps, shape))

    def _image(self, m: Map, length: int, axes: Sequence[Weight]) -> Weight:
        sources = [axes[axis] for axis, _ in m.terms]
        if m.indices is None and m.offset == 0 and [s for _, s in m.terms] == [1] and sources[0].length == length:
            return sources[0]
        names = tuple(source.symbol for source in sources)
        strides = tuple(stride for _, stride in m.terms)
        symbol = ("list", length, m.indices, names) if m.indices is not None else ("affine", length, m.offset, strides, names)
        if symbol not in self.images:
            self.images[symbol] = Weight(symbol, length, build=lambda: scatter(m, length, sources))
        return self.images[symbol]


def scatter(m: Map, length: int, sources: Sequence[Weight]) -> list[K]:
    """Every index tuple's product, added at its position; positions outside 0 .. length are dropped."""
    vector = [ZERO] * length
    if m.indices is not None:
        for position, entry in zip(m.indices, sources[0].entries):
            if 0 <= position < length:
                vector[position] = vector[position] + entry
        return vector
    tuples = [(m.offset, ONE)]
    for (_, stride), source in zip(m.terms, sources):
        tuples = [(at + stride * i, product * entry) for at, product in tuples for i, entry in enumerate(source.entries)]
    for position, product in tuples:
        if 0 <= position < length:
            vector[position] = vector[position] + product
    return vector


def virtual_terms(weighted: Weighted, circuit: Circuit) -> list[Weighted]:
    """The definition of every virtual column that a component reads, under the component's weights."""
    found = []
    for term in weighted.sum.terms:
        for view in term.views:
            definition = circuit.columns[view.column].definition
            if definition is not None:
                found.append(Weighted(definition, weighted.weights, weighted.scale * term.coefficient))
    return found


def linear_form(weighted: Weighted, circuit: Circuit, views: Views) -> tuple[list[FormTerm], K]:
    """The terms with at most one factor, as (form, constant); virtual columns are replaced by those terms of their definitions."""
    form, constant = affine(weighted, circuit, views)
    for definition in virtual_terms(weighted, circuit):
        more, added = affine(definition, circuit, views)
        form, constant = form + more, constant + added
    return form, constant


def affine(weighted: Weighted, circuit: Circuit, views: Views) -> tuple[list[FormTerm], K]:
    form: list[FormTerm] = []
    constant = ZERO
    for term in weighted.sum.terms:
        if len(term.views) > 1 or any(circuit.columns[view.column].home == VIRTUAL for view in term.views):
            continue
        mentioned = set().union(*(view.axes() for view in term.views))
        coefficient = weighted.scale * term.coefficient
        for a, weight in enumerate(weighted.weights):
            if a not in mentioned:
                coefficient = coefficient * weight.total
        if not term.views:
            constant = constant + coefficient
        for view in term.views:
            shape = circuit.columns[view.column].shape
            form.append(FormTerm(coefficient, view.column, views.weights(view, shape, weighted.axis_weights())))
    return form, constant


def known(cells: Sequence[int], weights: Sequence[Weight]) -> K:
    """sum_x cells[x] prod_a weights[a](x_a), cells in C order."""
    if not weights:
        return K(cells[0])
    last = weights[-1].entries
    table = [dot(cells[i : i + len(last)], last) for i in range(0, len(cells), len(last))]
    for weight in reversed(weights[:-1]):
        row = weight.entries
        chunks = (table[i : i + len(row)] for i in range(0, len(table), len(row)))
        table = [total(a * b for a, b in zip(chunk, row)) for chunk in chunks]
    return table[0]


def rule_value(rule: Rule, weight: Weight) -> K:
    """sum_{i < entries} weight(i) rule(i)."""
    if rule.cells is not None:
        return dot(rule.cells, weight.entries)
    value = weight.total * rule.start
    return value + dot(range(weight.length), weight.entries) * rule.step if rule.step else value
