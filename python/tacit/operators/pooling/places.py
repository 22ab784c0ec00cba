"""MaxPool with indices: the value of every window and where it stands, the first among equals."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.indexing.arguments import places
from tacit.operators.windows import Window
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

LETTERS, TAPS = "abcdef", "uvwxyz"


def unfolded(context: Context, x: Tensor, axis: int, positions: Sequence[Sequence[int]]) -> Tensor:
    """One axis as two, outputs and taps, read at positions[tap][output]."""
    outputs, taps = len(positions[0]), len(positions)
    chosen = [positions[tap][output] for output in range(outputs) for tap in range(taps)]
    x = movement.take(context.builder, x, axis, chosen)
    return movement.reshape(context.builder, x, (*x.shape[:axis], outputs, taps, *x.shape[axis + 1 :]))


def largest_with_places(
    context: Context, node: Node, x: Tensor, spatial: Sequence[Window], positions: Sequence[Sequence[Sequence[int]]]
) -> tuple[Tensor, Tensor]:
    """(values, indices) of windows of x [batch, channels, *lengths]; positions[axis][tap][output] are inside the window.

    Where a tap would be outside, its position is that of a neighbour inside, so that taps stay in the order of places and the first
    largest tap is at the first largest place. Indices count through all of x; storage_order 1 counts the columns of an image first.
    """
    builder, name, rank = context.builder, node.outputs[0], len(spatial)
    for axis in reversed(range(rank)):
        x = unfolded(context, x, 2 + axis, positions[axis])
    lead = [0, 1, *(2 + 2 * axis for axis in range(rank))]
    x = movement.transpose(builder, x, [*lead, *(3 + 2 * axis for axis in range(rank))])
    target, taps = x.shape[: 2 + rank], x.shape[2 + rank :]
    x = movement.reshape(builder, x, (*target, prod(taps)))
    values, _, hits = gadgets.ranked(builder, name, x, 1)
    hits = movement.reshape(builder, hits, (*target, *taps))
    strides = strides_of([window.length for window in spatial], bool(node.attributes.get("storage_order", 0)))
    plane = prod(window.length for window in spatial)
    index = constant(target, 0)
    for axis, window in enumerate(spatial):
        along = places(builder, f"{name}/axis{axis}", window.length).bounded(0, window.length - 1)
        along = unfolded(context, along, 0, positions[axis])
        o, t = LETTERS[:rank], TAPS[:rank]
        part = arithmetic.einsum(builder, f"NC{o}{t},{o[axis]}{t[axis]}->NC{o}", hits, along).bounded(0, window.length - 1)
        index = movement.plus(builder, part * strides[axis], index)
    for axis, step in ((0, target[1] * plane), (1, plane)):
        lead_places = places(builder, f"{name}/lead{axis}", target[axis]) * step
        index = movement.plus(builder, index, movement.reshape(builder, lead_places, (-1, *[1] * (len(target) - 1 - axis))))
    return movement.squeeze(builder, values, [-1]), index.bounded(0, target[0] * target[1] * plane - 1)


def strides_of(lengths: Sequence[int], columns_first: bool) -> list[int]:
    """How far apart neighbours along each axis are."""
    order = list(lengths)[::-1] if columns_first else list(lengths)
    strides = [prod(order[i + 1 :]) for i in range(len(order))]
    return strides[::-1] if columns_first else strides
