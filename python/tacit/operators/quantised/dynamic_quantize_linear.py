"""DynamicQuantizeLinear: uint8 over the range of the tensor itself, 0 included, as float32 computes it.

scale = fl(fl(max - min) / 255); zero point = round(fl(-min / scale)); y = saturate(round(fl(x / scale)) + zero point), halves
to even, fl the rounding to float32. Integers are those of float32 wherever the elements that are held are float32 numbers; only
what the scale is published as, or multiplies others as, is rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement
from tacit.primitives.gadgets.floats import STEPS, WIDEST_RANGE
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

SCALE_BITS = 26


@lowering("DynamicQuantizeLinear")
def dynamic_quantize_linear(context: Context, node: Node) -> None:
    """A tensor of zeros has scale 1 in onnxruntime and 0 in ONNX; here its range counts as one step."""
    builder, name = context.builder, node.outputs[0]
    x = held(context, f"{name}/x", context.factor(node.inputs[0]))
    flat = movement.reshape(builder, x, (x.size,))
    zero = constant((1,), 0, x.exponent)
    top = gadgets.maximum(builder, f"{name}/max", gadgets.maximum_along(builder, f"{name}/largest", flat, 0), zero)
    depth = zero
    if x.low < 0:
        depth = gadgets.maximum(builder, f"{name}/min", gadgets.maximum_along(builder, f"{name}/least", -flat, 0), zero)
    spread = tables.column_of(context, f"{name}/range", movement.plus(builder, top, depth))
    spread = gadgets.maximum(builder, f"{name}/positive", spread, constant((1,), 1, x.exponent))
    factor, step = gadgets.float_step(builder, f"{name}/step", spread)
    excess = gadgets.excess_of(spread)
    result = gadgets.float_quotient(builder, f"{name}/quotient", x, factor, step, excess)
    point = constant((1,), 0)
    if x.low < 0:
        point = gadgets.float_quotient(builder, f"{name}/zero", depth, factor, step, excess)
        shared = movement.expand(builder, movement.reshape(builder, point, ()), x.shape)
        # Not below 0: the least element's quotient is the negative zero point. It and the largest's may be halves, both rounded up.
        total = movement.plus(builder, result, shared).bounded(0, STEPS + 1)
        result = gadgets.minimum(builder, name, total, constant(x.shape, STEPS))
    context.put(name, result.bounded(0, STEPS))
    context.put(node.outputs[2], movement.reshape(builder, point.bounded(0, STEPS), ()))
    context.put(node.outputs[1], scale_of(context, node.outputs[1], spread))


def held(context: Context, name: str, x: Tensor) -> Tensor:
    """x as a single view whose range has at most WIDEST_RANGE bits."""
    over = max(x.high, 0) - min(x.low, 0)
    shift = max(over.bit_length() - WIDEST_RANGE, 0)
    if shift == 0:
        return tables.column_of(context, name, x)
    return gadgets.round_wide(context.builder, name, x, shift + 1)


def scale_of(context: Context, name: str, spread: Tensor) -> Tensor:
    """spread / 255 with SCALE_BITS bits."""
    extra = max(SCALE_BITS - spread.high.bit_length(), 0) + 8
    scale = gadgets.divide_constant(context.builder, f"{name}/scale", tables.finer(spread, extra), STEPS)
    return movement.reshape(context.builder, scale, ())
