"""RotaryEmbedding of ONNX and of com.microsoft (Su et al. 2021): pairs of a head's numbers, turned by an angle of their place."""

from __future__ import annotations

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.attention.scores import from_heads, to_heads
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("RotaryEmbedding")
def rotary(e: Expansion, node: Node) -> str:
    """Inputs X, cos_cache, sin_cache, position_ids; the caches have a row for each place, or without position_ids one for
    each place of each sequence."""
    x, cosine, sine = node.inputs[:3]
    return of_heads(e, node, x, cosine, sine, node.input(3))


@expansion("com.microsoft.RotaryEmbedding")
def contrib_rotary(e: Expansion, node: Node) -> str:
    """Inputs X, position_ids (of each token, or of the first one of all sequences), cos_cache, sin_cache."""
    x, positions, cosine, sine = node.inputs[:4]
    if node.attributes.get("is_packed_batching", 0) or float(node.attributes.get("scale", 1.0)) != 1.0:
        raise UnsupportedOperator(f"Node {node} is scaled or packs sequences; export it without.")
    if e.shape(positions) in ((), (1,)):
        length = e.shape(x)[-2]
        positions = e.op("Add", positions, e.constant(np.arange(length)[None], e.dtype(positions)))
    return of_heads(e, node, x, cosine, sine, positions)


def of_heads(e: Expansion, node: Node, x: str, cosine: str, sine: str, positions: str) -> str:
    flat = len(e.shape(x)) == 3
    if flat:
        heads = int(node.attributes.get("num_heads", 0))
        if not heads:
            width = int(node.attributes.get("rotary_embedding_dim", 0)) or 2 * e.shape(cosine)[-1]
            heads = e.shape(x)[-1] // width
        x = to_heads(e, x, heads)
    if positions:
        cosine, sine = (e.op("Gather", table, positions, axis=0) for table in (cosine, sine))
    cosine, sine = (e.op("Unsqueeze", table, e.integers(1)) for table in (cosine, sine))
    result = turned(e, x, cosine, sine, bool(node.attributes.get("interleaved", 0)))
    return from_heads(e, result) if flat else result


def turned(e: Expansion, x: str, cosine: str, sine: str, interleaved: bool) -> str:
    """x [batch, heads, length, size], whose first 2 n numbers are turned by angles [batch or 1, 1, length, n].

    x cos + swap(x sin), so that x itself is read, and rounded, once; pairs are (j, j + n), or (2 j, 2 j + 1).
    """
    half, size = e.shape(cosine)[-1], e.shape(x)[-1]
    width = 2 * half
    kept = ""
    if width != size:
        x, kept = e.ops("Split", x, e.integers(width, size - width), count=2, axis=3)
    if interleaved:
        order = np.arange(width).reshape(2, half).T.reshape(-1)
        swap = np.arange(width) ^ 1
    else:
        order = np.arange(width)
        swap = (np.arange(width) + half) % width
    both = e.op("Concat", cosine, cosine, axis=-1)
    signed = e.op("Concat", sine, e.op("Neg", sine), axis=-1)
    if interleaved:
        both, signed = (e.op("Gather", table, e.integers(*order), axis=3) for table in (both, signed))
    swapped = e.op("Gather", e.op("Mul", x, signed), e.integers(*swap), axis=3)
    result = e.op("Add", e.op("Mul", x, both), swapped)
    return e.op("Concat", result, kept, axis=3) if kept else result
