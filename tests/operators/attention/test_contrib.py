"""Attention of com.microsoft: the parts against onnxruntime, as floats for every form and as integers for some."""

import numpy as np
import pytest
from onnx import helper
from oracle import compare, model, random

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import run_float
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify

BATCH, LENGTH, HEADS, SIZE = 2, 4, 2, 8
WIDTH = HEADS * SIZE
QUERY = {name: random(seed, BATCH, LENGTH, WIDTH) for seed, name in enumerate("qkv")}
PAST = {"pk": random(8, BATCH, HEADS, 3, SIZE), "pv": random(9, BATCH, HEADS, 3, SIZE)}


def node(operator, inputs, outputs, **attributes):
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), "n", domain="com.microsoft", num_heads=HEADS, **attributes)


def agree(made, feeds, constants=None, integers=False):
    outputs = [name for name in made.output if name]
    source = load(model([made], feeds, outputs, constants), supported=SUPPORTED)
    parts = simplify(expand(source, EXPANSIONS))
    wanted, found = run_float(source, feeds), run_float(parts, feeds)
    for name in outputs:
        np.testing.assert_allclose(found[name], wanted[name], atol=1e-5, rtol=1e-4)
    if integers:
        compare([made], feeds, outputs, constants)


MASKS = {
    "counts": np.array([4, 2], np.int32),
    "keys": np.array([[1, 1, 1, 0], [1, 0, 1, 1]], np.int32),
    "pairs": np.tril(np.ones((BATCH, LENGTH, LENGTH), np.int32)),
}


@pytest.mark.parametrize("mask", [None, *MASKS])
@pytest.mark.parametrize("attributes", [{}, {"unidirectional": 1}, {"scale": 0.2}])
def test_multi_head(mask, attributes):
    made = node("MultiHeadAttention", "q k v b m a" if mask else "q k v b - a", "y", **attributes)
    constants = {"b": random(4, 3 * WIDTH), "a": random(5, 1, HEADS, LENGTH, LENGTH)}
    if mask:
        constants["m"] = MASKS[mask]
    agree(made, QUERY, constants, integers=mask == "keys")


def test_multi_head_with_earlier_keys_and_a_computed_mask():
    feeds = QUERY | PAST | {"m": np.array([[1, 1, 1, 0, 1, 1, 1], [0, 1, 1, 1, 1, 1, 0]], np.int32)}
    agree(node("MultiHeadAttention", "q k v - m - pk pv", "y nk nv"), feeds, integers=True)


def test_multi_head_of_keys_in_heads():
    keys = {name: random(seed, BATCH, HEADS, 5, SIZE) for seed, name in ((1, "k"), (2, "v"))}
    agree(node("MultiHeadAttention", "q k v", "y"), {"q": QUERY["q"], **keys})


WEIGHTS = {"w": random(6, 12, 3 * WIDTH, scale=0.3), "b": random(7, 3 * WIDTH)}
TOKENS = random(3, BATCH, LENGTH, 12)


@pytest.mark.parametrize("mask", [None, *MASKS])
@pytest.mark.parametrize("causal", [0, 1])
def test_attention(mask, causal):
    made = node("Attention", "x w b m" if mask else "x w b", "y", unidirectional=causal)
    agree(made, {"x": TOKENS}, WEIGHTS | ({"m": MASKS[mask]} if mask else {}), integers=mask == "keys")


def test_attention_with_earlier_keys():
    feeds = {"x": TOKENS, "p": np.stack([PAST["pk"], PAST["pv"]])}
    agree(node("Attention", "x w b - p", "y n", unidirectional=1), feeds, WEIGHTS, integers=True)


ANGLES = np.arange(16)[:, None] * 0.6 ** np.arange(WIDTH // 2)
GROUPS = {"q": random(0, 1, LENGTH, 4 * WIDTH), "k": random(1, 1, LENGTH, 2 * WIDTH), "v": random(2, 1, LENGTH, 2 * WIDTH)}
EARLIER = {"pk": random(8, 1, 2, 3, WIDTH), "pv": random(9, 1, 2, 3, WIDTH)}
"""onnxruntime wants heads of 16 numbers, and one sequence where there are earlier keys."""


@pytest.mark.parametrize(
    "attributes", [{}, {"do_rotary": 1}, {"do_rotary": 1, "rotary_interleaved": 1}, {"local_window_size": 2}, {"softcap": 3.0}]
)
@pytest.mark.parametrize("past", [False, True])
def test_group_query(attributes, past):
    total = LENGTH + (3 if past else 0)
    constants = {"n": np.full(1, total - 1, np.int32), "t": np.array(total, np.int32)}
    inputs = "q k v pk pv n t" if past else "q k v - - n t"
    if "do_rotary" in attributes:
        inputs += " c s"
        constants |= {"c": np.cos(ANGLES).astype(np.float32), "s": np.sin(ANGLES).astype(np.float32)}
    made = node("GroupQueryAttention", inputs, "y nk nv", kv_num_heads=HEADS, **attributes)
    del made.attribute[[a.name for a in made.attribute].index("num_heads")]
    made.attribute.append(helper.make_attribute("num_heads", 4))
    agree(made, GROUPS | (EARLIER if past else {}), constants, integers=past)


def refused(made, feeds, constants, reason):
    with pytest.raises(UnsupportedOperator, match=reason):
        expand(load(model([made], feeds, list(made.output), constants), supported=SUPPORTED), EXPANSIONS)


def test_other_forms_are_refused():
    keys = {name: random(seed, BATCH, HEADS, 5, SIZE) for seed, name in ((1, "k"), (2, "v"))}
    made = node("MultiHeadAttention", "q k v b", "y")
    refused(made, {"q": QUERY["q"], **keys}, {"b": random(4, 3 * WIDTH)}, "add the bias before")


def test_earlier_keys_that_may_be_shorter_are_refused():
    """onnxruntime, asked for the shapes, does not even take lengths of zero: the graph is built by hand."""
    feeds = {"q": GROUPS["k"], "k": GROUPS["k"], "v": GROUPS["v"], **EARLIER}
    made = node("GroupQueryAttention", "q k v pk pv n t", "y nk nv", kv_num_heads=HEADS)
    constants = {"n": np.array([6], np.int32), "t": np.array(7, np.int32)}
    graph = load(model([made], feeds, list(made.output), constants), supported=SUPPORTED)
    shorter = graph.rebuild(graph.nodes, {"n": np.array([5], np.int32)})
    with pytest.raises(UnsupportedOperator, match="may be shorter than"):
        expand(shorter, EXPANSIONS)
