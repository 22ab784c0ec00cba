"""Blocks of queries read no keys that a constant mask hides from all of them: the same integers, fewer scores."""

import numpy as np
import pytest
from onnx import helper
from oracle import compare, evaluate, model, random

from tacit.frontends.onnx import load
from tacit.graph import Graph
from tacit.observe import observe
from tacit.operators import EXPANSIONS, SUPPORTED, spans
from tacit.operators.mixtures import WEIGHTS, divide_last
from tacit.operators.spans import Span
from tacit.passes import expand, simplify
from tacit.quantize import quantize

N = 6
CAUSAL = np.tril(np.ones((N, N), np.bool_))
FAR = np.where(CAUSAL, 0, -np.inf).astype("f")
WINDOW = CAUSAL & ~np.tril(np.ones((N, N), np.bool_), -3)


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


def graph_of(nodes, feeds, constants, opset=24) -> Graph:
    return simplify(expand(load(model(nodes, feeds, ["y"], constants, opset=opset), supported=SUPPORTED), EXPANSIONS))


def attention(*masking):
    """Scores s of q and k, what `masking` makes of them (t), and their mixture."""
    return [
        node("Transpose", "k", "kt", perm=[0, 1, 3, 2]), node("MatMul", "q kt", "s"), *masking,
        node("Softmax", "t", "p", axis=-1), node("MatMul", "p v", "y"),
    ]  # fmt: skip


FEEDS = {"q": random(0, 2, 4, N, 8), "k": random(1, 2, 4, N, 8), "v": random(2, 2, 4, N, 8)}
GROUPED = {"q": random(0, 2, 4, N, 8), "k": random(1, 2, 2, N, 8), "v": random(2, 2, 2, N, 8)}
FLAT = {name: x.transpose(0, 2, 1, 3).reshape(2, N, -1) for name, x in FEEDS.items()}
WAYS = {
    "added": (attention(node("Add", "s far", "t")), FEEDS),
    "added after a scale": (attention(node("Mul", "s third", "r"), node("Add", "far4 r", "t")), FEEDS),
    "chosen": (attention(node("Where", "seen s low", "t")), FEEDS),
    "chosen where it is hidden": (attention(node("Where", "hidden low s", "t")), FEEDS),
    "a window": (attention(node("Add", "s window", "t")), FEEDS),
    "an attribute": ([node("Attention", "q k v", "y", is_causal=1)], FEEDS),
    "of groups": ([node("Attention", "q k v", "y", is_causal=1, softcap=3.0)], GROUPED),
    "of com.microsoft": ([node("MultiHeadAttention", "q k v", "y", domain="com.microsoft", num_heads=4, unidirectional=1)], FLAT),
    "in two parts": (
        [
            *attention(node("Add", "s far", "t"))[:-1], node("Split", "p halves", "a b", axis=3),
            node("Split", "v halves", "c d", axis=2), node("MatMul", "a c", "e"), node("MatMul", "b d", "f"),
            node("Add", "e f", "y"),
        ],
        FEEDS,
    ),
    "turned": (
        [
            *attention(node("Add", "s far", "t"))[:-1], node("Transpose", "v", "w", perm=[0, 1, 3, 2]),
            node("Transpose", "p", "o", perm=[0, 1, 3, 2]), node("MatMul", "w o", "y"),
        ],
        FEEDS,
    ),
    "of one more axis": (
        [*attention(node("Add", "s far", "t"))[:-1], node("Unsqueeze", "p first", "o"), node("MatMul", "o v", "y")], FEEDS,
    ),
}  # fmt: skip
CONSTANTS = {
    "far": FAR, "far4": FAR[None, None], "third": np.float32(1 / 3), "low": np.float32(-1e9), "seen": CAUSAL, "hidden": ~CAUSAL,
    "window": np.where(WINDOW, 0, -1e5).astype("f"), "halves": np.array([2, 4]), "first": np.array([0]),
}  # fmt: skip


def constants_of(nodes):
    read = {name for item in nodes for name in item.input}
    return {name: array for name, array in CONSTANTS.items() if name in read}


def scores_of(graph: Graph) -> list[tuple[int, ...]]:
    return [graph.values[item.outputs[0]].shape[-2:] for item in graph.nodes if item.operator == WEIGHTS]


@pytest.mark.parametrize("way", WAYS)
def test_blocks_give_the_same_integers(way, monkeypatch):
    nodes, feeds = WAYS[way]
    monkeypatch.setattr(spans, "BLOCK", 1 << 60)  # nothing is cut
    graph = graph_of(nodes, feeds, constants_of(nodes))
    scales = quantize(graph, observe(graph, [feeds]), "faithful")
    expected, whole = evaluate(graph, scales, feeds)
    assert scores_of(divide_last(graph)) == [(N, N)]
    monkeypatch.setattr(spans, "BLOCK", 1)
    found, cut = evaluate(graph, scales, feeds)
    assert scores_of(divide_last(graph)) == [(1, keys) for keys in ((1, 2, 3, 3, 3, 3) if way == "a window" else range(1, N + 1))]
    np.testing.assert_array_equal(found["y"], expected["y"])
    far = {name: 50 * x for name, x in feeds.items()}  # far outside of what was observed, too
    np.testing.assert_array_equal(evaluate(graph, scales, far)[0]["y"], evaluate_whole(graph, scales, far, monkeypatch))
    assert sum(c.size for c in cut.values.values()) < sum(c.size for c in whole.values.values())


def evaluate_whole(graph, scales, feeds, monkeypatch):
    monkeypatch.setattr(spans, "BLOCK", 1 << 60)
    return evaluate(graph, scales, feeds)[0]["y"]


UNCUT = {
    "a computed mask besides": (attention(node("Add", "s m", "r"), node("Add", "r far", "t")), {}),
    "a computed mask afterwards": (attention(node("Add", "s far", "r"), node("Add", "m r", "t")), {}),
    "a computed choice": (attention(node("Add", "s far", "r"), node("Greater", "m third", "c"), node("Where", "c r low", "t")), {}),
    "numbers that hide nothing": (attention(node("Add", "s far", "t")), {"far": random(5, N, N)}),
    "a row that sees nothing": (attention(node("Add", "s far", "t")), {"far": np.where(CAUSAL.T, -1e5, 0).astype("f")}),
    "different masks of the heads": (
        attention(node("Add", "s far", "t")), {"far": np.stack([FAR, FAR.T, FAR, FAR])},
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", UNCUT)
def test_what_no_constant_hides_from_all_is_read(way, monkeypatch):
    monkeypatch.setattr(spans, "BLOCK", 1)
    nodes, other = UNCUT[way]
    feeds = FEEDS | ({"m": random(6, 2, 1, 1, N)} if any("m" in item.input for item in nodes) else {})
    assert scores_of(divide_last(graph_of(nodes, feeds, constants_of(nodes) | other))) == [(N, N)]


def test_rows_that_are_joined_with_others_stay_whole(monkeypatch):
    """Heads and rows as one axis: no block is a part of it."""
    monkeypatch.setattr(spans, "BLOCK", 1)
    nodes = [
        *attention(node("Add", "s window", "t"))[:-1], node("Reshape", "p joined", "o"), node("Reshape", "v apart", "w"),
        node("MatMul", "o w", "y"),
    ]  # fmt: skip
    feeds = {name: x[:, :1] for name, x in FEEDS.items()}
    constants = constants_of(nodes) | {"joined": np.array([2 * N, N]), "apart": np.array([-1, N, 8])}
    assert scores_of(divide_last(graph_of(nodes, feeds, constants))) == [(N, N)]
    compare(nodes, feeds, ["y"], constants)


def test_as_many_blocks_as_pay():
    """12 heads: 64 places are two blocks, 16 places one, and 512 as many as one sum of means takes."""
    for places, count in ((16, 1), (64, 2), (512, spans.MOST_BLOCKS)):
        far = np.where(np.tril(np.ones((places, places))), 0, -1e5).astype("f")
        nodes = [node("Add", "s far", "t"), node("Softmax", "t", "p"), node("MatMul", "p v", "y")]
        graph = graph_of(nodes, {"s": np.zeros((12, places, places), "f"), "v": np.zeros((12, places, 8), "f")}, {"far": far})
        softmax = next(item for item in graph.nodes if item.operator == "Softmax")
        blocks = spans.spans(graph, softmax)
        assert len(blocks) == count and sum(block.rows for block in blocks) == places
        assert blocks[0] == Span(0, blocks[0].last, 0, blocks[0].last) and blocks[-1].stop == places
