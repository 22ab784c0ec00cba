"""Max, Min, Sum and Mean of any number of values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import RELU, Function
from tacit.operators.elementwise.comparison import operand
from tacit.operators.registry import as_output, lowering
from tacit.operators.weights import scale
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

FARTHEST = 1e30


def clipped(context: Context, node: Node) -> bool:
    """Defers the maximum or minimum of a float and a constant of one element as a function of one variable."""
    if len(node.inputs) != 2 or not context.is_float(node.outputs[0]):
        return False
    for data, other in (node.inputs, node.inputs[::-1]):
        array = context.constant(other)
        if array is not None and array.size == 1 and context.shape(data) == context.shape(node.outputs[0]):
            bound = float(array.reshape(-1)[0])
            largest = node.operator == "Max"
            function = Function("clip", (bound, FARTHEST) if largest else (-FARTHEST, bound))
            context.defer(node.outputs[0], data, RELU if largest and bound == 0 else function)
            return True
    return False


@lowering("Max", "Min", rounds=as_output)
def extreme(context: Context, node: Node) -> None:
    if clipped(context, node):
        return
    computed = [i for i, name in enumerate(node.inputs) if context.constant(name) is None]
    values: list[Tensor] = []
    for i, name in enumerate(node.inputs):
        values.append(context.narrow(name) if i in computed else operand(context, node, i, computed[0]))
    sign = 1 if node.operator == "Max" else -1
    top = gadgets.maximum_of(context.builder, node.outputs[0], [value * sign for value in values]) * sign
    context.put(node.outputs[0], movement.expand(context.builder, top, context.shape(node.outputs[0])))


@lowering("Sum", "Mean", rounds=as_output)
def total(context: Context, node: Node) -> None:
    result = context.addend(node.inputs[0])
    for name in node.inputs[1:]:
        result = arithmetic.add(context.builder, result, context.addend(name))
    if node.operator == "Mean":
        result = scale(context, node, result, 1.0 / len(node.inputs))
    context.put(node.outputs[0], movement.expand(context.builder, result, context.shape(node.outputs[0])))
