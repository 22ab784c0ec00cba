"""Attention and rotary positions: ONNX's node cases as integers; masks of every kind against a plain computation."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare, evaluate, model, random

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import observe, run_float
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify
from tacit.quantize import quantize

REFUSED = {
    "test_attention_4d_with_past_and_present_qk_matmul_bias_3d_mask_causal",
    "test_attention_4d_with_past_and_present_qk_matmul_bias_4d_mask_causal",
}
"""They give out scores with infinite masks."""
CASES = node_cases.of("Attention", "attention") + node_cases.of("RotaryEmbedding", "rotaryembedding")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    if case.name in REFUSED:
        with pytest.raises(UnsupportedOperator, match="masks, which are infinite"):
            node_cases.check(case)
        return
    rough = any(part in case.name for part in ("fp16", "float16", "poison"))  # half floats; a hidden key 1000 times as large
    masks = (3,) if "neginf_mask" in case.name else ()  # infinite ones must be constant
    node_cases.check(case, masks, tolerance=2e-2 if rough else 2e-3)


def parts(nodes, feeds, outputs, constants=None, opset=24):
    return simplify(expand(load(model(nodes, feeds, outputs, constants, opset=opset), supported=SUPPORTED), EXPANSIONS))


QUERY = {"q": random(0, 2, 4, 3, 8), "k": random(1, 2, 2, 5, 8), "v": random(2, 2, 2, 5, 6)}


def plain(q, k, v, bias):
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = q.astype(np.float64) @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]) + bias
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    return weights / weights.sum(-1, keepdims=True) @ v


def test_a_query_that_sees_nothing_gives_zeros():
    """Where the mask is computed, one place more takes the whole weight; elsewhere it takes none."""
    seen = np.array([[1, 1, 0, 1, 1], [0, 0, 0, 0, 0], [0, 0, 0, 0, 1]], np.bool_)
    wanted = plain(*QUERY.values(), np.where(seen, 0.0, -1e5))
    wanted[:, :, 1] = 0
    node = helper.make_node("Attention", ["q", "k", "v", "m"], ["y"], "n")
    for feeds, constants in (({**QUERY, "m": seen}, {}), (QUERY, {"m": seen})):
        graph = parts([node], feeds, ["y"], constants)
        np.testing.assert_allclose(run_float(graph, feeds)["y"], wanted, atol=1e-5)
        found, _ = evaluate(graph, quantize(graph, observe(graph, [feeds]), "faithful"), feeds)
        np.testing.assert_allclose(found["y"], wanted, atol=2e-3 * np.abs(wanted).max())
        assert not found["y"][:, :, 1].any()


def test_a_row_of_large_finite_numbers_is_no_mask():
    """-10000 everywhere leaves the softmax what it is without."""
    bias = np.full((3, 5), -10000, np.float32)
    node = helper.make_node("Attention", ["q", "k", "v", "m"], ["y"], "n")
    graph = parts([node], QUERY, ["y"], {"m": bias})
    np.testing.assert_allclose(run_float(graph, QUERY)["y"], plain(*QUERY.values(), 0.0), atol=1e-3)


def test_counts_of_keys_may_be_computed():
    feeds = {**QUERY, "n": np.array([5, 3], np.int64)}
    node = helper.make_node("Attention", ["q", "k", "v", "", "", "", "n"], ["y"], "n", is_causal=1)
    i, j, n = np.arange(3)[:, None], np.arange(5)[None], feeds["n"].reshape(-1, 1, 1, 1)
    wanted = plain(*QUERY.values(), np.where(j <= i + n - 3, 0.0, -1e5))
    graph = parts([node], feeds, ["y"])
    found, _ = evaluate(graph, quantize(graph, observe(graph, [feeds]), "faithful"), feeds)
    np.testing.assert_allclose(found["y"], wanted, atol=2e-3 * np.abs(wanted).max())


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("computed", [False, True])
def test_rotary_of_com_microsoft(interleaved, computed):
    angles = np.arange(9)[:, None] * 0.7 ** np.arange(4)
    constants = {"p": np.array([[3, 4, 0], [1, 8, 2]], np.int64), "c": np.cos(angles).astype("f"), "s": np.sin(angles).astype("f")}
    feeds = {"x": random(3, 2, 3, 16)}
    if computed:
        feeds["p"] = constants.pop("p")
    node = helper.make_node(
        "RotaryEmbedding", ["x", "p", "c", "s"], ["y"], "n", domain="com.microsoft", interleaved=interleaved, num_heads=2
    )
    compare([node], feeds, ["y"], constants)
    compare([node], {"x": feeds["x"]}, ["y"], {**constants, "p": np.array([5], np.int64)})
