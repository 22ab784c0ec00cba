"""MaxRoiPool: the largest elements of the bins of constant regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.indexing.regions import as_regions, as_rows, filled
from tacit.operators.indexing.sampling import taken
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement

if TYPE_CHECKING:
    from tacit.operators.context import Context


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
