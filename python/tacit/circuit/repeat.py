"""A circuit -> the circuit of several samples: weights and tables once, everything else once a sample."""

from __future__ import annotations

from dataclasses import replace

from tacit.circuit.model import Affine, Circuit, Column, Positions, Sum, Term, View

SHARED = ("weights", "count")


def batch_shape(shape: tuple[int, ...], count: int) -> tuple[int, ...]:
    """Of `count` samples of a tensor: they take the place of a first axis of 1, else they have an axis before all others."""
    return (count, *shape[1:]) if shape[:1] == (1,) else (count, *shape)


def repeated(circuit: Circuit, count: int) -> Circuit:
    """The unfinished circuit of `count` samples, each of which satisfies `circuit`, with the same weights.

    Every column but weights and multiplicities gets a first axis of `count`, every sum a first output axis, at which these columns
    are read: a relation holds at a place of that axis exactly if the sample there satisfies it. Tables serve all samples, so a
    multiplicity counts them together. A tensor without elements stays the one zero that stands for it (docs/circuit.md).
    """
    single = {public.column for public in circuit.publics if 0 in public.shape}
    lifted = [column.home not in SHARED and number not in single for number, column in enumerate(circuit.columns)]

    def map_(item: Affine[int] | Positions[int]) -> Affine[int] | Positions[int]:
        if isinstance(item, Affine):
            return Affine(item.offset, tuple((axis + 1, stride) for axis, stride in item.terms))
        return Positions(item.axis + 1, item.indices)

    def view(item: View) -> View:
        first = (Affine(0, ((0, 1),)),) if lifted[item.column] else ()
        return View(item.column, (*first, *map(map_, item.maps)))

    def sum_(item: Sum) -> Sum:
        terms = tuple(Term(term.coefficient, tuple(map(view, term.views))) for term in item.terms)
        return Sum((count, *item.axes), item.outputs + 1, terms)

    def column(number: int, item: Column) -> Column:
        if not lifted[number]:
            return item
        definition = None if item.definition is None else sum_(item.definition)
        return replace(item, shape=(count, *item.shape), definition=definition)

    return replace(
        circuit,
        columns=tuple(column(number, item) for number, item in enumerate(circuit.columns)),
        contracts=tuple(replace(contract, zero=sum_(contract.zero)) for contract in circuit.contracts),
        lookups=tuple(replace(lookup, components=tuple(map(sum_, lookup.components))) for lookup in circuit.lookups),
        publics=tuple(replace(public, shape=batch_shape(public.shape, count)) for public in circuit.publics),
    )
