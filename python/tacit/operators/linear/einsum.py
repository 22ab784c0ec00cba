"""Einsum of one or two operands (the frontend pairs more), with or without an ellipsis; a letter twice in one is its diagonal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.operators.weights import weigh
from tacit.primitives import arithmetic, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

BATCH = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def letters(context: Context, node: Node) -> tuple[list[str], str]:
    """The letters of each operand and of the result; the dimensions of an ellipsis have capital ones of their own."""
    equation = str(node.attributes["equation"]).replace(" ", "")
    left, arrow, result = equation.partition("->")
    parts = left.split(",")
    ranks = [len(context.shape(name)) for name in node.inputs]
    free = [letter for letter in BATCH if letter not in equation]
    widest = max((r - len(p.replace("...", "")) for p, r in zip(parts, ranks) if "..." in p), default=0)
    batch = "".join(free[:widest])
    if not arrow:
        plain = left.replace("...", "").replace(",", "")
        result = "..." + "".join(sorted(c for c in set(plain) if plain.count(c) == 1))
    named = []
    for part, rank in zip(parts, ranks):
        missing = rank - len(part.replace("...", ""))
        named.append(part.replace("...", batch[len(batch) - missing :]))
    return named, result.replace("...", batch)


def weighs(context: Context, node: Node) -> tuple[str, np.ndarray] | None:
    arrays = [context.constant(name) for name in node.inputs]
    for data, weights in ((0, 1), (1, 0)):
        array = arrays[weights] if len(arrays) == 2 else None
        if array is not None and arrays[data] is None:
            return node.inputs[data], array
    return None


def diagonal(context: Context, x: Tensor, letters: str) -> tuple[Tensor, str]:
    """Reads each letter once: x[.., i, i, ..] for a letter that occurs twice."""
    builder = context.builder
    for letter in letters:
        while letters.count(letter) > 1:
            first, second = [i for i, other in enumerate(letters) if other == letter][:2]
            rest = [i for i in range(len(letters)) if i not in (first, second)]
            x = movement.transpose(builder, x, [*rest, first, second])
            size = x.shape[-1]
            x = movement.reshape(builder, x, (*x.shape[:-2], size * size))
            x = movement.take(builder, x, -1, range(0, size * size, size + 1))
            letters = "".join(letters[i] for i in rest) + letter
    return x, letters


@lowering("Einsum", weighs=weighs)
def einsum(context: Context, node: Node) -> None:
    builder, output = context.builder, node.outputs[0]
    parts, result = letters(context, node)
    if len(parts) == 1:
        x, names = diagonal(context, context.addend(node.inputs[0]), parts[0])
        context.put(output, summed(context, x, names, result))
        return
    constants = [context.constant(name) for name in node.inputs]
    if constants[0] is None and constants[1] is None:
        left, right = (context.factor(name) for name in node.inputs)
    elif constants[1] is not None:
        left = context.factor(node.inputs[0])
        right = weigh(context, node, node.inputs[1], constants[1], left)
    else:
        right = context.factor(node.inputs[1])
        assert constants[0] is not None
        left = weigh(context, node, node.inputs[0], constants[0], right)
    (left, first), (right, second) = diagonal(context, left, parts[0]), diagonal(context, right, parts[1])
    context.put(output, arithmetic.einsum(builder, f"{first},{second}->{result}", left, right))


def summed(context: Context, x: Tensor, letters: str, result: str) -> Tensor:
    """One operand: its letters that the result lacks are summed, the rest transposed."""
    builder = context.builder
    axes = [i for i, letter in enumerate(letters) if letter not in result]
    kept = [letter for letter in letters if letter in result]
    total = arithmetic.reduce_sum(builder, x, axes) if axes else x
    return movement.transpose(builder, total, [kept.index(letter) for letter in result])
