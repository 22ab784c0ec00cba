"""What gadgets are written against. The same gadget code runs under several builders: it records a program, a circuit,
values or costs."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from tacit.circuit import Constant, Iota, Line, Listed, column_bytes
from tacit.errors import ModelError
from tacit.primitives.tensor import Column, Tensor, column_tensor, fresh_dims, stored_shape
from tacit.primitives.threads import Elementwise

if TYPE_CHECKING:
    from tacit.primitives.gadgets.grids import Grid, Leaving


@dataclass(frozen=True, slots=True)
class Rows:
    """A table segment: `entries` rows, one rule per tuple component."""

    entries: int
    rules: tuple[Constant | Iota | Line | Listed, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A set of integer tuples. Tables of equal segments are stored once, under the first one's name."""

    name: str
    segments: tuple[Rows, ...]

    @property
    def width(self) -> int:
        return len(self.segments[0].rules)

    @property
    def entries(self) -> int:
        return sum(segment.entries for segment in self.segments)


def listed(values: Sequence[int] | np.ndarray) -> Listed:
    """A rule that gives the components row by row, in the fewest bytes."""
    array = np.asarray(values, dtype=np.int64)
    size = column_bytes(int(array.min()), int(array.max()))
    return Listed(size, array.astype(f"<i{size}").tobytes())


def narrowed(array: np.ndarray) -> np.ndarray:
    """Signed integers in C order, in the fewest bytes that hold them all."""
    return np.asarray(array, dtype=f"<i{column_bytes(*interval_of(array))}", order="C")


def interval_of(array: np.ndarray) -> tuple[int, int]:
    return (int(array.min()), int(array.max())) if array.size else (0, 0)


def range_table(entries: int) -> Table:
    """0 .. entries - 1."""
    return Table(f"range/{entries}", (Rows(entries, (Iota(0),)),))


class Builder:
    """Base of all interpretations; abstract in what it does with columns and relations.

    `batch`: how many samples a proof holds, if they have an axis of their own. Gadgets and tensors speak of one sample; circuit,
    values and costs are those of all (`circuit.repeated`). `computed`: about how many values of one sample the whole program
    computes (0: not known), which its range tables serve together. `ranges`: widths of the range tables that digits are looked up
    in (none: each number's own choice, see `gadgets.digits`). `grids`: what is looked up beyond tables (see `gadgets.grids`).
    """

    def __init__(self, batch: int | None = None) -> None:
        self.batch = batch
        self.computed = 0
        self.ranges: tuple[int, ...] = ()
        self.grids: tuple[Grid, ...] = ()
        self.columns: dict[str, Column] = {}
        self.bound: set[str] = set()
        self.depth = 0
        self.names: dict[str, dict[str, int]] = {"column": {}, "relation": {}}

    # what gadgets and lowerings call

    def weight(self, name: str, array: np.ndarray, exponent: int) -> Tensor:
        """A column of home weights: signed integers of any shape. Its values belong to the model, not to the circuit; they are kept
        in the bytes of the column."""
        array = narrowed(array)
        low, high = interval_of(array)
        return self.declare_weight(name, array.shape, low, high, exponent, array)

    def declare_weight(
        self, name: str, shape: Sequence[int], low: int, high: int, exponent: int, array: np.ndarray | None = None
    ) -> Tensor:
        """The replayed form of `weight`: the array comes from elsewhere."""
        dims = fresh_dims(shape)
        stored = None if array is None else array.reshape(stored_shape(dims))
        column = self._register(Column(self._name(name), stored_shape(dims), "weights", low, high, stored))
        self.on_weight(column, tuple(shape), exponent, array)
        return column_tensor(column, dims, exponent)

    def input(
        self, name: str, shape: Sequence[int], low: int, high: int, exponent: int, dtype: str = "float32"
    ) -> Tensor:
        """A public input column, bound to `name`; `dtype` is what the model declares. An input without elements has a column of
        one zero, which stands for it."""
        dims = fresh_dims(() if 0 in shape else shape)
        column = self._register(Column(self._name(name), stored_shape(dims), "public", low, high))
        self.bound.add(column.name)
        self.on_input(column, name, tuple(shape), exponent, dtype)
        return column_tensor(column, dims, exponent)

    def claim(self, name: str, shape: Sequence[int], low: int, high: int, dtype: str = "int64") -> Tensor:
        """A public output of integers that the executor is given: one that the relations fix but that nobody can compute before
        them, since they read it. The caller's relations must force it for every field value of the inputs, its interval too."""
        dims = fresh_dims(shape)
        column = self._register(Column(self._name(name), stored_shape(dims), "public", low, high))
        self.bound.add(column.name)
        self.on_claim(column, name, tuple(shape), dtype)
        return column_tensor(column, dims, 0)

    def commit(
        self,
        name: str,
        like: Sequence[int] | Tensor,
        low: int,
        high: int,
        compute: Callable[[], np.ndarray | Elementwise],
        *,
        exponent: int = 0,
        public: bool = False,
    ) -> Tensor:
        """A witness (or public output) column of a tensor's dimensions or of a shape.

        `compute` gives its integers (anything that broadcasts to the shape); it may call `value` and must depend on
        nothing else that changes from run to run, nor on names that are bound anew after the call: it is called again for every
        other input. In a batch, values have one more axis, before all others: `compute` counts
        dimensions from the last, and aligns tensors (`movement.align_all`) before it combines their values. low .. high must
        hold every value that `compute` can give; it proves nothing.
        """
        dims = like.dims if isinstance(like, Tensor) else fresh_dims(like)
        home = "public" if public else "witness"
        column = self._register(Column(self._name(name), stored_shape(dims), home, low, high))
        self.on_commit(column, tuple(prod(axis.size for axis in dim) for dim in dims), compute)
        return column_tensor(column, dims, exponent)

    def virtual(self, name: str, tensor: Tensor, low: int, high: int) -> Tensor:
        """The same tensor under the interval that a lookup on it proves. Lookups name what they need by themselves."""
        return tensor.bounded(low, high)

    def contract(self, name: str, tensor: Tensor) -> None:
        """Demands that the tensor is zero everywhere."""
        self.on_contract(self._name(name, "relation"), tensor)

    def lookup(self, name: str, table: Table, components: Sequence[Tensor]) -> None:
        """Demands that at every index the tuple of components is a row of the table. Components broadcast to one shape;
        those that have products, denominators or coefficients of 2^40 and more become virtual columns."""
        from tacit.primitives.movement import align_all

        if len(components) != table.width:
            raise ValueError(f"{name}: {len(components)} components for a table of width {table.width}")
        self.on_lookup(self._name(name, "relation"), table, align_all(self, components))

    def checks(self, size: int, width: int) -> None:
        """Tells that digits check `size` numbers of `width` bits, of all samples together."""

    def leaves(self, numbers: Leaving) -> None:
        """Tells that these numbers may leave the table that they are looked up in."""

    def saturates(self, compute: Callable[[], int]) -> None:
        """Tells how many of a gadget's values left the range that it holds them in; `compute` may call `value`."""

    def value(self, tensor: Tensor) -> np.ndarray:
        """int64 of the tensor's shape, after the axis of a batch, read-only; only inside `compute`, in the evaluating
        interpretation."""
        raise ModelError("values exist only while a witness is computed")

    def elements(self, tensor: Tensor) -> int:
        """Of all samples together: what prices count."""
        return tensor.size * (self.batch or 1)

    @property
    def everything(self) -> int:
        """The values of all samples together."""
        return self.computed * (self.batch or 1)

    def copy(self, tensor: Tensor, name: str | None = None) -> Tensor:
        """The same integers as a witness column of its own: contract copy - tensor = 0. Costs one cell an element."""
        from tacit.primitives.arithmetic import copy

        return copy(self, name or "copy", tensor)

    def output(self, name: str, tensor: Tensor, dtype: str = "float32", shape: Sequence[int] | None = None) -> None:
        """Binds a public output; `shape` is what the model declares. Anything but a fresh public column is copied. For an output
        without elements, `tensor` is one zero."""
        from tacit.primitives.arithmetic import copy

        column = tensor.column
        if column is None or column.home != "public" or column.name in self.bound:
            tensor = copy(self, f"{name}/public", tensor, public=True)
            column = tensor.column
        assert column is not None
        self.bound.add(column.name)
        self.on_output(column, name, tuple(tensor.shape if shape is None else shape), tensor.exponent, dtype)

    # what interpretations define

    def on_weight(self, column: Column, shape: tuple[int, ...], exponent: int, array: np.ndarray | None) -> None:
        """A weight column was declared."""

    def on_input(self, column: Column, name: str, shape: tuple[int, ...], exponent: int, dtype: str) -> None:
        """An input column was declared."""

    def on_claim(self, column: Column, name: str, shape: tuple[int, ...], dtype: str) -> None:
        """An output was claimed."""

    def on_commit(self, column: Column, shape: tuple[int, ...], compute: Callable[[], np.ndarray | Elementwise]) -> None:
        """A witness or public output column was declared."""

    def on_contract(self, name: str, tensor: Tensor) -> None:
        """A contract relation was demanded."""

    def on_lookup(self, name: str, table: Table, components: tuple[Tensor, ...]) -> None:
        """A lookup relation was demanded; the components have the same output axes."""

    def on_output(self, column: Column, name: str, shape: tuple[int, ...], exponent: int, dtype: str) -> None:
        """A public column was bound as an output."""

    @contextmanager
    def step(self, gadget: str, name: str, arguments: dict[str, Any]) -> Iterator[None]:
        """Surrounds one gadget's call; gadgets inside gadgets are part of the outer one."""
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1

    # names

    def _name(self, name: str, kind: str = "column") -> str:
        """`name`, numbered if it is taken: the same calls give the same names under every builder."""
        taken = self.names[kind]
        count = taken.get(name, 0)
        taken[name] = count + 1
        return name if count == 0 else self._name(f"{name}#{count + 1}", kind)

    def _register(self, column: Column) -> Column:
        self.columns[column.name] = column
        return column


GADGETS: dict[str, Callable[..., Any]] = {}


def gadget(key: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers `function(builder, name, ...)` so that a program can replay it by `key`.

    Its other arguments are tensors, JSON values (None, bool, int, float, str), a `Function`, and lists or tuples of
    these. It must read nothing else, and its body must not ask which builder it runs under.
    """

    def register(function: Callable[..., Any]) -> Callable[..., Any]:
        if key in GADGETS:
            raise ValueError(f"two gadgets are called {key}")
        signature = inspect.signature(function)

        @functools.wraps(function)
        def call(builder: Builder, name: str, *positional: Any, **named: Any) -> Any:
            bound = signature.bind(builder, name, *positional, **named)
            arguments = dict(list(bound.arguments.items())[2:])
            with builder.step(key, name, arguments):
                return function(builder, name, *positional, **named)

        GADGETS[key] = call
        return call

    return register
