"""TfIdfVectorizer of integers: how often each n-gram of a pool stands in a row, with the items of a gram `skip` places apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@dataclass(frozen=True)
class Grams:
    """n-grams of one length: their items [count, n], and their places in the output [count]."""

    items: np.ndarray
    places: np.ndarray


def pool(e: Expansion, node: Node) -> list[Grams]:
    """The n-grams that count, by their length, the first of equal ones."""
    shortest, longest = int(node.attributes["min_gram_length"]), int(node.attributes["max_gram_length"])
    items = np.array(node.attributes.get("pool_int64s") or [], dtype=np.int64)
    if not items.size:
        raise UnsupportedOperator(f"{e.place} cannot be proved: its n-grams are texts; give it the numbers of the words.")
    places = np.array(node.attributes["ngram_indexes"], dtype=np.int64)
    starts = [*map(int, node.attributes["ngram_counts"]), len(items)]
    found, first = [], 0
    for length, (start, end) in enumerate(zip(starts, starts[1:]), 1):
        count = (end - start) // length
        grams = items[start : start + count * length].reshape(count, length)
        _, distinct = np.unique(grams, axis=0, return_index=True)
        if shortest <= length <= longest and count:
            found.append(Grams(grams[np.sort(distinct)], places[first : first + count][np.sort(distinct)]))
        first += count
    return found


def counted(e: Expansion, x: str, grams: Grams, apart: int) -> str | None:
    """[batch, count] floats: how often each gram stands in x [batch, length], its items `apart` places from each other."""
    _, size = grams.items.shape
    starts = e.shape(x)[1] - apart * (size - 1)
    if starts < 1:
        return None
    hits = ""
    for i in range(size):
        part = e.op("Slice", x, e.integers(apart * i), e.integers(apart * i + starts), e.integers(1))
        equal = e.op("Equal", e.op("Unsqueeze", part, e.integers(2)), e.constant(grams.items[:, i], e.dtype(x)))
        hits = e.op("And", hits, equal) if hits else equal
    return e.op("ReduceSum", e.op("Cast", hits, to=1), e.integers(1), keepdims=0)


@expansion("TfIdfVectorizer")
def tfidf(e: Expansion, node: Node) -> str:
    """Input [length] or [batch, length]. TF counts, IDF says 1 where there are any, TFIDF counts; the latter two weighted."""
    x, mode = node.inputs[0], str(node.attributes["mode"])
    rows = x if len(e.shape(x)) == 2 else e.op("Unsqueeze", x, e.integers(0))
    size = int(max(node.attributes["ngram_indexes"])) + 1
    apart = range(1, int(node.attributes["max_skip_count"]) + 2)
    total = e.constant(np.zeros((e.shape(rows)[0], size), dtype=np.float32))
    for grams in pool(e, node):
        length = grams.items.shape[1]
        spread = np.zeros((len(grams.places), size), dtype=np.float32)
        spread[np.arange(len(grams.places)), grams.places] = 1
        for count in (counted(e, rows, grams, distance) for distance in (apart if length > 1 else (1,))):
            if count is not None:
                total = e.op("Add", total, e.op("MatMul", count, e.constant(spread)))
    if mode == "IDF":
        total = e.op("Cast", e.op("Greater", total, e.constant(0, np.float32)), to=1)
    weights = node.attributes.get("weights")
    if mode != "TF" and weights:
        total = e.op("Mul", total, e.constant(np.array(weights, dtype=np.float32)))
    return total if len(e.shape(x)) == 2 else e.op("Squeeze", total, e.integers(0))
