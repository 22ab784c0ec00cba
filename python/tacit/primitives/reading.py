"""Values of tensors in NumPy: views of columns by strides, contractions through BLAS where float64 is exact."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from tacit.circuit import Affine
from tacit.primitives.axes import span
from tacit.primitives.inside import Inside, inside
from tacit.primitives.products import EXACT, Memory, Operand, multiply
from tacit.primitives.sums import Sum
from tacit.primitives.tensor import Axis, Column, Factor, Map, Tensor, Term

LEAST_SAVED = 256
"""From so many products an element of the left operand on, a look for zeros is a small part of a multiplication."""
LEAST_SAVED_WIDE = 16
"""The same where the products are those of integers too wide for float64."""
LEAST_ROWS = 16
"""Of both operands; of fewer, a look for rows of zeros is not."""
CACHED_VALUES = 8
Sums = list[tuple[int, list[tuple[Term, ...]]]]
"""What a tensor adds up: a coefficient, and terms or several that belong `together`, which it multiplies."""


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
        nowhere = indices == array.shape[place] if outside else None
        array = np.take(array, indices, axis=place, mode="clip" if outside else "raise")
        if nowhere is not None:
            array[(slice(None),) * place + (nowhere,)] = 0
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
        self.plans: dict[int, tuple[Factor, Plan, tuple[Axis, ...]]] = {}
        self.groups: dict[int, tuple[tuple[Term, ...], Sums]] = {}
        self.insides: dict[Any, tuple[tuple[Term, ...], Inside | None]] = {}
        self.numbers: dict[Any, tuple[Sequence[tuple[Term, ...]], int]] = {}
        self.forms: dict[Any, int] = {}
        self.recent: OrderedDict[Any, tuple[Any, np.ndarray]] = OrderedDict()
        self.memory = Memory()

    def value(self, tensor: Tensor) -> np.ndarray:
        """int64 of the tensor's shape, after the batch's axis; not to be written to. ArithmeticError when a denominator does not
        divide."""
        column = tensor.column
        if column is not None:
            lead = tuple(axis.size for axis in self.lead)
            values = self.column_values(column)
            if values.dtype != np.int64:
                values = self.remember(("column", column.name), column, lambda: self.column_values(column).astype(np.int64))
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

    def clear(self) -> None:
        """Lets go of values; how to read tensors stays known."""
        self.recent.clear()
        self.memory = Memory()

    def is_sampled(self, column: Column) -> bool:
        """Whether each sample of the batch has values of its own."""
        return self.batch is not None and column.home != "weights"

    def once(self, tensor: Tensor) -> np.ndarray | Sum:
        """As `value`, in one of the shapes that have the same cells in the same order, for who reads it once, part by part."""
        return self.value(tensor) if tensor.column is not None or id(tensor) in self.recent else self.sum_of(tensor)

    def sum_of_terms(self, tensor: Tensor) -> np.ndarray:
        return self.sum_of(tensor).whole().reshape(tuple(axis.size for axis in self.lead) + tensor.shape)

    def sum_of(self, tensor: Tensor) -> Sum:
        """Over the axes of a batch and of the tensor."""
        axes = self.lead + tensor.axes
        parts, constant = [], 0
        for coefficient, groups in self.together(tensor.terms):
            if groups[0][0].factors:
                parts.append((self.sum_of_products(groups, axes), coefficient))
            else:
                constant += coefficient * len(groups)
        return Sum(tuple(axis.size for axis in axes), parts, constant, tensor.denominator)

    def sum_of_products(self, groups: Sequence[tuple[Term, ...]], axes: tuple[Axis, ...]) -> np.ndarray:
        """The sum of terms without their coefficients, or of what belongs `together`, broadcastable over `axes`."""
        if len(groups) == 1 and len(groups[0][0].factors) == 1:
            return self.product(groups[0], axes)
        return self.remember(("products", self.number(groups, axes)), groups, lambda: self.add_products(groups, axes))

    def number(self, groups: Sequence[tuple[Term, ...]], axes: tuple[Axis, ...]) -> int:
        """The same one for products that differ in their axes' identity alone: tensors that were aligned with others say a product
        in other axes. `groups` live as long."""
        found = self.numbers.get((id(groups), axes))
        if found is None:
            form = form_of(groups, axes)
            found = self.numbers[(id(groups), axes)] = (groups, self.forms.setdefault(form, len(self.forms)))
        return found[1]

    def add_products(self, groups: Sequence[tuple[Term, ...]], axes: tuple[Axis, ...]) -> np.ndarray:
        if len(groups) == 1:
            return self.product(groups[0], axes)
        total = np.zeros(tuple(axis.size for axis in axes), dtype=np.int64)
        for terms in groups:
            inside = self.inside(terms, axes)
            if inside is None:
                total += self.product_of(terms, axes)
            else:
                total[inside.where] += self.product_of(inside.terms, inside.axes)
        return total

    def product(self, terms: tuple[Term, ...], axes: tuple[Axis, ...]) -> np.ndarray:
        """Broadcastable over `axes`."""
        inside = self.inside(terms, axes)
        if inside is None:
            return self.product_of(terms, axes)
        found = self.product_of(inside.terms, inside.axes)
        sizes = [size if axis is other else axis.size for axis, other, size in zip(axes, inside.axes, found.shape)]
        result = np.zeros(sizes, dtype=found.dtype)
        result[inside.where] = found
        return result

    def inside(self, terms: tuple[Term, ...], axes: tuple[Axis, ...]) -> Inside | None:
        """As of the function; the terms live as long, so that their id is not reused."""
        found = self.insides.get((id(terms), axes))
        if found is None:
            found = self.insides[(id(terms), axes)] = (terms, inside(terms, axes))
        return found[1]

    def product_of(self, terms: tuple[Term, ...], axes: tuple[Axis, ...]) -> np.ndarray:
        keep = set(axes)
        factors = weights_last(terms[0])
        array, own = self.factor(factors[0])
        reach = terms[0].reach
        if len(terms) > 1:
            array, reach = np.multiply(array, terms[0].coefficient, dtype=np.int64), joint_reach(terms)
            for term in terms[1:]:
                other, theirs = self.factor(weights_last(term)[0])
                other = other.transpose([theirs.index(axis) for axis in own])
                array += np.multiply(other, term.coefficient, dtype=np.int64)
        for i, factor in enumerate(factors[1:], 1):
            later = {axis for rest in factors[i + 1 :] for axis in rest.axes}
            array, own = self.contract(array, own, factor, axes, keep | later, reach)
        array, own = summed(array, own, keep)
        order = sorted(range(len(own)), key=lambda i: axes.index(own[i]))
        shape = [axis.size if axis in own else 1 for axis in axes]
        return array.transpose(order).reshape(shape)

    def factor(self, factor: Factor) -> tuple[np.ndarray, tuple[Axis, ...]]:
        """The factor's values and their axes."""
        found = self.plans.get(id(factor))
        if found is None:
            lead = self.lead if self.is_sampled(factor.column) else ()
            found = self.plans[id(factor)] = (factor, plan_factor(factor, lead), lead + factor.axes)
        return read(found[1], self.column_values(factor.column)), found[2]

    def together(self, terms: tuple[Term, ...]) -> Sums:
        """As of the function; the terms live as long as what is kept of them, so that their id is not reused."""
        found = self.groups.get(id(terms))
        if found is None:
            found = self.groups[id(terms)] = (terms, alike(together(terms)))
        return found[1]

    def contract(
        self,
        left: np.ndarray,
        left_axes: tuple[Axis, ...],
        factor: Factor,
        order: tuple[Axis, ...],
        keep: set[Axis],
        reach: int,
    ) -> tuple[np.ndarray, tuple[Axis, ...]]:
        """left * factor, summed over what is not kept; the axes that `order` has come first, as they do there."""
        right, right_axes = self.factor(factor)
        shared = [axis for axis in right_axes if axis in left_axes]
        inner = [axis for axis in shared if axis not in keep]
        batch = [axis for axis in shared if axis in keep]
        left, left_axes = summed(left, left_axes, keep | set(shared))
        cells = right.size
        right, right_axes = summed(right, right_axes, keep | set(shared))
        bound = factor.column.reach * (cells // max(right.size, 1))
        if not inner:
            return times(left, left_axes, right, right_axes)
        outer_left = [axis for axis in left_axes if axis not in shared]
        outer_right = [axis for axis in right_axes if axis not in shared]
        a, b = operand(left, left_axes, batch, outer_left, inner, 0), operand(right, right_axes, batch, outer_right, inner, bound)
        a, b = without_zeros(a, b, LEAST_SAVED if reach < EXACT else LEAST_SAVED_WIDE)
        used = rows_in_use(a, b)
        places = {axis: place for place, axis in enumerate(order)}
        axes = batch + outer_left + outer_right
        found = sorted(axes, key=lambda axis: places.get(axis, len(places)))
        result = np.empty([axis.size for axis in found], dtype=np.int64)
        place = result.transpose([found.index(axis) for axis in axes])
        if used is not None:
            result[...] = 0
            a, place = a.cut(a.outer_place, used), place[(slice(None),) * len(batch) + (used,)]
        multiply(a, b, place, reach < EXACT, self.memory)
        return result, tuple(found)


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


def alike(groups: Sequence[tuple[Term, ...]]) -> Sums:
    """Products with one coefficient (the blocks of a causal product, which many tensors read) are one sum, which is worth keeping;
    terms of one factor or none stand alone."""
    found: Sums = []
    places: dict[int, int] = {}
    for terms in groups:
        coefficient = terms[0].coefficient if len(terms) == 1 else 1
        if len(terms[0].factors) < 2:
            found.append((coefficient, [terms]))
        elif coefficient in places:
            found[places[coefficient]][1].append(terms)
        else:
            places[coefficient] = len(found)
            found.append((coefficient, [terms]))
    return found


def form_of(groups: Sequence[tuple[Term, ...]], axes: tuple[Axis, ...]) -> Any:
    """What products sum up, over these axes, with the axes by their places: those of the result, then others as they appear. Terms
    that stand alone have their coefficient elsewhere."""
    places = {axis: place for place, axis in enumerate(axes)}

    def read(item: Map) -> Any:
        if not isinstance(item, Affine):
            return places.setdefault(item.axis, len(places)), item.indices
        return item.offset, tuple((places.setdefault(axis, len(places)), stride) for axis, stride in item.terms)

    products = tuple(
        tuple(
            (term.coefficient if len(terms) > 1 else 1, *((factor.column.name, *map(read, factor.maps)) for factor in term.factors))
            for term in terms
        )
        for terms in groups
    )
    return products, len(axes), tuple(axis.size for axis in places)


def joint_reach(terms: Sequence[Term]) -> int:
    """Bounds the sum of terms with their coefficients."""
    return sum(abs(term.coefficient) * term.reach for term in terms)


def operand(
    array: np.ndarray, axes: Sequence[Axis], batch: list[Axis], outer: list[Axis], inner: list[Axis], reach: int
) -> Operand:
    """What a product reads: the axis along which most neighbours stand closest in memory last, if it is none of the batch."""
    steps = [(abs(step), -axis.size, axis) for axis, step in zip(axes, array.strides) if axis.size > 1 and step]
    closest = min(steps, key=lambda step: step[:2], default=(0, 0, None))[2]
    turned = closest not in outer
    order = batch + (outer + inner if turned else inner + outer)
    return Operand(array.transpose([axes.index(axis) for axis in order]), len(batch), len(outer), turned, reach)


def without_zeros(left: Operand, right: Operand, least: int) -> tuple[Operand, Operand]:
    """The operands without the places of what is summed where the left one is zero, if these are most (one axis is left then):
    selections have one place in thousands that is not. `least`: fewer products an element of the left operand are not worth it."""
    k = left.shape[2]
    if right.array.size < least * k or left.overlaps:
        return left, right
    inner = range(left.inner_place, left.inner_place + left.inner)
    if 2 * np.count_nonzero(at_first(left.array, inner)) > k:
        return left, right
    used = np.flatnonzero(left.array.any(axis=tuple(place for place in range(left.array.ndim) if place not in inner)))
    if 2 * used.size > k:
        return left, right
    used = used if used.size else np.zeros(1, dtype=np.int64)
    return left.take(used), right.take(used)


def rows_in_use(left: Operand, right: Operand) -> slice | None:
    """Where, along the first axis outside what is summed, the left operand is not zero; None if that is not less than a half: a
    block among others is a view with zeros around it."""
    size = left.array.shape[left.outer_place] if left.outer else 0
    if min(size, right.shape[1]) < LEAST_ROWS or left.overlaps:
        return None
    others = tuple(place for place in range(left.array.ndim) if place != left.outer_place)
    for values in (at_first(left.array, (left.outer_place,)), left.array):
        used = np.flatnonzero(values.any(axis=others) if values.ndim > 1 else values)
        found = slice(int(used[0]), int(used[-1]) + 1) if used.size else slice(0, 1)
        if 2 * (found.stop - found.start) > size:
            return None
    return found


def at_first(array: np.ndarray, axes: Collection[int]) -> np.ndarray:
    """The array along these axes, at the first place of all others: a look at a few cells often tells what one at all would."""
    return array[tuple(slice(None) if place in axes else 0 for place in range(array.ndim))]


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
    return np.multiply(left, right.transpose(order).reshape(shape), dtype=np.int64), axes
