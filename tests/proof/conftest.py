"""One model in both modes: what a receipt must refuse does not depend on what it hides."""

from __future__ import annotations

import pytest

import tacit
from small_models import dense_model

OPENINGS = {"transparent": 0, "hiding": 100}


@pytest.fixture(scope="session", params=OPENINGS)
def mode(request) -> str:
    return request.param


@pytest.fixture(scope="session")
def model(mode, samples) -> tacit.Model:
    return tacit.compile(dense_model(), samples=samples, openings=OPENINGS[mode])


@pytest.fixture(scope="session")
def receipt(model, samples) -> tacit.Receipt:
    """By default: the weights and the input are hidden, where the model can hide."""
    return model.prove(samples[0], context=b"here")


@pytest.fixture(scope="session")
def other_model(mode, samples) -> tacit.Model:
    return tacit.compile(dense_model(seed=5), samples=samples, openings=OPENINGS[mode])
