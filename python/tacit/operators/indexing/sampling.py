"""Interpolation at places between the elements: constant places as taps with weights, computed ones as committed weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.operators import tables
from tacit.operators.quantised.saturation import clamped
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.builder import Builder
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

FINEST = 14
"""Constant weights of taps have at most so many fraction bits."""
FRACTION = 12
"""Computed places have at most so many fraction bits."""
OFFSETS = {"nearest": (0,), "linear": (0, 1), "cubic": (-1, 0, 1, 2)}
"""mode -> the taps, counted from the largest integer that is not above the place."""
CUBIC = ((0, -3, 6, -3), (4, 0, -9, 5), (0, 3, 6, -5), (0, 0, -3, 3))
"""Keys' kernel with a = -3/4: a tap's weight times 4, as coefficients of 1, f, f^2 and f^3 in the fraction f."""


def tap_weights(mode: str, fraction: np.ndarray) -> np.ndarray:
    """float64 [.., taps] for fractions in 0 .. 1."""
    if mode == "nearest":
        return np.ones((*fraction.shape, 1))
    if mode == "linear":
        return np.stack([1 - fraction, fraction], axis=-1)
    powers = np.stack([fraction**k for k in range(4)], axis=-1)
    return powers @ np.array(CUBIC).T / 4


def joined_taps(indices: list[np.ndarray], weights: list[np.ndarray], lengths: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Taps [places, taps] of every axis -> flat indices and weights [places, all combinations]."""
    flat, product = np.zeros((len(indices[0]), 1), dtype=np.int64), np.ones((len(indices[0]), 1))
    for index, weight, length in zip(indices, weights, lengths):
        flat = (flat[:, :, None] * length + index[:, None, :]).reshape(len(flat), -1)
        product = (product[:, :, None] * weight[:, None, :]).reshape(len(product), -1)
    return flat, product


def at_taps(context: Context, name: str, x: Tensor, indices: np.ndarray, weights: np.ndarray) -> Tensor:
    """x [rows, elements] -> [rows, places]: the sum over taps of weights times elements at `indices` [places, taps]."""
    read = taken(context, x, indices)
    column = context.weight(name, weights, tables.exact_exponent(weights, FINEST))
    return arithmetic.einsum(context.builder, "ept,pt->ep", read, column)


def taken(context: Context, x: Tensor, indices: np.ndarray) -> Tensor:
    """x [rows, elements] at `indices` [places, taps]: [rows, places, taps]."""
    read = movement.take(context.builder, x, 1, indices.reshape(-1).tolist())
    return movement.reshape(context.builder, read, (x.shape[0], *indices.shape))


def split_place(builder: Builder, name: str, place: Tensor) -> tuple[Tensor, Tensor]:
    """(floor, fraction) of a place: an integer of exponent 0, and 0 .. 2^e - 1 of the place's exponent e >= 1."""
    unit = 1 << place.exponent
    whole = gadgets.round_wide(builder, f"{name}/floor", place - unit // 2, place.exponent).with_exponent(0)
    return whole, movement.plus(builder, place, whole * -unit).bounded(0, unit - 1)


def fraction_weights(builder: Builder, name: str, mode: str, fraction: Tensor) -> list[Tensor]:
    """The weights of the taps, whose values add up to 1; the cubic ones from a square and a cube rounded to the fraction's
    exponent."""
    e = fraction.exponent
    unit = 1 << e
    if mode == "linear":
        return [(unit - fraction).bounded(1, unit), fraction]
    fraction = builder.copy(fraction, f"{name}/fraction")
    square = gadgets.round_wide(builder, f"{name}/square", fraction * fraction, e)
    cube = gadgets.round_wide(builder, f"{name}/cube", arithmetic.multiply(builder, square, fraction), e)
    found = []
    for constant, linear, quadratic, cubic in CUBIC:
        total = movement.plus(builder, movement.plus(builder, fraction * linear, square * quadratic), cube * cubic)
        found.append((total + constant * unit).bounded(-unit, 5 * unit).with_exponent(e + 2))
    return found


def weight_rows(
    context: Context, name: str, mode: str, whole: Tensor, weights: list[Tensor], reach: tuple[int, int], places: range
) -> Tensor:
    """[.., len(places)] the weights by place of the taps around `whole` [..], which counts as the nearest of reach[0] .. reach[1].

    With z the one-hot row of `whole`: the sum over taps of weight times z shifted by the tap's offset, as a column.
    """
    builder, (lowest, highest) = context.builder, reach
    size = highest - lowest + 1
    whole = clamped(context, f"{name}/clamped", whole, lowest, highest) - lowest
    hits = gadgets.one_hot(builder, f"{name}/hits", whole, size)
    total = None
    for offset, weight in zip(OFFSETS[mode], weights):
        start = places.start - offset - lowest
        amounts = [(0, 0)] * (len(hits.shape) - 1) + [(-start, len(places) + start - size)]
        part = arithmetic.multiply(builder, movement.unsqueeze(builder, weight, [-1]), movement.pad(builder, hits, amounts))
        total = part if total is None else movement.plus(builder, total, part)
    assert total is not None
    low, high = min(0, *(weight.low for weight in weights)), max(weight.high for weight in weights)
    return builder.copy(total.bounded(low, high), f"{name}/weights")


def weighted_sum(context: Context, name: str, x: Tensor, rows: list[Tensor], most: int) -> Tensor:
    """x [batch, channels, *lengths] -> [batch, channels, places]: the sum over all elements of x times the product of their
    weights `rows` (one [batch, places, length] an axis). `most`: a bound of the sum of the magnitudes of an axis' weights."""
    builder = context.builder
    while len(rows) > 2:
        first, second = movement.unsqueeze(builder, rows[0], [3]), movement.unsqueeze(builder, rows[1], [2])
        both = builder.copy(arithmetic.multiply(builder, first, second), f"{name}/joined")
        rows = [movement.reshape(builder, both, (*both.shape[:2], both.shape[2] * both.shape[3])), *rows[2:]]
        x = movement.reshape(builder, x, (*x.shape[:2], x.shape[2] * x.shape[3], *x.shape[4:]))
    x = tables.column_of(context, f"{name}/read", x)
    exponent = x.exponent + sum(row.exponent for row in rows)
    bound = max(abs(x.low), abs(x.high)) * most ** len(rows) << exponent - x.exponent
    x, last = movement.unsqueeze(builder, x, [2]), len(rows) - 1
    for axis, row in enumerate(rows):
        x = movement.unsqueeze(builder, row, [1, *(3 + other for other in range(last + 1) if other != axis)]) * x
    return arithmetic.reduce_sum(builder, x, [*range(-last - 1, 0)]).bounded(-bound, bound).with_exponent(exponent)
