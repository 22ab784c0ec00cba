"""Pad: constant (any value), edge and reflect."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import as_output, lowering
from tacit.primitives import arithmetic, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("Pad", rounds=as_output)
def pad(context: Context, node: Node) -> None:
    x = context.addend(node.inputs[0])
    amounts = context.integers(node, 1, "pads")
    if amounts is None:
        raise context.unsupported(node, "it has no pads")
    rank = len(x.shape)
    axes = context.integers(node, 3, "axes") or list(range(rank))
    pads = [(0, 0)] * rank
    for i, axis in enumerate(axes):
        pads[axis % rank] = (amounts[i], amounts[i + len(axes)])
    mode = node.attributes.get("mode", "constant")
    mode = mode.decode() if isinstance(mode, bytes) else mode
    if mode == "constant":
        context.put(node.outputs[0], filled(context, x, pads, fill_value(context, node)))
        return
    for axis, (before, after) in enumerate(pads):
        if (before, after) != (0, 0):
            x = movement.take(context.builder, x, axis, mirrored(context, node, mode, x.shape[axis], before, after))
    context.put(node.outputs[0], x)


def mirrored(context: Context, node: Node, mode: str, length: int, before: int, after: int) -> list[int]:
    """The positions that a padded axis reads under mode 'edge', 'reflect' or 'wrap'."""
    if mode == "edge":
        return [min(max(i, 0), length - 1) for i in range(-before, length + after)]
    if mode == "wrap":
        return [i % length for i in range(-before, length + after)]
    if mode == "reflect" and length > 1:
        period = 2 * (length - 1)
        return [min(i % period, period - i % period) for i in range(-before, length + after)]
    raise context.unsupported(node, f"its mode {mode!r} is unknown or does not fit an axis of length {length}")


def fill_value(context: Context, node: Node) -> float:
    if node.input(2):
        return float(context.require_constant(node, 2, "fill value").reshape(-1)[0])
    return float(node.attributes.get("value", 0.0))


def filled(context: Context, x: Tensor, pads: list[tuple[int, int]], value: float) -> Tensor:
    """x padded with a value: zeros by a view; any other as that and the value times a constant that is 1 around and 0 inside."""
    builder = context.builder
    found = movement.pad(builder, x, pads)
    level = int(np.floor(np.ldexp(value, x.exponent) + 0.5))
    if level == 0 or not any(amount > 0 for both in pads for amount in both):
        return found
    low, high = min(x.low, level), max(x.high, level)
    border = context.weight(*border_of(found.shape, pads), 0)
    return arithmetic.add(builder, found, (border * level).with_exponent(x.exponent)).bounded(low, high)


def border_of(shape: tuple[int, ...], pads: list[tuple[int, int]]) -> tuple[str, np.ndarray]:
    """Name and integers of a constant that is 1 where something of this shape was padded, of length 1 along axes that were not."""
    sizes = [size if max(both) > 0 else 1 for size, both in zip(shape, pads)]
    array = np.ones(sizes, dtype=np.float32)
    array[tuple(slice(max(before, 0), size - max(after, 0)) for size, (before, after) in zip(sizes, pads))] = 0
    return f"border/{'x'.join(map(str, sizes))}", array
