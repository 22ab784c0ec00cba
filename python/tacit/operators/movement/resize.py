"""Resize by constant sizes or scales: each axis is a list of positions (nearest) or a constant sparse matrix."""

from __future__ import annotations

from math import floor
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.registry import as_output, lowering
from tacit.primitives import arithmetic, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

FINEST = 14
"""Interpolation weights have at most so many fraction bits."""


def axes_of(node: Node, rank: int) -> list[int]:
    return [int(axis) % rank for axis in node.attributes.get("axes") or range(rank)]


def regions_of(context: Context, node: Node, rank: int) -> list[tuple[float, float]]:
    """Where the region that is resized starts and ends along every axis, as shares of its last place."""
    regions = [(0.0, 1.0)] * rank
    if node.attributes.get("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize":
        axes = axes_of(node, rank)
        bounds = context.require_constant(node, 1, "region").reshape(2, len(axes)).astype(np.float64)
        for axis, start, end in zip(axes, *bounds):
            regions[axis] = (float(start), float(end))
    return regions


def scales_of(context: Context, node: Node, shape: tuple[int, ...], target: tuple[int, ...]) -> list[float]:
    """The scale of every axis: given, or from the sizes."""
    rank = len(shape)
    axes = axes_of(node, rank)
    scales = [1.0] * rank
    if node.input(2) and context.require_constant(node, 2, "list of scales").size:
        for axis, scale in zip(axes, context.require_constant(node, 2, "list of scales").reshape(-1)):
            scales[axis] = float(scale)
        return scales
    if not node.input(3):
        raise context.unsupported(node, "it has neither scales nor sizes")
    sizes = [int(i) for i in context.require_constant(node, 3, "list of sizes").reshape(-1)]
    policy = node.attributes.get("keep_aspect_ratio_policy", "stretch")
    ratios = [size / shape[axis] for axis, size in zip(axes, sizes)]
    for axis, ratio in zip(axes, ratios):
        common = {"not_larger": min(ratios), "not_smaller": max(ratios)}
        scales[axis] = common.get(policy, ratio)
    return scales


def coordinates(
    context: Context, node: Node, length: int, target: int, scale: float, region: tuple[float, float]
) -> np.ndarray:
    """Where each of `target` outputs lies among `length` inputs: float64 [target]. Corners are aligned by the length of the
    output, as ONNX's text says and onnxruntime does; where scale times length is no integer, ONNX's reference takes that."""
    mode = node.attributes.get("coordinate_transformation_mode", "half_pixel")
    y = np.arange(target, dtype=np.float64)
    if mode == "asymmetric":
        return y / scale
    if mode == "align_corners":
        return y * (length - 1) / (target - 1) if target > 1 else y * 0
    if mode == "tf_crop_and_resize":
        share = y / (target - 1) if target > 1 else y + 0.5
        return (region[0] + share * (region[1] - region[0])) * (length - 1)
    if mode == "pytorch_half_pixel" and target <= 1:
        return y * 0
    if mode in ("half_pixel", "pytorch_half_pixel"):
        return (y + 0.5) / scale - 0.5
    if mode == "half_pixel_symmetric":
        whole = scale * length
        return length / 2 * (1 - target / whole) + (y + 0.5) / scale - 0.5
    raise context.unsupported(node, f"its coordinates are {mode!r}, which cannot be proved yet")


def nearest(context: Context, node: Node, x: np.ndarray, length: int) -> list[int]:
    mode = node.attributes.get("nearest_mode", "round_prefer_floor")
    rounded = {
        "floor": np.floor(x),
        "ceil": np.ceil(x),
        "round_prefer_ceil": np.floor(x + 0.5),
        "round_prefer_floor": np.ceil(x - 0.5),
    }.get(mode)
    if rounded is None:
        raise context.unsupported(node, f"its nearest mode {mode!r} is unknown")
    return [int(i) for i in np.clip(rounded, 0, length - 1)]


def linear_taps(fraction: float, scale: float) -> tuple[list[float], int]:
    """Weights of the neighbours, and how many of them lie before the coordinate's floor. With a scale below 1 the
    triangle is as wide as 1 / scale (antialias)."""
    if scale >= 1:
        return [1 - fraction, fraction], 0
    reach = floor(2 / scale / 2 + 1)
    return [max(0.0, 1 - scale * abs(i - fraction)) for i in range(1 - reach, reach + 1)], reach - 1


def cubic_taps(fraction: float, scale: float, a: float) -> tuple[list[float], int]:
    """Keys' kernel; stretched with a scale below 1 (antialias)."""
    scale = min(scale, 1.0)
    reach = floor(2 / scale) + 1 if scale < 1 else 2

    def kernel(t: float) -> float:
        t = abs(t) * scale
        if t <= 1:
            return (a + 2) * t**3 - (a + 3) * t**2 + 1
        return a * (t**3 - 5 * t**2 + 8 * t - 4) if t < 2 else 0.0

    return [kernel(i - fraction) for i in range(1 - reach, reach + 1)], reach - 1


def interpolation(context: Context, node: Node, x: np.ndarray, length: int, scale: float) -> np.ndarray:
    """float64 [len(x), length], each row the weights of the inputs; neighbours outside count as the nearest inside, or
    not at all (exclude_outside)."""
    sharp = scale if node.attributes.get("antialias", 0) else max(scale, 1.0)
    cubic = node.attributes.get("mode", "nearest") == "cubic"
    a = float(node.attributes.get("cubic_coeff_a", -0.75))
    matrix = np.zeros((len(x), length))
    for row, position in enumerate(x):
        base = floor(position)
        weights, before = cubic_taps(position - base, sharp, a) if cubic else linear_taps(position - base, sharp)
        total = sum(weights)
        for i, weight in enumerate(weights):
            place = base - before + i
            if node.attributes.get("exclude_outside", 0) and not 0 <= place < length:
                total -= weight
                continue
            matrix[row, min(max(place, 0), length - 1)] += weight
        matrix[row] /= total
    return matrix


def is_beyond(node: Node, places: np.ndarray, length: int) -> np.ndarray:
    """bool [len(places)]: which places of a region lie outside the image, and have a value of their own."""
    outside: np.ndarray = (places < 0) | (places > length - 1)
    return outside & (node.attributes.get("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize")


@lowering("Resize", rounds=as_output)
def resize(context: Context, node: Node) -> None:
    builder = context.builder
    x = context.factor(node.inputs[0])
    target = context.shape(node.outputs[0])
    mode = node.attributes.get("mode", "nearest")
    if mode not in ("nearest", "linear", "cubic"):
        raise context.unsupported(node, f"its mode {mode!r} is unknown")
    scales, regions = scales_of(context, node, x.shape, target), regions_of(context, node, len(target))
    value = np.zeros(target)
    for axis, (scale, region) in enumerate(zip(scales, regions)):
        length = x.shape[axis]
        if target[axis] == length and scale == 1 and region == (0.0, 1.0):
            continue
        places = coordinates(context, node, length, target[axis], scale, region)
        beyond = is_beyond(node, places, length)
        if mode == "nearest" and not np.any(beyond):
            x = movement.take(builder, x, axis, nearest(context, node, places, length))
            continue
        if mode == "nearest":
            matrix = np.eye(length)[nearest(context, node, places, length)]
        else:
            matrix = interpolation(context, node, places, length, scale)
        x = along(context, node, x, axis, np.where(beyond[:, None], 0.0, matrix))
        np.moveaxis(value, axis, 0)[beyond] = float(node.attributes.get("extrapolation_value", 0.0))
    if np.any(value):
        x = arithmetic.add(builder, x, context.weight(f"{node.name}/outside", value, tables.exact_exponent(value, FINEST)))
    context.put(node.outputs[0], x)


def along(context: Context, node: Node, x: Tensor, axis: int, matrix: np.ndarray) -> Tensor:
    """x with one dimension multiplied by a matrix [outputs, inputs]."""
    letters = "abcdefghij"[: len(x.shape)]
    column = context.weight(f"{node.name}/axis{axis}", matrix, tables.exact_exponent(matrix, FINEST))
    result = letters.replace(letters[axis], "o")
    return arithmetic.einsum(context.builder, f"{letters},o{letters[axis]}->{result}", x, column)
