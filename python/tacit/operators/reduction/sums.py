"""ReduceSum, ReduceMean and ReduceMax, axes as an input or as an attribute."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.forms import is_fine
from tacit.operators.registry import lowering
from tacit.operators.weights import scale
from tacit.primitives import arithmetic, gadgets, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context


def reduced_axes(context: Context, node: Node, rank: int) -> list[int]:
    """The dimensions that a node reduces; all of them when none is named, unless the node says that this means none."""
    axes = context.integers(node, 1, "axes")
    if not axes:
        return [] if node.attributes.get("noop_with_empty_axes", 0) else list(range(rank))
    return sorted({axis % rank for axis in axes})


@lowering("ReduceSum", "ReduceMean")
def reduce_sum(context: Context, node: Node) -> None:
    x = context.addend(node.inputs[0])
    axes = reduced_axes(context, node, len(x.shape))
    total = arithmetic.reduce_sum(context.builder, x, axes, keepdims=bool(node.attributes.get("keepdims", 1)))
    if node.operator == "ReduceMean":
        total = scale(context, node, total, 1.0 / prod(x.shape[axis] for axis in axes))
    context.put(node.outputs[0], total)


@lowering("ReduceMax")
def reduce_max(context: Context, node: Node) -> None:
    builder = context.builder
    x = context.exact(node.inputs[0]) if is_fine(context, node.outputs[0]) else context.narrow(node.inputs[0])
    axes = reduced_axes(context, node, len(x.shape))
    for axis in axes:
        taps = [movement.take(builder, x, axis, [i]) for i in range(x.shape[axis])]
        x = gadgets.maximum_of(builder, f"{node.name}/axis{axis}", taps)
    context.put(node.outputs[0], movement.reshape(builder, x, context.shape(node.outputs[0])))
