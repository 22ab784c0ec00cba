"""MultiHeadAttention, Attention and GroupQueryAttention of com.microsoft, in the forms that exporters write."""

from __future__ import annotations

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.attention.rotary import turned
from tacit.operators.attention.scores import Visible, appended, attended, from_heads, to_heads
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


def refuse(node: Node, reason: str, way: str) -> UnsupportedOperator:
    return UnsupportedOperator(f"Node {node} cannot be proved: {reason}; {way}.")


def given_scale(node: Node) -> float | None:
    """The factor of the scores; None where it is 1 / sqrt(size)."""
    return float(node.attributes.get("scale", 0.0)) or None


@expansion("com.microsoft.MultiHeadAttention")
def multi_head(e: Expansion, node: Node) -> list[str]:
    """Inputs query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value; outputs the result, the keys
    and the values. query [batch, length, heads * size]; key and value likewise, or [batch, heads, length, size]."""
    heads = int(node.attributes["num_heads"])
    if not node.input(1) or not node.input(2) or len(e.shape(node.inputs[1])) == 5:
        raise refuse(node, "its keys or values are packed into one tensor", "export it with three separate ones")
    if any(map(node.input, range(8, len(node.inputs)))) or (len(node.outputs) > 3 and node.outputs[3]):
        raise refuse(node, "it shares a buffer with earlier keys or shows its scores", "export it without")
    projected = list(node.inputs[:3])
    if node.input(3):
        widths = [e.shape(name)[-1] for name in projected]
        if any(len(e.shape(name)) == 4 for name in projected):
            raise refuse(node, "it has a bias for keys that are already split into heads", "add the bias before")
        parts = e.ops("Split", node.inputs[3], e.integers(*widths), count=3, axis=0)
        projected = [e.op("Add", name, part) for name, part in zip(projected, parts)]
    q, k, v = (name if len(e.shape(name)) == 4 else to_heads(e, name, heads) for name in projected)
    offset = e.shape(node.inputs[6])[2] if node.input(6) else 0
    k, v = appended(e, node.input(6), k), appended(e, node.input(7), v)
    visible = Visible(e.shape(q)[2], e.shape(k)[2])
    if node.attributes.get("unidirectional", 0):
        visible.window(offset, None, 0)
    if node.input(4):
        padding(e, node, node.inputs[4], visible)
    if node.input(5):
        visible.add(e, node.inputs[5])
    return [from_heads(e, attended(e, q, k, v, visible, given_scale(node)).result), k, v]


@expansion("com.microsoft.Attention")
def attention(e: Expansion, node: Node) -> list[str]:
    """Inputs x, weights and bias of query, key and value side by side, mask_index, past, attention_bias; outputs the result
    and keys and values as one tensor [2, batch, heads, length, size]."""
    heads = int(node.attributes["num_heads"])
    if node.attributes.get("do_rotary", 0) or node.input(6):
        raise refuse(node, "it turns positions or shares a buffer with earlier keys", "export it without")
    total = e.op("MatMul", node.inputs[0], node.inputs[1])
    total = e.op("Add", total, node.inputs[2]) if node.input(2) else total
    widths = [int(width) for width in node.attributes.get("qkv_hidden_sizes") or [e.shape(total)[-1] // 3] * 3]
    q, k, v = (to_heads(e, name, heads) for name in e.ops("Split", total, e.integers(*widths), count=3, axis=2))
    offset = 0
    if node.input(4):
        offset = e.shape(node.inputs[4])[3]
        past = e.ops("Split", node.inputs[4], e.integers(1, 1), count=2, axis=0)
        k, v = (appended(e, e.op("Squeeze", old, e.integers(0)), new) for old, new in zip(past, (k, v)))
    visible = Visible(e.shape(q)[2], e.shape(k)[2])
    if node.attributes.get("unidirectional", 0):
        visible.window(offset, None, 0)
    if node.input(3):
        padding(e, node, node.inputs[3], visible)
    if node.input(5):
        visible.add(e, node.inputs[5])
    present = ""
    if len(node.outputs) > 1 and node.outputs[1]:
        present = e.op("Concat", *(e.op("Unsqueeze", name, e.integers(0)) for name in (k, v)), axis=0)
    return [from_heads(e, attended(e, q, k, v, visible, given_scale(node)).result), present]


def padding(e: Expansion, node: Node, mask: str, visible: Visible) -> None:
    """Integers: how many keys of each sequence count; or for each key, or each query and key, whether it counts."""
    shape = e.shape(mask)
    if len(shape) == 1:
        counts = e.op("Reshape", mask, e.integers(-1, 1, 1, 1))
        if e.shape(counts)[0] != e.shape(node.inputs[0])[0]:
            raise refuse(node, "its mask gives starts and ends", "export it with a mask for each key")
        places = e.constant(np.arange(visible.keys), e.dtype(mask))
        visible.mask(e, e.op("Greater", counts, places))
        return
    if len(shape) > 3 or shape[-1] != visible.keys:
        raise refuse(node, f"its mask has the shape {list(shape)}", "export it with a mask for each key")
    seen = e.op("Greater", mask, e.constant(0, e.dtype(mask)))
    visible.mask(e, e.op("Unsqueeze", seen, e.integers(1, 2) if len(shape) == 2 else e.integers(1)))


@expansion("com.microsoft.GroupQueryAttention")
def group_query(e: Expansion, node: Node) -> list[str]:
    """Inputs query, key, value, past_key, past_value, seqlens_k, total_sequence_length, cos_cache, sin_cache, position_ids,
    attention_bias; causal. Earlier keys fill their tensor. Outputs the result, the keys and the values.

    What stands beyond seqlens_k is padding on the right, which no query before it sees: it needs no mask.
    """
    heads, shared = int(node.attributes["num_heads"]), int(node.attributes["kv_num_heads"])
    if any(map(node.input, range(11, len(node.inputs)))) or node.attributes.get("smooth_softmax", 0):
        raise refuse(node, "it has a sink or quantised keys", "export it without")
    if node.input(9):
        raise refuse(node, "it names the places of its tokens", "leave out position_ids, which count on from the earlier keys")
    projected = list(node.inputs[:3])
    if not node.input(1):
        size = e.shape(node.inputs[0])[-1] // (heads + 2 * shared)
        widths = e.integers(heads * size, shared * size, shared * size)
        projected = e.ops("Split", node.inputs[0], widths, count=3, axis=2)
    q, k, v = (to_heads(e, name, count) for name, count in zip(projected, (heads, shared, shared)))
    batch, _, length, _ = e.shape(q)
    offset = e.shape(node.inputs[3])[2] if node.input(3) else 0
    lengths = e.known(node.inputs[5])
    if offset and (lengths is None or (lengths.reshape(-1) != offset + length - 1).any()):
        raise refuse(node, "its earlier keys may be shorter than their tensor", "make seqlens_k a constant that counts them all")
    if node.attributes.get("do_rotary", 0):
        places = e.integers(*range(offset, offset + length))
        tables = [e.op("Gather", node.inputs[i], places, axis=0) for i in (7, 8)]
        cosine, sine = (e.op("Unsqueeze", table, e.integers(0, 1)) for table in tables)
        pairs = bool(node.attributes.get("rotary_interleaved", 0))
        q, k = turned(e, q, cosine, sine, pairs), turned(e, k, cosine, sine, pairs)
    k, v = appended(e, node.input(3), k), appended(e, node.input(4), v)
    visible = Visible(length, e.shape(k)[2])
    before = int(node.attributes.get("local_window_size", -1))
    visible.window(offset, None if before < 0 else before - 1, 0)
    if node.input(10):
        visible.add(e, node.inputs[10])
    mixed = attended(e, q, k, v, visible, given_scale(node), float(node.attributes.get("softcap", 0.0)))
    return [from_heads(e, mixed.result), k, v]
