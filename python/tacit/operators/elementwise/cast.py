"""Cast: between floats, from integers to floats (integers keep their exponent) and to other integers (which wrap) and booleans
(whether they are not zero), and from floats to integers and booleans, which act on the quantised value: truncation towards zero,
and whether it is not zero. bfloat16 is a float like the others; floats of 8 bits and fewer are those nearest to the quantised
value."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators.elementwise.comparison import equality
from tacit.operators.registry import as_output, lowering
from tacit.primitives import gadgets
from tacit.primitives.tensor import constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

TRUNCATE = Function("truncate")
NOT_ZERO = Function("sign").then(Function("absolute"))

SHORT_FLOATS = {
    "float8_e4m3fn": (3.0, -6.0, 448.0),
    "float8_e4m3fnuz": (3.0, -7.0, 240.0),
    "float8_e5m2": (2.0, -14.0, 57344.0),
    "float8_e5m2fnuz": (2.0, -15.0, 57344.0),
    "float4_e2m1fn": (1.0, 0.0, 6.0),
    "float8_e8m0fnu": (-127.0,),
}
"""Bits of the mantissa, least exponent and largest number; of powers of two the least exponent."""


def short_float(context: Context, node: Node, dtype: str) -> Function:
    """Rounding to a format of few bits. Numbers beyond its range become its end, with or without `saturate`."""
    if dtype != "float8_e8m0fnu":
        return Function("short_float", SHORT_FLOATS[dtype])
    if node.attributes.get("round_mode", "up") != "up":
        raise context.unsupported(node, f"it rounds powers of two {node.attributes['round_mode']}; only 'up' can be proved")
    return Function("power_of_two", SHORT_FLOATS[dtype])


def rounds(context: Context, node: Node, name: str) -> int | None:
    """A cast to integers rounds its input itself, at the input's own exponent."""
    return as_output(context, node, name) if context.is_float(node.outputs[0]) else None


@lowering("Cast", rounds=rounds)
def cast(context: Context, node: Node) -> None:
    source, target = (context.graph.values[name] for name in (node.inputs[0], node.outputs[0]))
    if source.is_float and not target.is_float:
        function = NOT_ZERO if target.dtype == "bool" else TRUNCATE
        x, bits = context.narrow(node.inputs[0]), context.scales.bits + 1
        context.put(node.outputs[0], gadgets.round_saturate(context.builder, node.outputs[0], x, 0, bits, function, 0))
        return
    if target.dtype in SHORT_FLOATS and target.dtype != source.dtype:
        if not source.is_float:
            raise context.unsupported(node, f"it makes integers {target.dtype}; cast to float32 first")
        context.defer(node.outputs[0], node.inputs[0], short_float(context, node, target.dtype))
        return
    x = context.addend(node.inputs[0])
    if target.dtype == "bool" and source.dtype != "bool":
        x = (1 - equality(context, node.outputs[0], x, constant(x.shape, 0))).bounded(0, 1)
    context.put(node.outputs[0], x)
