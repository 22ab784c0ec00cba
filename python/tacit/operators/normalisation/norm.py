"""LpNormalization and LRN: division by the norm of a row, and by a power of the squares of neighbouring channels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators import tables
from tacit.operators.forms import is_fine
from tacit.operators.normalisation.rows import by_square_sum, fitting
from tacit.operators.pooling.average import summed_along
from tacit.operators.registry import lowering
from tacit.operators.rows import turned
from tacit.operators.windows import Window
from tacit.primitives import arithmetic

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("LpNormalization")
def norm_normalisation(context: Context, node: Node) -> None:
    """Rows of zeros stay zero. Features of different magnitudes are divided as they are, where quotients tell them apart."""
    builder, output = context.builder, node.outputs[0]
    order, fine = int(node.attributes.get("p", 2)), is_fine(context, output)
    if order not in (1, 2):
        raise context.unsupported(node, f"its norm has order {order}; only 1 and 2 can be proved yet")
    name = node.inputs[0]
    x = context.exact(name) if fine else context.wide(name) if order == 2 else context.narrow(name)
    turn = turned(x.shape, [int(node.attributes.get("axis", -1))])
    rows = turn.rows(builder, x)
    if order == 2:
        coarse = fitting(context, output, rows, turn.length)
        result, _ = by_square_sum(context, output, coarse, 0.0, fine=rows if rows.exponent > coarse.exponent else None)
    else:
        magnitudes = tables.absolute(context, f"{output}/absolute", rows)
        norm = arithmetic.reduce_sum(builder, magnitudes, [-1], keepdims=True)
        divide = tables.decided_quotient if fine else tables.quotient
        result = divide(context, output, rows, norm, 1 if fine else context.rounding(output))
    context.put(output, turn.back(builder, result))


@lowering("LRN")
def local_response_normalisation(context: Context, node: Node) -> None:
    """x (bias + alpha / size * sum of the squares of the `size` channels around)^-beta, the power from a table."""
    builder, output = context.builder, node.outputs[0]
    size = int(node.attributes["size"])
    alpha, beta = float(node.attributes.get("alpha", 1e-4)), float(node.attributes.get("beta", 0.75))
    bias = float(node.attributes.get("bias", 1.0))
    x = context.narrow(node.inputs[0])
    reach = max(abs(x.low), abs(x.high))
    squares = arithmetic.multiply(builder, x, x).bounded(0, reach * reach)
    channels, before = x.shape[1], (size - 1) // 2
    window = Window(channels, size, 1, 1, before, size - 1 - before, channels)
    total = summed_along(context, squares, 1, window)
    power = Function("affine", (alpha / size, bias)).then(Function("power", (-beta,)))
    largest = size * context.largest(node.inputs[0]) ** 2
    bits = context.scales.bits
    ends = np.abs(power.estimate(np.array([0.0, largest])))
    first = tables.narrow_exponent(largest, bits)
    factor = tables.apply(context, f"{output}/factor", total, power, first, tables.narrow_exponent(float(ends.max()), bits))
    context.put(output, arithmetic.multiply(builder, x, factor))
