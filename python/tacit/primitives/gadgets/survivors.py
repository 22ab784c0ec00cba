"""Greedy suppression: who is left when the best in turn removes those that it overlaps."""

from __future__ import annotations

import numpy as np

from tacit.circuit import Constant, Iota
from tacit.primitives import arithmetic, movement
from tacit.primitives.axes import of_one_rank
from tacit.primitives.builder import Builder, Rows, Table, gadget
from tacit.primitives.gadgets.comparison import compare
from tacit.primitives.gadgets.digits import once, require_fits
from tacit.primitives.gadgets.running import running_sum
from tacit.primitives.tensor import Tensor, constant


def zero_table(entries: int) -> Table:
    """(d, [d = 0]) for d = 0 .. entries - 1."""
    rest = (Rows(entries - 1, (Iota(1), Constant(0))),) if entries > 1 else ()
    return Table(f"zero/{entries}", (Rows(1, (Constant(0), Constant(1))), *rest))


@gadget("survivors")
def survivors(b: Builder, name: str, scores: Tensor, candidates: Tensor, overlaps: Tensor) -> Tensor:
    """[*shared, n] flags: candidate j is kept unless a kept i of a higher score, or of an equal one and i < j, overlaps it.

    scores and candidates (0 or 1) [*shared, n], overlaps (0 or 1) [.., n, n], which broadcasts. With the keys K_j = 2^w s_j - j,
    all different, and d_j = n (1 - c_j) + sum_i k_i [K_i > K_j] o_ij: (d_j, k_j) in the table of [d = 0]. Cells: n^2 (and those
    of `compare`) a row, and n; leaves n^2 and n. Unique for every field value: the comparisons force differences of keys within
    a small interval, so that they order the n places; along that order each d_j reads earlier k_i only, and d_j fixes k_j.
    """
    size = scores.shape[-1]
    require_fits(name, candidates, 0, 1)
    require_fits(name, overlaps, 0, 1)
    overlaps = overlaps if overlaps.is_affine and len(overlaps.terms) == 1 else b.copy(overlaps, f"{name}/overlaps")
    place = (running_sum(b, f"{name}/places", constant((size,), 1), 0) - 1).bounded(0, size - 1)
    keys = movement.plus(b, scores.with_exponent(0) * (1 << (size - 1).bit_length()), -place)
    first, second = movement.unsqueeze(b, keys, [-1]), movement.unsqueeze(b, keys, [-2])
    ahead = compare(b, f"{name}/ahead", first, second + 1)
    ahead = ahead if len(ahead.terms) == 1 else b.copy(ahead, f"{name}/order")
    _, overlaps = of_one_rank(movement.unsqueeze(b, scores, [-1]), overlaps)
    kept = once(lambda: suppressed(b.value(scores), b.value(candidates), b.value(overlaps)))
    keep = b.commit(name, scores.shape, 0, 1, kept)
    removers = movement.unsqueeze(b, keep, [-1]) * ahead * overlaps
    count = arithmetic.reduce_sum(b, removers, [-2]).bounded(0, size - 1)
    d = movement.plus(b, count, (1 - candidates) * size).bounded(0, 2 * size - 1)
    b.lookup(f"{name}/kept", zero_table(2 * size), [d, keep])
    return keep


def suppressed(scores: np.ndarray, candidates: np.ndarray, overlaps: np.ndarray) -> np.ndarray:
    """The flags of `survivors` by going through the candidates from the best on."""
    size = scores.shape[-1]
    overlaps = np.broadcast_to(overlaps, (*scores.shape, size))
    found = np.zeros(scores.shape, dtype=np.int64)
    for lead in np.ndindex(*scores.shape[:-1]):
        for j in np.argsort(-scores[lead], kind="stable"):
            found[(*lead, j)] = candidates[(*lead, j)] and not (found[lead] & overlaps[lead][:, j]).any()
    return found
