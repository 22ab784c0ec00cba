"""QuantizeLinear: y = saturate(round(x / scale) + zero point), by tensor, by axis or by blocks of an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.quantised import saturation
from tacit.operators.registry import lowering
from tacit.primitives import movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

FRACTION = 16
"""Scaled accumulators keep so many fraction bits until they are rounded here."""
DIVISOR_BITS = 24


def rounds(context: Context, node: Node, name: str) -> int | None:
    """The input is taken as exactly as products with scales can be held."""
    return FRACTION if name == node.inputs[0] else None


@lowering("QuantizeLinear", "com.microsoft.QuantizeLinear", rounds=rounds)
def quantize_linear(context: Context, node: Node) -> None:
    output = node.outputs[0]
    dtype = context.graph.values[output].dtype
    if dtype not in ("int8", "uint8", "int16", "uint16"):
        raise context.unsupported(node, f"it quantises to {dtype}; int8, uint8, int16 and uint16 can be proved")
    x = context.tensor(node.inputs[0])
    scales, zeros = context.constant(node.inputs[1]), context.constant(node.input(2))
    if scales is not None and np.any(scales <= 0):
        raise context.unsupported(node, "its scale is not positive")
    known = not node.input(2) or zeros is not None
    if known and scales is not None and np.unique(scales).size == 1 and (zeros is None or np.unique(zeros).size == 1):
        zero = 0 if zeros is None else int(zeros.reshape(-1)[0])
        result = saturation.by_scale(context, output, x, float(scales.reshape(-1)[0]), zero, dtype)
    else:
        zero_point = aligned(context, node, context.exact(node.inputs[2])) if node.input(2) else 0
        result = saturation.by_divisor(context, output, x, divisor(context, node, scales), zero_point, dtype)
    context.put(output, result)


def divisor(context: Context, node: Node, scales: np.ndarray | None) -> Tensor:
    """The scales, broadcast to the shape of the input."""
    if scales is None:
        computed = context.tensor(node.inputs[1])
        return aligned(context, node, computed)
    exponent = DIVISOR_BITS - int(np.frexp(float(scales.max()))[1])
    return aligned(context, node, context.weight(node.inputs[1], scales.astype(np.float64), exponent))


def aligned(context: Context, node: Node, x: Tensor) -> Tensor:
    """One number a tensor, a slice of `axis`, or a block of `block_size` along it -> the shape of the input."""
    builder, shape = context.builder, context.shape(node.inputs[0])
    if x.size == 1:
        return movement.expand(builder, movement.reshape(builder, x, ()), shape)
    axis = int(node.attributes.get("axis", 1)) % len(shape)
    if len(x.shape) == 1:
        x = movement.reshape(builder, x, [shape[i] if i == axis else 1 for i in range(len(shape))])
        return movement.expand(builder, x, shape)
    block = int(node.attributes.get("block_size", 0)) or -(-shape[axis] // x.shape[axis])
    return movement.take(builder, x, axis, [i // block for i in range(shape[axis])])
