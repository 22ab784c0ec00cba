"""Gemm: alpha A' B' + beta C."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.operators.weights import add_bias, scale, weigh
from tacit.primitives import arithmetic, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def matrix(context: Context, node: Node) -> np.ndarray | None:
    """alpha B', of shape [inputs, outputs], where B is constant."""
    array = context.constant(node.inputs[1])
    if array is None:
        return None
    turned = array.T if node.attributes.get("transB", 0) else array
    return turned.astype(np.float64) * float(node.attributes.get("alpha", 1.0))


def weighs(context: Context, node: Node) -> tuple[str, np.ndarray] | None:
    array = matrix(context, node)
    return None if array is None else (node.inputs[0], array)


@lowering("Gemm", weighs=weighs)
def gemm(context: Context, node: Node) -> None:
    builder = context.builder
    data = context.factor(node.inputs[0])
    if node.attributes.get("transA", 0):
        data = movement.transpose(builder, data)
    array = matrix(context, node)
    if array is None:
        other = context.factor(node.inputs[1])
        if node.attributes.get("transB", 0):
            other = movement.transpose(builder, other)
        product = arithmetic.matmul(builder, data, other)
        product = scale(context, node, product, float(node.attributes.get("alpha", 1.0)))
    else:
        product = arithmetic.matmul(builder, data, weigh(context, node, node.inputs[1], array, data))
    context.put(node.outputs[0], with_addend(context, node, product))


def with_addend(context: Context, node: Node, product: Tensor) -> Tensor:
    """product + beta C."""
    beta = float(node.attributes.get("beta", 1.0))
    name = node.input(2)
    if not name or beta == 0:
        return product
    array = context.constant(name)
    if array is not None:
        return add_bias(context, node, name, array.astype(np.float64) * beta, product)
    return arithmetic.add(context.builder, product, scale(context, node, context.addend(name), beta))
