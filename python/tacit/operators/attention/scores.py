"""Scaled dot products: scores, masks, softmax and mixture of values, for every operator of this family.

Keys that a query must not see get a score that is lower by FAR. A query that sees no key at all gives zeros: where that
may happen, the softmax has one more place of score -NEAR and of value zero, to which nothing goes while a key is seen.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt

import numpy as np

from tacit.passes.expansion import Expansion

FAR, NEAR = 1 << 12, 1 << 11
"""exp(-NEAR) is 0 at any precision, and scores are far smaller."""


@dataclass
class Visible:
    """Which keys a query sees: a constant and computed booleans, each of a shape that broadcasts to the scores', and a
    number that is added."""

    queries: int
    keys: int
    constant: np.ndarray = field(default_factory=lambda: np.ones((1, 1), np.bool_))
    computed: list[str] = field(default_factory=list)
    added: str = ""

    @property
    def excludes(self) -> bool:
        """Whether some key may be hidden."""
        return bool(self.computed) or not self.constant.all()

    def only(self, allowed: np.ndarray) -> None:
        """Hides what a constant excludes."""
        self.constant = self.constant & allowed

    def mask(self, e: Expansion, name: str) -> None:
        """Hides what a tensor of booleans excludes; one that is shorter than the keys hides the rest of them."""
        known = e.known(name)
        if known is not None:
            self.only(padded(known, self.keys, False))
            return
        missing = self.keys - e.shape(name)[-1]
        if missing:
            rest = e.constant(np.zeros((*e.shape(name)[:-1], missing), np.bool_))
            name = e.op("Concat", name, rest, axis=-1)
        self.computed.append(name)

    def add(self, e: Expansion, name: str) -> None:
        """Adds a tensor of floats to the scores; infinite ones hide keys, as do those that it lacks."""
        known = e.known(name)
        if known is not None:
            hidden = np.isneginf(known)
            self.only(padded(~hidden, self.keys, False))
            known = padded(np.where(hidden, 0, np.clip(known, -FAR, FAR)).astype(known.dtype), self.keys, 0)
            if known.any():
                self.add_number(e, e.constant(known))
            return
        missing = self.keys - e.shape(name)[-1]
        if missing:
            rest = e.constant(np.zeros((*e.shape(name)[:-1], missing), e.dtype(name)))
            name = e.op("Concat", name, rest, axis=-1)
            self.only(np.arange(self.keys) < self.keys - missing)
        self.add_number(e, name)

    def add_number(self, e: Expansion, name: str) -> None:
        self.added = e.op("Add", self.added, name) if self.added else name

    def window(self, offset: int, left: int | None, right: int | None) -> None:
        """Query i, which is at place i + offset, sees `left` keys before its place and `right` after it; None: all."""
        distance = np.arange(self.keys)[None, :] - np.arange(self.queries)[:, None] - offset
        if right is not None:
            self.only(distance <= right)
        if left is not None:
            self.only(distance >= -left)

    def counted(self, e: Expansion, counts: str, left: int | None, right: int | None) -> None:
        """The first n = counts[batch] keys count, and the last query is at place n - 1: key j is seen by query i, at place
        p = n - queries + i, if j < n and p - left <= j <= p + right."""
        before = np.arange(self.keys)[None, :] + (self.queries - np.arange(self.queries))[:, None]
        lowest = np.broadcast_to(np.arange(self.keys), before.shape)
        if right is not None:
            lowest = np.maximum(lowest, before - right - 1)
        bounds = [("Greater", lowest)] + ([] if left is None else [("Less", before + left + 1)])
        known = e.known(counts)
        for operator, bound in bounds:
            if known is not None:
                number = known.reshape(-1, 1, 1, 1)
                self.only(number > bound if operator == "Greater" else number < bound)
                continue
            n = e.op("Reshape", counts, e.integers(-1, 1, 1, 1))
            rows = bound[:1] if (bound == bound[:1]).all() else bound
            self.computed.append(e.op(operator, n, e.constant(rows, e.dtype(counts))))

    def biased(self, e: Expansion, scores: str) -> str:
        """The scores with everything added; of the node's own shape."""
        dtype = e.dtype(scores)
        if self.added:
            scores = e.op("Add", scores, self.added)
        if not self.constant.all():
            scores = e.op("Add", scores, e.constant(np.where(self.constant, 0, -FAR), dtype))
        if self.computed:
            seen = self.computed[0]
            for other in self.computed[1:]:
                seen = e.op("And", seen, other)
            scores = e.op("Add", scores, e.op("Where", seen, e.constant(0, dtype), e.constant(-FAR, dtype)))
        return scores

    @property
    def may_be_empty(self) -> bool:
        """Whether a query may see no key."""
        return bool(self.computed) or not self.constant.any(-1).all()


def padded(array: np.ndarray, length: int, fill: bool | int) -> np.ndarray:
    """The array with its last axis filled up."""
    missing = length - array.shape[-1] if array.ndim and array.shape[-1] != 1 else 0
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, missing)], constant_values=fill) if missing > 0 else array


@dataclass(frozen=True)
class Mixed:
    """[batch, heads, queries, size] and what led to it."""

    result: str
    scores: str
    capped: str
    probabilities: str


def attended(e: Expansion, q: str, k: str, v: str, visible: Visible, scale: float | None, softcap: float = 0.0) -> Mixed:
    """softmax(cap(q k' scale) + masks) v over [batch, heads, length, size]; groups of query heads may share a key head."""
    batch, heads, queries, size = e.shape(q)
    shared, keys = e.shape(k)[1:3]
    dtype = e.dtype(q)
    factor = (1 / sqrt(size) if scale is None else scale) / (softcap or 1.0)
    if factor != 1.0:
        q = e.op("Mul", q, e.constant(factor, dtype))
    turned = e.op("Transpose", k, perm=[0, 1, 3, 2])
    if shared != heads:
        turned, v = (e.op("Unsqueeze", x, e.integers(2)) for x in (turned, v))
    scores = e.op("MatMul", grouped(e, q, shared), turned)
    if shared != heads:
        scores = e.op("Reshape", scores, e.integers(batch, heads, queries, keys))
    capped = scores
    if softcap:
        cap = e.constant(softcap, dtype)
        scores, capped = e.op("Mul", scores, cap), e.op("Mul", e.op("Tanh", scores), cap)
    biased = visible.biased(e, capped)
    if visible.may_be_empty:
        place = e.constant(np.full((batch, heads, queries, 1), -NEAR), dtype)
        weights = e.op("Softmax", e.op("Concat", biased, place, axis=-1), axis=-1)
        weights = e.op("Slice", weights, e.integers(0), e.integers(keys), e.integers(3))
    else:
        weights = e.op("Softmax", biased, axis=-1)
    result = e.op("MatMul", grouped(e, weights, shared), v)
    if shared != heads:
        result = e.op("Reshape", result, e.integers(batch, heads, queries, e.shape(v)[-1]))
    return Mixed(result, scores, capped, weights)


def grouped(e: Expansion, x: str, shared: int) -> str:
    """[batch, heads, queries, n], the heads that share a key head along an axis of their own."""
    batch, heads, queries, size = e.shape(x)
    return x if heads == shared else e.op("Reshape", x, e.integers(batch, shared, heads // shared, queries, size))


def to_heads(e: Expansion, x: str, heads: int) -> str:
    """[batch, length, heads * size] -> [batch, heads, length, size]."""
    batch, length, width = e.shape(x)
    return e.op("Transpose", e.op("Reshape", x, e.integers(batch, length, heads, width // heads)), perm=[0, 2, 1, 3])


def from_heads(e: Expansion, x: str) -> str:
    """[batch, heads, length, size] -> [batch, length, heads * size]."""
    batch, heads, length, size = e.shape(x)
    return e.op("Reshape", e.op("Transpose", x, perm=[0, 2, 1, 3]), e.integers(batch, length, heads * size))


def appended(e: Expansion, past: str, new: str) -> str:
    """Keys or values after those of an earlier run, along the length."""
    return e.op("Concat", past, new, axis=2) if past and e.shape(past)[2] else new
