"""RoiAlign and MaxRoiPool: pooling over constant regions, and RoiAlign's averages over computed ones."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.indexing.sampling import FINEST, at_taps, taken
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def bins_of(context: Context, node: Node, low: float, high: float, bins: int) -> list[np.ndarray]:
    """float64 sampling places of every bin of one axis of a region, in elements of the image."""
    scale = np.float32(node.attributes.get("spatial_scale", 1.0))
    half = node.attributes.get("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    start, end = (float(np.float32(x) * scale) - 0.5 * half for x in (low, high))
    length = end - start if half else max(end - start, 1.0)
    count = int(node.attributes.get("sampling_ratio", 0)) or ceil(length / bins)
    step = length / bins
    return [start + step * b + (np.arange(count) + 0.5) * step / max(count, 1) for b in range(bins)]


def bilinear(place: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """(indices, weights) [places, 2]; none of a place more than one element outside, else places are clamped."""
    inside = (place >= -1) & (place <= length)
    place = np.clip(place, 0, length - 1)
    whole = np.minimum(np.floor(place), max(length - 2, 0)).astype(np.int64)
    fraction = place - whole
    index = np.stack([whole, np.minimum(whole + 1, length - 1)], axis=-1)
    return index, np.stack([1 - fraction, fraction], axis=-1) * inside[:, None]


def combined(rows: tuple[np.ndarray, np.ndarray], columns: tuple[np.ndarray, np.ndarray], width: int) -> tuple[np.ndarray, ...]:
    """Taps of two axes [places, taps] -> all pairs of places and of taps, flat."""
    index = rows[0][:, None, :, None] * width + columns[0][None, :, None, :]
    return index.reshape(-1), (rows[1][:, None, :, None] * columns[1][None, :, None, :]).reshape(-1)


def regions(context: Context, node: Node, x: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """(indices, weights) [regions * bins, taps] of the image [channels, batch * height * width]; taps are filled up with
    repeated ones of weight 0 (average) or of their own weight (maximum)."""
    rois, batches = (context.require_constant(node, i, what) for i, what in ((1, "regions"), (2, "batch indices")))
    height, width = x.shape[2:]
    average = node.attributes.get("mode", "avg") == "avg"
    found = []
    for region, batch in zip(rois, batches.reshape(-1)):
        down = bins_of(context, node, region[1], region[3], int(node.attributes.get("output_height", 1)))
        across = bins_of(context, node, region[0], region[2], int(node.attributes.get("output_width", 1)))
        for rows in down:
            for columns in across:
                index, weights = combined(bilinear(rows, height), bilinear(columns, width), width)
                share = len(rows) * len(columns) if average else 1
                found.append((index + int(batch) * height * width, weights / max(share, 1)))
    most = max(max(len(index) for index, _ in found), 1)
    return tuple(np.stack([filled(part, most, k == 1 and average) for part in parts]) for k, parts in enumerate(zip(*found)))  # type: ignore[return-value]


def filled(array: np.ndarray, length: int, with_zeros: bool) -> np.ndarray:
    """`length` elements: the array's, then zeros or its first again."""
    rest = length - len(array)
    return np.concatenate([array, np.zeros(rest, array.dtype) if with_zeros or not len(array) else np.repeat(array[:1], rest)])


def as_rows(context: Context, x: Tensor) -> Tensor:
    """x [batch, channels, height, width] as [channels, batch * height * width]."""
    turned = movement.transpose(context.builder, x, [1, 0, 2, 3])
    return movement.reshape(context.builder, turned, (x.shape[1], x.size // x.shape[1]))


def as_regions(context: Context, node: Node, found: Tensor) -> Tensor:
    """[channels, regions * bins] as the output."""
    count, channels, height, width = context.shape(node.outputs[0])
    found = movement.reshape(context.builder, found, (channels, count, height, width))
    return movement.transpose(context.builder, found, [1, 0, 2, 3])


@lowering("RoiAlign")
def roi_align(context: Context, node: Node) -> None:
    """The average, or the maximum of the weighted taps, of bilinear samples of every bin."""
    builder, output = context.builder, node.outputs[0]
    x = context.factor(node.inputs[0])
    index, weights = regions(context, node, x)
    if node.attributes.get("mode", "avg") == "avg":
        context.put(output, as_regions(context, node, at_taps(context, f"{output}/weights", as_rows(context, x), index, weights)))
        return
    column = context.weight(f"{output}/weights", weights, tables.exact_exponent(weights, FINEST))
    samples = arithmetic.multiply(builder, taken(context, as_rows(context, x), index), column)
    samples = gadgets.round_wide(builder, f"{output}/samples", samples, column.exponent)
    largest = movement.squeeze(builder, gadgets.maximum_along(builder, output, samples, 2), [2])
    context.put(output, as_regions(context, node, largest))


@lowering("MaxRoiPool")
def max_roi_pool(context: Context, node: Node) -> None:
    """Regions (batch, x1, y1, x2, y2), rounded, and bins cut outwards; an empty bin gives 0."""
    builder, output = context.builder, node.outputs[0]
    x = context.narrow(node.inputs[0])
    height, width = x.shape[2:]
    bins = [int(i) for i in node.attributes["pooled_shape"]]
    found = []
    for region in context.require_constant(node, 1, "regions"):
        down, across = (
            cut_outwards(region[i], region[i + 2], np.float32(node.attributes.get("spatial_scale", 1.0)), count, length)
            for i, count, length in ((2, bins[0], height), (1, bins[1], width))
        )
        for rows in down:
            for columns in across:
                index = (rows[:, None] * width + columns[None, :]).reshape(-1) + int(region[0]) * height * width
                found.append(index)
    most = max(max(len(index) for index in found), 1)
    places = np.stack([filled(index, most, False) for index in found])
    largest = gadgets.maximum_along(builder, output, taken(context, as_rows(context, x), places), 2)
    largest = movement.squeeze(builder, largest, [2])
    kept = np.array([len(index) > 0 for index in found], dtype=np.int64)
    if not kept.all():
        largest = arithmetic.multiply(builder, largest, context.weight(f"{output}/kept", kept, 0))
    context.put(output, as_regions(context, node, largest))


def cut_outwards(low: float, high: float, scale: np.float32, bins: int, length: int) -> list[np.ndarray]:
    """The indices of every bin along one axis of a region; halves are rounded away from zero."""
    start, end = (int(np.copysign(np.floor(abs(np.float32(x) * scale) + np.float32(0.5)), x)) for x in (low, high))
    size = np.float32(max(end - start + 1, 1)) / np.float32(bins)
    found = []
    for b in range(bins):
        first, last = int(np.floor(np.float32(b) * size)), int(np.ceil(np.float32(b + 1) * size))
        found.append(np.arange(min(max(first + start, 0), length), min(max(last + start, 0), length)))
    return found
