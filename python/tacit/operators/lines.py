"""Normalised rows times a slope plus an offset: matrix products with constant weights take the line over, so that it, which would
be rounded and committed, often need not exist.

(u s + o) W = u (s W) + o W for rows u of a normalisation, a slope s and an offset o of each column. A matrix of its own is stored
with the slope in it. One that must stay as it is (integers of a quantised model's file, which are kept exactly) makes a product of
three factors, u, s and W, which is rounded once: nothing of the line is committed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


@dataclass(frozen=True)
class Folded:
    """The matrix is stored with the slope in it."""


@dataclass(frozen=True)
class Joined:
    """Slope and matrix are factors of their own, of these exponents."""

    slope: int
    weights: int


@dataclass(frozen=True, eq=False)
class Line:
    """`rows` slope + offset along the last dimension, of float64; `make` gives it as a tensor. `takers`: how nodes take it over, by
    their outputs."""

    rows: Tensor
    slope: np.ndarray
    offset: np.ndarray | None
    make: Callable[[], Tensor]
    takers: Mapping[str, Folded | Joined]


def readers(context: Context, name: str) -> int:
    """How often a value is read as a tensor, counting graph outputs."""
    line = context.lines.get(name)
    return context.graph.uses(name) - (len(line.takers) if line is not None else 0)
