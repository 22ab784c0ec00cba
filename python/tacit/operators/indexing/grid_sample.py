"""GridSample: interpolation at the places of a grid, constant (taps with weights) or computed (committed weights).

Padding says which elements stand outside: zeros, the nearest (border) or the mirrored ones (reflection). Places are reflected as
well, which changes nothing but keeps them near; they are not clamped, as in onnxruntime and PyTorch (ONNX's reference clamps them
before the cubic kernel).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.indexing.sampling import (
    FRACTION,
    OFFSETS,
    at_taps,
    fraction_weights,
    joined_taps,
    split_place,
    tap_weights,
    weight_rows,
    weighted_sum,
)
from tacit.operators.quantised.saturation import halves_to_even
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


@dataclass(frozen=True)
class Axis:
    """One axis of the image. Places from `least` to `greatest`, in halves, are inside."""

    length: int
    corners: bool
    padding: str
    mode: str

    @property
    def least(self) -> int:
        return 0 if self.corners else -1

    @property
    def greatest(self) -> int:
        return 2 * self.length - (2 if self.corners else 1)

    def reflected(self, place: np.ndarray) -> np.ndarray:
        """Places outside, reflected at the ends until they are inside."""
        low, span = self.least / 2, (self.greatest - self.least) / 2
        if span == 0:
            return np.zeros_like(place)
        return low + span - np.abs(np.mod(place - low, 2 * span) - span)

    def inside(self, place: np.ndarray) -> np.ndarray:
        """Integer places as indices; 'zeros' leaves those outside."""
        if self.padding == "border":
            return np.clip(place, 0, self.length - 1)
        return place if self.padding == "zeros" else np.rint(self.reflected(place)).astype(np.int64)

    def taps(self, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(indices, weights) [places, taps] for a constant grid [places]: float32 places, as onnxruntime has them."""
        grid = grid.astype(np.float32)
        n = np.float32(self.length)
        place = (grid + 1) / 2 * (n - 1) if self.corners else ((grid + 1) * n - 1) / 2
        place = (np.rint(place) if self.mode == "nearest" else place).astype(np.float64)
        if self.padding == "reflection":
            place = self.reflected(place)
        whole = np.floor(place)
        weights = tap_weights(self.mode, place - whole)
        index = self.inside(whole.astype(np.int64)[:, None] + np.array(OFFSETS[self.mode]))
        valid = (index >= 0) & (index < self.length)
        return np.where(valid, index, 0), np.where(valid, weights, 0.0)


def axes_of(context: Context, node: Node, lengths: tuple[int, ...]) -> list[Axis]:
    mode, padding = node.attributes.get("mode", "linear"), node.attributes.get("padding_mode", "zeros")
    if mode not in OFFSETS or padding not in ("zeros", "border", "reflection"):
        raise context.unsupported(node, f"its mode {mode!r} or padding mode {padding!r} is unknown")
    return [Axis(length, bool(node.attributes.get("align_corners", 0)), padding, mode) for length in lengths]


@lowering("GridSample")
def grid_sample(context: Context, node: Node) -> None:
    """The grid's last dimension names the last axis of the image first."""
    builder, output = context.builder, node.outputs[0]
    x, known = context.factor(node.inputs[0]), context.constant(node.inputs[1])
    axes, target = axes_of(context, node, x.shape[2:]), context.shape(output)
    if known is not None:
        images = []
        for i in range(x.shape[0]):
            image = movement.reshape(builder, movement.take(builder, x, 0, [i]), (x.shape[1], prod(x.shape[2:])))
            places = known[i].reshape(-1, len(axes))
            taps = [axis.taps(places[:, -1 - number]) for number, axis in enumerate(axes)]
            index, weights = joined_taps([t[0] for t in taps], [t[1] for t in taps], x.shape[2:])
            images.append(at_taps(context, f"{output}/weights{i}", image, index, weights))
        result = movement.concat(builder, [movement.unsqueeze(builder, image, [0]) for image in images], 0)
    else:
        grid = context.narrow(node.inputs[1])
        grid = movement.reshape(builder, grid, (x.shape[0], prod(grid.shape[1:-1]), len(axes)))
        rows = []
        for number, axis in enumerate(axes):
            last = len(axes) - 1 - number
            places = movement.squeeze(builder, movement.slice_(builder, grid, -1, last, last + 1), [-1])
            row, read = computed_row(context, f"{output}/axis{number}", axis, places)
            rows.append(row)
            x = movement.take(builder, x, 2 + number, read)
        result = weighted_sum(context, output, x, rows, 2 if axes[0].mode == "cubic" else 1)
    context.put(output, movement.reshape(builder, result, target))


def computed_row(context: Context, name: str, axis: Axis, grid: Tensor) -> tuple[Tensor, list[int]]:
    """(weights, read) of a computed grid [batch, places]: weights [batch, places, m], for the m indices `read` of the axis."""
    offsets, length = OFFSETS[axis.mode], axis.length
    grid = movement.shifted(grid, max(grid.exponent, 0))
    one = 1 << grid.exponent
    place = (grid + one) * (length - 1) if axis.corners else (grid + one) * length - one
    place = place.with_exponent(grid.exponent + 1)
    if axis.mode == "nearest":
        whole = halves_to_even(context, f"{name}/nearest", place, place.exponent)
        whole = reflected(context, name, axis, whole) if axis.padding == "reflection" else whole
        weights = [constant(place.shape, 1)]
    else:
        if place.exponent > FRACTION:
            place = gadgets.round_wide(context.builder, f"{name}/place", place, place.exponent - FRACTION)
        place = reflected(context, name, axis, place) if axis.padding == "reflection" else place
        whole, fraction = split_place(context.builder, name, place)
        weights = fraction_weights(context.builder, name, axis.mode, fraction)
    reach = (-offsets[-1] - 1, length - offsets[0])
    if axis.padding == "reflection":
        reach = (0 if axis.mode == "nearest" else -1, length - 1)
    places = range(length) if axis.padding == "zeros" else range(reach[0] + offsets[0], reach[1] + offsets[-1] + 1)
    read = axis.inside(np.array(places)).tolist()
    return weight_rows(context, name, axis.mode, whole, weights, reach, places), read


def reflected(context: Context, name: str, axis: Axis, place: Tensor) -> Tensor:
    """low + span - |m - span| with m = (place - low) mod (2 span); integers without corners: min(m, 2 length - 1 - m)."""
    builder, e = context.builder, place.exponent
    whole = axis.mode == "nearest"
    low = 0 if whole else (axis.least << e) // 2
    span = axis.length - axis.corners if whole else ((axis.greatest - axis.least) << e) // 2
    if span == 0:
        return (place * 0).bounded(0, 0)
    place = tables.column_of(context, f"{name}/unreflected", (place - low).with_exponent(0))
    turns = gadgets.divide_constant(builder, f"{name}/turns", place - span, 2 * span)
    rest = movement.plus(builder, place, turns * (-2 * span)).bounded(0, 2 * span - 1)
    if whole and not axis.corners:
        found = gadgets.minimum(builder, f"{name}/reflected", rest, 2 * span - 1 - rest).bounded(0, span - 1)
    else:
        found = (span - gadgets.maximum(builder, f"{name}/reflected", rest - span, span - rest)).bounded(0, span)
    return (found + low).with_exponent(e)
