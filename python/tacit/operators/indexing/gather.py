"""Gather, GatherElements and GatherND. Constant indices make views; computed ones select (`gadgets.select`): an index outside
the axis means the nearest place inside."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.indexing.arguments import rounds_if_constant, values_of, wrapped
from tacit.operators.indexing.packed_rows import is_packable, packed_rows
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("Gather", rounds=rounds_if_constant(1))
def gather(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    axis, known = int(node.attributes.get("axis", 0)), context.constant(node.inputs[1])
    if known is not None:
        x = movement.take(builder, context.addend(node.inputs[0]), axis, [int(i) for i in known.reshape(-1)])
        context.put(output, movement.reshape(builder, x, context.shape(output)))
        return
    if is_packable(context, node):
        context.put(output, packed_rows(context, node, context.exact(node.inputs[1])))
        return
    x, index = values_of(context, node.inputs[0]), context.exact(node.inputs[1])
    axis = movement.normal(x, axis)
    table = movement.transpose(builder, x, [axis, *(i for i in range(len(x.shape)) if i != axis)])
    rows = gadgets.select(builder, output, table, index)
    count = len(index.shape)
    order = [*range(count, count + axis), *range(count), *range(count + axis, len(rows.shape))]
    context.put(output, movement.transpose(builder, rows, order))


@lowering("GatherElements", rounds=rounds_if_constant(1))
def gather_elements(context: Context, node: Node) -> None:
    """Every row along the axis is a table of its own."""
    builder, output = context.builder, node.outputs[0]
    shape, target = context.shape(node.inputs[0]), context.shape(output)
    axis, known = int(node.attributes.get("axis", 0)) % len(shape), context.constant(node.inputs[1])
    if known is not None:
        places = list(np.indices(target))
        places[axis] = wrapped(known, shape[axis])
        context.put(output, at_places(context, context.addend(node.inputs[0]), places, target))
        return
    x = values_of(context, node.inputs[0])
    for i, size in enumerate(target):
        x = movement.slice_(builder, x, i, 0, size) if i != axis else x
    rows = gadgets.select(
        builder, output, to_last(context, x, axis), to_last(context, context.exact(node.inputs[1]), axis), len(shape) - 1
    )
    context.put(output, from_last(context, rows, axis))


def to_last(context: Context, x: Tensor, axis: int) -> Tensor:
    return movement.transpose(context.builder, x, [*(i for i in range(len(x.shape)) if i != axis), axis])


def from_last(context: Context, x: Tensor, axis: int) -> Tensor:
    rank = len(x.shape)
    return movement.transpose(context.builder, x, [*range(axis), rank - 1, *range(axis, rank - 1)])


def at_places(context: Context, x: Tensor, places: list[np.ndarray], shape: tuple[int, ...]) -> Tensor:
    """x at constant places of its first dimensions, as `shape`."""
    sizes = x.shape[: len(places)]
    flat = movement.reshape(context.builder, x, (prod(sizes), *x.shape[len(places) :]))
    chosen = np.ravel_multi_index(tuple(places), sizes).reshape(-1)
    return movement.reshape(context.builder, movement.take(context.builder, flat, 0, chosen.tolist()), shape)


@lowering("GatherND", rounds=rounds_if_constant(1))
def gather_tuples(context: Context, node: Node) -> None:
    """The axes that a tuple of indices addresses count as one."""
    builder, output = context.builder, node.outputs[0]
    batch = int(node.attributes.get("batch_dims", 0))
    shape, known = context.shape(node.inputs[0]), context.constant(node.inputs[1])
    sizes = shape[batch : batch + context.shape(node.inputs[1])[-1]]
    if known is not None:
        grid = np.indices(known.shape[:-1])[:batch]
        places = [*grid, *(wrapped(known[..., k], size) for k, size in enumerate(sizes))]
        context.put(output, at_places(context, context.addend(node.inputs[0]), places, context.shape(output)))
        return
    x = values_of(context, node.inputs[0])
    table = movement.reshape(builder, x, (*shape[:batch], prod(sizes), *shape[batch + len(sizes) :]))
    index = joined(context, f"{output}/place", context.exact(node.inputs[1]), sizes)
    context.put(output, gadgets.select(builder, output, table, index, batch))


def joined(context: Context, name: str, index: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Tuples of indices along the last dimension, one an axis of `sizes`, as one index in C order."""
    builder, result = context.builder, None
    for k, size in enumerate(sizes):
        part = movement.squeeze(builder, movement.slice_(builder, index, -1, k, k + 1), [-1])
        part = gadgets.position(builder, f"{name}{k}", part, size) * prod(sizes[k + 1 :])
        result = part if result is None else movement.plus(builder, result, part)
    assert result is not None
    return result.bounded(0, prod(sizes) - 1)
