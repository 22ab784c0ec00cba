"""Rows of long constant tables, as embeddings are: several numbers in one weight, taken apart where a row is selected.

The opening pays for every weight; of a table of tens of thousands of rows a proof reads few.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.numbers.fixed import FLOAT_BITS, exponent_for, quantise
from tacit.operators.forms import is_tabulated
from tacit.operators.magnitude import require_finite
from tacit.operators.registry import LOWERINGS
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

COUNT, BITS = 3, 20
"""Numbers in a weight, and bits of each: 60 bits of the field's 64, and more of them than a narrow tensor's."""
MANY = 1 << 14
"""Rows of a table from which on it is packed, whatever the number of indices: circuits of other lengths have the same weights. Of
fewer there is less to save than the rows that a long text picks may cost: two cells and two lookups a number."""
NORMALISING = frozenset({"LayerNormalization", "RMSNormalization"})
FINEST = 30
"""No constant has more fraction bits."""


def is_packable(context: Context, node: Node) -> bool:
    """Whether the table of a Gather with a computed index is long, of floats, and read by nothing else than such Gathers of rows,
    none of which outputs show: what was taken apart has the integers of the weights."""
    name, graph = node.inputs[0], context.graph
    array = context.constant(name)
    if array is None or array.ndim != 2 or array.shape[0] < MANY or array.shape[1] < COUNT or not context.is_float(name):
        return False
    rows = all(
        reader.kind == "Gather"
        and reader.inputs[0] == name != reader.inputs[1]
        and int(reader.attributes.get("axis", 0)) in (0, -2)
        and context.constant(reader.inputs[1]) is None
        and not is_shown(context, reader.outputs[0])
        for reader in graph.consumers.get(name, ())
    )
    alone = name not in graph.outputs and name not in graph.blocks and not context.is_tied(name)
    return rows and alone and not context.is_whole(name) and context.bits(node.outputs[0]) < FLOAT_BITS


def is_shown(context: Context, name: str) -> bool:
    """Whether an output may be made of a value without a rounding in between."""
    graph, seen, left = context.graph, {name}, [name]
    while left:
        readers = [node for node in graph.consumers.get(left.pop(), ()) if not is_rounded(context, node)]
        found = {to for node in readers for to in node.outputs} - seen
        seen |= found
        left += found
    return not seen.isdisjoint(graph.outputs)


def is_rounded(context: Context, node: Node) -> bool:
    """Whether what a node computes is rounded before it is shown: normalised rows, functions by tables, products with weights."""
    entry = LOWERINGS.get(node.kind)
    weighed = entry is not None and entry.weighs is not None and entry.weighs(context, node) is not None
    return weighed or node.kind in NORMALISING or is_tabulated(node)


def packed_rows(context: Context, node: Node, index: Tensor) -> Tensor:
    """The rows of a packable table at an index of any shape."""
    builder, name, output = context.builder, node.inputs[0], node.outputs[0]
    array = context.require_constant(node, 0, "table")
    require_finite(name, array)
    width, half = array.shape[1], 1 << (BITS - 1)
    exponent = min(exponent_for(float(np.abs(array).max()), BITS, headroom=0), FINEST)
    integers = np.pad(quantise(array, exponent, -half, half - 1), [(0, 0), (0, -width % COUNT)])
    table = context.weight(f"{name}/packed", packed(integers), 0).with_exponent(exponent)
    chosen = gadgets.select(builder, f"{output}/packed", table, index, digits=2)
    rows = gadgets.unpacked(builder, output, chosen, COUNT, BITS)
    return movement.slice_(builder, rows, len(rows.shape) - 1, 0, width)


def packed(numbers: np.ndarray) -> np.ndarray:
    """int64 [rows, n] of numbers [rows, COUNT n] as `gadgets.unpacked` takes them apart."""
    places = BITS * np.arange(COUNT)[:, None]
    return np.asarray((numbers.reshape(len(numbers), COUNT, -1) << places).sum(axis=1))
