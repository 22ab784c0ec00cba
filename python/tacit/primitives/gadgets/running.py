"""Running sums along a dimension, and values that last until the next one."""

from __future__ import annotations

import numpy as np

from tacit.primitives import arithmetic, movement
from tacit.primitives.axes import of_one_rank
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.tensor import Tensor


@gadget("running_sum")
def running_sum(b: Builder, name: str, x: Tensor, axis: int) -> Tensor:
    """y_t = x_0 + .. + x_t along one dimension, exact; the exponent is kept.

    Relation: y_t - y_(t-1) - x_t = 0, y_-1 = 0. Cells 1 an element. Unique: by induction over t.
    """
    axis = movement.normal(x, axis)
    size, behind = x.shape[axis], axis - len(x.shape)
    low, high = min(x.low, x.low * size), max(x.high, x.high * size)
    y = b.commit(name, x.shape, low, high, lambda: b.value(x).cumsum(axis=behind), exponent=x.exponent)
    before = movement.pad(b, y, [(1, -1) if i == axis else (0, 0) for i in range(len(x.shape))])
    b.contract(name, movement.plus(b, y - before, -x))
    return y


@gadget("carried")
def carried(b: Builder, name: str, x: Tensor, starts: Tensor) -> Tensor:
    """y_t = x_t where starts_t is 1, else y_(t-1), along the last dimension; 0 before the first start.

    Relation: y_t - y_(t-1) = starts_t (x_t - y_(t-1)), y_-1 = 0. Cells 1 an element, 1 product. Unique: by induction over t.
    """

    x, starts = of_one_rank(x, starts)

    def last() -> np.ndarray:
        flags, places = b.value(starts), np.arange(x.shape[-1])
        at = np.maximum.accumulate(np.where(flags == 1, places, -1), axis=-1)
        return np.where(at < 0, 0, np.take_along_axis(b.value(x), np.maximum(at, 0), -1))

    y = b.commit(name, x.shape, min(x.low, 0), max(x.high, 0), last, exponent=x.exponent)
    before = movement.pad(b, y, [(0, 0)] * (len(x.shape) - 1) + [(1, -1)])
    change = arithmetic.multiply(b, starts, movement.plus(b, x, -before))
    b.contract(name, movement.plus(b, y - before, -change))
    return y
