"""Tables of functions cut into segments: constant and straight pieces are rules and cost the verifier no bytes."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from tacit.circuit import Constant, Iota
from tacit.primitives.builder import Rows, listed

SHARE = 8
"""A straight piece becomes a segment of its own if it spans at least 1 / SHARE of the table."""


def straight_pieces(values: np.ndarray) -> list[tuple[int, int, int]]:
    """(start, stop, slope) of the long runs of slope 0 or 1, in order, without overlap."""
    steps = np.diff(values)
    edges = np.concatenate(([0], np.flatnonzero(steps[1:] != steps[:-1]) + 1, [len(steps)])) if len(steps) else np.array([0, 0])
    long = np.flatnonzero((np.diff(edges) + 1) * SHARE >= len(values))  # few: most runs of a curve are of one step or two
    pieces: list[tuple[int, int, int]] = []
    for start, stop in zip(edges[long].tolist(), edges[long + 1].tolist()):
        slope = int(steps[start]) if len(steps) else 0
        first = max(start, pieces[-1][1]) if pieces else start
        if slope in (0, 1) and (stop + 1 - first) * SHARE >= len(values):
            pieces.append((first, stop + 1, slope))
    return pieces


def column_rules(values: np.ndarray) -> list[tuple[int, int, Constant | Iota | None]]:
    """(start, stop, rule) covering all of `values`; None stands for a list."""
    result: list[tuple[int, int, Constant | Iota | None]] = []
    position = 0
    for start, stop, slope in straight_pieces(values):
        if start > position:
            result.append((position, start, None))
        value = int(values[start])
        result.append((start, stop, Iota(value) if slope else Constant(value)))
        position = stop
    if position < len(values):
        result.append((position, len(values), None))
    return result


def graph_rows(first: int, values: np.ndarray, between: tuple[int, ...] = ()) -> tuple[Rows, ...]:
    """Segments of the tuples (x, *between, values[x - first]) for x = first, first + 1, ..; `between` are constants."""
    middle = tuple(Constant(value) for value in between)
    return tuple(
        Rows(stop - start, (Iota(first + start), *middle, rule if rule is not None else listed(values[start:stop])))
        for start, stop, rule in column_rules(values)
    )


@lru_cache(maxsize=64)
def sign_rows(low: int, high: int, step: int = 0) -> tuple[Rows, ...]:
    """Segments of the tuples (x, sign of x div 2^step) for x div 2^step = low .. high."""
    pieces = ((low, min(high, -1), -1), (max(low, 0), min(high, 0), 0), (max(low, 1), high, 1))
    return tuple(Rows((b - a + 1) << step, (Iota(a << step), Constant(sign))) for a, b, sign in pieces if a <= b)
