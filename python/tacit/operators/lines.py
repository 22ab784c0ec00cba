"""Normalised rows times a slope plus an offset: matrix products with constant weights take the line over, so that it, which would
be rounded and committed, often need not exist.

(u s + o) W = u (s W) + o W for rows u of a normalisation, a slope s and an offset o of each column.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.fixed import exact_exponent
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

EXACT_BITS = 30
"""Weights that are integers of so many bits times a power of two are kept so: a slope would spoil them."""


@dataclass(frozen=True, eq=False)
class Line:
    """`rows` slope + offset along the last dimension, of float64; `make` gives it as a tensor."""

    rows: Tensor
    slope: np.ndarray
    offset: np.ndarray | None
    make: Callable[[], Tensor]


def takes(context: Context, node: Node, name: str) -> bool:
    """Whether a node takes over the line that a value is: a product with a matrix of its own, stored as it likes."""
    if node.kind != "MatMul" or node.inputs[0] != name or name == node.inputs[1]:
        return False
    weights = node.inputs[1]
    array = context.constant(weights)
    if array is None or array.ndim != 2 or array.dtype.kind != "f" or weights in context.graph.blocks:
        return False
    if context.graph.uses(weights) != 1 or context.tie(weights, context.graph.constants[weights]) is not None:
        return False
    return bool(np.isfinite(array).all()) and bool(array.any()) and exact_exponent(array, EXACT_BITS) is None


def readers(context: Context, name: str) -> int:
    """How often a value is read as a tensor, counting graph outputs."""
    taken = sum(takes(context, node, name) for node in context.graph.consumers.get(name, ())) if name in context.lines else 0
    return context.graph.uses(name) - taken
