"""Operators that consist of others: recurrent layers. Importing this module adds them to `cases.CASES`."""

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
