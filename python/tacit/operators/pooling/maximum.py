"""MaxPool and GlobalMaxPool: one axis after the other, taps that leave the input replaced by taps inside the same
window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.pooling.places import largest_with_places
from tacit.operators.registry import as_output, lowering
from tacit.operators.windows import Window, windows
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def tap_positions(context: Context, node: Node, window: Window, tap: int) -> list[int]:
    """For each output the position of one tap; where that is outside, of the nearest tap of the same window that is
    inside."""
    positions = []
    for output in range(window.outputs):
        inside = [k for k in range(window.kernel) if window.is_inside(output, k)]
        if not inside:
            raise context.unsupported(node, "one of its windows lies wholly in the padding")
        nearest = min(inside, key=lambda k: abs(k - tap))
        positions.append(window.position(output, nearest))
    return positions


def largest_along(context: Context, node: Node, x: Tensor, axis: int, window: Window) -> Tensor:
    if window.kernel == 1 and window.stride == 1 and not window.overhangs:
        return x
    taps = [
        movement.take(context.builder, x, axis, tap_positions(context, node, window, tap))
        for tap in range(window.kernel)
    ]
    return gadgets.maximum_of(context.builder, f"{node.name}/axis{axis}", taps)


@lowering("MaxPool", rounds=as_output)
def max_pool(context: Context, node: Node) -> None:
    x = context.narrow(node.inputs[0])
    spatial = windows(context, node, x.shape[2:], list(node.attributes["kernel_shape"]))
    if len(node.outputs) > 1 and node.outputs[1]:
        taps = [[tap_positions(context, node, window, tap) for tap in range(window.kernel)] for window in spatial]
        for name, result in zip(node.outputs, largest_with_places(context, node, x, spatial, taps)):
            context.put(name, result)
        return
    for i, window in enumerate(spatial):
        x = largest_along(context, node, x, 2 + i, window)
    context.put(node.outputs[0], x)


@lowering("GlobalMaxPool", rounds=as_output)
def global_max_pool(context: Context, node: Node) -> None:
    x = context.narrow(node.inputs[0])
    for axis in range(2, len(x.shape)):
        length = x.shape[axis]
        x = largest_along(context, node, x, axis, Window(length, length, 1, 1, 0, 0, 1))
    context.put(node.outputs[0], x)
