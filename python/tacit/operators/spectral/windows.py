"""HannWindow, HammingWindow, BlackmanWindow, MelWeightMatrix: constants."""

from __future__ import annotations

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.operators.spectral.constants import made_of, number
from tacit.passes.expansion import Expansion

COSINES = {
    "HannWindow": (0.5, -0.5),
    "HammingWindow": (25 / 46, -21 / 46),
    "BlackmanWindow": (0.42, -0.5, 0.08),
}
"""Factors of cos(2 pi j n / length) for j = 0, 1, ..; those of ONNX."""


@expansion(*COSINES)
def window(e: Expansion, node: Node) -> str:
    """Input size; a symmetric window (periodic = 0) has a period of one place less."""
    size = int(number(e, node, 0, "size"))
    period = max(size if node.attributes.get("periodic", 1) else size - 1, 1)
    angles = 2 * np.pi * np.arange(size) / period
    factors = np.array(COSINES[node.operator])
    return made_of(e, node, np.cos(np.outer(angles, np.arange(factors.size))) @ factors)


@expansion("MelWeightMatrix")
def mel_weights(e: Expansion, node: Node) -> str:
    """Inputs num_mel_bins, dft_length, sample_rate, lower_edge_hertz, upper_edge_hertz: triangles between places of the
    spectrum that are equally far apart in mel = 2595 log10(1 + hertz / 700), each edge rounded down to a place. The last
    edge is one step short of the upper one, as in ONNX."""
    names = ("number of bins", "length", "sample rate", "lower edge", "upper edge")
    bins, length, rate, low, high = (number(e, node, i, name) for i, name in enumerate(names))
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (low, high))
    mel = lowest + np.arange(int(bins) + 2) * (highest - lowest) / (int(bins) + 2)
    edges = ((length + 1) * 700 * (10 ** (mel / 2595) - 1) // rate).astype(np.int64)
    places = np.arange(int(length) // 2 + 1)[:, None]
    left, top, right = edges[:-2], edges[1:-1], edges[2:]
    rising = np.where((left <= places) & (places < top), (places - left) / np.maximum(top - left, 1), 0.0)
    falling = np.where((top < places) & (places < right), (right - places) / np.maximum(right - top, 1), 0.0)
    return made_of(e, node, rising + (places == top) + falling)
