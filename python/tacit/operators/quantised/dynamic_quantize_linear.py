"""DynamicQuantizeLinear: uint8 over the range of the tensor itself, 0 included.

scale = (max - min) / 255; zero point = saturate(round(-min / scale)); y = saturate(round(x / scale) + zero point). With the
range R = max - min of exact integers, x / scale = 255 x / R: nothing but the published scale is rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.quantised import saturation
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

STEPS = 255
SCALE_BITS = 24


@lowering("DynamicQuantizeLinear")
def dynamic_quantize_linear(context: Context, node: Node) -> None:
    """A tensor of zeros has scale 0 in ONNX; here its range counts as one step. Halves are rounded upwards: whether x 255 / R is
    one in floats depends on how R / 255 was rounded."""
    builder, name = context.builder, node.outputs[0]
    x = tables.column_of(context, f"{name}/x", context.factor(node.inputs[0]))
    flat = movement.reshape(builder, x, (x.size,))
    zero = constant((1,), 0, x.exponent)
    top = gadgets.maximum(builder, f"{name}/max", gadgets.maximum_along(builder, f"{name}/largest", flat, 0), zero)
    bottom = -gadgets.maximum(builder, f"{name}/min", gadgets.maximum_along(builder, f"{name}/least", -flat, 0), zero)
    spread = tables.column_of(context, f"{name}/range", movement.plus(builder, top, -bottom))
    spread = gadgets.maximum(builder, f"{name}/positive", spread, constant((1,), 1, x.exponent))
    point = saturation.by_divisor(context, f"{name}/zero", bottom * -STEPS, spread, 0, "uint8", upwards=True)
    context.put(node.outputs[2], movement.reshape(builder, point, ()))
    wide = movement.expand(builder, movement.reshape(builder, spread, ()), x.shape)
    shared = movement.expand(builder, movement.reshape(builder, point, ()), x.shape)
    context.put(name, saturation.by_divisor(context, name, x * STEPS, wide, shared, "uint8", upwards=True))
    context.put(node.outputs[1], scale_of(context, node.outputs[1], spread))


def scale_of(context: Context, name: str, spread: Tensor) -> Tensor:
    """R / 255 with SCALE_BITS bits."""
    extra = max(SCALE_BITS - spread.high.bit_length(), 0) + 8
    scale = gadgets.divide_constant(context.builder, f"{name}/scale", tables.finer(spread, extra), STEPS)
    return movement.reshape(context.builder, scale, ())
