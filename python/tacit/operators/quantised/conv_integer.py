"""ConvInteger and QLinearConv: convolutions of integers, exact."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.quantised.requantize import requantized
from tacit.operators.registry import expansion, lowering
from tacit.operators.windows import windows
from tacit.passes.expansion import Expansion
from tacit.primitives import arithmetic, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context

WINDOW = ("auto_pad", "dilations", "group", "kernel_shape", "pads", "strides")


@lowering("ConvInteger")
def conv_integer(context: Context, node: Node) -> None:
    """Data [N, C, spatial..] and kernel [O, C / group, kernel..] less their zero points; pads count as the zero point."""
    builder = context.builder
    data, kernel = context.exact(node.inputs[0]), context.exact(node.inputs[1])
    if node.input(2):
        data = movement.plus(builder, data, -movement.reshape(builder, context.exact(node.inputs[2]), ()))
    if node.input(3):
        zero = context.exact(node.inputs[3])
        shape = (-1,) + (1,) * (len(kernel.shape) - 1) if zero.size > 1 else ()
        kernel = movement.plus(builder, kernel, -movement.reshape(builder, zero, [zero.size if s < 0 else s for s in shape]))
    spans = windows(context, node, data.shape[2:], kernel.shape[2:])
    product = arithmetic.convolve(
        builder,
        data,
        builder.copy(kernel, f"{node.outputs[0]}/kernel") if not kernel.is_affine else kernel,
        strides=[w.stride for w in spans],
        pads=[w.before for w in spans] + [w.after for w in spans],
        dilations=[w.dilation for w in spans],
        groups=int(node.attributes.get("group", 1)),
    )
    context.put(node.outputs[0], product)


@expansion("QLinearConv")
def qlinear_conv(e: Expansion, node: Node) -> str:
    """Inputs x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero, bias of scale x_scale w_scale."""
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero = node.inputs[:8]
    attributes = {key: value for key, value in node.attributes.items() if key in WINDOW}
    whole = e.op("ConvInteger", x, w, x_zero, common(e, w_zero), **attributes)
    channels = (-1,) + (1,) * (len(e.shape(x)) - 2)
    if node.input(8):
        whole = e.op("Add", whole, e.op("Reshape", node.inputs[8], e.integers(*channels)))
    if int(np.prod(e.shape(w_scale), dtype=np.int64)) > 1:
        w_scale = e.op("Reshape", w_scale, e.integers(*channels))
    return requantized(e, whole, [x_scale, w_scale], y_scale, y_zero)


def common(e: Expansion, zero: str) -> str:
    """A zero point by channel as a single one, where all are equal: onnxruntime's ConvInteger takes no others."""
    array = e.known(zero)
    return e.constant(array.reshape(-1)[0]) if array is not None and np.unique(array).size == 1 else zero
