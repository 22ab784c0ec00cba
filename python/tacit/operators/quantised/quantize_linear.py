"""QuantizeLinear: y = saturate(round(x / scale) + zero point), by tensor, by axis or by blocks of an axis."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.dtypes import PACKED_INTEGERS
from tacit.operators import tables
from tacit.operators.elementwise.cast import SHORT_FLOATS, short_float
from tacit.operators.quantised import saturation
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

FRACTION = 20
"""Scaled accumulators keep so many fraction bits until they are rounded here: one of 10,000 integers of quantised LeNet-5 and a
dense model is then another than in float32, next to a tie."""
DIVISOR_BITS = 24
INTEGERS = ("int8", "uint8", "int16", "uint16", *PACKED_INTEGERS)


def rounds(context: Context, node: Node, name: str) -> int | None:
    """The input is taken as exactly as products with scales can be held."""
    return FRACTION if name == node.inputs[0] else None


@lowering("QuantizeLinear", "com.microsoft.QuantizeLinear", rounds=rounds)
def quantize_linear(context: Context, node: Node) -> None:
    output = node.outputs[0]
    dtype = context.graph.values[output].dtype
    if dtype in SHORT_FLOATS and dtype != "float8_e8m0fnu":
        context.put(output, to_short_float(context, node, dtype))
        return
    if dtype not in INTEGERS:
        raise context.unsupported(node, f"it quantises to {dtype}; integers of up to 16 bits and floats of up to 8 can be proved")
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


def to_short_float(context: Context, node: Node, dtype: str) -> Tensor:
    """The float nearest to x / scale + zero point. The least scale that a divisor can be stands for one of 0 or less."""
    builder, output = context.builder, node.outputs[0]
    function, bits = short_float(context, node, dtype), context.scales.bits
    first = bits - 1 - int(np.ceil(np.log2(SHORT_FLOATS[dtype][-1])))
    constants = context.constant(node.inputs[1])
    # A short float has a few digits: a computed scale needs no more than a factor has.
    scales = divisor(context, node, constants) if constants is not None else aligned(context, node, context.narrow(node.inputs[1]))
    x = context.addend(node.inputs[0])
    quotient = tables.quotient(context, f"{output}/quotient", x, scales, first)
    largest = SHORT_FLOATS[dtype][-1]
    if node.input(2):
        # Beyond twice the largest float no zero point brings a quotient back.
        quotient = held(context, f"{output}/held", quotient, 2 * largest)
        quotient = arithmetic.add(builder, quotient, aligned(context, node, context.tensor(node.inputs[2])))
    quotient = held(context, output, quotient, largest)
    return tables.apply(context, output, quotient, function, first, context.exponent(output))


def held(context: Context, name: str, x: Tensor, largest: float) -> Tensor:
    """x between -largest and largest."""
    most = constant(x.shape, int(np.ldexp(largest, x.exponent)), x.exponent)
    if x.low < -most.high:
        x = gadgets.maximum(context.builder, f"{name}/least", x, -most)
    if x.high > most.high:
        x = gadgets.minimum(context.builder, f"{name}/greatest", x, most)
    return x


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
