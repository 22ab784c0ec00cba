"""MatMul, batched, by NumPy's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.operators.weights import weigh
from tacit.primitives import arithmetic

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
    if context.constant(right) is not None:
        a = context.factor(left)
        b = weigh(context, node, right, context.graph.constants[right], a)
    elif context.constant(left) is not None:
        b = context.factor(right)
        a = weigh(context, node, left, context.graph.constants[left], b)
    else:
        a, b = context.factor(left), context.factor(right)
    context.put(node.outputs[0], arithmetic.matmul(context.builder, a, b))
