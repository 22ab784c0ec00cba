"""LpPool and GlobalLpPool: sums of powers of magnitudes; nothing is rounded between a power and its root."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators import tables
from tacit.operators.activation.power import by_logarithm
from tacit.operators.pooling.average import summed_along
from tacit.operators.registry import lowering
from tacit.operators.windows import Window, windows
from tacit.primitives import arithmetic, gadgets
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

WIDEST_SUM, FEWEST_BITS = 60, 10
"""Bits of a sum of powers, and of a value that is raised."""
SHARE = 20
"""Fraction bits of 1 / order."""


@lowering("LpPool", "GlobalLpPool")
def norm_pool(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    order = int(node.attributes.get("p", 2))
    x = context.narrow(node.inputs[0])
    if node.operator == "LpPool":
        spans = windows(context, node, x.shape[2:], list(node.attributes["kernel_shape"]))
    else:
        spans = [Window(length, length, 1, 1, 0, 0, 1) for length in x.shape[2:]]
    if order == 1:
        total = tables.absolute(context, f"{output}/absolute", x)
    elif order == 2:
        reach = max(abs(x.low), abs(x.high))
        total = arithmetic.multiply(builder, x, x).bounded(0, reach * reach)
    else:
        total = raised(context, node, x, order, prod(window.kernel for window in spans))
    for i, window in enumerate(spans):
        total = summed_along(context, total, 2 + i, window)
    if order == 1:
        context.put(output, total)
    elif order == 2:
        context.put(output, tables.square_root(context, output, total, context.rounding(output)))
    else:
        context.put(output, root(context, output, total, order))


def raised(context: Context, node: Node, x: Tensor, order: int, taps: int) -> Tensor:
    """|x|^order, x rounded to as many bits as leave a sum of `taps` of them WIDEST_SUM bits."""
    builder, name = context.builder, node.outputs[0]
    x = tables.absolute(context, f"{name}/absolute", x)
    bits = (WIDEST_SUM - (taps - 1).bit_length()) // order
    if bits < FEWEST_BITS:
        raise context.unsupported(node, f"its norm has order {order}, which leaves {bits} bits for its values; take a lower one")
    if x.high.bit_length() > bits:
        x = gadgets.round_wide(builder, f"{name}/rounded", x, x.high.bit_length() + 1 - bits)
    x = tables.column_of(context, f"{name}/base", x)
    result = x
    for i in range(2, order + 1):
        result = arithmetic.multiply(builder, tables.column_of(context, f"{name}/power{i - 1}", result), x)
        result = result.bounded(0, x.high**i)
    return result


def root(context: Context, name: str, total: Tensor, order: int) -> Tensor:
    """total^(1 / order)."""
    share = constant((), round((1 << SHARE) / order), SHARE)
    total = tables.column_of(context, f"{name}/total", total)
    return by_logarithm(context, name, total, share, Function("exp"), context.exponent(name), context.scales.bits)
