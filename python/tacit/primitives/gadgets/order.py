"""The largest elements of rows in descending order, the whole order with k = n."""

from __future__ import annotations

import numpy as np

from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, gadget
from tacit.primitives.gadgets.digits import digits, once, require_injective
from tacit.primitives.gadgets.selection import letters, reach
from tacit.primitives.tensor import Tensor


@gadget("top_k")
def top_k(b: Builder, name: str, x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """(values, indices) of the k largest elements along the last dimension, descending: the first two of `ranked`."""
    return ranked(b, name, x, k)[:2]


@gadget("ranked")
def ranked(b: Builder, name: str, x: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """(values, indices, their one-hot rows [.., k, n]) of the k largest elements along the last dimension, descending; among
    equals the lower index first.

    Columns i_t (index) and v_t (value), t < k, with v_t = sum_j z_tj x_j for the one-hot rows z_t of i_t. With w the bits
    of n - 1 and the keys K_j = 2^w x_j - j, all different: K at i_t exceeds K at i_(t+1) by 1 .. 2^W (digits). Where k < n,
    for every j: (1 - sum_t z_tj) (v_last - x_j - [j < i_last]) in R_u (digits), so that every element left out has a
    smaller key than the last. Cells a row: k (n + 2), and 2 n where k < n (and digits); leaves: k (n + 1), and n.

    Unique for every field value of x: K_a > K_c, meaning K_a - K_c in 1 .. (k + 1) 2^W, is antisymmetric, for (k + 1)
    2^(W + 1) <= p. Along a solution every chosen element is > all chosen later and all left out, so that no index is
    chosen twice, and two solutions would hold a pair a > c and c > a.
    """
    n = x.shape[-1]
    x = x if x.degree == 1 and len(x.terms) <= 2 and x.denominator == 1 else b.copy(x, f"{name}/values")
    place_bits, spread = (n - 1).bit_length(), x.high - x.low
    key_bits = ((spread << place_bits) + n).bit_length()
    require_injective(name, (k + 1) << (key_bits + 1))
    order = once(lambda: np.argsort(-b.value(x), axis=-1, kind="stable")[..., :k])
    shape = (*x.shape[:-1], k)
    indices = b.commit(f"{name}/indices", shape, 0, n - 1, order)
    reached, hits = reach(b, f"{name}/hits", indices, n)
    chosen = lambda: np.take_along_axis(b.value(x), order(), -1)  # noqa: E731
    values = b.commit(f"{name}/top", shape, x.low, x.high, chosen, exponent=x.exponent)
    (rows,) = letters(len(shape) - 1)
    found = arithmetic.einsum(b, f"{rows}KZ,{rows}Z->{rows}K", hits, x)
    b.contract(f"{name}/top", movement.plus(b, found, -values))
    if k > 1:
        keys = values * (1 << place_bits) - indices
        steps = movement.plus(b, movement.slice_(b, keys, -1, 0, k - 1), -movement.slice_(b, keys, -1, 1, k))
        digits(b, f"{name}/descent", (steps - 1).bounded(0, (1 << key_bits) - 1), key_bits)
    if k < n:
        left_out(b, name, x, values, reached, hits)
    return values, indices, hits


def left_out(b: Builder, name: str, x: Tensor, values: Tensor, reached: Tensor, hits: Tensor) -> None:
    """(1 - sum_t z_tj) (v_last - x_j - [j < i_last]) in R_u for every j, u the bits of x's interval."""
    k, width = hits.shape[-2], (x.high - x.low).bit_length()
    free = b.copy((1 - arithmetic.reduce_sum(b, hits, [-2])).bounded(0, 1), f"{name}/free")
    last = movement.squeeze(b, movement.slice_(b, reached, -2, k - 1, k), [-2])
    lead = movement.plus(b, movement.plus(b, movement.slice_(b, values, -1, k - 1, k), -x), last - 1)
    lead = b.copy(lead, f"{name}/lead")
    digits(b, f"{name}/rest", arithmetic.multiply(b, free, lead).bounded(0, (1 << width) - 1), width)
