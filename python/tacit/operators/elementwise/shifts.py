"""BitShift by constant counts, BitwiseNot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets

if TYPE_CHECKING:
    from tacit.operators.context import Context


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
    builder, output = context.builder, node.outputs[0]
    counts = context.require_constant(node, 1, "shift").astype(np.int64)
    bits = np.iinfo(context.graph.values[output].dtype).bits
    outside = (counts < 0) | (counts >= bits)
    x = context.exact(node.inputs[0])
    if str(node.attributes["direction"]) == "LEFT":
        powers = np.where(outside, 0, 1 << np.where(outside, 0, counts))
        context.put(output, arithmetic.multiply(builder, x, context.weight(f"{output}/powers", powers, 0)))
        return
    reach = max(x.high, -x.low).bit_length()
    powers = 1 << np.minimum(np.where(outside, bits, counts), reach)
    divisor = context.weight(f"{output}/powers", powers, 0).bounded(1, int(powers.max()))
    context.put(output, gadgets.divide_signed(builder, output, x, divisor))
