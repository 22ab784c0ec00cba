"""CumProd: one product a step along the axis."""

from __future__ import annotations

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("CumProd")
def cumulative_product(e: Expansion, node: Node) -> str:
    """`exclusive`: of the steps before; `reverse`: from the last step on. Integers wrap or are refused as products are."""
    x, given = node.inputs[0], e.known(node.inputs[1])
    if given is None:
        raise UnsupportedOperator(f"{e.place} cannot be proved: its axis is computed by the model; give a constant one.")
    shape = e.shape(x)
    axis = int(given.reshape(-1)[0]) % len(shape)
    places = list(range(shape[axis]))
    if node.attributes.get("reverse", 0):
        places.reverse()
    steps = {place: e.op("Slice", x, e.integers(place), e.integers(place + 1), e.integers(axis)) for place in places}
    found, product = {}, ""
    for place in places:
        before, product = product, e.op("Mul", product, steps[place]) if product else steps[place]
        one = e.op("Expand", e.constant(1, e.dtype(x)), e.integers(*e.shape(steps[place])))
        found[place] = (before or one) if node.attributes.get("exclusive", 0) else product
    return e.op("Concat", *(found[place] for place in sorted(found)), axis=axis)
