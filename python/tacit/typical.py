"""Inputs made up for a model that is compiled without samples: typical ranges where nothing better is known.

Pixels have the interval of their scaling, places on an axis its length, integers of 8 bits their type; floats are drawn about like
standard normal ones, and other integers are 0 or 1, as masks are. What such inputs reach is no bound on what real ones reach, so
every computed range counts SLACK times.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from tacit.graph import Graph
from tacit.images import ImageScale
from tacit.numbers.dtypes import dtype_of, kind_of, limits_of
from tacit.observe import Range
from tacit.quantize import places_of

ROWS, SEED = 8, 0
SLACK = 4.0
UNIFORMS = 4
"""So many uniform numbers add up to one that is about normal, without a platform's logarithm."""


def typical_rows(graph: Graph, image: ImageScale | None) -> list[dict[str, np.ndarray]]:
    """ROWS seeded samples of a simplified graph's inputs; the same on every machine."""
    generator = np.random.default_rng(SEED)
    return [{name: typical(graph, name, image, generator, row) for name in graph.inputs} for row in range(ROWS)]


def typical(graph: Graph, name: str, image: ImageScale | None, generator: np.random.Generator, row: int) -> np.ndarray:
    """One input, in its shape and dtype; the first integers that are no places are all 1, as a mask without padding is."""
    value = graph.values[name]
    shape, dtype = value.shape, dtype_of(value.dtype)
    kind = kind_of(value.dtype)
    if kind == "f":
        if image is not None:
            low, high = pixel_interval(image)
            return (low + (high - low) * generator.random(shape)).astype(dtype)
        total = sum(2.0 * generator.random(shape) - 1.0 for _ in range(UNIFORMS))
        return np.asarray(total * np.sqrt(3.0 / UNIFORMS)).astype(dtype)
    if kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if name in graph.intervals:
        least, greatest = graph.intervals[name]
        return generator.integers(least, greatest + 1, shape).astype(dtype)
    places = places_of(graph, name)
    if places is not None:
        return generator.integers(0, places, shape).astype(dtype)
    low, high = limits_of(value.dtype)
    if high - low < 256:
        return generator.integers(low, high + 1, shape).astype(dtype)
    return np.ones(shape, dtype) if row == 0 else generator.integers(0, 2, shape).astype(dtype)


def pixel_interval(image: ImageScale) -> tuple[float, float]:
    """The least and the greatest number that a pixel becomes."""
    ends = [(pixel / image.divide - m) / d for pixel in (0, 255) for m in image.mean for d in image.deviation]
    return min(ends), max(ends)


def loosened(graph: Graph, ranges: Mapping[str, Range], image: ImageScale | None) -> dict[str, Range]:
    """The ranges of computed floats, and of float inputs that are no pixels, SLACK times as wide."""
    return {name: seen if is_known(graph, name, image) else times(seen) for name, seen in ranges.items()}


def is_known(graph: Graph, name: str, image: ImageScale | None) -> bool:
    return (name in graph.values and not graph.values[name].is_float) or (name in graph.inputs and image is not None)


def times(seen: Range) -> Range:
    parts = ("low", "high", "absolute", "typical")
    return replace(seen, **{part: SLACK * getattr(seen, part) for part in parts})
