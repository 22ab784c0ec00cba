"""MatMul, batched, by NumPy's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import lines
from tacit.operators.registry import lowering
from tacit.operators.weights import add_bias, weigh
from tacit.primitives import arithmetic
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def weighs(context: Context, node: Node) -> tuple[str, np.ndarray] | None:
    for data, weights in ((0, 1), (1, 0)):
        array = context.constant(node.inputs[weights])
        if array is not None:
            return node.inputs[data], array
    return None


@lowering("MatMul", weighs=weighs)
def matmul(context: Context, node: Node) -> None:
    left, right = node.inputs
    line = context.lines.get(left)
    if line is not None and lines.takes(context, node, left):
        context.put(node.outputs[0], of_line(context, node, line))
        return
    if context.constant(right) is not None:
        a = context.factor(left)
        b = weigh(context, node, right, context.graph.constants[right], a)
    elif context.constant(left) is not None:
        b = context.factor(right)
        a = weigh(context, node, left, context.graph.constants[left], b)
    else:
        a, b = context.factor(left), context.factor(right)
    context.put(node.outputs[0], arithmetic.matmul(context.builder, a, b))


def of_line(context: Context, node: Node, line: lines.Line) -> Tensor:
    """The line times the constant matrix of a node that takes it over."""
    name = node.inputs[1]
    array = context.graph.constants[name].astype(np.float64)
    weights = weigh(context, node, f"{name}/sloped", line.slope[:, None] * array, line.rows)
    result = arithmetic.matmul(context.builder, line.rows, weights)
    if line.offset is None or not line.offset.any():
        return result
    return add_bias(context, node, f"{name}/offset", line.offset @ array, result)
