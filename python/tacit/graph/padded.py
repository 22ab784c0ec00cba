"""Operators whose results' sizes depend on data.

Where it does, a node of a Graph has results of the largest size, whose places beyond the count are zero, and after those
that ONNX gives it one result more: the count, int64 without dimensions. "<value>.count" names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tacit.graph.model import Node

RESULTS = {"Compress": 1, "NonMaxSuppression": 1, "NonZero": 1, "Unique": 4}
"""Operator -> how many results ONNX gives it."""
DECIDING = {"Compress": (1,), "NonMaxSuppression": (0, 1), "NonZero": (0,), "Unique": (0,)}
"""The inputs that sizes depend on, besides constants."""


def count_name(value: str) -> str:
    """What the count of a padded value is called."""
    return f"{value}.count"


def is_padded(node: Node) -> bool:
    """Whether a node's results are padded: it has a count."""
    return not node.domain and len(node.outputs) > RESULTS.get(node.operator, len(node.outputs))


def count_of(node: Node) -> str:
    """The name of a padded node's count."""
    return node.outputs[RESULTS[node.operator]]


def padded_axes(operator: str, attributes: Mapping[str, object], rank: int) -> dict[int, int]:
    """Result number -> the axis that is padded, for an operator whose first input has this rank."""
    axis = attributes.get("axis")
    place = 0 if axis is None else int(axis) % rank  # type: ignore[call-overload]
    return {"Compress": {0: place}, "NonMaxSuppression": {0: 0}, "NonZero": {0: 1}, "Unique": {0: place, 1: 0, 3: 0}}[operator]


def largest_shapes(
    operator: str, attributes: Mapping[str, object], shapes: Sequence[tuple[int, ...]], limit: int | None
) -> dict[int, tuple[int, ...]]:
    """Result number -> the shape of the largest result, for inputs of these shapes. `limit`: boxes of a class that
    NonMaxSuppression selects, where that is known."""
    shape = shapes[0]
    size = 1
    for length in shape:
        size *= length
    if operator == "NonZero":
        return {0: (len(shape), size)}
    if operator == "NonMaxSuppression":
        batch, classes, boxes = shapes[1]
        return {0: (batch * classes * (boxes if limit is None else min(limit, boxes)), 3)}
    axis = attributes.get("axis")
    place = None if axis is None else int(axis) % len(shape)  # type: ignore[call-overload]
    length = size if place is None else shape[place]
    if operator == "Compress":
        length = min(length, shapes[1][0])
    whole = (length,) if place is None else (*shape[:place], length, *shape[place + 1 :])
    if operator == "Compress":
        return {0: whole}
    return {0: whole, 1: (length,), 2: (length,), 3: (length,)}
