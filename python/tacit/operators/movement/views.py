"""Operators that only move elements: views of the same integers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import as_output, lowering
from tacit.primitives import movement
from tacit.primitives.tensor import constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("Flatten", "Reshape", "Squeeze", "Unsqueeze", rounds=as_output)
def reshape(context: Context, node: Node) -> None:
    """All four are reshapes to the static shape of the output."""
    x = context.addend(node.inputs[0])
    context.put(node.outputs[0], movement.reshape(context.builder, x, context.shape(node.outputs[0])))


@lowering("Identity", "Dropout", rounds=as_output)
def identity(context: Context, node: Node) -> None:
    """Dropout is the identity at inference, and its mask keeps everything."""
    for mask in node.outputs[1:]:
        context.put(mask, constant(context.shape(node.outputs[0]), 1))
    context.put(node.outputs[0], context.addend(node.inputs[0]))


@lowering("Transpose", rounds=as_output)
def transpose(context: Context, node: Node) -> None:
    x = context.addend(node.inputs[0])
    order = node.attributes.get("perm")
    context.put(node.outputs[0], movement.transpose(context.builder, x, None if order is None else list(order)))


@lowering("Expand", rounds=as_output)
def expand(context: Context, node: Node) -> None:
    x = context.addend(node.inputs[0])
    context.put(node.outputs[0], movement.expand(context.builder, x, context.shape(node.outputs[0])))


@lowering("Split", rounds=as_output)
def split(context: Context, node: Node) -> None:
    """Piece lengths are given, or equal but for a shorter last one."""
    x = context.addend(node.inputs[0])
    axis = int(node.attributes.get("axis", 0))
    length, count = x.shape[axis], len(node.outputs)
    even = -(-length // count)
    sizes = context.integers(node, 1, "split") or [even] * (count - 1) + [length - even * (count - 1)]
    names = [name for name, size in zip(node.outputs, sizes) if size]
    for name, piece in zip(names, movement.split(context.builder, x, axis, [size for size in sizes if size])):
        if name:
            context.put(name, piece)


@lowering("Slice", rounds=as_output)
def slice_(context: Context, node: Node) -> None:
    """Starts and ends beyond the axis are clamped, as in Python; INT_MAX and INT_MIN mean "to the end"."""
    x = context.addend(node.inputs[0])
    starts, ends = context.integers(node, 1, "starts"), context.integers(node, 2, "ends")
    if starts is None or ends is None:
        raise context.unsupported(node, "it has no starts or no ends")
    axes = context.integers(node, 3, "axes") or list(range(len(starts)))
    steps = context.integers(node, 4, "steps") or [1] * len(starts)
    for axis, start, end, step in zip(axes, starts, ends, steps):
        length = x.shape[axis]
        stop = None if step < 0 and end < -length else end
        x = movement.slice_(context.builder, x, axis, start, stop, step)
    context.put(node.outputs[0], x)


@lowering("Concat", rounds=as_output)
def concat(context: Context, node: Node) -> None:
    parts = [context.addend(name) for name in node.inputs]
    context.put(node.outputs[0], movement.concat(context.builder, parts, int(node.attributes["axis"])))
