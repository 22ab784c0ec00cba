"""Comparisons: 0 or 1 of exact integers. Floats are compared as they were quantised."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.forms import signed_bits
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

FINER = 8
"""Constants are held with so many bits more than the value that they are compared with, where that has at most SIGNIFICANT
bits; a wider one holds float32 values without them."""
SIGNIFICANT = 24


def operand(context: Context, node: Node, position: int, other: int) -> Tensor:
    """A value, exact; a constant one FINER than the value it is compared with. Where that does not hold it exactly, it is
    rounded as the value is: then values that were equal before they were quantised are equal still. A constant beyond all that
    the value can be, an infinity too, is one step beyond it."""
    name = node.inputs[position]
    array = context.constant(name)
    if array is None or array.dtype.kind != "f":
        return context.addend(name)
    value = context.tensor(node.inputs[other])
    first, last = (float(np.ldexp(float(bound), -value.exponent)) for bound in (value.low - 1, value.high + 1))
    array = np.clip(array.astype(np.float64), first, last)
    coarse = max(value.exponent, 0)
    exponent = tables.exact_exponent(array, coarse + (FINER if signed_bits(value) <= SIGNIFICANT else 0))
    array = snapped(array, coarse, exponent)
    if array.size == 1 and np.isfinite(array).all():
        level = int(np.floor(np.ldexp(float(array.reshape(-1)[0]), exponent) + 0.5))
        return constant(array.shape, level, exponent)
    return context.weight(name, array, exponent)


def snapped(array: np.ndarray, coarse: int, fine: int) -> np.ndarray:
    """float64: numbers that are no multiples of 2^-fine become multiples of 2^-coarse."""
    values = array.astype(np.float64)
    scaled = np.ldexp(values, fine)
    return np.where(scaled == np.rint(scaled), values, np.ldexp(np.floor(np.ldexp(values, coarse) + 0.5), -coarse))


def pair(context: Context, node: Node) -> tuple[Tensor, Tensor]:
    return operand(context, node, 0, 1), operand(context, node, 1, 0)


@lowering("GreaterOrEqual", "LessOrEqual", "Greater", "Less")
def order(context: Context, node: Node) -> None:
    left, right = pair(context, node)
    if node.operator in ("LessOrEqual", "Greater"):
        left, right = right, left
    flag = gadgets.compare(context.builder, node.outputs[0], left, right)
    strict = node.operator in ("Greater", "Less")
    context.put(node.outputs[0], whole_shape(context, node, 1 - flag if strict else flag))


@lowering("Equal")
def equal(context: Context, node: Node) -> None:
    """[a >= b] + [b >= a] - 1."""
    left, right = pair(context, node)
    context.put(node.outputs[0], whole_shape(context, node, equality(context, node.outputs[0], left, right)))


def equality(context: Context, name: str, left: Tensor, right: Tensor) -> Tensor:
    """[left = right] as a sum of two flags."""
    above = gadgets.compare(context.builder, f"{name}/not_less", left, right)
    below = gadgets.compare(context.builder, f"{name}/not_more", right, left)
    return movement.plus(context.builder, above, below - 1).bounded(0, 1)


def whole_shape(context: Context, node: Node, flag: Tensor) -> Tensor:
    return movement.expand(context.builder, flag, context.shape(node.outputs[0]))


@lowering("IsNaN", "IsInf")
def is_special(context: Context, node: Node) -> None:
    """Numbers with a fixed point are always finite."""
    context.put(node.outputs[0], constant(context.shape(node.outputs[0]), 0))


@lowering("Not")
def negation(context: Context, node: Node) -> None:
    context.put(node.outputs[0], (1 - context.exact(node.inputs[0])).bounded(0, 1))


@lowering("And", "Or", "Xor")
def connective(context: Context, node: Node) -> None:
    """a b, a + b - a b, a + b - 2 a b."""
    builder = context.builder
    a, b = (context.exact(name) for name in node.inputs)
    both = arithmetic.multiply(builder, a, b)
    if node.operator != "And":
        both = movement.plus(builder, movement.plus(builder, a, b), both * (-1 if node.operator == "Or" else -2))
    context.put(node.outputs[0], both.bounded(0, 1))
