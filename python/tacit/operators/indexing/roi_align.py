"""RoiAlign: averages, or maxima, of bilinear samples in the bins of constant regions, and averages in those of computed ones."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.indexing.regions import as_regions, as_rows, filled
from tacit.operators.indexing.sampling import FINEST, FRACTION, at_taps, fraction_weights, split_place, taken, weight_rows
from tacit.operators.quantised.saturation import clamped
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

FINEST_SHARE = 20
"""Fraction bits of the constants that say where in a computed region a sample lies."""


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


@lowering("RoiAlign")
def roi_align(context: Context, node: Node) -> None:
    """The average, or the maximum of the weighted taps, of bilinear samples of every bin."""
    builder, output = context.builder, node.outputs[0]
    x = context.factor(node.inputs[0])
    if context.constant(node.inputs[1]) is None:
        context.put(output, over_computed(context, node, x))
        return
    index, weights = regions(context, node, x)
    if node.attributes.get("mode", "avg") == "avg":
        context.put(output, as_regions(context, node, at_taps(context, f"{output}/weights", as_rows(context, x), index, weights)))
        return
    column = context.weight(f"{output}/weights", weights, tables.exact_exponent(weights, FINEST))
    samples = arithmetic.multiply(builder, taken(context, as_rows(context, x), index), column)
    samples = gadgets.round_wide(builder, f"{output}/samples", samples, column.exponent)
    largest = movement.squeeze(builder, gadgets.maximum_along(builder, output, samples, 2), [2])
    context.put(output, as_regions(context, node, largest))


def over_computed(context: Context, node: Node, x: Tensor) -> Tensor:
    """Averages over computed regions: y[r, c, i, j] = sum_hw Y[r, i, h] X[r, j, w] x[r, c, h, w] with committed weights Y and X."""
    builder, output, count = context.builder, node.outputs[0], int(node.attributes.get("sampling_ratio", 0))
    if count < 1 or node.attributes.get("mode", "avg") != "avg":
        raise context.unsupported(node, "over computed regions only averages of a fixed sampling_ratio can be proved")
    rois = context.wide(node.inputs[1])
    sides = [movement.slice_(builder, rois, 1, i, i + 1) for i in range(4)]
    bins = [int(node.attributes.get(key, 1)) for key in ("output_height", "output_width")]
    down, across = (
        bin_weights(context, node, f"{output}/axis{i}", sides[1 - i], sides[3 - i], bins[i], x.shape[2 + i]) for i in (0, 1)
    )
    x = tables.column_of(context, f"{output}/image", x)
    known = context.constant(node.inputs[2])
    if x.shape[0] == 1:
        image = movement.expand(builder, x, (rois.shape[0], *x.shape[1:]))
    elif known is not None:
        image = movement.take(builder, x, 0, known.reshape(-1).tolist())
    else:
        image = builder.copy(gadgets.select(builder, f"{output}/chosen", x, context.exact(node.inputs[2])), f"{output}/images")
    bound = max(abs(x.low), abs(x.high)) << 2 * FRACTION
    pair = movement.unsqueeze(builder, down, [1, 3, 5]) * movement.unsqueeze(builder, across, [1, 2, 4])
    total = arithmetic.reduce_sum(builder, pair * movement.unsqueeze(builder, image, [2, 3]), [-2, -1])
    return total.bounded(-bound, bound).with_exponent(x.exponent + 2 * FRACTION)


def bin_weights(context: Context, node: Node, name: str, low: Tensor, high: Tensor, bins: int, length: int) -> Tensor:
    """[regions, bins, length] weights, of exponent FRACTION, of the samples of every bin along one axis, for sides [regions, 1].

    Sample k of all is at scale (low + a_k (high - low)), less a half for half_pixel.
    """
    builder, count = context.builder, int(node.attributes["sampling_ratio"])
    half = node.attributes.get("coordinate_transformation_mode", "half_pixel") == "half_pixel"
    scale = float(np.float32(node.attributes.get("spatial_scale", 1.0)))
    size = movement.plus(builder, high, -low)
    if not half:
        least = int(np.ceil(np.ldexp(1.0, size.exponent) / scale))
        size = gadgets.maximum(builder, f"{name}/size", size, constant(size.shape, least, size.exponent))
    shares = (np.arange(bins * count) + 0.5) / (bins * count)
    scales = context.weight(f"{name}/shares", shares * scale, FINEST_SHARE)
    place = arithmetic.multiply(builder, size, scales)
    first = movement.shifted(low * int(np.rint(np.ldexp(scale, FINEST_SHARE))), low.exponent)
    place = movement.plus(builder, place, first.with_exponent(place.exponent))
    place = gadgets.round_wide(builder, f"{name}/place", place, place.exponent - FRACTION)
    place = place - ((1 << FRACTION) // 2 if half else 0)
    inside = between(context, f"{name}/inside", place, -1 << FRACTION, length << FRACTION)
    near = clamped(context, f"{name}/near", place.with_exponent(0), 0, length - 1 << FRACTION).with_exponent(FRACTION)
    whole, fraction = split_place(builder, name, near)
    weights = [
        builder.copy(arithmetic.multiply(builder, weight, inside).bounded(0, 1 << FRACTION), f"{name}/tap")
        for weight in fraction_weights(builder, name, "linear", fraction)
    ]
    rows = weight_rows(context, name, "linear", whole, weights, (0, length - 1), range(length))
    rows = movement.reshape(builder, rows, (rows.shape[0], bins, count, length))
    total = arithmetic.reduce_sum(builder, rows, [2]).bounded(0, count << FRACTION)
    return gadgets.divide_constant(builder, f"{name}/average", total, count).with_exponent(FRACTION)


def between(context: Context, name: str, x: Tensor, low: int, high: int) -> Tensor:
    """[low <= x <= high] of the integers of x."""
    builder, flags = context.builder, []
    if x.low < low:
        flags.append(gadgets.compare(builder, f"{name}/low", x, constant(x.shape, low, x.exponent)))
    if x.high > high:
        flags.append(gadgets.compare(builder, f"{name}/high", constant(x.shape, high, x.exponent), x))
    if not flags:
        return constant(x.shape, 1)
    return flags[0] if len(flags) == 1 else movement.plus(builder, flags[0], flags[1] - 1).bounded(0, 1)
