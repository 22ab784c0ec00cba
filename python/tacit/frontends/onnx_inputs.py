"""The inputs of an ONNX model, and the lengths of their symbolic axes."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tacit.errors import InputError, ModelError
from tacit.frontends.onnx_file import LARGEST_KEPT, Source, read
from tacit.frontends.onnx_holders import with_elements
from tacit.frontends.onnx_shapes import require_tensor

Shapes: TypeAlias = Mapping[str, "int | Sequence[int] | None"]
"""Lengths by the name of a symbolic dimension, shapes by the name of an input; None for an input that holds nothing."""
ARITHMETIC = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.FloorDiv: operator.floordiv}
UNREADABLE = (SyntaxError, ValueError, ArithmeticError, RecursionError, MemoryError)
"""What reading an expression raises when it is none."""
OPEN, UNSURE = -1, -2
"""An axis that has no length yet; one that the model itself gives length 0, by which some exporters mean the same."""
NO_SYMBOL = "?"
"""Some exporters write it for every axis that they do not know."""


@dataclass(frozen=True)
class FreeInput:
    """`shape` has OPEN or UNSURE for axes whose lengths samples give. `batched`: the first axis has length 1 or none."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    batched: bool


def free_inputs(model: Any, shapes: Shapes | None = None) -> tuple[FreeInput, ...]:
    """The inputs of a model (path, bytes or ModelProto), in order, with the lengths that `shapes` gives.

    Raises ModelError when it is not an ONNX model or when an input is not a tensor of numbers with a known rank, and
    InputError when `shapes` does not fit.
    """
    source, shapes = with_elements(read(model), shapes)
    return with_lengths([value for value in source.skeleton.graph.input if value.name in source.inputs], shapes)


def with_lengths(inputs: Sequence[onnx.ValueInfoProto], shapes: Shapes | None) -> tuple[FreeInput, ...]:
    """Declared inputs with the lengths that `shapes` gives; raises as `free_inputs` does."""
    lengths = Lengths(inputs, shapes or {})
    found = []
    for value in inputs:
        dtype = helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name
        known = zip(value.type.tensor_type.shape.dim, lengths.shape(value))
        shape = tuple((UNSURE if dim.HasField("dim_value") else OPEN) if length is None else length for dim, length in known)
        found.append(FreeInput(value.name, shape, dtype, shape[:1] in ((OPEN,), (UNSURE,), (1,))))
    return tuple(found)


def with_constants(source: Source, model: onnx.ModelProto, arrays: Mapping[str, np.ndarray]) -> Source:
    """The source whose inputs of these names have these values, written into `model` too. Call `fix_inputs` first."""
    large = {name for name, array in arrays.items() if array.size > LARGEST_KEPT}
    kept = [value for value in model.graph.input if value.name not in arrays or value.name in large]
    del model.graph.input[:]
    model.graph.input.extend(kept)
    model.graph.initializer.extend(numpy_helper.from_array(arrays[name], name) for name in arrays if name not in large)
    inputs = tuple(name for name in source.inputs if name not in arrays)
    return replace(source, weights={**source.weights, **arrays}, inputs=inputs)


def fix_inputs(source: Source, model: onnx.ModelProto, shapes: Shapes | None) -> None:
    """Writes lengths into the model's inputs: those that `shapes` gives (an input's without its first axis, too), then 1 for
    a symbolic first axis. Raises ModelError for an axis that nothing resolves, InputError when `shapes` does not fit."""
    inputs = [value for value in model.graph.input if value.name in source.inputs]
    lengths = Lengths(inputs, shapes or {})
    for value in inputs:
        if lengths.shape(value)[:1] == (None,):
            lengths.bind_first(value)
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        for axis, (dim, length) in enumerate(zip(dims, lengths.shape(value))):
            if length is None:
                raise ModelError(_unresolved(value, axis))
            dim.dim_value = length
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")


class Lengths:
    """What is known of the axes of all inputs: one symbol has one length."""

    def __init__(self, inputs: Sequence[onnx.ValueInfoProto], shapes: Shapes) -> None:
        for value in inputs:
            require_tensor(value)
        self._symbols: dict[str, tuple[int, str]] = {}
        self._given: dict[tuple[str, int], int] = {}
        by_name = {value.name: value for value in inputs}
        written = [symbol_of(dim) for value in inputs for dim in value.type.tensor_type.shape.dim]
        symbols = dict.fromkeys(name for symbol in written for name in names_in(symbol))
        for name, given in shapes.items():
            single = isinstance(given, (int, np.integer)) and not isinstance(given, bool)
            if name in symbols and single:
                self._bind(name, _length(name, given), "shapes")
            elif name in by_name:
                self._bind_input(by_name[name], [given] if single else given)
            else:
                what = "dimensions" if single else "inputs"
                known = ", ".join(map(repr, symbols if single else by_name)) or "none"
                raise InputError(f"shapes names {name!r}, which the model does not have; its {what}: {known}.")

    def shape(self, value: onnx.ValueInfoProto) -> tuple[int | None, ...]:
        """The input's lengths, None where they are open."""
        found: list[int | None] = []
        for axis, dim in enumerate(value.type.tensor_type.shape.dim):
            own = self._given.get((value.name, axis))
            found.append(fixed(dim) or (self._value(symbol_of(dim)) if own is None else own))
        return tuple(found)

    def bind_first(self, value: onnx.ValueInfoProto) -> None:
        """The first axis, which is open, becomes 1."""
        self._given[value.name, 0] = 1
        symbol = symbol_of(value.type.tensor_type.shape.dim[0])
        if symbol:
            self._bind(symbol, 1, f"the first axis of {value.name!r}")

    def _bind_input(self, value: onnx.ValueInfoProto, given: Any) -> None:
        dims = value.type.tensor_type.shape.dim
        if not isinstance(given, Sequence) or isinstance(given, str):
            raise InputError(f"shapes[{value.name!r}] is a length or a list of lengths, not {given!r}.")
        if len(given) not in (len(dims), len(dims) - 1):
            raise InputError(f"shapes[{value.name!r}] has {len(given)} lengths; the input has {len(dims)} axes.")
        skipped = len(dims) - len(given)
        for axis, (dim, number) in enumerate(zip(dims[skipped:], given), skipped):
            length = _length(value.name, number)
            if fixed(dim) not in (0, length):
                raise InputError(f"Axis {axis} of the input {value.name!r} has length {fixed(dim)} in the model, not {length}.")
            self._given[value.name, axis] = length
            if symbol_of(dim):
                self._bind(symbol_of(dim), length, f"axis {axis} of {value.name!r}")

    def _bind(self, symbol: str, length: int, by: str) -> None:
        present, first = self._symbols.setdefault(symbol, (length, by))
        if present != length:
            raise InputError(
                f"The dimension {symbol!r} has length {present} by {first} and {length} by {by}; give shapes={{{symbol!r}: ...}} "
                f"(--shape {symbol}=...)."
            )

    def _value(self, symbol: str) -> int | None:
        """The length of a symbol, or of sums and products of symbols, as exporters write them; None where it is open."""
        if symbol in self._symbols or not symbol:
            return self._symbols.get(symbol, (None, ""))[0]
        try:
            length = self._computed(ast.parse(symbol, mode="eval").body)
        except UNREADABLE:
            return None
        return length if length >= 0 else None

    def _computed(self, part: ast.expr) -> int:
        if isinstance(part, ast.Constant) and type(part.value) is int:
            return part.value
        if isinstance(part, ast.Name) and part.id in self._symbols:
            return self._symbols[part.id][0]
        if isinstance(part, ast.BinOp) and type(part.op) in ARITHMETIC:
            return int(ARITHMETIC[type(part.op)](self._computed(part.left), self._computed(part.right)))
        raise ValueError("no arithmetic of known symbols")


def symbol_of(dim: onnx.TensorShapeProto.Dimension) -> str:
    """The name of a symbolic axis, '' where it has none."""
    return "" if dim.dim_param == NO_SYMBOL else dim.dim_param


def names_in(symbol: str) -> list[str]:
    """The names that an axis may be called by: its own, and those of the symbols that it is a sum or product of."""
    try:
        parts = [part.id for part in ast.walk(ast.parse(symbol, mode="eval")) if isinstance(part, ast.Name)]
    except UNREADABLE:
        parts = []
    return list(dict.fromkeys([*parts, symbol])) if symbol else []


def fixed(dim: onnx.TensorShapeProto.Dimension) -> int:
    """The length that the model itself fixes, or 0."""
    return max(dim.dim_value, 0)


def _length(name: str, given: Any) -> int:
    if not isinstance(given, (int, np.integer)) or isinstance(given, bool) or given < 0:
        raise InputError(f"shapes[{name!r}] holds {given!r}; lengths are whole numbers, 0 or more.")
    return int(given)


def _unresolved(value: onnx.ValueInfoProto, axis: int) -> str:
    dims = value.type.tensor_type.shape.dim
    symbol = symbol_of(dims[axis])
    if symbol:
        return (
            f"Axis {axis} of the input {value.name!r} is the dimension {symbol!r}, which has no length: "
            f"give shapes={{{symbol!r}: ...}} (--shape {symbol}=...)."
        )
    shape = ", ".join(str(fixed(dim) or "...") for dim in dims)
    return (
        f"Axis {axis} of the input {value.name!r} has no fixed length: give shapes={{{value.name!r}: ({shape})}} "
        f"(--shape {value.name}={shape.replace(' ', '')})."
    )
