"""DFT and STFT: a product with the matrix of the transform, real and imaginary parts side by side."""

from __future__ import annotations

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.operators.spectral.constants import number
from tacit.passes.expansion import Expansion


def matrix(given: int, parts: int, length: int, inverse: bool, onesided: bool) -> np.ndarray:
    """[given * parts, places * results]: the transform of `length` of the first `given` numbers, the rest being zeros.

    `parts`, `results`: 1 for real numbers, 2 for complex ones. A onesided transform keeps the first length / 2 + 1 places;
    a onesided inverse is given those, and its results are real.
    """
    places = length // 2 + 1 if onesided and not inverse else length
    sign = 1 if inverse else -1
    turns = np.exp(sign * 2j * np.pi * np.outer(np.arange(given), np.arange(places)) / length)
    turns = turns / length if inverse else turns
    if inverse and onesided:
        weight = np.where((np.arange(given) == 0) | (2 * np.arange(given) == length), 1.0, 2.0)[:, None]
        rows = np.stack([weight * turns.real, -weight * turns.imag], axis=1)
        return rows.reshape(given * 2, places)
    rows = np.stack([np.stack([turns.real, turns.imag], -1), np.stack([-turns.imag, turns.real], -1)], axis=1)
    return rows[:, :parts].reshape(given * parts, places * 2)


@expansion("DFT")
def dft(e: Expansion, node: Node) -> str:
    """Inputs x [.., parts], dft_length, axis."""
    x = node.inputs[0]
    rank, parts = len(e.shape(x)), e.shape(x)[-1]
    axis = int(number(e, node, 2, "axis")) % rank if node.input(2) else rank - 2
    inverse, onesided = (bool(node.attributes.get(name, 0)) for name in ("inverse", "onesided"))
    have = e.shape(x)[axis]
    whole = 2 * (have - 1) if inverse and onesided else have
    length = int(number(e, node, 1, "length")) if node.input(1) else whole
    given = min(have, length // 2 + 1 if inverse and onesided else length)
    if given < have:
        x = e.op("Slice", x, e.integers(0), e.integers(given), e.integers(axis))
    order = [i for i in range(rank) if i not in (axis, rank - 1)] + [axis, rank - 1]
    moved = x if order == sorted(order) else e.op("Transpose", x, perm=order)
    kept = e.shape(moved)[:-2]
    factor = matrix(given, parts, length, inverse, onesided)
    product = e.op("MatMul", e.op("Reshape", moved, e.integers(*kept, given * parts)), e.constant(factor, e.dtype(x)))
    results = 1 if inverse and onesided else 2
    product = e.op("Reshape", product, e.integers(*kept, factor.shape[1] // results, results))
    return product if order == sorted(order) else e.op("Transpose", product, perm=[order.index(i) for i in range(rank)])


@expansion("STFT")
def stft(e: Expansion, node: Node) -> str:
    """Inputs signal [batch, length, parts], frame_step, window, frame_length -> [batch, frames, places, 2]."""
    signal, window = node.inputs[0], node.input(2)
    batch, length, parts = (*e.shape(signal), 1)[:3]
    step = int(number(e, node, 1, "step"))
    size = int(number(e, node, 3, "frame length")) if node.input(3) else e.shape(window)[0]
    starts = step * np.arange((length - size) // step + 1)
    frames = e.op("Gather", signal, e.constant(starts[:, None] + np.arange(size)), axis=1)
    factor = matrix(size, parts, size, False, bool(node.attributes.get("onesided", 1)))
    known = e.known(window) if window else None
    if known is not None:
        factor = np.repeat(known.astype(np.float64), parts)[:, None] * factor
    elif window:
        frames = e.op("Reshape", frames, e.integers(batch, len(starts), size, parts))
        frames = e.op("Mul", frames, e.op("Unsqueeze", window, e.integers(1)))
    rows = e.op("Reshape", frames, e.integers(batch, len(starts), size * parts))
    product = e.op("MatMul", rows, e.constant(factor, e.dtype(signal)))
    return e.op("Reshape", product, e.integers(batch, len(starts), factor.shape[1] // 2, 2))
