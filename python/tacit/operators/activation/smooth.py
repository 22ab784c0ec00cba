"""Activations of one variable beside the classical ones: Gelu and its kin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators.activation.functions import pointwise

if TYPE_CHECKING:
    from tacit.operators.context import Context

SELU_ALPHA, SELU_GAMMA = 1.67326319217681884765625, 1.05070102214813232421875


@pointwise("Selu")
def selu(context: Context, node: Node) -> Function:
    return Function(
        "selu", (node.attributes.get("alpha", SELU_ALPHA), node.attributes.get("gamma", SELU_GAMMA))
    )


@pointwise("Celu")
def celu(context: Context, node: Node) -> Function:
    alpha = float(node.attributes.get("alpha", 1.0))
    if alpha <= 0:
        raise context.unsupported(node, f"its alpha is {alpha}; only positive ones can be proved")
    return Function("celu", (alpha,))


@pointwise("Gelu")
def gelu(context: Context, node: Node) -> Function:
    return Function("gelu_tanh" if node.attributes.get("approximate", "none") == "tanh" else "gelu")


@pointwise("Mish")
def mish(context: Context, node: Node) -> Function:
    return Function("mish")


@pointwise("Swish")
def swish(context: Context, node: Node) -> Function:
    return Function("swish", (node.attributes.get("alpha", 1.0),))


@pointwise("Softsign")
def softsign(context: Context, node: Node) -> Function:
    return Function("softsign")


@pointwise("ThresholdedRelu")
def thresholded_relu(context: Context, node: Node) -> Function:
    return Function("thresholded_relu", (node.attributes.get("alpha", 1.0),))


@pointwise("Shrink")
def shrink(context: Context, node: Node) -> Function:
    return Function("shrink", (node.attributes.get("bias", 0.0), node.attributes.get("lambd", 0.5)))
