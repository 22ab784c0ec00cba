"""Bounds of sums of products with known weights: by the sum of magnitudes, and by Cauchy and Schwarz where the other operand's
squares have a proved bound.

Both hold for every value that the operand's column can have; neither is relied on for uniqueness (docs of `gadgets`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt, prod

import numpy as np

from tacit.circuit import Affine
from tacit.primitives.reading import EXACT, factor_values, times
from tacit.primitives.tensor import Axis, Map, Tensor, Term, map_axes


@dataclass(frozen=True)
class Known:
    """The product of a term's factors, all of known values, over `axes`."""

    values: np.ndarray
    axes: tuple[Axis, ...]


def known_values(term: Term) -> Known | None:
    """The values of a term over its own axes, when those of its columns are known, of one or two."""
    parts = []
    for factor in term.factors:
        if factor.column.known is None:
            return None
        parts.append(Known(factor_values(factor, factor.column.known), factor.axes))
    if len(parts) == 2:
        return Known(*times(parts[0].values.astype(np.int64), parts[0].axes, parts[1].values, parts[1].axes))
    return parts[0] if len(parts) == 1 else None


def of_product(known: Known, coefficient: int, other: Tensor, summed: Sequence[Axis]) -> tuple[int, int, list[int]]:
    """(low, high, reaches): bounds of sum over `summed` of coefficient * known * other for every `other` in its interval, and for
    each of its terms one of the sum of magnitudes without coefficients."""
    low, high, norm = by_magnitudes(known, coefficient, other, summed)
    reaches, squares = [], None
    for term in other.terms:
        reach = norm * term.reach
        row = square_bound(term, summed)
        if row is not None:
            squares = largest_squares(known, summed) if squares is None else squares
            reach = min(reach, isqrt(squares * row))
        reaches.append(reach)
    most = sum(abs(coefficient * term.coefficient) * reach for term, reach in zip(other.terms, reaches))
    return max(low, -most), min(high, most), reaches


def by_magnitudes(known: Known, coefficient: int, other: Tensor, summed: Sequence[Axis]) -> tuple[int, int, int]:
    """(low, high, the largest sum of |known|), from sum max(w low, w high) at every output index."""
    places, lacking = summed_places(known, summed)
    positive = (np.maximum(known.values, 0).sum(axis=places) * lacking).reshape(-1).tolist()
    negative = (np.minimum(known.values, 0).sum(axis=places) * lacking).reshape(-1).tolist()
    norm = max(p - n for p, n in zip(positive, negative))
    if coefficient < 0:
        positive, negative = negative, positive
    pairs = [(p * coefficient, n * coefficient) for p, n in zip(positive, negative)]
    low = min(p * other.low + n * other.high for p, n in pairs)
    high = max(p * other.high + n * other.low for p, n in pairs)
    return low, high, norm


def summed_places(known: Known, summed: Sequence[Axis]) -> tuple[tuple[int, ...], int]:
    """The dimensions of the values that are summed, and how often each value counts besides."""
    given, own = set(summed), set(known.axes)
    places = tuple(i for i, axis in enumerate(known.axes) if axis in given)
    return places, prod(axis.size for axis in summed if axis not in own)


def largest_squares(known: Known, summed: Sequence[Axis]) -> int:
    """The largest sum of squares over `summed`, or little more: values of many bits are rounded away from zero first, to those that
    float64 adds the squares of exactly, in whatever order."""
    places, lacking = summed_places(known, summed)
    length = prod(known.values.shape[i] for i in places)
    most = max(int(known.values.max(initial=0)), -int(known.values.min(initial=0)))
    drop = max(0, most.bit_length() - (EXACT.bit_length() - 1 - length.bit_length()) // 2 + 1)
    values = known.values if drop == 0 else -(-np.abs(known.values) >> drop)
    return int(np.square(values, dtype=np.float64).sum(axis=places).max(initial=0)) * lacking << 2 * drop


def square_bound(term: Term, summed: Sequence[Axis]) -> int | None:
    """A bound of the sum over `summed` of the square of a term without its coefficient, at every index of its other axes: from
    what its only column's squares add up to along a stored axis, if no cell is read twice along that axis.

    Axes of `summed` that other stored axes are read by, or none, repeat the sum."""
    if len(term.factors) != 1:
        return None
    factor, found = term.factors[0], []
    for place, bound in factor.column.squares:
        elsewhere = {axis for i, item in enumerate(factor.maps) if i != place for axis in map_axes(item)}
        along = [axis for axis in map_axes(factor.maps[place]) if axis in set(summed) and axis not in elsewhere]
        if reads_once(factor.maps[place], along):
            found.append(bound * prod(axis.size for axis in summed if axis not in along))
    return min(found, default=None)


def reads_once(item: Map, axes: Sequence[Axis]) -> bool:
    """Whether a map has another position for each index of these axes, its others fixed; positions outside read zero."""
    if not isinstance(item, Affine):
        inside = [index for index in item.indices if index >= 0]
        return not axes or len(set(inside)) == len(inside)
    reached = 0
    for axis, stride in sorted(((a, abs(s)) for a, s in item.terms if a in axes), key=lambda pair: pair[1]):
        if stride <= reached:
            return False
        reached += stride * (axis.size - 1)
    return True
