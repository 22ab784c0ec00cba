"""Depth costs the verifier little: a relation adds some 36 bytes, four times the weights far less than as many bytes."""

from __future__ import annotations

import numpy as np
import pytest

import tacit
from small_models import dense_model

MOST_OF_DEPTH = 0.25
MOST_OF_WEIGHTS = 0.6
"""Small models get lower rates, and so less of a receipt, than the time of larger ones allows."""


def receipt_bytes(layers: int, width: int) -> int:
    """Of equal dense layers with Relu between them."""
    samples = np.random.default_rng(0).random((4, width), dtype=np.float32)
    model = tacit.compile(dense_model((width,) * (layers + 1)), samples=samples)
    receipt = model.prove(samples[0])
    tacit.verify(receipt, model.key)
    return len(receipt.to_bytes())


@pytest.fixture(scope="module")
def shallow() -> int:
    return receipt_bytes(4, 512)


def test_as_many_weights_in_four_times_the_layers_give_hardly_a_larger_receipt(shallow):
    deep = receipt_bytes(16, 256)
    assert deep <= (1 + MOST_OF_DEPTH) * shallow, (shallow, deep)


def test_four_times_the_weights_give_no_receipt_of_twice_the_size(shallow):
    large = receipt_bytes(16, 512)
    assert large <= (1 + MOST_OF_WEIGHTS) * shallow, (shallow, large)
