"""LayerNormalization, RMSNormalization, InstanceNormalization, GroupNormalization, MeanVarianceNormalization."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2, prod, sqrt
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.functions import IDENTITY
from tacit.operators import tables
from tacit.operators.lines import Line
from tacit.operators.normalisation.rows import by_square_sum, centred, fitting, unit, widest_of
from tacit.operators.registry import lowering
from tacit.operators.rows import Turn, turned
from tacit.operators.takers import takers
from tacit.operators.weights import add_bias, scale, weigh
from tacit.primitives import arithmetic, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

FACTOR = 14
"""Fraction bits of a public factor."""


@dataclass(frozen=True)
class Normalised:
    """`values` of the shape of the node's input: those less the mean of their row, divided by the root of the row's
    square sum. `mean` (None where rows are not centred) and `inverse`, that root's inverse, have one element a row. `root`: what
    values and inverses are multiplied by to be divided by the deviation instead, the root of the row's length.
    """

    values: Tensor
    mean: Tensor | None
    inverse: Tensor
    root: float


def normalised(
    context: Context, node: Node, shape: tuple[int, ...], turn: Turn, epsilon: float, centre: bool = True
) -> Normalised:
    """The node's first input, seen under `shape`."""
    builder, name = context.builder, node.outputs[0]
    x = movement.reshape(builder, context.wide(node.inputs[0]), shape)
    rows, mean = fitting(context, name, turn.rows(builder, x), turn.length), None
    # Of x less its mean m + d, |d| <= 1/2: the squares of x less m add up to no more than those of x, those of d to length / 4.
    most = turn.length * max(rows.low**2, rows.high**2) + turn.length
    if centre:
        rows, mean = centred(context, name, rows)
    result, inverse = by_square_sum(context, name, rows, epsilon, most)
    values = movement.reshape(builder, turn.back(builder, result), context.shape(node.inputs[0]))
    return Normalised(values, mean, inverse, sqrt(turn.length) / unit(result))


def stretched(
    context: Context, node: Node, parts: Normalised, slope: np.ndarray | None = None, slope_name: str = ""
) -> Tensor:
    """Values divided by their deviation, times a constant slope."""
    if slope is None:
        return scale(context, node, parts.values, parts.root)
    column = weigh(context, node, f"{slope_name}/stretched", slope.astype(np.float64) * parts.root, parts.values)
    return arithmetic.multiply(context.builder, parts.values, column)


def line(context: Context, node: Node, parts: Normalised, shape: tuple[int, ...] | None = None) -> Tensor:
    """Values divided by their deviation, times slope, plus offset, the node's second and third input, seen under `shape`."""
    builder, names = context.builder, (node.input(1), node.input(2))
    slope = context.constant(names[0]) if names[0] else None
    if names[0] and slope is None:
        factor = context.factor(names[0])
        factor = factor if shape is None else movement.reshape(builder, factor, shape)
        result = arithmetic.multiply(builder, stretched(context, node, parts), factor)
    else:
        shaped = slope if slope is None or shape is None else slope.reshape(shape)
        result = stretched(context, node, parts, shaped, names[0])
    if not names[1]:
        return result
    offset = context.constant(names[1])
    if offset is not None:
        return add_bias(context, node, names[1], offset if shape is None else offset.reshape(shape), result)
    addend = context.addend(names[1])
    return arithmetic.add(builder, result, addend if shape is None else movement.reshape(builder, addend, shape))


def widest(context: Context, node: Node) -> int:
    shape = context.shape(node.inputs[0])
    return widest_of(prod(shape[int(node.attributes.get("axis", -1)) % len(shape) :]))


def straight_line(context: Context, node: Node, length: int, root: float) -> tuple[np.ndarray, np.ndarray | None] | None:
    """Slope, times `root`, and offset of each place of the last dimension, where they are constant and it is a whole row."""
    slope, offset = (context.constant(name) if name else None for name in (node.input(1), node.input(2)))
    if context.shape(node.inputs[0])[-1] != length or (node.input(1) and slope is None) or (node.input(2) and offset is None):
        return None
    factors = np.ones(length) if slope is None else np.broadcast_to(slope.astype(np.float64).reshape(-1), (length,))
    addends = None if offset is None else np.broadcast_to(offset.astype(np.float64).reshape(-1), (length,))
    return factors * root, addends


@lowering("LayerNormalization", "RMSNormalization", widest=widest)
def layer_normalisation(context: Context, node: Node) -> None:
    """Over the dimensions from `axis` on. Mean and inverse deviation may be outputs too."""
    shape = context.shape(node.inputs[0])
    axis = int(node.attributes.get("axis", -1)) % len(shape)
    turn = turned(shape, range(axis, len(shape)))
    epsilon = float(node.attributes.get("epsilon", 1e-5))
    parts = normalised(context, node, shape, turn, epsilon, node.operator == "LayerNormalization")
    output, made = node.outputs[0], lambda: line(context, node, parts)  # noqa: E731
    straight = straight_line(context, node, turn.length, parts.root)
    found = {} if straight is None else takers(context, output, parts.values, straight[0])
    if straight is not None and found:
        context.lines[output] = Line(parts.values, *straight, made, found)
    else:
        context.put(output, made())
    for name, value in zip(node.outputs[1:], (parts.mean, parts.inverse)):
        if name and context.graph.uses(name) and value is not None:
            if value is parts.inverse:
                value = inverse_deviation(context, name, value, parts.root)
            context.put(name, movement.reshape(context.builder, value, context.shape(name)))


def inverse_deviation(context: Context, name: str, inverse: Tensor, root: float) -> Tensor:
    """inverse root, saturating as narrow values do: its interval is far wider than its values."""
    last = min(context.exponent(name) + int(log2(root)), inverse.exponent)
    rounded = tables.apply(context, f"{name}/rounded", inverse, IDENTITY, last, last)
    return (rounded * round(root * (1 << FACTOR))).with_exponent(last + FACTOR)


@lowering("InstanceNormalization", "GroupNormalization")
def group_normalisation(context: Context, node: Node) -> None:
    """Channels in groups, or each by itself; slope and offset of each channel, or (before opset 21) of each group."""
    shape = context.shape(node.inputs[0])
    groups = int(node.attributes["num_groups"]) if node.operator == "GroupNormalization" else shape[1]
    seen = (shape[0], groups, shape[1] // groups, *shape[2:])
    turn = turned(seen, range(2, len(seen)))
    parts = normalised(context, node, seen, turn, float(node.attributes.get("epsilon", 1e-5)))
    ones = (1,) * (len(shape) - 2)
    if context.shape(node.inputs[1]) == (shape[1],):
        context.put(node.outputs[0], line(context, node, parts, (shape[1], *ones)))
        return
    builder = context.builder
    parts = replace(parts, values=movement.reshape(builder, parts.values, seen))
    result = line(context, node, parts, (groups, 1, *ones))
    context.put(node.outputs[0], movement.reshape(builder, result, shape))


@lowering("MeanVarianceNormalization")
def mean_variance_normalisation(context: Context, node: Node) -> None:
    """(x - mean) / deviation over `axes`, without slope and offset."""
    shape = context.shape(node.inputs[0])
    turn = turned(shape, node.attributes.get("axes") or [0, 2, 3])
    context.put(node.outputs[0], stretched(context, node, normalised(context, node, shape, turn, 0.0)))
