"""ArgMax along a dimension: the index of the largest value, the first or the last among equals."""

from __future__ import annotations

import numpy as np

from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.gadgets.digits import digits, once, require_injective
from tacit.primitives.gadgets.selection import before_and_steps
from tacit.primitives.tensor import Tensor


@gadget("argmax")
def argmax(b: Builder, name: str, x: Tensor, axis: int, last: bool = False) -> Tensor:
    """Index of the maximum along `axis` (which keeps length 1), integers of exponent 0; among equals the first, or the
    last.

    With i the index, the column p_j = [j >= i] has p_j - p_(j-1) in {0, 1} (p_-1 = 0) and p_(n-1) = 1: its steps z_j
    are 1 at i alone. The row's cell m has m = sum_j z_j x_j, and for every j a range check by digits, m - x_j - [j < i]
    in R_w (last: m - x_j - [j > i]). The index n - sum_j p_j is an affine form. Cells 1 an element (and digits), leaves
    2 and more. Unique for every field value of x: for two solutions i != i' the two differences m - x_i' - .. and m' -
    x_i - .., both in R_w, would add up to -1, which 2^(w + 1) < p excludes.
    """
    axis = movement.normal(x, axis)
    size = x.shape[axis]
    if size == 1:
        return (x * 0).bounded(0, 0).with_exponent(0)
    x = x if x.degree == 1 and len(x.terms) <= 2 and x.denominator == 1 else b.copy(x, f"{name}/values")
    width = (x.high - x.low).bit_length()
    require_injective(name, 2 << width)
    behind = axis - len(x.shape)
    index = once(lambda: chosen(b.value(x), behind, last))
    places = np.arange(size).reshape([-1 if i == axis else 1 for i in range(len(x.shape))])
    reached = b.commit(f"{name}/reached", x.shape, 0, 1, lambda: (places >= index()).astype(np.int64))
    row = tuple(1 if i == axis else length for i, length in enumerate(x.shape))
    top = b.commit(f"{name}/top", row, x.low, x.high, lambda: b.value(x).max(axis=behind, keepdims=True))
    before, steps = before_and_steps(b, name, reached, axis)
    found = arithmetic.reduce_sum(b, arithmetic.multiply(b, steps, x), [axis], keepdims=True)
    b.contract(f"{name}/top", found - top)
    strictly = before if last else 1 - reached
    gap = movement.plus(b, top - strictly, -x)
    digits(b, f"{name}/gap", gap.bounded(0, (1 << width) - 1), width)
    count = arithmetic.reduce_sum(b, reached, [axis], keepdims=True)
    return (size - count).bounded(0, size - 1).with_exponent(0)


def chosen(values: np.ndarray, axis: int, last: bool) -> np.ndarray:
    """int64 index of the maximum along `axis`, kept with length 1."""
    if last:
        return values.shape[axis] - 1 - np.flip(values, axis).argmax(axis=axis, keepdims=True)
    return values.argmax(axis=axis, keepdims=True)
