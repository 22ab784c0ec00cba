"""ReduceSumSquare, ReduceL1 and ReduceL2. Nothing is rounded between a square and its root."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.reduction.sums import reduced_axes
from tacit.operators.registry import lowering
from tacit.operators.rows import turned
from tacit.primitives import arithmetic, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def sum_of_squares(context: Context, x: Tensor) -> Tensor:
    """Along the last dimension, which is dropped; exact."""
    square = arithmetic.multiply(context.builder, x, x).bounded(0, max(abs(x.low), abs(x.high)) ** 2)
    return arithmetic.reduce_sum(context.builder, square, [-1])


@lowering("ReduceSumSquare", "ReduceL1", "ReduceL2")
def reduce_norm(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    x = context.factor(node.inputs[0])
    rows = turned(x.shape, reduced_axes(context, node, len(x.shape))).rows(builder, x)
    if node.operator == "ReduceL1":
        result = arithmetic.reduce_sum(builder, tables.absolute(context, f"{output}/absolute", rows), [-1])
    else:
        result = sum_of_squares(context, rows)
    if node.operator == "ReduceL2":
        if not context.is_float(output):
            raise context.unsupported(node, "it takes a root of integers; cast to floats first")
        result = tables.square_root(context, output, result, context.rounding(output))
    context.put(output, movement.reshape(builder, result, context.shape(output)))
