"""Writing rows at computed places: the transpose of selection."""

from __future__ import annotations

import numpy as np

from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.gadgets.comparison import maximum_along
from tacit.primitives.gadgets.digits import once
from tacit.primitives.gadgets.selection import letters, one_hot, position
from tacit.primitives.tensor import Tensor


@gadget("scatter")
def scatter(
    b: Builder, name: str, data: Tensor, index: Tensor, updates: Tensor, batch: int = 0, reduction: str = "none"
) -> Tensor:
    """data[*batch, n, *row] with updates[*batch, m, *row] written, or combined, at index[*batch, m]; exponents are aligned.

    `reduction`: 'none' (the last write wins), 'add', 'max' or 'min'. Indices mean places as in `select`. With z_t the
    one-hot row of index t: add is data + sum_t z_t updates_t; max the maximum of data and all data + z_t (updates_t - data);
    none is `last_writer`. Cells: m n a row of indices, none another m n, max and min 2 m n a row element (and more by
    digits). Unique: one-hot rows are, and so are maxima; none by induction from the last write to the first.
    """
    size, count = data.shape[batch], index.shape[batch]
    exponent = max(data.exponent, updates.exponent)
    data, updates = movement.shifted(data, exponent), movement.shifted(updates, exponent)
    if reduction == "min":
        return -scatter(b, name, -data, index, -updates, batch, "max")
    hits = one_hot(b, f"{name}/hits", position(b, f"{name}/position", index, size), size)
    shared, row = letters(batch, len(data.shape) - batch - 1)
    written = f"{shared}YZ,{shared}Y{row}->{shared}Z{row}"
    low, high = min(data.low, updates.low), max(data.high, updates.high)
    if reduction == "add":
        return movement.plus(b, data, arithmetic.einsum(b, written, hits, updates))
    if reduction == "max":
        return movement.squeeze(b, maximum_along(b, name, candidates(b, name, data, hits, updates, batch), batch), [batch])
    kept, hits = last_writer(b, name, hits) if count > 1 else (first_of(b, 1 - hits, batch), hits)
    old = arithmetic.einsum(b, f"{shared}Z,{shared}Z{row}->{shared}Z{row}", kept, data)
    return movement.plus(b, old, arithmetic.einsum(b, written, hits, updates)).bounded(low, high)


def first_of(b: Builder, x: Tensor, axis: int) -> Tensor:
    """x at 0 along one dimension, which is dropped."""
    return movement.squeeze(b, movement.slice_(b, x, axis, 0, 1), [axis])


def last_writer(b: Builder, name: str, hits: Tensor) -> tuple[Tensor, Tensor]:
    """(kept[.., n], last[.., m, n]) of hits[.., m, n]: [no t hits the place], [t hits it and no later one does].

    taken_t = [a hit at t or later] is committed: taken_t = taken_(t+1) + z_t - taken_(t+1) z_t, 0 after the last.
    """
    rank, axis = len(hits.shape), len(hits.shape) - 2
    pads = [(-1, 1) if i == axis else (0, 0) for i in range(rank)]
    hit = once(lambda: np.flip(np.maximum.accumulate(np.flip(b.value(hits), -2), -2), -2))
    taken = b.commit(f"{name}/taken", hits.shape, 0, 1, hit)
    later = movement.pad(b, taken, pads)
    earlier = movement.plus(b, movement.plus(b, later, hits), -arithmetic.multiply(b, later, hits))
    b.contract(f"{name}/taken", movement.plus(b, taken, -earlier))
    return first_of(b, (1 - taken).bounded(0, 1), axis), movement.plus(b, taken, -later).bounded(0, 1)


def candidates(b: Builder, name: str, data: Tensor, hits: Tensor, updates: Tensor, batch: int) -> Tensor:
    """[*batch, m + 1, n, *row]: the data, and what each update alone makes of it, as columns."""
    row = len(data.shape) - batch - 1
    old = movement.unsqueeze(b, data, [batch])
    new = movement.unsqueeze(b, updates, [batch + 1])
    mask = movement.unsqueeze(b, hits, list(range(batch + 2, batch + 2 + row)))
    gain = arithmetic.multiply(b, mask, movement.plus(b, new, -old))
    low, high = min(data.low, updates.low), max(data.high, updates.high)
    offered = b.copy(movement.plus(b, old, gain).bounded(low, high), f"{name}/offered")
    return movement.concat(b, [old, offered], batch)
