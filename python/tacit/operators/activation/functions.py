"""Functions of one variable. Each is deferred until a consumer needs its value, so that chains become one table."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators import domains
from tacit.operators.fusion import FUSED
from tacit.operators.registry import Describe, lowering

if TYPE_CHECKING:
    from tacit.operators.context import Context


def pointwise(operator: str) -> Callable[[Describe], Describe]:
    """Registers an operator that applies the described function elementwise."""

    def register(describe: Describe) -> Describe:
        def rounds(context: Context, node: Node, name: str) -> int | None:
            return domains.exponents(context, describe(context, node), name, node.outputs[0])[0]

        @lowering(operator, rounds=rounds, function=describe)
        def lower(context: Context, node: Node) -> None:
            if not context.is_float(node.outputs[0]):
                raise context.unsupported(node, "its values are integers; cast to floats first")
            context.defer(node.outputs[0], node.inputs[0], describe(context, node))

        return describe

    return register


@pointwise(FUSED)
def fused(context: Context, node: Node) -> Function:
    return Function.from_json(json.loads(node.attributes["function"]))


@pointwise("Relu")
def relu(context: Context, node: Node) -> Function:
    return Function("relu")


@pointwise("LeakyRelu")
def leaky_relu(context: Context, node: Node) -> Function:
    return Function("leaky_relu", (node.attributes.get("alpha", 0.01),))


@pointwise("Elu")
def elu(context: Context, node: Node) -> Function:
    return Function("elu", (node.attributes.get("alpha", 1.0),))


@pointwise("Abs")
def absolute(context: Context, node: Node) -> Function:
    return Function("absolute")


@pointwise("Sigmoid")
def sigmoid(context: Context, node: Node) -> Function:
    return Function("sigmoid")


@pointwise("Tanh")
def tanh(context: Context, node: Node) -> Function:
    return Function("tanh")


@pointwise("Erf")
def erf(context: Context, node: Node) -> Function:
    return Function("erf")


@pointwise("Softplus")
def softplus(context: Context, node: Node) -> Function:
    return Function("softplus")


@pointwise("HardSigmoid")
def hard_sigmoid(context: Context, node: Node) -> Function:
    return Function("hard_sigmoid", (node.attributes.get("alpha", 0.2), node.attributes.get("beta", 0.5)))


@pointwise("HardSwish")
def hard_swish(context: Context, node: Node) -> Function:
    return Function("hard_swish")
