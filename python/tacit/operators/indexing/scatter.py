"""ScatterElements, ScatterND and TensorScatter, with every reduction. Constant indices make views and elementwise arithmetic;
computed ones are `gadgets.scatter`. Writes count in order: the last one wins."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.forms import signed_bits
from tacit.operators.indexing.arguments import places, rounds_if_constant, values_of, wrapped
from tacit.operators.indexing.gather import from_last, joined, to_last
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

WIDEST = 32
"""A product of writes is rounded to at most so many bits."""


@lowering("ScatterElements", rounds=rounds_if_constant(1))
def scatter_elements(context: Context, node: Node) -> None:
    """Every row along the axis by itself; rows beyond the indices' shape stay as they are."""
    builder, output = context.builder, node.outputs[0]
    shape, touched = context.shape(output), context.shape(node.inputs[1])
    axis, known = int(node.attributes.get("axis", 0)) % len(shape), context.constant(node.inputs[1])
    reduction = node.attributes.get("reduction", "none")
    data, updates = (values_of(context, name) for name in (node.inputs[0], node.inputs[2]))
    if known is not None:
        target = list(np.indices(touched))
        target[axis] = wrapped(known, shape[axis])
        flat = np.ravel_multi_index(tuple(target), shape).reshape(-1)
        data, updates = (movement.reshape(builder, x, (x.size,)) for x in (data, updates))
        context.put(output, movement.reshape(builder, at_known(context, node, data, flat, updates, reduction), shape))
        return
    piece = data
    for i, size in enumerate(touched):
        piece = movement.slice_(builder, piece, i, 0, size) if i != axis else piece
    index = to_last(context, context.exact(node.inputs[1]), axis)
    written = at_computed(
        context, node, to_last(context, piece, axis), index, to_last(context, updates, axis), len(shape) - 1, reduction
    )
    written = from_last(context, written, axis)
    if written.shape != shape:
        exponent = max(written.exponent, data.exponent)
        change = arithmetic.subtract(builder, written, piece)
        pads = [(0, size - have) for size, have in zip(shape, change.shape)]
        whole = movement.plus(builder, movement.shifted(data, exponent), movement.pad(builder, change, pads))
        written = whole.bounded(min(data.low << exponent - data.exponent, written.low), max(whole.low, written.high))
    context.put(output, written)


@lowering("ScatterND", rounds=rounds_if_constant(1))
def scatter_tuples(context: Context, node: Node) -> None:
    """The axes that a tuple of indices addresses count as one, and so do all writes."""
    builder, output = context.builder, node.outputs[0]
    shape, known = context.shape(output), context.constant(node.inputs[1])
    reduction = node.attributes.get("reduction", "none")
    addressed = context.shape(node.inputs[1])[-1]
    count, sizes, row = prod(context.shape(node.inputs[1])[:-1]), shape[:addressed], shape[addressed:]
    data, updates = (values_of(context, name) for name in (node.inputs[0], node.inputs[2]))
    data = movement.reshape(builder, data, (prod(sizes), *row))
    updates = movement.reshape(builder, updates, (count, *row))
    if known is not None:
        flat = np.ravel_multi_index(tuple(wrapped(known[..., k], size) for k, size in enumerate(sizes)), sizes).reshape(-1)
        written = at_known(context, node, data, flat, updates, reduction)
    else:
        index = movement.reshape(builder, context.exact(node.inputs[1]), (count, addressed))
        index = joined(context, f"{output}/place", index, sizes)
        written = at_computed(context, node, data, index, updates, 0, reduction)
    context.put(output, movement.reshape(builder, written, shape))


@lowering("TensorScatter")
def scatter_in_sequence(context: Context, node: Node) -> None:
    """Rows of a cache from write_indices[batch] on; mode 'circular' goes on at the front."""
    builder, output = context.builder, node.outputs[0]
    axis = int(node.attributes.get("axis", -2)) % len(context.shape(output))
    data, updates = (values_of(context, name) for name in (node.inputs[0], node.inputs[1]))
    order = [0, axis, *(i for i in range(1, len(data.shape)) if i != axis)]
    data, updates = movement.transpose(builder, data, order), movement.transpose(builder, updates, order)
    size, count = data.shape[1], updates.shape[1]
    index = movement.unsqueeze(builder, places(builder, f"{output}/places", count), [0])
    if node.input(2):
        starts = gadgets.position(builder, f"{output}/start", context.exact(node.inputs[2]), size)
        index = movement.plus(builder, index, movement.unsqueeze(builder, starts, [1]))
        if node.attributes.get("mode", "linear") == "circular":
            beyond = gadgets.compare(builder, f"{output}/beyond", index, constant(index.shape, size))
            index = movement.plus(builder, index, beyond * -size).bounded(0, size - 1)
    index = movement.expand(builder, index, (data.shape[0], count))
    written = gadgets.scatter(builder, output, data, index, updates, 1)
    context.put(output, movement.transpose(builder, written, [order.index(i) for i in range(len(order))]))


def at_computed(
    context: Context, node: Node, data: Tensor, index: Tensor, updates: Tensor, batch: int, reduction: str
) -> Tensor:
    """data[*batch, n, *row] with updates[*batch, m, *row] at computed places."""
    if reduction != "mul":
        return gadgets.scatter(context.builder, node.outputs[0], data, index, updates, batch, reduction)
    builder, name, size = context.builder, node.outputs[0], data.shape[batch]
    hits = gadgets.one_hot(builder, f"{name}/hits", gadgets.position(builder, f"{name}/position", index, size), size)
    hits = movement.unsqueeze(builder, hits, range(batch + 2, len(data.shape) + 1))
    one = 1 << max(updates.exponent, 0)
    updates = movement.unsqueeze(builder, movement.shifted(updates, max(updates.exponent, 0)), [batch + 1])
    factors = arithmetic.multiply(builder, updates - one, hits) + one
    factors = factors.bounded(min(updates.low, one), max(updates.high, one)).with_exponent(updates.exponent)
    for t in range(updates.shape[batch]):
        factor = movement.squeeze(builder, movement.slice_(builder, factors, batch, t, t + 1), [batch])
        data = multiplied(context, node, data, builder.copy(factor, f"{name}/factor"))
    return data


def multiplied(context: Context, node: Node, data: Tensor, factor: Tensor) -> Tensor:
    """data * factor; floats are rounded to the exponent of the data, or to WIDEST bits."""
    product = arithmetic.multiply(context.builder, data, factor)
    name = f"{node.outputs[0]}/product"
    if not context.is_float(node.outputs[0]):
        return context.builder.copy(product, name)
    shift = max(product.exponent - data.exponent, signed_bits(product) - WIDEST, 0)
    return gadgets.round_wide(context.builder, name, product, shift)


def at_known(
    context: Context, node: Node, data: Tensor, targets: np.ndarray, updates: Tensor, reduction: str
) -> Tensor:
    """data[n, *row] with updates[m, *row] at constant places: as many steps as one place has writes."""
    builder, rounds = context.builder, writes(targets, data.shape[0])
    if reduction == "none":
        return replaced(context, data, updates, np.max(rounds, axis=0))
    identity = {"add": 0, "mul": 1 << max(updates.exponent, 0)}.get(reduction)
    for chosen in rounds:
        if identity is None:
            data = EXTREMES[reduction](builder, f"{node.outputs[0]}/write", data, replaced(context, data, updates, chosen))
            continue
        exponent = max(updates.exponent, 0) if reduction == "mul" else updates.exponent
        nothing = constant(data.shape, identity, exponent)
        new = replaced(context, nothing, updates, chosen)
        data = multiplied(context, node, data, new) if reduction == "mul" else arithmetic.add(builder, data, new)
    return data


EXTREMES: dict[str, Callable[..., Tensor]] = {"max": gadgets.maximum, "min": gadgets.minimum}


def writes(targets: np.ndarray, size: int) -> list[np.ndarray]:
    """Round by round the number of the write at every place, -1 where there is none; the writes of a place in order."""
    rounds: list[np.ndarray] = []
    seen = np.zeros(size, dtype=np.int64)
    for number, target in enumerate(targets.tolist()):
        if seen[target] == len(rounds):
            rounds.append(np.full(size, -1, dtype=np.int64))
        rounds[seen[target]][target] = number
        seen[target] += 1
    return rounds


def replaced(context: Context, data: Tensor, updates: Tensor, chosen: np.ndarray) -> Tensor:
    """data[n, *row] with row j replaced by updates[chosen[j]], where that is not -1; a view."""
    both = movement.concat(context.builder, [updates, data], 0)
    count = updates.shape[0]
    source = np.where(chosen >= 0, chosen, count + np.arange(len(chosen)))
    return movement.take(context.builder, both, 0, source.tolist())
