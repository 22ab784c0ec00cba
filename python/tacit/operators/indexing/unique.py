"""Unique: the distinct elements, or slices along an axis, with first places, inverse and counts; padded results."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.indexing.arguments import places, values_of
from tacit.operators.indexing.packing import in_front, put_count
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

KEY_BITS = 58
"""A key of n places has at most so many bits, less 2 for each bit of n - 1: `ranked` orders no wider ones."""


@dataclass(frozen=True)
class Groups:
    """Rows in ascending order, equal ones side by side: `indices` [n] of the rows, their one-hot rows `hits` [n, n], whether a
    group starts (`starts` [n]) and its number (`numbers` [n])."""

    indices: Tensor
    hits: Tensor
    starts: Tensor
    numbers: Tensor

    def scattered(self, context: Context, name: str, sorted_values: Tensor) -> Tensor:
        """Values by sorted place -> by row."""
        found = arithmetic.einsum(context.builder, "YZ,Y->Z", self.hits, sorted_values)
        return context.builder.copy(found.bounded(sorted_values.low, sorted_values.high), name)


def grouped(context: Context, name: str, keys: Tensor) -> Groups:
    """The groups of equal keys [n]."""
    builder, size = context.builder, keys.shape[0]
    values, indices, hits = gadgets.ranked(builder, f"{name}/order", -keys.with_exponent(0), size)
    if size == 1:
        return Groups(indices, hits, indices + 1, indices)
    first, second = movement.slice_(builder, values, 0, 0, size - 1), movement.slice_(builder, values, 0, 1, size)
    same = gadgets.compare(builder, f"{name}/same", second, first)
    starts = (1 - movement.pad(builder, same, [(1, 0)])).bounded(0, 1)
    numbers = (gadgets.running_sum(builder, f"{name}/numbers", starts, 0) - 1).bounded(0, size - 1)
    return Groups(indices, hits, starts, numbers)


def ordered_keys(context: Context, node: Node, rows: Tensor) -> Tensor:
    """[n] integers that are ordered, and equal, as rows [n, m] are in lexicographic order. Where the elements of a row have too
    many bits in all, ranks stand for what came before."""
    builder, size = context.builder, rows.shape[0]
    limit = KEY_BITS - 2 * (size - 1).bit_length()
    key: Tensor | None = None
    for column in range(rows.shape[1]):
        part = movement.squeeze(builder, movement.slice_(builder, rows, 1, column, column + 1), [1])
        part = (part - rows.low).bounded(0, rows.high - rows.low).with_exponent(0)
        bits = part.high.bit_length()
        if key is not None and key.high.bit_length() + bits > limit:
            groups = grouped(context, f"{node.outputs[0]}/prefix{column}", key)
            key = groups.scattered(context, f"{node.outputs[0]}/rank{column}", groups.numbers)
        if bits + (0 if key is None else key.high.bit_length()) > limit:
            raise context.unsupported(node, f"it orders {size} rows of elements of {bits} bits, too wide to be compared")
        key = part if key is None else movement.plus(builder, key * (1 << bits), part)
    assert key is not None
    return key if len(key.terms) <= 2 else builder.copy(key, f"{node.outputs[0]}/keys")


@dataclass(frozen=True)
class Distinct:
    """What Unique gives, and the sums of `in_front`."""

    rows: Tensor
    numbers: Tensor
    inverse: Callable[[], Tensor]
    counts: Callable[[], Tensor]
    sums: Tensor


def by_value(context: Context, name: str, groups: Groups, rows: Tensor) -> Distinct:
    """In ascending order. With a_u where group u starts, n beyond the last: it has a_(u+1) - a_u members."""
    builder, size = context.builder, groups.indices.shape[0]
    letters = "abcdefgh"[: len(rows.shape) - 1]
    ordered = arithmetic.einsum(builder, f"ZY,Y{letters}->Z{letters}", groups.hits, rows)
    ordered = builder.copy(ordered.bounded(rows.low, rows.high), f"{name}/ordered")
    beyond = (places(builder, f"{name}/beyond", size) - size).bounded(-size, -1)
    (first, numbers, starts), sums = in_front(builder, name, groups.starts, [ordered, groups.indices, beyond])

    def counts() -> Tensor:
        own = tables.column_of(context, f"{name}/first", starts)
        return movement.plus(builder, movement.pad(builder, own, [(-1, 1)]), -own).bounded(0, size)

    inverse = lambda: groups.scattered(context, f"{name}/inverse", groups.numbers)  # noqa: E731
    return Distinct(first, numbers, inverse, counts, sums)


def by_place(context: Context, name: str, groups: Groups, rows: Tensor) -> Distinct:
    """In the order in which they first appear."""
    builder, size = context.builder, groups.indices.shape[0]
    firsts = groups.scattered(context, f"{name}/firsts", groups.starts)
    numbers = places(builder, f"{name}/rows", size).bounded(0, size - 1)
    (first, numbers), sums = in_front(builder, name, firsts, [rows, numbers])

    @cache
    def inverse() -> Tensor:
        number = arithmetic.einsum(builder, "ZY,Y->Z", groups.hits, sums - 1).bounded(-1, size - 1)
        number = gadgets.carried(builder, f"{name}/number", builder.copy(number, f"{name}/appeared"), groups.starts)
        return groups.scattered(context, f"{name}/inverse", number.bounded(0, size - 1))

    def counts() -> Tensor:
        return arithmetic.reduce_sum(builder, gadgets.one_hot(builder, f"{name}/members", inverse(), size), [0])

    return Distinct(first, numbers, inverse, counts, sums)


@lowering("Unique")
def unique(context: Context, node: Node) -> None:
    """sorted = 0 keeps the order in which the elements first appear."""
    builder, name = context.builder, next(output for output in node.outputs if output)
    x, axis = values_of(context, node.inputs[0]), node.attributes.get("axis")
    x, axis = (movement.reshape(builder, x, (x.size,)), 0) if axis is None else (x, movement.normal(x, int(axis)))
    rows = movement.transpose(builder, x, [axis, *(i for i in range(len(x.shape)) if i != axis)])
    size = rows.shape[0]
    keys = ordered_keys(context, node, movement.reshape(builder, rows, (size, rows.size // size)))
    way = by_value if node.attributes.get("sorted", 1) else by_place
    found = way(context, name, grouped(context, name, keys), rows)
    order = [*range(1, axis + 1), 0, *range(axis + 1, len(rows.shape))]
    results = (
        lambda: movement.transpose(builder, found.rows, order),
        lambda: found.numbers,
        found.inverse,
        found.counts,
    )
    for output, result in zip(node.outputs, results):
        if output and context.graph.uses(output):
            context.put(output, result())
    put_count(context, node, found.sums)
