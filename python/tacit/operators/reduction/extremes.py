"""ReduceMin and ArgMin, by the maximum of what is negated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.reduction.sums import reduced_axes
from tacit.operators.registry import as_output, lowering
from tacit.operators.rows import turned
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("ReduceMin", rounds=as_output)
def reduce_minimum(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    x = context.narrow(node.inputs[0])
    turn = turned(x.shape, reduced_axes(context, node, len(x.shape)))
    least = -gadgets.maximum_along(builder, output, -turn.rows(builder, x), -1)
    context.put(output, movement.reshape(builder, least, context.shape(output)))


@lowering("ArgMin")
def index_of_minimum(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    x = context.wide(node.inputs[0])
    axis = int(node.attributes.get("axis", 0)) % len(x.shape)
    index = gadgets.argmax(builder, output, -x, axis, last=bool(node.attributes.get("select_last_index", 0)))
    context.put(output, movement.reshape(builder, index, context.shape(output)))


@lowering("Hardmax")
def hardmax(context: Context, node: Node) -> None:
    """1 at the first largest element, else 0: [j >= index] - [j > index]."""
    builder, output = context.builder, node.outputs[0]
    x = context.wide(node.inputs[0])
    turn = turned(x.shape, [int(node.attributes.get("axis", -1))])
    rows = turn.rows(builder, x)
    index = gadgets.argmax(builder, output, rows, -1)
    places = gadgets.running_sum(builder, f"{output}/places", constant((turn.length,), 1), 0) - 1
    reached = gadgets.compare(builder, f"{output}/reached", places, index)
    before = movement.pad(builder, reached, [(0, 0)] * (len(rows.shape) - 1) + [(1, -1)])
    context.put(output, turn.back(builder, movement.plus(builder, reached, -before).bounded(0, 1)))
