"""OneHot: off + [j = index] (on - off); an index outside the depth gives a row of off."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.functions import Function
from tacit.operators.indexing.arguments import places, values_of
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def whole_numbers(context: Context, name: str, output: str) -> Tensor:
    """An index, integers of exponent 0; a float is truncated."""
    if not context.is_float(name):
        return context.exact(name)
    x = context.narrow(name)
    return gadgets.round_saturate(context.builder, output, x, 0, context.scales.bits + 1, Function("truncate"), 0)


@lowering("OneHot")
def one_hot(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    target = context.shape(output)
    axis = int(node.attributes.get("axis", -1)) % len(target)
    depth = target[axis]
    index = whole_numbers(context, node.inputs[0], f"{output}/whole")
    index = gadgets.position(builder, f"{output}/position", index, depth, margin=1) + 1
    hits = movement.slice_(builder, gadgets.one_hot(builder, output, index, depth + 2), -1, 1, depth + 1)
    values = values_of(context, node.inputs[2])
    off, on = (movement.slice_(builder, values, 0, i, i + 1) for i in (0, 1))
    gain = arithmetic.multiply(builder, hits, movement.plus(builder, on, -off))
    result = movement.plus(builder, off, gain).bounded(values.low, values.high).with_exponent(values.exponent)
    rank = len(target)
    order = [*range(axis), rank - 1, *range(axis, rank - 1)]
    context.put(output, movement.transpose(builder, movement.expand(builder, result, (*index.shape, depth)), order))


@lowering("ReverseSequence")
def reverse_sequence(context: Context, node: Node) -> None:
    """Step t of a sequence is step length - 1 - t where t < length, else t itself; lengths beyond the axis are clamped."""
    builder, output = context.builder, node.outputs[0]
    batch, time = (int(node.attributes.get(key, default)) for key, default in (("batch_axis", 1), ("time_axis", 0)))
    lengths, x = context.constant(node.inputs[1]), context.shape(output)
    rank, steps = len(x), x[time]
    if lengths is not None:
        data, pieces = context.addend(node.inputs[0]), []
        for i, length in enumerate(lengths.reshape(-1).tolist()):
            row = movement.take(builder, data, batch, [i])
            pieces.append(movement.take(builder, row, time, [*range(length)][::-1] + [*range(length, steps)]))
        context.put(output, movement.concat(builder, pieces, batch))
        return
    order = [batch, time, *(i for i in range(rank) if i not in (batch, time))]
    table = movement.transpose(builder, values_of(context, node.inputs[0]), order)
    length = context.exact(node.inputs[1])
    length = gadgets.minimum(builder, f"{output}/at_most", length, length * 0 + steps) if length.high > steps else length
    length = gadgets.maximum(builder, f"{output}/at_least", length, length * 0) if length.low < 0 else length
    last = movement.unsqueeze(builder, length - 1, [1])
    step = movement.unsqueeze(builder, places(builder, f"{output}/places", steps), [0])
    inside = gadgets.compare(builder, f"{output}/inside", last, step)
    turned = movement.plus(builder, last, step * -2)
    index = movement.plus(builder, step, arithmetic.multiply(builder, inside, turned)).bounded(0, steps - 1)
    rows = gadgets.select(builder, output, table, builder.copy(index, f"{output}/index"), 1)
    context.put(output, movement.transpose(builder, rows, [order.index(i) for i in range(rank)]))
