"""Neg."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators.registry import as_output, lowering

if TYPE_CHECKING:
    from tacit.operators.context import Context


@lowering("Neg", rounds=as_output)
def negate(context: Context, node: Node) -> None:
    context.put(node.outputs[0], -context.addend(node.inputs[0]))
