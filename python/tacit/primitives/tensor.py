"""The symbolic integer tensor: a sum of products of column views, with proved bounds.

value[o] = sum over terms (coefficient * sum over the term's own summed axes (product of its factors)) / denominator
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from tacit.circuit import Affine, Positions
from tacit.errors import ModelError

LIMIT = 2**62
MAXIMUM_FACTORS = 3


class NotAView(Exception):  # noqa: N818
    """The result is no sum of products of views; the builder-first functions answer by committing a copy."""


class IntervalTooWide(ModelError):  # noqa: N818
    """A proved interval reaches 2^62, where sums of integers could wrap in the field."""


class Axis:
    """An index variable; equal to itself only."""

    __slots__ = ("size",)

    def __init__(self, size: int) -> None:
        self.size = size

    def __repr__(self) -> str:
        return f"Axis({self.size})@{id(self) & 0xFFFF:x}"


Map = Affine[Axis] | Positions[Axis]
Dims = tuple[tuple[Axis, ...], ...]


@dataclass(frozen=True, slots=True)
class Column:
    """A stored tensor of integers, identified by its name. `known`: the values of a weight, where they are at hand. `squares`: of
    some stored axes, what the squares of the integers along them add up to at most, wherever the other axes stand."""

    name: str
    shape: tuple[int, ...] = field(compare=False)
    home: str = field(compare=False)
    low: int = field(compare=False)
    high: int = field(compare=False)
    known: np.ndarray | None = field(compare=False, default=None, repr=False)
    squares: tuple[tuple[int, int], ...] = field(compare=False, default=())

    @property
    def reach(self) -> int:
        return max(abs(self.low), abs(self.high))

    def forget(self) -> None:
        """Lets go of the values, when all bounds are proved: a program that is kept does not hold the weights."""
        object.__setattr__(self, "known", None)


@dataclass(frozen=True, slots=True)
class Factor:
    """A column read through one map per stored axis; a position outside the column reads zero."""

    column: Column
    maps: tuple[Map, ...]

    @property
    def axes(self) -> tuple[Axis, ...]:
        """In the order of the stored axes and of their maps' terms."""
        return tuple(axis for item in self.maps for axis in map_axes(item))


@dataclass(frozen=True, slots=True)
class Term:
    """`reach` bounds the sum of the absolute values of the products, without the coefficient, at every output index."""

    coefficient: int
    factors: tuple[Factor, ...] = ()
    reach: int = 1

    @property
    def axes(self) -> set[Axis]:
        return {axis for factor in self.factors for axis in factor.axes}


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """Immutable. `dims`: each logical dimension is a row-major product of axes (none for a dimension of 1).

    low .. high bounds every integer element; value = integer * 2^-exponent. Operators (+ - * with int or Tensor of
    broadcastable shape) are exact integer arithmetic that ignores exponents (the left operand's is kept; * adds them);
    `arithmetic` has the versions that align exponents and commit copies where a view does not exist.
    """

    dims: Dims
    terms: tuple[Term, ...]
    low: int
    high: int
    exponent: int = 0
    denominator: int = 1

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"empty interval {self.low} .. {self.high}")
        if max(-self.low, self.high) >= LIMIT:
            bits = max(-self.low, self.high).bit_length()
            raise IntervalTooWide(f"values could need {bits} bits, beyond 2^62; use narrower widths for it")

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(prod(axis.size for axis in dim) for dim in self.dims)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def axes(self) -> tuple[Axis, ...]:
        """The output axes, in order."""
        return tuple(axis for dim in self.dims for axis in dim)

    @property
    def degree(self) -> int:
        """The largest number of factors of a term: 0 constant, 1 affine, more for products."""
        return max((len(term.factors) for term in self.terms), default=0)

    @property
    def is_affine(self) -> bool:
        return self.degree <= 1 and self.denominator == 1

    @property
    def column(self) -> Column | None:
        """The column that this tensor is, cell by cell in C order; None when it is anything else."""
        if len(self.terms) != 1 or self.denominator != 1:
            return None
        term = self.terms[0]
        if term.coefficient != 1 or len(term.factors) != 1:
            return None
        factor = term.factors[0]
        if factor.axes != self.axes:
            return None
        for item, length in zip(factor.maps, factor.column.shape):
            if not isinstance(item, Affine) or item.offset or item.terms != nested(map_axes(item)):
                return None
            if prod(axis.size for axis in map_axes(item)) != length:
                return None
        return factor.column

    @property
    def is_column(self) -> bool:
        return self.column is not None

    @property
    def is_constant(self) -> bool:
        return all(not term.factors for term in self.terms)

    def with_exponent(self, exponent: int) -> Tensor:
        """The same integers under another scale."""
        return replace(self, exponent=exponent)

    def bounded(self, low: int, high: int) -> Tensor:
        """The same tensor under an interval that the caller has proved by other means."""
        return replace(self, low=low, high=high)

    def divide_exactly(self, divisor: int, low: int | None = None, high: int | None = None) -> Tensor:
        """self / divisor in the field; the caller's relations force an integer. Bounds default to the quotient's."""
        return replace(
            self,
            denominator=self.denominator * divisor,
            low=-(-self.low // divisor) if low is None else low,
            high=self.high // divisor if high is None else high,
        )

    def __add__(self, other: Tensor | int) -> Tensor:
        from tacit.primitives.axes import align

        if isinstance(other, Tensor):
            dims, left, right = align(self, other)
            common = left.denominator * right.denominator
            if left.denominator == right.denominator:
                common = left.denominator
            terms = scaled(left.terms, common // left.denominator) + scaled(right.terms, common // right.denominator)
            return Tensor(dims, merged(terms), left.low + right.low, left.high + right.high, self.exponent, common)
        if other == 0:
            return self
        terms = self.terms + (Term(other * self.denominator),)
        return replace(self, terms=merged(terms), low=self.low + other, high=self.high + other)

    __radd__ = __add__

    def __neg__(self) -> Tensor:
        return self * -1

    def __sub__(self, other: Tensor | int) -> Tensor:
        return self + -other

    def __rsub__(self, other: int) -> Tensor:
        return -self + other

    def __mul__(self, other: Tensor | int) -> Tensor:
        from tacit.primitives.axes import product

        if isinstance(other, Tensor):
            return product(self, other)
        low, high = sorted((self.low * other, self.high * other))
        return replace(self, terms=scaled(self.terms, other), low=low, high=high)

    __rmul__ = __mul__


def with_squares(tensor: Tensor, bound: int) -> Tensor:
    """A tensor that is a column, under a bound that the caller has proved: the squares of its integers along its last dimension,
    which is longer than 1, add up to no more."""
    column = tensor.column
    if column is None:
        raise ValueError("only the squares of a column have a bound")
    bounded = replace(column, squares=(*column.squares, (len(column.shape) - 1, bound)))
    term = tensor.terms[0]
    return replace(tensor, terms=(replace(term, factors=(replace(term.factors[0], column=bounded),)),))


def map_axes(item: Map) -> tuple[Axis, ...]:
    if isinstance(item, Affine):
        return tuple(axis for axis, _ in item.terms)
    return (item.axis,)


def nested(axes: Iterable[Axis]) -> tuple[tuple[Axis, int], ...]:
    """Strides of a row-major product of axes."""
    result: list[tuple[Axis, int]] = []
    stride = 1
    for axis in reversed(tuple(axes)):
        result.append((axis, stride))
        stride *= axis.size
    return tuple(reversed(result))


def scaled(terms: tuple[Term, ...], coefficient: int) -> tuple[Term, ...]:
    if coefficient == 1:
        return terms
    if coefficient == 0:
        return ()
    return tuple(Term(term.coefficient * coefficient, term.factors, term.reach) for term in terms)


def merged(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Terms of equal factors added up; terms that vanish left out."""
    terms = tuple(terms)
    if len(terms) < 2 or (len(terms) == 2 and terms[0].factors != terms[1].factors):
        return tuple(term for term in terms if term.coefficient)
    result: dict[tuple[Factor, ...], Term] = {}
    for term in terms:
        present = result.get(term.factors)
        if present is not None:
            term = Term(present.coefficient + term.coefficient, present.factors, min(present.reach, term.reach))
        result[term.factors] = term
    return tuple(term for term in result.values() if term.coefficient)


def constant(shape: Iterable[int], value: int, exponent: int = 0) -> Tensor:
    """A tensor that is `value` everywhere; it reads no column."""
    return Tensor(fresh_dims(shape), merged((Term(value),)), value, value, exponent)


def fresh_dims(shape: Iterable[int]) -> Dims:
    return tuple((Axis(size),) if size != 1 else () for size in shape)


def column_tensor(column: Column, dims: Dims, exponent: int) -> Tensor:
    """The tensor of `dims` whose cells are the column's, in C order; the column has the shape `stored_shape(dims)`."""
    maps = tuple(Affine(0, nested(dim)) for dim in dims if dim) or (Affine(0, ()),)
    return Tensor(dims, (Term(1, (Factor(column, maps),), column.reach),), column.low, column.high, exponent)


def stored_shape(dims: Dims) -> tuple[int, ...]:
    """One stored axis per dimension that is not 1; a single cell is stored along one axis of length 1."""
    return tuple(prod(axis.size for axis in dim) for dim in dims if dim) or (1,)
