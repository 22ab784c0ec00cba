"""Operators that consist of others: recurrent layers, attention. Importing this module adds them to `cases.CASES`."""

from __future__ import annotations

import numpy as np
from cases import case, node
from oracle import random

TIME, BATCH, INPUT, HIDDEN = 3, 2, 4, 5
SEQUENCE = random(50, TIME, BATCH, INPUT)
LENGTHS = np.array([3, 1], np.int32)


def layer(name: str, operator: str, gates: int, inputs: str, feeds=None, directions: int = 1, *, fast: bool = False, **attributes):
    width = gates * HIDDEN
    arrays = {
        "w": random(51, directions, width, INPUT, scale=0.5),
        "r": random(52, directions, width, HIDDEN, scale=0.5),
        "b": random(53, directions, 2 * width, scale=0.3),
        "h": random(54, directions, BATCH, HIDDEN),
        "c": random(55, directions, BATCH, HIDDEN),
        "p": random(56, directions, 3 * HIDDEN, scale=0.5),
        "n": LENGTHS,
    }
    feeds = {"x": SEQUENCE, **{key: arrays[key] for key in feeds or ()}}
    constants = {key: array for key, array in arrays.items() if key in inputs.split() and key not in feeds}
    results = ["y", "last", *(["cell"] if operator == "LSTM" else [])]
    made = node(operator, inputs, " ".join(results), hidden_size=HIDDEN, **attributes)
    case(name, made, feeds, constants, outputs=tuple(results), fast=fast)


layer("rnn", "RNN", 1, "x w r b", fast=True)
TWO = {"activations": ["Tanh", "Elu"], "activation_alpha": [0.5]}
layer("rnn_both_ways", "RNN", 1, "x w r b n h", "nh", 2, direction="bidirectional", **TWO)
layer("rnn_of_computed_weights", "RNN", 1, "x w r b", "wrb")
layer("gru", "GRU", 3, "x w r b - h", "h", fast=True)
layer("gru_late_reset", "GRU", 3, "x w r b n h", "h", linear_before_reset=1, direction="reverse")
layer("gru_both_ways", "GRU", 3, "x w r b n", "n", 2, direction="bidirectional", clip=1.5)
layer("lstm", "LSTM", 4, "x w r b - h c", "hc")
layer("lstm_peepholes", "LSTM", 4, "x w r b - h c p", "", 1, input_forget=1)
layer("lstm_both_ways", "LSTM", 4, "x w r b n h c p", "n", 2, direction="bidirectional", clip=2.0)

HEADS = {"q": random(60, 1, 4, 3, 4), "k": random(61, 1, 2, 5, 4), "v": random(62, 1, 2, 5, 4)}
SEEN = np.array([[1, 1, 0, 1, 1], [0, 0, 0, 1, 0], [1, 0, 1, 0, 1]], np.bool_)
case("attention_causal", node("Attention", "q k v", is_causal=1, softcap=2.0), HEADS, opset=23, fast=True)
case("attention_masked", node("Attention", "q k v m"), {**HEADS, "m": SEEN}, opset=23)
PAST = {"pk": random(63, 1, 2, 2, 4), "pv": random(64, 1, 2, 2, 4)}
case("attention_past", node("Attention", "q k v - pk pv", "y nk nv"), {**HEADS, **PAST}, outputs=("y", "nk", "nv"), opset=23)
ANGLES = np.arange(6)[:, None] * 0.5 ** np.arange(2)
CACHES = {"c": np.cos(ANGLES).astype(np.float32), "s": np.sin(ANGLES).astype(np.float32), "p": np.array([[1, 4, 2]])}
case("rotary", node("RotaryEmbedding", "q c s p"), {"q": HEADS["q"]}, dict(CACHES), opset=23)
PLACED = {"q": HEADS["q"], "p": CACHES.pop("p")}
case("rotary_computed", node("RotaryEmbedding", "q c s p", interleaved=1), PLACED, CACHES, opset=23)

PROJECTIONS = {"q": random(65, 1, 3, 8), "k": random(66, 1, 3, 8), "v": random(67, 1, 3, 8)}
KEPT = {"m": np.array([[1, 1, 0]], np.int32)}
MICROSOFT = "com.microsoft"
case("ms_multi_head", node("MultiHeadAttention", "q k v - m", domain=MICROSOFT, num_heads=2), PROJECTIONS | KEPT)
SIDE = {"w": random(68, 8, 24, scale=0.4), "b": random(69, 24)}
case("ms_attention", node("Attention", "q w b m", domain=MICROSOFT, num_heads=2), {"q": PROJECTIONS["q"]}, SIDE | KEPT)

AXIS = {"a": np.array(1, np.int64)}
case("fourier", node("DFT", "x - a", onesided=1), random(70, 1, 7, 2, 1), AXIS, opset=20, fast=True)
case("fourier_back", node("DFT", "x - a", inverse=1), random(71, 1, 6, 2), AXIS, opset=20)
HANN = {"s": np.array(3, np.int64), "w": np.hanning(8).astype(np.float32)}
case("fourier_in_windows", node("STFT", "x s w"), random(72, 1, 20, 1), HANN)

TRIPLE = {"x": random(73, 2, 3), "z": random(74, 3, 4)}
case("einsum_of_three", node("Einsum", "x z w", equation="ab,bc,cd->da"), TRIPLE, {"w": random(75, 4, 3)})
