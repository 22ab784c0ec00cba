"""Gelu, FastGelu, BiasGelu, QuickGelu."""

from __future__ import annotations

from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("com.microsoft.Gelu", "com.microsoft.BiasGelu")
def gelu(e: Expansion, node: Node) -> str:
    """x (1 + erf(x / sqrt 2)) / 2 of the input, or of the sum of input and bias."""
    return e.op("Gelu", biased(e, node))


@expansion("com.microsoft.FastGelu")
def fast_gelu(e: Expansion, node: Node) -> str:
    """The tanh form, of the sum of input and bias."""
    return e.op("Gelu", biased(e, node), approximate="tanh")


@expansion("com.microsoft.QuickGelu")
def quick_gelu(e: Expansion, node: Node) -> str:
    """x sigmoid(alpha x)."""
    x = node.inputs[0]
    alpha = e.constant(float(node.attributes.get("alpha", 1.702)), e.dtype(x))
    return e.op("Mul", x, e.op("Sigmoid", e.op("Mul", x, alpha)))


def biased(e: Expansion, node: Node) -> str:
    return e.op("Add", node.inputs[0], node.inputs[1]) if node.input(1) else node.inputs[0]
