"""Depth costs the verifier little: a relation adds some 36 bytes, the rest of a receipt grows with the logarithm of the cells."""

from __future__ import annotations

import numpy as np

import tacit
from small_models import dense_model

WIDTH = 512
MOST_GROWTH = 0.25


def receipt_bytes(layers: int) -> int:
    """Of equal dense layers with Relu between them."""
    samples = np.random.default_rng(0).random((4, WIDTH), dtype=np.float32)
    model = tacit.compile(dense_model((WIDTH,) * (layers + 1)), samples=samples)
    receipt = model.prove(samples[0])
    tacit.verify(receipt, model.key)
    return len(receipt.to_bytes())


def test_four_times_the_layers_give_hardly_a_larger_receipt():
    shallow, deep = receipt_bytes(4), receipt_bytes(16)
    assert deep <= (1 + MOST_GROWTH) * shallow, (shallow, deep)
