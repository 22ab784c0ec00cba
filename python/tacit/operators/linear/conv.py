"""Conv: 1-D, 2-D and more; strides, pads, dilations, groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.operators.weights import add_bias, weigh
from tacit.operators.windows import windows
from tacit.primitives import arithmetic
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def weighs(context: Context, node: Node) -> tuple[str, np.ndarray] | None:
    array = context.constant(node.inputs[1])
    return None if array is None else (node.inputs[0], array)


@lowering("Conv", weighs=weighs)
def conv(context: Context, node: Node) -> None:
    """Input [N, C, spatial..], weights [O, C / group, kernel..], bias [O]."""
    data = context.factor(node.inputs[0])
    array = context.require_constant(node, 1, "kernel")
    spans = windows(context, node, data.shape[2:], array.shape[2:])
    product = arithmetic.convolve(
        context.builder,
        data,
        kernel(context, node, array, data),
        strides=[w.stride for w in spans],
        pads=[w.before for w in spans] + [w.after for w in spans],
        dilations=[w.dilation for w in spans],
        groups=int(node.attributes.get("group", 1)),
    )
    if node.input(2):
        bias = context.require_constant(node, 2, "bias")
        shaped = bias.reshape((-1,) + (1,) * len(spans))
        product = add_bias(context, node, node.inputs[2], shaped, product)
    context.put(node.outputs[0], product)


def kernel(context: Context, node: Node, array: np.ndarray, data: Tensor) -> Tensor:
    """The kernel as [O, C / group, kernel..], its column with the axes of the kernel first: runs of channels are long and of two's
    powers, and taps are neither."""
    return weigh(context, node, node.inputs[1], array, data, [*range(2, array.ndim), 0, 1])
