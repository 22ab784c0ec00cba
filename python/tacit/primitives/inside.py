"""Where a product can be other than zero: a block among others is a view with zeros around it, which nobody needs to read."""

from __future__ import annotations

from dataclasses import dataclass

from tacit.circuit import Affine, Positions
from tacit.primitives.tensor import Axis, Factor, Map, Term


@dataclass(frozen=True, slots=True)
class Inside:
    """`terms` over `axes` are what others are over theirs at the places `where`, and these are zero elsewhere."""

    terms: tuple[Term, ...]
    axes: tuple[Axis, ...]
    where: tuple[slice, ...]


def inside(terms: tuple[Term, ...], axes: tuple[Axis, ...]) -> Inside | None:
    """None for several terms, and where no axis alone leaves a column, or none is ever inside."""
    if len(terms) != 1:
        return None
    ranges: dict[Axis, range] = {}
    for factor in terms[0].factors:
        for item, length in zip(factor.maps, factor.column.shape):
            if isinstance(item, Affine) and len(item.terms) == 1 and item.terms[0][1]:
                ((axis, stride),) = item.terms
                ranges[axis] = common(ranges.get(axis, range(axis.size)), within(item.offset, stride, length))
    if not all(ranges.values()) or all(len(places) == axis.size for axis, places in ranges.items()):
        return None
    fewer = {axis: (Axis(len(places)), places.start) for axis, places in ranges.items() if len(places) < axis.size}
    term = terms[0]
    factors = tuple(Factor(factor.column, tuple(narrowed(item, fewer) for item in factor.maps)) for factor in term.factors)
    where = tuple(slice(ranges[axis].start, ranges[axis].stop) if axis in fewer else slice(None) for axis in axes)
    return Inside(
        (Term(term.coefficient, factors, term.reach),), tuple(fewer[axis][0] if axis in fewer else axis for axis in axes), where
    )


def within(offset: int, stride: int, length: int) -> range:
    """The i with 0 <= offset + stride i < length; stride is not 0."""
    if stride < 0:
        return within(length - 1 - offset, -stride, length)
    return range(-(offset // stride), (length - 1 - offset) // stride + 1)


def common(left: range, right: range) -> range:
    return range(max(left.start, right.start), min(left.stop, right.stop))


def narrowed(item: Map, fewer: dict[Axis, tuple[Axis, int]]) -> Map:
    """The map over axes that begin later."""
    if isinstance(item, Positions):
        axis, start = fewer.get(item.axis, (item.axis, 0))
        return Positions(axis, item.indices[start : start + axis.size])
    offset = item.offset + sum(stride * fewer[axis][1] for axis, stride in item.terms if axis in fewer)
    return Affine(offset, tuple((fewer[axis][0] if axis in fewer else axis, stride) for axis, stride in item.terms))
