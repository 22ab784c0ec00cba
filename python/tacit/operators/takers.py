"""How matrix products take over the line of a normalisation (`lines`)."""

from __future__ import annotations

from math import ceil, log2
from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.fixed import exact_exponent
from tacit.operators.context import EXACT_BITS, WIDEST_PRODUCT
from tacit.operators.lines import Folded, Joined
from tacit.operators.magnitude import magnitude_bits
from tacit.operators.weights import are_rounded, kept_exponent
from tacit.primitives.gadgets.digits import DIGIT
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

COARSER = 2.5
"""A slope may have so many bits less than wanted of weights."""
REMAINDER = 2 * DIGIT
"""A product of three factors is rounded by at most so many bits."""


def takers(context: Context, name: str, rows: Tensor, slope: np.ndarray) -> dict[str, Folded | Joined]:
    """How the readers of a line take it over, by their outputs. They join it only where none of them needs the line itself."""
    consumers = context.graph.consumers.get(name, ())
    found = {node.outputs[0]: taken(context, node, name, rows, slope) for node in consumers}
    whole = None not in found.values() and name not in context.graph.outputs
    return {output: form for output, form in found.items() if isinstance(form, Folded) or (whole and form is not None)}


def taken(context: Context, node: Node, name: str, rows: Tensor, slope: np.ndarray) -> Folded | Joined | None:
    """How a product with a constant matrix takes the line over; None where it reads it as a tensor. A matrix with all its bits is
    stored with the slope in it, one that is kept exactly is not."""
    if node.kind != "MatMul" or node.inputs[0] != name or name == node.inputs[1] or not owns(context, node):
        return None
    array = context.constant(node.inputs[1])
    assert array is not None
    if are_rounded(context, array) or exact_exponent(array, EXACT_BITS) is None:
        return Folded()
    return exponents(context, node, array, rows, slope)


def owns(context: Context, node: Node) -> bool:
    """Whether a node has a constant matrix that is stored for it alone."""
    weights = node.inputs[1]
    array = context.constant(weights)
    if array is None or array.ndim != 2 or array.dtype.kind != "f" or weights in context.graph.blocks:
        return False
    if context.graph.uses(weights) != 1 or context.tie(weights, context.graph.constants[weights]) is not None:
        return False
    return bool(np.isfinite(array).all()) and bool(array.any())


def exponents(context: Context, node: Node, array: np.ndarray, rows: Tensor, slope: np.ndarray) -> Joined | None:
    """The exponents of slope and matrix in a product of three factors. None where the matrix is not kept exactly, or where a slope
    that is fine enough leaves the sum more than WIDEST_PRODUCT bits, or its remainder more than REMAINDER."""
    weights = kept_exponent(context, array, rows)
    if weights == -WIDEST_PRODUCT or not slope.any():
        return None
    wanted = context.scales.width.precision - magnitude_bits(slope)
    norms = np.sqrt(np.square(slope) @ np.square(array.astype(np.float64))).max()
    room = WIDEST_PRODUCT - 2 - rows.exponent - weights - ceil(log2(norms))
    exponent = min(ceil(wanted) + 1, REMAINDER + context.rounding(node.outputs[0]) - rows.exponent - weights, room)
    return Joined(exponent, weights) if exponent >= wanted - COARSER else None
