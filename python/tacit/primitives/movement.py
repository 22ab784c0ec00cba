"""Movement: views that cost nothing; where a view does not exist, a committed copy is made through the builder.

Every function takes the builder first, keeps the exponent, and follows NumPy's meaning of its name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from tacit.circuit import Affine
from tacit.primitives.axes import align, along, broadcast_shape, merge, span, substitute
from tacit.primitives.axes import split as split_axis
from tacit.primitives.builder import Builder
from tacit.primitives.tensor import Axis, Dims, Factor, Map, NotAView, Tensor, Term, map_axes

MAXIMUM_TERMS = 16


def transpose(builder: Builder, tensor: Tensor, order: Sequence[int] | None = None) -> Tensor:
    """Dimension i of the result is dimension order[i]; reversed by default."""
    order = range(len(tensor.dims))[::-1] if order is None else [normal(tensor, i) for i in order]
    if sorted(order) != list(range(len(tensor.dims))):
        raise ValueError(f"{list(order)} is no permutation of {len(tensor.dims)} dimensions")
    return replace(tensor, dims=tuple(tensor.dims[i] for i in order))


def reshape(builder: Builder, tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """The elements in C order under another shape; one length may be -1."""
    shape = list(shape)
    if -1 in shape:
        rest = prod(size for size in shape if size != -1)
        shape[shape.index(-1)] = tensor.size // rest if rest else 0
    if prod(shape) != tensor.size:
        raise ValueError(f"cannot reshape {tensor.shape} to {tuple(shape)}")
    flat = replace(tensor, dims=(tensor.axes,))
    try:
        return regrouped(tensor, shape)
    except NotAView:
        pass
    try:
        return regrouped(merge(flat, 0), shape)
    except NotAView:
        return regrouped(builder.copy(flat), shape)


def regrouped(tensor: Tensor, shape: Sequence[int]) -> Tensor:
    axes = list(tensor.axes)
    dims: list[tuple[Axis, ...]] = []
    for size in shape:
        dim: list[Axis] = []
        while size > 1:
            axis = axes[0]
            if size % axis.size == 0:
                dim.append(axes.pop(0))
                size //= axis.size
            elif axis.size % size == 0:
                tensor, (first, second) = split_loose(tensor, axis, size)
                axes[:1] = [first, second]
            else:
                raise NotAView("a reshape that cuts across an axis")
        dims.append(tuple(dim))
    return replace(tensor, dims=tuple(dims))


def split_loose(tensor: Tensor, axis: Axis, size: int) -> tuple[Tensor, tuple[Axis, Axis]]:
    """Splits an axis into one of `size` and the rest; also returns the two."""
    result = split_axis(tensor, axis, (size, axis.size // size))
    place = tensor.axes.index(axis)
    return result, (result.axes[place], result.axes[place + 1])


def squeeze(builder: Builder, tensor: Tensor, axes: Sequence[int] | None = None) -> Tensor:
    """Drops dimensions of length 1: the given ones, or all."""
    units = (i for i, size in enumerate(tensor.shape) if size == 1)
    drop = set(units) if axes is None else {normal(tensor, i) for i in axes}
    if any(tensor.shape[i] != 1 for i in drop):
        raise ValueError(f"cannot squeeze {sorted(drop)} of {tensor.shape}")
    return replace(tensor, dims=tuple(dim for i, dim in enumerate(tensor.dims) if i not in drop))


def unsqueeze(builder: Builder, tensor: Tensor, axes: Sequence[int]) -> Tensor:
    """Inserts dimensions of length 1 at these positions of the result."""
    rank = len(tensor.dims) + len(axes)
    places = {axis % rank for axis in axes}
    dims = iter(tensor.dims)
    return replace(tensor, dims=tuple(() if i in places else next(dims) for i in range(rank)))


def flatten(builder: Builder, tensor: Tensor, axis: int = 1) -> Tensor:
    """ONNX Flatten: two dimensions, cut before `axis`."""
    axis = axis + len(tensor.dims) if axis < 0 else axis
    return reshape(builder, tensor, (prod(tensor.shape[:axis]), prod(tensor.shape[axis:])))


def expand(builder: Builder, tensor: Tensor, shape: Sequence[int]) -> Tensor:
    """NumPy broadcasting to (the broadcast of the tensor's shape and) `shape`."""
    target = broadcast_shape(tensor.shape, shape)
    dims: Dims = ((),) * (len(target) - len(tensor.dims)) + tensor.dims
    grown = tuple((Axis(size),) if not dim and size != 1 else dim for dim, size in zip(dims, target))
    return replace(tensor, dims=grown)


def reindex(builder: Builder, tensor: Tensor, position: int, by: Map) -> Tensor:
    """Dimension `position`, as one axis, is read at `by` (over its new axes); positions outside read zero."""
    position = normal(tensor, position)
    try:
        return reindexed(merge(tensor, position), position, by)
    except NotAView:
        return reindexed(builder.copy(tensor), position, by)


def reindexed(tensor: Tensor, position: int, by: Map) -> Tensor:
    low, high = span(by)
    dim = tensor.dims[position]
    overhang = low < 0 or high >= tensor.shape[position]
    if dim:
        terms = substitute(tensor.terms, dim[0], by)
    else:
        terms = tuple(read_unit(term, by) for term in tensor.terms) if overhang else tensor.terms
    dims = tensor.dims[:position] + (map_axes(by),) + tensor.dims[position + 1 :]
    bounds = (min(tensor.low, 0), max(tensor.high, 0)) if overhang else (tensor.low, tensor.high)
    return replace(tensor, dims=dims, terms=terms, low=bounds[0], high=bounds[1])


def read_unit(term: Term, by: Map) -> Term:
    """A term that does not vary along a dimension of length 1, read at by(..): zero unless by(..) = 0.

    Adds by(..) * length to one stored position, which leaves the column whenever by(..) is not 0.
    """
    for i, factor in enumerate(term.factors):
        for j, (item, length) in enumerate(zip(factor.maps, factor.column.shape)):
            if not isinstance(item, Affine) or not isinstance(by, Affine):
                continue
            low, high = span(item)
            jump = max(length - low, high + 1)
            jumps = tuple((axis, stride * jump) for axis, stride in by.terms)
            moved = Affine(item.offset + jump * by.offset, item.terms + jumps)
            maps = factor.maps[:j] + (moved,) + factor.maps[j + 1 :]
            factors = term.factors[:i] + (Factor(factor.column, maps),) + term.factors[i + 1 :]
            return Term(term.coefficient, factors, term.reach)
    raise NotAView("nothing to read outside of")


def slice_(builder: Builder, tensor: Tensor, position: int, start: int, stop: int | None, step: int = 1) -> Tensor:
    """tensor[start:stop:step] along one dimension, with Python's meaning of negative and missing bounds."""
    position = normal(tensor, position)
    chosen = range(tensor.shape[position])[start:stop:step]
    if not chosen:
        raise ValueError(f"an empty slice of dimension {position} of {tensor.shape}")
    return pick(builder, tensor, position, chosen)


def take(builder: Builder, tensor: Tensor, position: int, indices: Sequence[int]) -> Tensor:
    """numpy.take along one dimension by constant indices (negative ones count from the end)."""
    position = normal(tensor, position)
    size = tensor.shape[position]
    if not indices or any(not -size <= index < size for index in indices):
        raise ValueError(f"indices outside dimension {position} of {tensor.shape}")
    return pick(builder, tensor, position, [index % size for index in indices])


def pick(builder: Builder, tensor: Tensor, position: int, chosen: Sequence[int]) -> Tensor:
    if list(chosen) == list(range(tensor.shape[position])):
        return tensor
    return reindex(builder, tensor, position, along(chosen, Axis(len(chosen))))


def flip(builder: Builder, tensor: Tensor, axes: Sequence[int]) -> Tensor:
    """Reverses the order along these dimensions."""
    for axis in axes:
        tensor = slice_(builder, tensor, axis, -1, None, -1)
    return tensor


def split(builder: Builder, tensor: Tensor, position: int, sizes: Sequence[int]) -> list[Tensor]:
    """Consecutive pieces of these lengths along one dimension."""
    position = normal(tensor, position)
    if sum(sizes) != tensor.shape[position]:
        raise ValueError(f"pieces {list(sizes)} of a dimension of {tensor.shape[position]}")
    stops = [sum(sizes[: i + 1]) for i in range(len(sizes))]
    return [slice_(builder, tensor, position, stop - size, stop) for stop, size in zip(stops, sizes)]


def pad(builder: Builder, tensor: Tensor, pads: Sequence[tuple[int, int]]) -> Tensor:
    """Zeros before and after each dimension; negative amounts crop."""
    for position, (before, after) in enumerate(pads):
        size = tensor.shape[position] + before + after
        if size < 1:
            raise ValueError(f"nothing is left of dimension {position} of {tensor.shape}")
        if (before, after) != (0, 0):
            by = Affine(-before, ((Axis(size), 1),) if size > 1 else ())
            tensor = reindex(builder, tensor, position, by)
    return tensor


def concat(builder: Builder, tensors: Sequence[Tensor], position: int) -> Tensor:
    """Joins along one dimension. Exponents are aligned to the finest."""
    position = normal(tensors[0], position)
    exponent = max(tensor.exponent for tensor in tensors)
    tensors = [shifted(tensor, exponent) for tensor in tensors]
    sizes = [tensor.shape[position] for tensor in tensors]
    low, high = min(tensor.low for tensor in tensors), max(tensor.high for tensor in tensors)
    total, start, result = sum(sizes), 0, None
    for tensor, size in zip(tensors, sizes):
        pads = [(0, 0)] * len(tensor.dims)
        pads[position] = (start, total - start - size)
        piece = pad(builder, tensor, pads)
        result = piece if result is None else plus(builder, result, piece)
        start += size
    assert result is not None
    result = result.bounded(low, high)
    return builder.copy(result) if len(result.terms) > MAXIMUM_TERMS else result


def plus(builder: Builder, left: Tensor, right: Tensor) -> Tensor:
    """left + right as integers, with copies where their dimensions are cut differently."""
    try:
        return left + right
    except NotAView:
        return builder.copy(left) + builder.copy(right)


def align_all(builder: Builder, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """The tensors broadcast to common output axes; where their dimensions are cut incompatibly, copies of them."""
    try:
        return aligned_together(tensors)
    except NotAView:
        return aligned_together([builder.copy(tensor) for tensor in tensors])


def aligned_together(tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    finest = tensors[0]
    for tensor in tensors[1:]:
        finest = align(finest, tensor)[1]
    return tuple(align(finest, tensor)[2] for tensor in tensors)


def shifted(tensor: Tensor, exponent: int) -> Tensor:
    """The same value at a finer exponent: integers times a power of two."""
    if exponent < tensor.exponent:
        raise ValueError(f"exponent {exponent} is coarser than {tensor.exponent}")
    return (tensor * (1 << exponent - tensor.exponent)).with_exponent(exponent)


def normal(tensor: Tensor, position: int) -> int:
    """A dimension's number, counted from the front; ValueError when there is no such dimension."""
    if not -len(tensor.dims) <= position < len(tensor.dims):
        raise ValueError(f"dimension {position} of {tensor.shape}")
    return position % len(tensor.dims)
