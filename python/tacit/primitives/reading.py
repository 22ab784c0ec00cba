"""Values of tensors in NumPy: views of columns by strides, contractions through BLAS where float64 is exact."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tacit.circuit import Affine
from tacit.primitives.axes import span
from tacit.primitives.tensor import Axis, Column, Factor, Tensor, Term

LEAST_SAVED = 256
"""From so many products an element of the left operand on, a look for zeros is a small part of a multiplication."""
EXACT = 2**53
CACHED_VALUES = 8
PIECE = 2**19
"""Cells of the right operand that are converted to float64 at a time: few enough to stay in cache, enough to share a product
among threads."""
ALONE, LEAST_PIECE = 2**18, 2**13
"""OpenBLAS leaves so many multiplications to one thread. Products of a few rows are cut to that, if pieces stay long enough: two
threads gain nothing there, and wait for each other where other work runs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How to read a factor: take lists, pad with zeros, then one strided view (strides and offset in cells)."""

    lists: tuple[tuple[int, np.ndarray, bool], ...]
    pads: tuple[tuple[int, int], ...] | None
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int


def plan_factor(factor: Factor, lead: tuple[Axis, ...] = ()) -> Plan:
    """`lead`: axes that the stored values have before those of the column."""
    lists, pads, lengths = [], [], []
    reads: list[tuple[int, tuple[tuple[Axis, int], ...]]] = []
    whole = tuple(Affine(0, ((axis, 1),)) for axis in lead)
    stored = tuple(axis.size for axis in lead) + factor.column.shape
    for place, (item, length) in enumerate(zip(whole + factor.maps, stored)):
        if not isinstance(item, Affine):
            indices = np.array(item.indices, dtype=np.int64)
            outside = (indices < 0) | (indices >= length)
            indices[outside] = length
            lists.append((place, indices, bool(outside.any())))
            pads.append((0, 0))
            lengths.append(len(indices))
            reads.append((0, ((item.axis, 1),)))
            continue
        low, high = span(item)
        offset = item.offset
        if low == high and not 0 <= low < length:
            offset = low = high = length
        before, after = max(0, -low), max(0, high - length + 1)
        pads.append((before, after))
        lengths.append(length + before + after)
        reads.append((offset + before, item.terms))
    cells = [prod(lengths[place + 1 :]) for place in range(len(lengths))]
    shape, strides, offset = [], [], 0
    for cell, (start, terms) in zip(cells, reads):
        offset += cell * start
        for axis, stride in terms:
            shape.append(axis.size)
            strides.append(cell * stride)
    needed = tuple(pads) if any(pad != (0, 0) for pad in pads) else None
    return Plan(tuple(lists), needed, tuple(shape), tuple(strides), offset)


def read(plan: Plan, array: np.ndarray) -> np.ndarray:
    """The factor over its own axes, from a C-contiguous column."""
    for place, indices, outside in plan.lists:
        if outside:
            array = padded(array, tuple((0, int(axis == place)) for axis in range(array.ndim)))
        array = np.take(array, indices, axis=place)
    if plan.pads is not None:
        array = padded(array, plan.pads)
    if not array.flags.c_contiguous:
        array = np.ascontiguousarray(array)
    size = array.itemsize
    return np.ndarray(
        plan.shape, array.dtype, array, plan.offset * size, tuple(stride * size for stride in plan.strides)
    )


def padded(array: np.ndarray, pads: Sequence[tuple[int, int]]) -> np.ndarray:
    result = np.zeros([before + size + after for size, (before, after) in zip(array.shape, pads)], dtype=array.dtype)
    result[tuple(slice(before, before + size) for size, (before, _) in zip(array.shape, pads))] = array
    return result


def factor_values(factor: Factor, array: np.ndarray) -> np.ndarray:
    """The factor over its own axes (`factor.axes`), from its column's values."""
    return read(plan_factor(factor), np.ascontiguousarray(array).reshape(factor.column.shape))


class Reading:
    """Evaluates tensors; `column_values` gives a column's values in its stored shape, C order, of any signed dtype. `batch`: the
    axis of samples that all columns but weights have before their own, and so has every value."""

    def __init__(self, column_values: Callable[[Column], np.ndarray], batch: Axis | None = None) -> None:
        self.column_values = column_values
        self.batch = batch
        self.lead = () if batch is None else (batch,)
        self.plans: dict[int, tuple[Factor, Plan]] = {}
        self.recent: OrderedDict[Any, tuple[Any, np.ndarray]] = OrderedDict()
        self.scratch = np.empty(PIECE)

    def value(self, tensor: Tensor) -> np.ndarray:
        """int64 of the tensor's shape, after the batch's axis; not to be written to. ArithmeticError when a denominator does not
        divide."""
        column = tensor.column
        if column is not None:
            lead = tuple(axis.size for axis in self.lead)
            values = np.asarray(self.column_values(column), dtype=np.int64)
            if self.is_sampled(column):
                return values.reshape(lead + tensor.shape)
            return np.broadcast_to(values.reshape(tensor.shape), lead + tensor.shape)
        return self.remember(id(tensor), tensor, lambda: self.sum_of_terms(tensor))

    def remember(self, key: Any, owner: Any, compute: Callable[[], np.ndarray]) -> np.ndarray:
        """The result of `compute`, kept among the last few; `owner` lives as long, so that its id is not reused."""
        found = self.recent.get(key)
        if found is not None:
            self.recent.move_to_end(key)
            return found[1]
        result = compute()
        self.recent[key] = (owner, result)
        if len(self.recent) > CACHED_VALUES:
            self.recent.popitem(last=False)
        return result

    def is_sampled(self, column: Column) -> bool:
        """Whether each sample of the batch has values of its own."""
        return self.batch is not None and column.home != "weights"

    def sum_of_terms(self, tensor: Tensor) -> np.ndarray:
        axes = self.lead + tensor.axes
        shape = tuple(axis.size for axis in axes)
        total: np.ndarray | None = None
        for terms in together(tensor.terms):
            part = self.value_of(terms, axes)
            if len(terms) == 1 and terms[0].coefficient != 1:
                part = part * terms[0].coefficient
            if total is None:
                total = np.array(np.broadcast_to(part, shape), dtype=np.int64)
            else:
                total += part
        if total is None:
            total = np.zeros(shape, dtype=np.int64)
        if tensor.denominator != 1:
            total, rest = np.divmod(total, tensor.denominator)
            if rest.any():
                raise ArithmeticError(f"a value is not a multiple of {tensor.denominator}")
        return total.reshape(tuple(axis.size for axis in self.lead) + tensor.shape)

    def value_of(self, terms: tuple[Term, ...], axes: tuple[Axis, ...]) -> np.ndarray:
        """A term without its coefficient, or the sum of several that belong `together`, broadcastable over `axes`."""
        if not terms[0].factors:
            return np.ones((1,) * len(axes), dtype=np.int64)
        if len(terms[0].factors) == 1:
            return self.product(terms, axes)
        factors = tuple(term.factors for term in terms)
        key = (*map(id, factors), *(term.coefficient for term in terms if len(terms) > 1), axes)
        return self.remember(key, (factors, axes), lambda: self.product(terms, axes))

    def product(self, terms: tuple[Term, ...], axes: tuple[Axis, ...]) -> np.ndarray:
        keep = set(axes)
        factors = weights_last(terms[0])
        first, own = self.factor(factors[0])
        array, reach = np.asarray(first, dtype=np.int64), terms[0].reach
        if len(terms) > 1:
            array, reach = array * terms[0].coefficient, joint_reach(terms)
            for term in terms[1:]:
                other, theirs = self.factor(weights_last(term)[0])
                array += term.coefficient * other.transpose([theirs.index(axis) for axis in own])
        for i, factor in enumerate(factors[1:], 1):
            later = {axis for rest in factors[i + 1 :] for axis in rest.axes}
            array, own = self.contract(array, own, factor, keep | later, reach)
        array, own = summed(array, own, keep)
        order = sorted(range(len(own)), key=lambda i: axes.index(own[i]))
        shape = [axis.size if axis in own else 1 for axis in axes]
        return array.transpose(order).reshape(shape)

    def factor(self, factor: Factor) -> tuple[np.ndarray, tuple[Axis, ...]]:
        """The factor's values and their axes."""
        lead = self.lead if self.is_sampled(factor.column) else ()
        found = self.plans.get(id(factor))
        if found is None:
            found = self.plans[id(factor)] = (factor, plan_factor(factor, lead))
        return read(found[1], self.column_values(factor.column)), lead + factor.axes

    def contract(
        self, left: np.ndarray, left_axes: tuple[Axis, ...], factor: Factor, keep: set[Axis], reach: int
    ) -> tuple[np.ndarray, tuple[Axis, ...]]:
        """left * factor, summed over what is not kept."""
        right, right_axes = self.factor(factor)
        shared = [axis for axis in right_axes if axis in left_axes]
        inner = [axis for axis in shared if axis not in keep]
        batch = [axis for axis in shared if axis in keep]
        left, left_axes = summed(left, left_axes, keep | set(shared))
        right, right_axes = summed(right, right_axes, keep | set(shared))
        if not inner:
            return times(left, left_axes, right, right_axes)
        outer_left = [axis for axis in left_axes if axis not in shared]
        outer_right = [axis for axis in right_axes if axis not in shared]
        exact = reach < EXACT
        rows = matrix(left, left_axes, batch, outer_left, inner, np.float64 if exact else np.int64)
        turned = bool(outer_right) and innermost(right, right_axes) not in outer_right
        order = batch + (outer_right + inner if turned else inner + outer_right)
        columns = right.transpose([right_axes.index(axis) for axis in order])
        before = columns.ndim
        rows, columns = without_zeros(rows, columns, columns.ndim - len(inner) if turned else len(batch), len(inner))
        inner = inner[: columns.ndim - before + len(inner)]
        summed_in_pieces = not turned and rows.shape[2] >= prod(axis.size for axis in outer_right)
        cut = len(batch) if turned or summed_in_pieces else len(batch) + len(inner)
        result = self.multiply(rows, columns, cut, turned, summed_in_pieces, exact)
        axes = tuple(batch + outer_left + outer_right)
        return result.reshape([axis.size for axis in axes]), axes

    def multiply(
        self, rows: np.ndarray, right: np.ndarray, cut: int, turned: bool, in_sums: bool, exact: bool
    ) -> np.ndarray:
        """rows[batch, m, k] times right[batch.., k.., outer..], or right[batch.., outer.., k..] where `turned`: int64
        [batch, m, outer]. The right operand is converted in pieces, along its axis `cut`, which belongs to k if `in_sums`, into
        memory that stays; BLAS takes it either way round. Sums of pieces are exact where the whole is."""
        batch, m, k = rows.shape
        count = right.size // max(batch * k, 1)
        result = np.zeros((batch, m, count), dtype=np.float64 if in_sums and exact else np.int64)
        length = right.shape[cut]
        share = (k if in_sums else count) // max(length, 1)
        cells = ALONE // max(m, 1) if LEAST_PIECE * m <= ALONE else PIECE
        step = max(1, min(cells, PIECE) * length // max(right.size, 1))
        for start in range(0, length, step):
            piece = right[(slice(None),) * cut + (slice(start, start + step),)]
            piece = self.converted(piece) if exact else np.ascontiguousarray(piece, dtype=np.int64)
            place = slice(start * share, (start + step) * share)
            part = rows[:, :, place] if in_sums else rows
            piece = piece.reshape(batch, -1, k).swapaxes(1, 2) if turned else piece.reshape(batch, part.shape[2], -1)
            product = np.matmul(part, piece) if exact else matmul_exactly(part, piece)
            if in_sums:
                result += product
            else:
                result[:, :, place] = product
        return result.astype(np.int64, copy=False)

    def converted(self, piece: np.ndarray) -> np.ndarray:
        """The piece as contiguous float64, valid until the next call."""
        if piece.size > self.scratch.size:
            return np.ascontiguousarray(piece, dtype=np.float64)
        result = self.scratch[: piece.size].reshape(piece.shape)
        np.copyto(result, piece)
        return result


def weights_last(term: Term) -> tuple[Factor, ...]:
    factors = term.factors
    return factors[::-1] if len(factors) == 2 and factors[0].column.home == "weights" else factors


def together(terms: tuple[Term, ...]) -> list[tuple[Term, ...]]:
    """Terms that multiply one factor by others with the same axes (digits of one number, the steps of a selection) are one product
    of their sum, where that is exact in floating point."""
    if len(terms) < 2:
        return [(term,) for term in terms]
    groups: dict[object, list[Term]] = {}
    for term in terms:
        key: object = id(term)
        if len(term.factors) == 2:
            one, other = weights_last(term)
            if other.column.home == "weights" != one.column.home:
                key = (other, frozenset(one.axes))
        groups.setdefault(key, []).append(term)
    found: list[tuple[Term, ...]] = []
    for group in groups.values():
        found += [tuple(group)] if joint_reach(group) < EXACT else [(term,) for term in group]
    return found


def joint_reach(terms: Sequence[Term]) -> int:
    """Bounds the sum of terms with their coefficients."""
    return sum(abs(term.coefficient) * term.reach for term in terms)


def innermost(array: np.ndarray, axes: Sequence[Axis]) -> Axis | None:
    """The axis along which neighbours stand closest in memory; None where no axis moves."""
    steps = [(abs(stride), axis) for axis, stride in zip(axes, array.strides) if axis.size > 1 and stride]
    return min(steps, key=lambda step: step[0])[1] if steps else None


def without_zeros(rows: np.ndarray, right: np.ndarray, axis: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """rows[batch, m, k] and what they multiply, whose `count` axes from `axis` on have k places, without the places of k where all
    rows are zero, if these are most (one axis is left then): selections have one place in thousands that is not."""
    k = rows.shape[2]
    if right.size < LEAST_SAVED * k:
        return rows, right
    used = np.flatnonzero(rows.any(axis=(0, 1)))
    if 2 * used.size > k:
        return rows, right
    used = used if used.size else np.zeros(1, dtype=np.int64)
    right = right.reshape(right.shape[:axis] + (k,) + right.shape[axis + count :])
    return np.ascontiguousarray(rows[:, :, used]), right.take(used, axis=axis)


def matrix(
    array: np.ndarray,
    axes: tuple[Axis, ...],
    batch: list[Axis],
    outer: list[Axis],
    inner: list[Axis],
    dtype: type,
) -> np.ndarray:
    """[batch, outer, inner] with each group flattened."""
    order = [axes.index(axis) for axis in batch + outer + inner]
    shape = [prod(axis.size for axis in group) for group in (batch, outer, inner)]
    return np.ascontiguousarray(array.transpose(order), dtype=dtype).reshape(shape)


def summed(array: np.ndarray, axes: tuple[Axis, ...], keep: set[Axis]) -> tuple[np.ndarray, tuple[Axis, ...]]:
    drop = tuple(i for i, axis in enumerate(axes) if axis not in keep)
    if not drop:
        return array, axes
    return array.sum(axis=drop, dtype=np.int64), tuple(axis for axis in axes if axis in keep)


def times(
    left: np.ndarray, left_axes: tuple[Axis, ...], right: np.ndarray, right_axes: tuple[Axis, ...]
) -> tuple[np.ndarray, tuple[Axis, ...]]:
    """The elementwise product over the union of the axes."""
    axes = left_axes + tuple(axis for axis in right_axes if axis not in left_axes)
    left = left.reshape(left.shape + (1,) * (len(axes) - len(left_axes)))
    order = sorted(range(len(right_axes)), key=lambda i: axes.index(right_axes[i]))
    shape = [axis.size if axis in right_axes else 1 for axis in axes]
    return left * right.transpose(order).reshape(shape), axes


def matmul_exactly(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """int64 matrix product whose results fit int64: the left operand in pieces for which float64 is exact.

    A piece of s bits is exact when inner * 2^s * max |right| < 2^53.
    """
    inner = left.shape[2]
    largest = int(np.abs(right).max(initial=0)) * max(inner, 1)
    bits = (EXACT // max(largest, 1)).bit_length() - 1
    if bits < 4:
        return np.matmul(left, right)
    columns = right.astype(np.float64)
    result = np.zeros((left.shape[0], left.shape[1], right.shape[2]), dtype=np.int64)
    shift = 0
    while True:
        last = int(np.abs(left).max(initial=0)) < 1 << bits
        piece = left if last else left & ((1 << bits) - 1)
        result += np.matmul(piece.astype(np.float64), columns).astype(np.int64) << shift
        if last:
            return result
        left = left >> bits
        shift += bits
