"""Cast: between floats, from integers to floats (integers keep their exponent) and to other integers (which wrap) and booleans
(whether they are not zero), and from floats to integers and booleans, which act on the quantised value: truncation towards zero,
and whether it is not zero."""

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
    x = context.addend(node.inputs[0])
    if target.dtype == "bool" and source.dtype != "bool":
        x = (1 - equality(context, node.outputs[0], x, constant(x.shape, 0))).bounded(0, 1)
    context.put(node.outputs[0], x)
