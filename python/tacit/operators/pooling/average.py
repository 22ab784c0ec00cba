"""AveragePool and GlobalAveragePool: exact sums, then a constant factor."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tacit.circuit import Affine
from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.operators.weights import scale, weigh
from tacit.operators.windows import Window, windows
from tacit.primitives import arithmetic, movement
from tacit.primitives.tensor import Axis, Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def summed_along(context: Context, x: Tensor, axis: int, window: Window) -> Tensor:
    """The sum of each window of one axis; positions outside count as zero."""
    if window.kernel == 1 and window.stride == 1 and not window.overhangs:
        return x
    output, tap = Axis(window.outputs), Axis(window.kernel)
    reads = tuple((a, step) for a, step in ((output, window.stride), (tap, window.dilation)) if a.size > 1)
    read = movement.reindex(context.builder, x, axis, Affine(-window.before, reads))  # type: ignore[arg-type]
    cut = x.shape[:axis] + (window.outputs, window.kernel) + x.shape[axis + 1 :]
    return arithmetic.reduce_sum(context.builder, movement.reshape(context.builder, read, cut), [axis + 1])


def taps_inside(window: Window, with_pads: bool) -> list[int]:
    """How many taps of each window count: those in the input, or in the input and its pads."""
    first, last = (-window.before, window.length + window.after) if with_pads else (0, window.length)
    return [sum(first <= window.position(y, k) < last for k in range(window.kernel)) for y in range(window.outputs)]


@lowering("AveragePool")
def average_pool(context: Context, node: Node) -> None:
    x = context.factor(node.inputs[0])
    spans = windows(context, node, x.shape[2:], list(node.attributes["kernel_shape"]))
    with_pads = bool(node.attributes.get("count_include_pad", 0))
    for i, window in enumerate(spans):
        x = summed_along(context, x, 2 + i, window)
    counts = [taps_inside(window, with_pads) for window in spans]
    if all(len(set(count)) == 1 for count in counts):
        context.put(node.outputs[0], scale(context, node, x, 1.0 / prod(count[0] for count in counts)))
        return
    shares = np.ones(())
    for count in counts:
        shares = np.multiply.outer(shares, 1.0 / np.asarray(count))
    column = weigh(context, node, f"{node.name}/shares", shares, x)
    context.put(node.outputs[0], arithmetic.multiply(context.builder, x, column))


@lowering("GlobalAveragePool")
def global_average_pool(context: Context, node: Node) -> None:
    x = context.addend(node.inputs[0])
    axes = list(range(2, len(x.shape)))
    total = arithmetic.reduce_sum(context.builder, x, axes, keepdims=True)
    context.put(node.outputs[0], scale(context, node, total, 1.0 / prod(x.shape[2:])))
