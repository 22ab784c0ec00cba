"""Exact arithmetic on tensors, exponents aligned: nothing is rounded and nothing committed but unavoidable copies.

Every function takes the builder first, for the copies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from tacit.circuit import Affine
from tacit.primitives.axes import align, distributed, freshened, partition, product, refine, rename, rename_term, sizes_of
from tacit.primitives.bounds import known_values, of_product
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.movement import MAXIMUM_TERMS, plus, reindex, reshape, shifted, transpose, unsqueeze
from tacit.primitives.tensor import Axis, NotAView, Tensor, Term, merged

MAXIMUM_PRODUCTS = 4
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@gadget("copy")
def copy(builder: Builder, name: str, tensor: Tensor, public: bool = False) -> Tensor:
    """The same integers as a column of its own, one axis per dimension. Contract copy - tensor = 0: unique."""
    values = lambda: builder.value(tensor)  # noqa: E731
    result = builder.commit(
        name, tensor.shape, tensor.low, tensor.high, values, exponent=tensor.exponent, public=public
    )
    builder.contract(name, result - tensor)
    return result


def add(builder: Builder, left: Tensor, right: Tensor) -> Tensor:
    """left + right as values: the coarser operand is multiplied up to the finer exponent. NumPy broadcasting."""
    exponent = max(left.exponent, right.exponent)
    result = plus(builder, shifted(left, exponent), shifted(right, exponent))
    return builder.copy(result) if len(result.terms) > MAXIMUM_TERMS else result


def subtract(builder: Builder, left: Tensor, right: Tensor) -> Tensor:
    """left - right as values, like `add`."""
    return add(builder, left, -right)


def negate(builder: Builder, tensor: Tensor) -> Tensor:
    return -tensor


def scale(builder: Builder, tensor: Tensor, integer: int, exponent: int = 0) -> Tensor:
    """The value times integer * 2^-exponent, exactly."""
    return (tensor * integer).with_exponent(tensor.exponent + exponent)


def shift(builder: Builder, tensor: Tensor, exponent: int) -> Tensor:
    """The same value at a finer exponent."""
    return shifted(tensor, exponent)


def multiply(builder: Builder, left: Tensor, right: Tensor) -> Tensor:
    """The elementwise product with NumPy broadcasting; exponents add."""
    left, right = factors_of(builder, left, right)
    try:
        align(left, right)
    except NotAView:
        left, right = builder.copy(left), builder.copy(right)
    return product(left, right)


def factors_of(builder: Builder, left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Operands whose product distributes into few terms of at most two factors each; others become copies."""
    if left.degree > 1 or left.denominator != 1:
        same, left = left is right, builder.copy(left)
        right = left if same else right
    if right.degree > 1 or right.denominator != 1:
        right = builder.copy(right)
    if len(left.terms) * len(right.terms) > MAXIMUM_PRODUCTS and len(left.terms) > 1:
        left = builder.copy(left)
    if len(left.terms) * len(right.terms) > MAXIMUM_PRODUCTS and len(right.terms) > 1:
        right = builder.copy(right)
    return left, right


def reduce_sum(builder: Builder, tensor: Tensor, axes: Sequence[int] | None = None, keepdims: bool = False) -> Tensor:
    """The sum over these dimensions (all by default).

    The summed axes are new: an axis that another tensor has as an output axis would be captured in a sum of the two.
    """
    rank = len(tensor.dims)
    drop = set(range(rank)) if axes is None else {axis % rank for axis in axes}
    names = {axis: Axis(axis.size) for i in sorted(drop) for axis in tensor.dims[i]}
    summed = list(names.values())
    count = prod(axis.size for axis in summed)
    terms = merged(summed_term(rename_term(term, names), summed) for term in tensor.terms)
    dims = tuple(() if i in drop else dim for i, dim in enumerate(tensor.dims) if i not in drop or keepdims)
    low, high = tensor.low * count, tensor.high * count
    return replace(tensor, dims=dims, terms=terms, low=low, high=high)


def summed_term(term: Term, summed: Sequence[Axis]) -> Term:
    """The term summed over these axes: those that it lacks multiply its coefficient."""
    present = term.axes
    lacking = prod(axis.size for axis in summed if axis not in present)
    reach = term.reach * prod(axis.size for axis in summed if axis in present)
    return Term(term.coefficient * lacking, term.factors, reach)


def matmul(builder: Builder, left: Tensor, right: Tensor, factors: int = 2) -> Tensor:
    """numpy.matmul: vectors, matrices and broadcast batches; exponents add. `factors`: see `einsum`."""
    a, b = len(left.dims), len(right.dims)
    if a == 0 or b == 0:
        raise ValueError("matmul of a scalar")
    if a == 1:
        left = unsqueeze(builder, left, [0])
    if b == 1:
        right = unsqueeze(builder, right, [1])
    batch = max(len(left.dims), len(right.dims)) - 2
    names = LETTERS[:batch]
    spec = f"{names[batch - len(left.dims) + 2 :]}XY,{names[batch - len(right.dims) + 2 :]}YZ->{names}XZ"
    result = einsum(builder, spec, left, right, factors)
    drop = {len(result.dims) - 2} if a == 1 else set()
    drop |= {len(result.dims) - 1} if b == 1 else set()
    return replace(result, dims=tuple(dim for i, dim in enumerate(result.dims) if i not in drop))


def einsum(builder: Builder, spec: str, left: Tensor, right: Tensor, factors: int = 2) -> Tensor:
    """numpy.einsum of two operands, "bij,bjk->bik"; lengths of 1 broadcast, no letter twice in one; exponents add. An operand that
    is a product itself is copied, unless both have no more than `factors` factors together."""
    inputs, output = spec.replace(" ", "").split("->")
    first, second = inputs.split(",")
    if len(first) != len(left.dims) or len(second) != len(right.dims):
        raise ValueError(f"{spec} does not fit {left.shape} and {right.shape}")
    if factors == 2 or left.degree + right.degree > factors or left.denominator * right.denominator != 1:
        left, right = factors_of(builder, left, right)
    try:
        return contracted(left, right, first, second, output)
    except NotAView:
        return contracted(builder.copy(left), builder.copy(right), first, second, output)


def contracted(left: Tensor, right: Tensor, first: str, second: str, output: str) -> Tensor:
    left, right = freshened(left), freshened(right)
    names: dict[Axis, Axis] = {}
    groups: dict[str, tuple[Axis, ...]] = {}
    for letter in dict.fromkeys(first + second):
        i, j = first.find(letter), second.find(letter)
        ours = left.dims[i] if i >= 0 else ()
        theirs = right.dims[j] if j >= 0 else ()
        if ours and theirs:
            if prod(sizes_of(ours)) != prod(sizes_of(theirs)):
                raise ValueError(f"lengths of {letter}: {prod(sizes_of(ours))} and {prod(sizes_of(theirs))}")
            common = partition(sizes_of(ours), sizes_of(theirs))
            left, right = refine(left, i, common), refine(right, j, common)
            ours, theirs = left.dims[i], right.dims[j]
            names.update(zip(theirs, ours))
        groups[letter] = ours or theirs
    right = rename(right, names)
    summed = [axis for letter, group in groups.items() if letter not in output for axis in group]
    pairs = [summed_term(term, summed) for term in distributed(left.terms, right.terms)]
    count = prod(axis.size for axis in summed)
    corners = [a * b * count for a in (left.low, left.high) for b in (right.low, right.high)]
    dims = tuple(groups[letter] for letter in output)
    exponent = left.exponent + right.exponent
    for weight, other in ((right, left), (left, right)):
        known = known_values(weight.terms[0]) if len(weight.terms) == 1 else None
        if known is not None:
            low, high, reaches = of_product(known, weight.terms[0].coefficient, other, summed)
            return Tensor(dims, merged(map(with_reach, pairs, reaches)), low, high, exponent)
    return Tensor(dims, merged(pairs), min(corners), max(corners), exponent)


def with_reach(term: Term, reach: int) -> Term:
    """A term whose sum of magnitudes another bound is known of."""
    return replace(term, reach=min(term.reach, reach))


def convolve(
    builder: Builder,
    tensor: Tensor,
    kernel: Tensor,
    strides: Sequence[int] | None = None,
    pads: Sequence[int] | None = None,
    dilations: Sequence[int] | None = None,
    groups: int = 1,
) -> Tensor:
    """Correlation of x[N, C, *spatial] with w[O, C/groups, *kernel], zeros outside; any number of spatial axes.

    `pads`: before each spatial axis, then after each (ONNX order). The result is [N, O, *output]; exponents add.
    """
    rank = len(tensor.dims) - 2
    strides, dilations = strides or (1,) * rank, dilations or (1,) * rank
    pads = pads or (0,) * (2 * rank)
    windows: list[int] = []
    for i in range(rank):
        length, taps = tensor.shape[2 + i] + pads[i] + pads[rank + i], kernel.shape[2 + i]
        count = (length - dilations[i] * (taps - 1) - 1) // strides[i] + 1
        if count < 1:
            raise ValueError(f"a kernel of {taps} does not fit spatial axis {i} of {tensor.shape}")
        windows += [count, taps]
        reads = ((Axis(count), strides[i]), (Axis(taps), dilations[i]))
        by = Affine(-pads[i], tuple((axis, stride) for axis, stride in reads if axis.size > 1))
        tensor = reindex(builder, tensor, 2 + i, by)
    channels, kernels = tensor.shape[1], kernel.shape[0]
    if channels % groups or kernels % groups or kernel.shape[1] != channels // groups:
        raise ValueError(f"{groups} groups of {tensor.shape} and {kernel.shape}")
    tensor = reshape(builder, tensor, (*tensor.shape[:2], *windows))
    tensor = transpose(builder, tensor, [0, 1, *range(2, 2 + 2 * rank, 2), *range(3, 3 + 2 * rank, 2)])
    tensor = cut(builder, tensor, 1, groups)
    kernel = cut(builder, kernel, 0, groups)
    places, taps_ = LETTERS[:rank], LETTERS[rank : 2 * rank]
    spec = f"NGC{places}{taps_},GOC{taps_}->NGO{places}"
    result = einsum(builder, spec, tensor, kernel)
    return replace(result, dims=(result.dims[0], result.dims[1] + result.dims[2], *result.dims[3:]))


def cut(builder: Builder, tensor: Tensor, position: int, groups: int) -> Tensor:
    """Dimension `position` as two: groups and the rest."""
    shape = tensor.shape
    return reshape(builder, tensor, (*shape[:position], groups, shape[position] // groups, *shape[position + 1 :]))
