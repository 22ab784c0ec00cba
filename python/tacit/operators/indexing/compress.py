"""Compress: the slices that a condition keeps. A constant condition makes a view; a computed one a padded result."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.indexing.arguments import rounds_if_constant, values_of
from tacit.operators.indexing.packing import in_front, is_not_zero, put_count
from tacit.operators.registry import lowering
from tacit.primitives import movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def along_first(context: Context, node: Node, x: Tensor) -> tuple[Tensor, int]:
    """x with the compressed axis in front (flat without one), and that axis."""
    if node.attributes.get("axis") is None:
        return movement.reshape(context.builder, x, (x.size,)), 0
    axis = movement.normal(x, int(node.attributes["axis"]))
    return movement.transpose(context.builder, x, [axis, *(i for i in range(len(x.shape)) if i != axis)]), axis


@lowering("Compress", rounds=rounds_if_constant(1))
def compress(context: Context, node: Node) -> None:
    """A condition shorter than the axis drops what lies beyond it."""
    builder, output, known = context.builder, node.outputs[0], context.constant(node.inputs[1])
    if known is not None:
        x, axis = along_first(context, node, context.addend(node.inputs[0]))
        rows = movement.take(builder, x, 0, np.flatnonzero(known[: x.shape[0]]).tolist())
    else:
        x, axis = along_first(context, node, values_of(context, node.inputs[0]))
        condition = context.exact(node.inputs[1])
        length = min(condition.shape[0], x.shape[0])
        flags = is_not_zero(context, f"{output}/condition", movement.slice_(builder, condition, 0, 0, length))
        (rows,), sums = in_front(builder, output, flags, [movement.slice_(builder, x, 0, 0, length)])
        put_count(context, node, sums)
    context.put(output, movement.transpose(builder, rows, [*range(1, axis + 1), 0, *range(axis + 1, len(rows.shape))]))
