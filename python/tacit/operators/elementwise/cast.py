"""Cast between floats, and from integers to floats: integers keep their exponent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import as_output, lowering

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("Cast", rounds=as_output)
def cast(context: Context, node: Node) -> None:
    source, target = (context.graph.values[name] for name in (node.inputs[0], node.outputs[0]))
    if source.is_float and not target.is_float:
        raise context.unsupported(
            node, f"it truncates floats to {target.dtype}; only casts to floats can be proved yet"
        )
    if target.dtype == "bool" and source.dtype != "bool":
        raise context.unsupported(node, "it casts to bool; only casts to floats can be proved yet")
    context.put(node.outputs[0], context.addend(node.inputs[0]))
