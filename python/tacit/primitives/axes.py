"""Rewriting a tensor's axes: substitution, splitting, merging, alignment of two operands. No relation, no cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import prod

from tacit.circuit import Affine, Positions
from tacit.primitives.tensor import (
    MAXIMUM_FACTORS,
    Axis,
    Column,
    Dims,
    Factor,
    Map,
    NotAView,
    Tensor,
    Term,
    map_axes,
    merged,
    nested,
)

OUTSIDE = -1


def rename(tensor: Tensor, names: Mapping[Axis, Axis]) -> Tensor:
    """Exchanges axes for others of the same size."""
    if not names:
        return tensor
    dims = tuple(tuple(names.get(axis, axis) for axis in dim) for dim in tensor.dims)
    return replace(tensor, dims=dims, terms=tuple(rename_term(term, names) for term in tensor.terms))


def rename_term(term: Term, names: Mapping[Axis, Axis]) -> Term:
    factors = tuple(
        Factor(factor.column, tuple(rename_map(item, names) for item in factor.maps)) for factor in term.factors
    )
    return Term(term.coefficient, factors, term.reach)


def rename_map(item: Map, names: Mapping[Axis, Axis]) -> Map:
    if isinstance(item, Affine):
        return Affine(item.offset, tuple((names.get(axis, axis), stride) for axis, stride in item.terms))
    return Positions(names.get(item.axis, item.axis), item.indices)


def freshened(tensor: Tensor) -> Tensor:
    """The same tensor over axes of its own."""
    names: dict[Axis, Axis] = {axis: Axis(axis.size) for axis in tensor.axes}
    for term in tensor.terms:
        for axis in term.axes:
            if axis not in names:
                names[axis] = Axis(axis.size)
    return rename(tensor, names)


def substitute(terms: Iterable[Term], axis: Axis, by: Map) -> tuple[Term, ...]:
    """Terms read at axis = by(new axes). Where `by` leaves 0 .. axis.size - 1 every result is zero: by a factor that
    reads outside its column there. Raises NotAView when that, or the composition, has no such form."""
    low, high = span(by)
    return tuple(substitute_term(term, axis, by, low, high) for term in terms)


def span(by: Map) -> tuple[int, int]:
    """The least and the greatest value of a map over its axes."""
    if isinstance(by, Positions):
        return min(by.indices), max(by.indices)
    steps = [stride * (axis.size - 1) for axis, stride in by.terms]
    return by.offset + sum(min(step, 0) for step in steps), by.offset + sum(max(step, 0) for step in steps)


def substitute_term(term: Term, axis: Axis, by: Map, low: int, high: int) -> Term:
    overhang = low < 0 or high >= axis.size
    zero = not overhang
    users = [i for i, factor in enumerate(term.factors) if axis in factor.axes]
    for i in users:
        zero = zero or vanishes(term.factors[i], axis, by, low, high)
    factors = list(term.factors)
    for i in users:
        listing = not zero and can_list(factors[i], axis, by)
        factors[i] = substitute_factor(factors[i], axis, by, listing)
        zero = zero or listing
    if not zero:
        raise NotAView("a position outside the tensor would read a value")
    return Term(term.coefficient, tuple(factors), term.reach)


def vanishes(factor: Factor, axis: Axis, by: Map, low: int, high: int) -> bool:
    """Whether the factor reads outside its column whenever by(..) is outside 0 .. axis.size - 1."""
    for item, length in zip(factor.maps, factor.column.shape):
        if axis not in map_axes(item):
            continue
        if isinstance(item, Positions) or isinstance(by, Positions):
            return True
        rest = Affine(item.offset, tuple(pair for pair in item.terms if pair[0] is not axis))
        stride = dict(item.terms)[axis]
        least, greatest = span(rest)
        below = low >= 0 or greatest - stride < 0 or least - stride >= length
        if stride < 0:
            below = low >= 0 or least - stride >= length
            above = high < axis.size or greatest + stride * axis.size < 0
        else:
            below = low >= 0 or greatest - stride < 0
            above = high < axis.size or least + stride * axis.size >= length
        return below and above
    return False


def can_list(factor: Factor, axis: Axis, by: Map) -> bool:
    """Whether the map that reads `axis` reads nothing else, and `by` is over one axis: then it may become a list."""
    if len(map_axes(by)) > 1:
        return False
    return any(map_axes(item) == (axis,) for item in factor.maps)


def substitute_factor(factor: Factor, axis: Axis, by: Map, listing: bool) -> Factor:
    return Factor(
        factor.column,
        tuple(substitute_map(item, axis, by, listing) if axis in map_axes(item) else item for item in factor.maps),
    )


def substitute_map(item: Map, axis: Axis, by: Map, listing: bool) -> Map:
    if isinstance(item, Affine) and isinstance(by, Affine) and not listing:
        stride = dict(item.terms)[axis]
        terms: list[tuple[Axis, int]] = []
        for other, step in item.terms:
            if other is axis:
                terms += [(new, stride * inner) for new, inner in by.terms]
            else:
                terms.append((other, step))
        return Affine(item.offset + stride * by.offset, tuple(terms))
    if isinstance(item, Affine):
        if len(item.terms) > 1:
            raise NotAView("a list beside another axis")
        stride = dict(item.terms)[axis]
        stored: Sequence[int] = range(item.offset, item.offset + stride * axis.size, stride)
    else:
        stored = item.indices
    new = map_axes(by)
    if len(new) > 1:
        raise NotAView("a list over two axes")
    if isinstance(by, Positions):
        wanted: Iterable[int] = by.indices
    elif not new:
        wanted = (by.offset,)
    else:
        step = by.terms[0][1]
        wanted = range(by.offset, by.offset + step * new[0].size, step)
    indices = tuple(stored[index] if 0 <= index < axis.size else OUTSIDE for index in wanted)
    return Positions(new[0], indices) if new else Affine(indices[0], ())


def along(indices: Sequence[int], axis: Axis) -> Map:
    """The map axis -> indices[axis]; affine where the indices are an arithmetic progression."""
    if len(indices) == 1:
        return Affine(indices[0], ())
    step = indices[1] - indices[0]
    if step and all(right - left == step for left, right in zip(indices, indices[1:])):
        return Affine(indices[0], ((axis, step),))
    return Positions(axis, tuple(indices))


def split(tensor: Tensor, axis: Axis, sizes: Sequence[int]) -> Tensor:
    """Replaces an output axis by a row-major product of axes of these sizes (none of them 1)."""
    new = tuple(Axis(size) for size in sizes)
    terms = substitute(tensor.terms, axis, Affine(0, nested(new)))
    dims = tuple(tuple(n for old in dim for n in (new if old is axis else (old,))) for dim in tensor.dims)
    return replace(tensor, dims=dims, terms=terms)


def merge(tensor: Tensor, position: int) -> Tensor:
    """Makes dimension `position` a single axis; NotAView when a factor reads its axes apart."""
    while len(tensor.dims[position]) > 1:
        outer, inner = tensor.dims[position][:2]
        joined = Axis(outer.size * inner.size)
        terms = tuple(merge_term(term, outer, inner, joined) for term in tensor.terms)
        dim = (joined,) + tensor.dims[position][2:]
        dims = tensor.dims[:position] + (dim,) + tensor.dims[position + 1 :]
        tensor = replace(tensor, dims=dims, terms=terms)
    return tensor


def merge_term(term: Term, outer: Axis, inner: Axis, joined: Axis) -> Term:
    return Term(term.coefficient, tuple(merge_factor(f, outer, inner, joined) for f in term.factors), term.reach)


def merge_factor(factor: Factor, outer: Axis, inner: Axis, joined: Axis) -> Factor:
    present = [axis for axis in factor.axes if axis is outer or axis is inner]
    if not present:
        return factor
    maps: list[Map] = []
    for item in factor.maps:
        strides = dict(item.terms) if isinstance(item, Affine) else {}
        if isinstance(item, Affine) and outer in strides and inner in strides:
            if strides[outer] != strides[inner] * inner.size:
                raise NotAView("axes that do not nest")
            rest = [
                (joined if axis is outer else axis, strides[inner] if axis is outer else step)
                for axis, step in item.terms
                if axis is not inner
            ]
            maps.append(Affine(item.offset, tuple(rest)))
        elif outer in map_axes(item) or inner in map_axes(item):
            raise NotAView("axes of one dimension in two stored axes")
        else:
            maps.append(item)
    return Factor(factor.column, tuple(maps))


def partition(*sizes: Sequence[int]) -> tuple[int, ...]:
    """The coarsest sizes that refine each of the given sequences of one product. NotAView if they do not nest."""
    cuts = {1}
    for sequence in sizes:
        tail = 1
        for size in reversed(sequence):
            tail *= size
            cuts.add(tail)
    ordered = sorted(cuts)
    if any(high % low for low, high in zip(ordered, ordered[1:])):
        raise NotAView("partitions of one dimension that do not nest")
    return tuple(high // low for low, high in zip(reversed(ordered[:-1]), reversed(ordered[1:])))


def refine(tensor: Tensor, position: int, sizes: Sequence[int]) -> Tensor:
    """Splits the axes of dimension `position` until their sizes are `sizes`, which refine them."""
    remaining = list(sizes)
    for axis in tensor.dims[position]:
        part: list[int] = []
        while prod(part) < axis.size:
            part.append(remaining.pop(0))
        if len(part) > 1:
            tensor = split(tensor, axis, part)
    return tensor


def sizes_of(dim: tuple[Axis, ...]) -> tuple[int, ...]:
    return tuple(axis.size for axis in dim)


def broadcast_shape(left: Sequence[int], right: Sequence[int]) -> tuple[int, ...]:
    """NumPy's rule; ValueError when the shapes do not broadcast."""
    rank = max(len(left), len(right))
    left, right = (1,) * (rank - len(left)) + tuple(left), (1,) * (rank - len(right)) + tuple(right)
    for a, b in zip(left, right):
        if a != b and 1 not in (a, b):
            raise ValueError(f"shapes {left} and {right} do not broadcast")
    return tuple(b if a == 1 else a for a, b in zip(left, right))


def align(left: Tensor, right: Tensor) -> tuple[Dims, Tensor, Tensor]:
    """Both operands over common output axes (broadcast by NumPy's rule); the left one keeps its axes where it can."""
    if left.dims == right.dims:
        return left.dims, left, right
    rank = len(broadcast_shape(left.shape, right.shape))
    left = replace(left, dims=((),) * (rank - len(left.dims)) + left.dims)
    right = replace(right, dims=((),) * (rank - len(right.dims)) + right.dims)
    if set(left.axes) & set(right.axes):
        right = apart(right, left)
    names: dict[Axis, Axis] = {}
    for position in range(rank):
        a, b = sizes_of(left.dims[position]), sizes_of(right.dims[position])
        if a and b and a != b:
            common = partition(a, b)
            left, right = refine(left, position, common), refine(right, position, common)
    for ours, theirs in zip(left.dims, right.dims):
        if ours and theirs:
            names.update(zip(theirs, ours))
    right = rename(right, names)
    dims = tuple(ours or theirs for ours, theirs in zip(left.dims, right.dims))
    return dims, replace(left, dims=dims), replace(right, dims=dims)


def of_one_rank(*tensors: Tensor) -> tuple[Tensor, ...]:
    """The tensors with as many dimensions as the one that has most, of length 1 where NumPy would broadcast: so that their values
    broadcast in a batch, too."""
    rank = max(len(tensor.dims) for tensor in tensors)
    return tuple(replace(tensor, dims=((),) * (rank - len(tensor.dims)) + tensor.dims) for tensor in tensors)


def apart(tensor: Tensor, other: Tensor) -> Tensor:
    """`tensor` over output axes that `other` does not have, unless a dimension's axes are equal in both."""
    shift = len(other.dims) - len(tensor.dims)
    shared = {
        axis
        for position, dim in enumerate(tensor.dims)
        if dim and shift + position >= 0 and dim == other.dims[shift + position]
        for axis in dim
    }
    used = {axis for dim in other.dims for axis in dim}
    return rename(tensor, {axis: Axis(axis.size) for axis in tensor.axes if axis in used and axis not in shared})


def without_shared_sums(left: Tensor, right: Tensor) -> Tensor:
    """`right` with summed axes that no term of `left` has."""
    used = {axis for term in left.terms for axis in term.axes} | set(left.axes)
    outputs = set(right.axes)
    clashing = {axis for term in right.terms for axis in term.axes if axis not in outputs and axis in used}
    return rename(right, {axis: Axis(axis.size) for axis in clashing})


def distributed(left: Sequence[Term], right: Sequence[Term]) -> list[Term]:
    """The terms of the product of two sums, those of the first by those of the second; NotAView when one would have more than
    three factors."""
    result = []
    for a in left:
        for b in right:
            if len(a.factors) + len(b.factors) > MAXIMUM_FACTORS:
                raise NotAView("a product of more than three factors")
            result.append(Term(a.coefficient * b.coefficient, a.factors + b.factors, a.reach * b.reach))
    return result


def product(left: Tensor, right: Tensor) -> Tensor:
    """The elementwise product; exponents add."""
    dims, left, right = align(left, right)
    right = without_shared_sums(left, right)
    corners = [a * b for a in (left.low, left.high) for b in (right.low, right.high)]
    low, high = min(corners), max(corners)
    if left.dims == right.dims and left.terms == right.terms and left.denominator == right.denominator:
        low = max(low, 0)
    terms = merged(distributed(left.terms, right.terms))
    return Tensor(dims, terms, low, high, left.exponent + right.exponent, left.denominator * right.denominator)


def columns_of(tensor: Tensor) -> set[Column]:
    return {factor.column for term in tensor.terms for factor in term.factors}
