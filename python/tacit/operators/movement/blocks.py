"""Tile, DepthToSpace and SpaceToDepth."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import as_output, lowering
from tacit.primitives import movement

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("Tile", rounds=as_output)
def tile(context: Context, node: Node) -> None:
    builder = context.builder
    x = context.addend(node.inputs[0])
    repeats = [int(i) for i in context.require_constant(node, 1, "list of repeats").reshape(-1)]
    for axis, count in enumerate(repeats):
        if count > 1:
            shape = x.shape
            x = movement.unsqueeze(builder, x, [axis])
            x = movement.expand(builder, x, (*shape[:axis], count, *shape[axis:]))
            x = movement.reshape(builder, x, (*shape[:axis], count * shape[axis], *shape[axis + 1 :]))
    context.put(node.outputs[0], x)


@lowering("DepthToSpace", rounds=as_output)
def depth_to_space(context: Context, node: Node) -> None:
    """Mode DCR: a channel is (block row, block column, channel); CRD: (channel, block row, block column)."""
    builder, size = context.builder, int(node.attributes["blocksize"])
    x = context.addend(node.inputs[0])
    batch, depth, height, width = x.shape
    left = depth // (size * size)
    mode = node.attributes.get("mode", "DCR")
    if mode == "DCR":
        cut, order = (batch, size, size, left, height, width), [0, 3, 4, 1, 5, 2]
    else:
        cut, order = (batch, left, size, size, height, width), [0, 1, 4, 2, 5, 3]
    moved = movement.transpose(builder, movement.reshape(builder, x, cut), order)
    context.put(node.outputs[0], movement.reshape(builder, moved, context.shape(node.outputs[0])))


@lowering("SpaceToDepth", rounds=as_output)
def space_to_depth(context: Context, node: Node) -> None:
    """The inverse of DepthToSpace, in the same two modes."""
    builder, size = context.builder, int(node.attributes["blocksize"])
    x = context.addend(node.inputs[0])
    batch, depth, height, width = x.shape
    cut = movement.reshape(builder, x, (batch, depth, height // size, size, width // size, size))
    inner = [1, 3, 5] if node.attributes.get("mode", "DCR") == "CRD" else [3, 5, 1]
    moved = movement.transpose(builder, cut, [0, *inner, 2, 4])
    context.put(node.outputs[0], movement.reshape(builder, moved, context.shape(node.outputs[0])))
