"""Small models that many tests share, compiled once a session."""

from __future__ import annotations

import numpy as np
import pytest

import tacit
from small_models import dense_model


@pytest.fixture(scope="session")
def samples() -> np.ndarray:
    return np.random.default_rng(1).uniform(-1, 1, (16, 6)).astype(np.float32)


@pytest.fixture(scope="session")
def model(samples) -> tacit.Model:
    return tacit.compile(dense_model(), samples=samples, openings=0)


@pytest.fixture(scope="session")
def receipt(model, samples) -> tacit.Receipt:
    return model.prove(samples[0], context=b"here")


@pytest.fixture(scope="session")
def other_model(samples) -> tacit.Model:
    """The same architecture and scales may differ; other weights."""
    return tacit.compile(dense_model(seed=5), samples=samples, openings=0)
