"""The compiler's own operators: weights of a softmax with their sums, and means that are divided by these last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.fixed import exponent_for
from tacit.operators import mixtures
from tacit.operators.forms import WIDE_FRACTION
from tacit.operators.reduction.softmax import DOMAIN_BITS, scores
from tacit.operators.registry import OWN_DOMAIN, lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.gadgets.digits import DIGIT
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

CONSTANT_BITS = 18
"""Values that are constants have so many bits."""
FORGONE = 1
"""Values are often twice as large as means of them; so many bits finer ones are the errors of the values alone."""


@lowering(f"{OWN_DOMAIN}.{mixtures.WEIGHTS}")
def weights(context: Context, node: Node) -> None:
    """exp(x - max x) and its sums, both exact integers."""
    builder, (name, sums) = context.builder, node.outputs
    moved, back = scores(context, node)
    if "span" in node.attributes:
        first, last, start, stop = node.attributes["span"]
        moved = movement.slice_(builder, movement.slice_(builder, moved, -2, first, last), -1, start, stop)
    step = context.bits(str(node.attributes["shares"])) - DOMAIN_BITS
    found = gadgets.softmax_weights(builder, name, moved, step)
    total = arithmetic.reduce_sum(builder, found, [-1], keepdims=True)
    context.put(name, movement.transpose(builder, found, back))
    context.put(sums, movement.transpose(builder, total.bounded(found.high, total.high), back))


@lowering(f"{OWN_DOMAIN}.{mixtures.MEAN}")
def mean(context: Context, node: Node) -> None:
    """(sum_j e_j v_j) / s, rounded once; between the least and the greatest v_j, and 0 where weights may be missing, so that it
    cannot saturate. As fine as its readers want; see `fraction`."""
    builder, output = context.builder, node.outputs[0]
    equation, rows = str(node.attributes["equation"]), int(node.attributes["rows"])
    summed = equation.partition("->")[0].partition(",")[2].index(equation[int(node.attributes["axis"])])
    values = {name: values_of(context, name) for _, pairs in mixtures.blocks_of(node) for _, name, _ in pairs}
    totals, sums = [], []
    for name, pairs in mixtures.blocks_of(node):
        total = None
        for weight, other, (first, last) in pairs:
            value = values[other]
            if (first, last) != (0, value.shape[summed]):
                value = movement.slice_(builder, value, summed, first, last)
            part = arithmetic.einsum(builder, equation, context.tensor(weight), value)
            total = part if total is None else arithmetic.add(builder, total, part)
        assert total is not None
        totals.append(total)
        sums.append(aligned(context, node, name))
    exponent = max(value.exponent for value in values.values())
    low = min(0, *(value.low << exponent - value.exponent for value in values.values()))
    high = max(0, *(value.high << exponent - value.exponent for value in values.values()))
    peers = sum(other.kind == node.kind for other in context.graph.nodes)
    wanted = fraction(context, output, exponent, (high - low).bit_length())
    whole, divisor = (parts[0] if len(parts) == 1 else movement.concat(builder, parts, rows) for parts in (totals, sums))
    context.put(output, gadgets.weighted_mean(builder, output, whole, divisor, low, high, wanted, peers))


def values_of(context: Context, name: str) -> Tensor:
    array = context.constant(name)
    if array is None:
        return context.factor(name)
    largest = float(abs(array).max(initial=0))
    return context.weight(name, array, exponent_for(largest, CONSTANT_BITS, headroom=0))


def aligned(context: Context, node: Node, name: str) -> Tensor:
    """Sums with the dimensions of the means, of length 1 where these have what the weights lack."""
    builder, sums = context.builder, context.tensor(name)
    (left, result), axis = str(node.attributes["equation"]).split("->"), int(node.attributes["axis"])
    letters = left.split(",")[0]
    kept = letters.replace(letters[axis], "")
    sums = movement.squeeze(builder, sums, [axis])
    sums = movement.transpose(builder, sums, [kept.index(letter) for letter in result if letter in kept])
    return movement.unsqueeze(builder, sums, [i for i, letter in enumerate(result) if letter not in kept])


def fraction(context: Context, name: str, exponent: int, width: int) -> int:
    """The exponent of means of values of this exponent and width: what their readers want, but for FORGONE bits that another digit
    would be for."""
    wanted = context.rounding(name) + (WIDE_FRACTION if context.has_outliers(name) else 0)
    most = exponent + max(max(DIGIT, context.bits(name)) - width, 0)
    return max(min(wanted, most), wanted - FORGONE)
