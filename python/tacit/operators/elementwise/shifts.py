"""BitShift, BitwiseNot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.quantised import saturation
from tacit.operators.registry import lowering
from tacit.operators.wrapping import WIDEST, product
from tacit.primitives import arithmetic, gadgets
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

MOST = 61
"""Bits of a power of two."""


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
    limits = np.iinfo(context.graph.values[output].dtype)
    bits = limits.bits
    x = context.exact(node.inputs[0])
    if str(node.attributes["direction"]) == "LEFT":
        factor = powers(context, node, bits, 0, bits)
        if bits > WIDEST:
            context.put(output, arithmetic.multiply(context.builder, x, factor))
        else:
            context.put(output, product(context.builder, output, x, factor, int(limits.min), bits))
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
        if min(count, most) > MOST:
            raise context.unsupported(node, f"its count may be {count}, and no more than {MOST} bits can be proved yet")
        return 1 << min(count, most)

    if known is not None:
        listed = np.array([power(int(count)) for count in known.reshape(-1)], dtype=np.int64)
        return context.weight(f"{output}/powers", listed.reshape(known.shape), 0)
    counts = saturation.clamped(context, f"{output}/count", context.exact(node.inputs[1]), -1, bits)
    values = [power(count) for count in range(counts.low, counts.high + 1)]
    return gadgets.choice(context.builder, f"{output}/powers", counts, counts.low, values)
