"""NonMaxSuppression: boxes that no better kept box of their class overlaps; a padded result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.indexing.arguments import places, values_of
from tacit.operators.indexing.packing import in_front, put_count
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

FINEST, WIDEST = 26, 60
"""The threshold of the overlap has at most so many fraction bits (float32's of an eighth has 26), and its product with an area
so many bits."""


def threshold(context: Context, node: Node, position: int, what: str) -> float:
    """A constant input of one number; 0 where it is absent."""
    return float(context.require_constant(node, position, what).reshape(-1)[0]) if node.input(position) else 0.0


def sides(context: Context, node: Node) -> list[tuple[Tensor, Tensor]]:
    """(low, high) [batch, n] of both sides of every box, exact. Corners come in any order; centres with widths give twice the
    coordinates."""
    builder, name = context.builder, node.outputs[0]
    x = context.narrow(node.inputs[0])
    parts = [movement.squeeze(builder, movement.slice_(builder, x, -1, i, i + 1), [-1]) for i in range(4)]
    found = []
    for i in range(2):
        a, b = parts[i], parts[i + 2]
        if node.attributes.get("center_point_box", 0):
            found.append((movement.plus(builder, a * 2, -b), movement.plus(builder, a * 2, b)))
            continue
        high = gadgets.maximum(builder, f"{name}/high{i}", a, b)
        found.append((movement.plus(builder, movement.plus(builder, a, b), -high).bounded(x.low, x.high), high))
    return found


def overlaps(context: Context, node: Node) -> Tensor:
    """[intersection / union > threshold] of every two boxes, [batch, n, n]: with t 2^-s the threshold, whether
    intersection (2^s + t) > t (area + area)."""
    builder, name = context.builder, node.outputs[0]
    level = threshold(context, node, 3, "iou_threshold")
    lengths, common = [], []
    for i, (low, high) in enumerate(sides(context, node)):
        low, high = (tables.column_of(context, f"{name}/side{i}", x) for x in (low, high))
        span = high.high - low.low
        length = movement.plus(builder, high, -low).bounded(low.low - high.high, span)
        lengths.append(gadgets.maximum(builder, f"{name}/length{i}", length, constant(length.shape, 0, length.exponent)))
        first = gadgets.minimum(builder, f"{name}/until{i}", *pairs(context, high))
        last = gadgets.maximum(builder, f"{name}/from{i}", *pairs(context, low))
        inner = movement.plus(builder, first, -last)
        common.append(gadgets.maximum(builder, f"{name}/common{i}", inner, constant(inner.shape, 0, inner.exponent)))
    area = builder.copy(arithmetic.multiply(builder, *lengths), f"{name}/area")
    shared = arithmetic.multiply(builder, *common)
    both = movement.plus(builder, *pairs(context, area))
    shift = tables.exact_exponent(np.array(level), min(FINEST, WIDEST - shared.high.bit_length()))
    t = int(np.floor(np.ldexp(level, shift) + 0.5))
    return gadgets.compare(builder, f"{name}/overlap", shared * ((1 << shift) + t), both * t + 1)


def pairs(context: Context, x: Tensor) -> tuple[Tensor, Tensor]:
    """x [batch, n] as [batch, n, 1] and [batch, 1, n]."""
    return movement.unsqueeze(context.builder, x, [-1]), movement.unsqueeze(context.builder, x, [-2])


def above(context: Context, node: Node, scores: Tensor) -> Tensor:
    """[score > score_threshold]; the threshold is rounded as the scores are unless they hold it exactly."""
    if not node.input(4):
        return constant(scores.shape, 1)
    level = np.ldexp(threshold(context, node, 4, "score_threshold"), scores.exponent)
    least = int(np.floor(level + 0.5)) + 1
    if least <= scores.low or least > scores.high:
        return constant(scores.shape, int(least <= scores.low))
    return gadgets.compare(context.builder, f"{node.outputs[0]}/above", scores, constant(scores.shape, least, scores.exponent))


@lowering("NonMaxSuppression")
def non_max_suppression(context: Context, node: Node) -> None:
    """Rows (batch, class, box): of every class the best that are kept, best first; among equal scores the first box."""
    builder, output = context.builder, node.outputs[0]
    most = int(threshold(context, node, 2, "max_output_boxes_per_class"))
    scores = tables.column_of(context, f"{output}/scores", values_of(context, node.inputs[1]))
    batch, classes, boxes = scores.shape
    kept = gadgets.survivors(
        builder, f"{output}/kept", scores, above(context, node, scores), movement.unsqueeze(builder, overlaps(context, node), [1])
    )
    rank = (scores - scores.low + 1).bounded(1, scores.high - scores.low + 1).with_exponent(0)
    rank = arithmetic.multiply(builder, kept, rank).bounded(0, rank.high)
    values, indices = gadgets.top_k(builder, f"{output}/best", rank, min(most, boxes))
    flags = gadgets.compare(builder, f"{output}/chosen", values, constant(values.shape, 1))
    shape = flags.shape
    columns = [
        movement.reshape(builder, places(builder, f"{output}/batch", batch).bounded(0, batch - 1), (batch, 1, 1)),
        movement.reshape(builder, places(builder, f"{output}/class", classes).bounded(0, classes - 1), (classes, 1)),
        indices,
    ]
    flat = [movement.reshape(builder, movement.expand(builder, x, shape), (flags.size,)) for x in columns]
    rows, sums = in_front(builder, output, movement.reshape(builder, flags, (flags.size,)), flat)
    context.put(output, movement.concat(builder, [movement.unsqueeze(builder, x, [1]) for x in rows], 1))
    put_count(context, node, sums)
