"""Running sums along a dimension."""

from __future__ import annotations

from tacit.primitives import movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.tensor import Tensor


@gadget("running_sum")
def running_sum(b: Builder, name: str, x: Tensor, axis: int) -> Tensor:
    """y_t = x_0 + .. + x_t along one dimension, exact; the exponent is kept.

    Relation: y_t - y_(t-1) - x_t = 0, y_-1 = 0. Cells 1 an element. Unique: by induction over t.
    """
    axis = movement.normal(x, axis)
    size = x.shape[axis]
    low, high = min(x.low, x.low * size), max(x.high, x.high * size)
    y = b.commit(name, x.shape, low, high, lambda: b.value(x).cumsum(axis=axis), exponent=x.exponent)
    before = movement.pad(b, y, [(1, -1) if i == axis else (0, 0) for i in range(len(x.shape))])
    b.contract(name, movement.plus(b, y - before, -x))
    return y
