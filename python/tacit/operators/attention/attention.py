"""Attention of ONNX, opsets 23 to 25."""

from __future__ import annotations

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.attention.scores import Mixed, Visible, appended, attended, from_heads, to_heads
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("Attention")
def attention(e: Expansion, node: Node) -> list[str]:
    """Inputs Q, K, V, attn_mask, past_key, past_value, nonpad_kv_seqlen; outputs Y, present_key, present_value,
    qk_matmul_output."""
    q, k, v = node.inputs[:3]
    flat = len(e.shape(q)) == 3
    if flat:
        heads, shared = int(node.attributes["q_num_heads"]), int(node.attributes["kv_num_heads"])
        q, k, v = to_heads(e, q, heads), to_heads(e, k, shared), to_heads(e, v, shared)
    offset = e.shape(node.inputs[4])[2] if node.input(4) else 0
    k, v = appended(e, node.input(4), k), appended(e, node.input(5), v)
    scale = node.attributes.get("scale")
    mixed = attended(
        e, q, k, v, visible(e, node, e.shape(q)[2], e.shape(k)[2], offset),
        None if scale is None else float(scale), float(node.attributes.get("softcap", 0.0)),
    )  # fmt: skip
    shown = ""
    if len(node.outputs) > 3 and node.outputs[3]:
        shown = intermediate(e, node, mixed, visible(e, node, e.shape(q)[2], e.shape(k)[2], offset))
    return [from_heads(e, mixed.result) if flat else mixed.result, k, v, shown]


def visible(e: Expansion, node: Node, queries: int, keys: int, offset: int) -> Visible:
    """The masks of a node."""
    found = Visible(queries, keys)
    mask, counts = node.input(3), node.input(6)
    left, right = (int(node.attributes.get(f"{side}_window_size", -1)) for side in ("left", "right"))
    if node.attributes.get("is_causal", 0):
        right = 0
    sides = (None if left < 0 else left, None if right < 0 else right)
    if counts:
        found.counted(e, counts, *sides)
    else:
        found.window(offset, *sides)
    if mask:
        if e.dtype(mask) == np.bool_:
            found.mask(e, mask)
        else:
            found.add(e, mask)
    return found


def intermediate(e: Expansion, node: Node, mixed: Mixed, masks: Visible) -> str:
    """The output qk_matmul_output: scores, capped ones, those with the masks, or the softmax."""
    mode = int(node.attributes.get("qk_matmul_output_mode", 0))
    if mode == 2:
        if masks.excludes:
            raise UnsupportedOperator(
                f"Node {node} gives out its scores with masks, which are infinite; take qk_matmul_output_mode 0, 1 or 3."
            )
        return masks.biased(e, mixed.capped)
    return (mixed.scores, mixed.capped, "", mixed.probabilities)[mode]
