"""BitShift, BitwiseNot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.quantised import saturation
from tacit.operators.registry import lowering
from tacit.operators.wrapping import wrap
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

LIMB = 16
WIDEST = 61
"""A product of more bits is taken limb by limb."""


@lowering("BitwiseNot")
def complement(context: Context, node: Node) -> None:
    """-1 - x of signed integers, 2^bits - 1 - x of unsigned ones."""
    x = context.exact(node.inputs[0])
    largest = int(np.iinfo(context.graph.values[node.inputs[0]].dtype).max)
    signed = np.dtype(context.graph.values[node.inputs[0]].dtype).kind == "i"
    context.put(node.outputs[0], -x - 1 if signed else largest - x)


@lowering("BitShift")
def shift(context: Context, node: Node) -> None:
    """x 2^k, which wraps, or floor(x / 2^k): of signed integers the sign stays. A count below 0 or of all bits and more
    shifts everything out."""
    output = node.outputs[0]
    bits = np.iinfo(context.graph.values[output].dtype).bits
    x = context.exact(node.inputs[0])
    if str(node.attributes["direction"]) == "LEFT":
        context.put(output, shifted_left(context, output, x, powers(context, node, bits, 0, bits), bits))
        return
    reach = max(x.high, ~x.low).bit_length()
    divisor = powers(context, node, bits, 1 << reach, reach)
    context.put(output, gadgets.divide_signed(context.builder, output, x, divisor.bounded(1, max(divisor.high, 1))))


def powers(context: Context, node: Node, bits: int, outside: int, most: int) -> Tensor:
    """2^min(count, most) of every count of 0 .. bits - 1, `outside` of all others."""
    output, known = node.outputs[0], context.constant(node.inputs[1])

    def power(count: int) -> int:
        if not 0 <= count < bits:
            return outside
        if min(count, most) > WIDEST:
            raise context.unsupported(node, f"its count may be {count}, and no more than {WIDEST} bits can be proved yet")
        return 1 << min(count, most)

    if known is not None:
        listed = np.array([power(int(count)) for count in known.reshape(-1)], dtype=np.int64)
        return context.weight(f"{output}/powers", listed.reshape(known.shape), 0)
    counts = saturation.clamped(context, f"{output}/count", context.exact(node.inputs[1]), -1, bits)
    values = [power(count) for count in range(counts.low, counts.high + 1)]
    return gadgets.choice(context.builder, f"{output}/powers", counts, counts.low, values)


def shifted_left(context: Context, name: str, x: Tensor, factor: Tensor, bits: int) -> Tensor:
    """x 2^k, before it wraps at `bits` bits; where the field could not hold that, both limbs of x by themselves, and the upper
    one modulo what is left of `bits`: (h 2^16 + l) 2^k = (h 2^k) 2^16 + l 2^k."""
    builder = context.builder
    if max(x.high, -x.low).bit_length() + factor.high.bit_length() <= WIDEST or bits > 2 * LIMB:
        return arithmetic.multiply(builder, x, factor)
    half = 1 << (LIMB - 1)
    upper = gadgets.round_wide(builder, f"{name}/upper", x - half, LIMB).with_exponent(0)
    lower = builder.copy(movement.plus(builder, x, upper * -(1 << LIMB)).bounded(0, (1 << LIMB) - 1), f"{name}/lower")
    return movement.plus(
        builder, wrap(builder, f"{name}/carried", arithmetic.multiply(builder, upper, factor), 0, bits - LIMB) * (1 << LIMB),
        arithmetic.multiply(builder, lower, factor),
    )
