"""Drawing a place: one witness for every row of weights, and the probabilities that the settings mean."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from drawing_draws import drawn_place, kept_row
from exhaustion import Search

from tacit.errors import InputError, ModelError
from tacit.numbers.drawing import Sampling, uniforms
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import drawing

BITS = 2
"""Of uniform numbers and of shares, where all witnesses are searched for."""


@pytest.fixture
def coarse(monkeypatch):
    monkeypatch.setattr(drawing, "UNIFORM_BITS", BITS)
    monkeypatch.setattr(drawing, "MASS_BITS", BITS)


def test_the_drawn_place_is_the_only_one(coarse):
    def make(b):
        return drawing.drawn(b, "d", b.input("w", (3,), 0, 2, 0), b.input("u", (), 0, 3, 0))  # 2 (3 2 2^2): 2^6

    search = Search(make, 67)
    for weights in itertools.product(range(3), repeat=3):
        for u in range(4):
            if any(weights):
                assert search.outputs({"w": list(weights), "u": [u]}) == {(drawn_place(weights, u, BITS),)}
    rows = [{"w": list(w), "u": [u]} for w in itertools.product(range(3), repeat=3) for u in range(4)]
    small = Search(make, 13)
    assert any(len(small.outputs(point)) > 1 for point in rows)


@pytest.mark.parametrize("level", [1, 2])
def test_what_is_kept_by_count_is_the_only_part(level):
    search = Search(lambda b: drawing.kept(b, "k", b.input("w", (3,), 0, 2, 0), level), 67)
    for weights in itertools.product(range(3), repeat=3):
        assert search.outputs({"w": list(weights)}) == {tuple(kept_row(weights, level, False))}


@pytest.mark.parametrize("level", [1, 3, 4])
def test_what_is_kept_by_mass_is_the_only_part(coarse, level):
    search = Search(lambda b: drawing.kept(b, "k", b.input("w", (2,), 0, 2, 0), level, by_mass=True), 67)
    for weights in itertools.product(range(3), repeat=2):
        if any(weights):
            assert search.outputs({"w": list(weights)}) == {tuple(kept_row(weights, level, True, BITS))}


def test_tokens_come_with_the_probabilities_of_their_scores():
    """Scores of log 1, log 2, log 5 at three temperatures: shares of the places over evenly spread uniform numbers."""
    count, exponent = 4000, 12
    scores = np.round(np.log([1.0, 2.0, 5.0]) * 2**exponent).astype(np.int64)
    u = (np.arange(count) * (1 << 24) // count).astype(np.int64)
    for temperature in (0.5, 1.0, 2.0):
        b = Evaluate({"x": np.tile(scores, (count, 1)), "u": u}, check=True)
        x, uniform = b.input("x", (count, 3), 0, 1 << 14, exponent), b.input("u", (count,), 0, (1 << 24) - 1, 0)
        found = b.value(drawing.sample(b, "s", x, uniform, 12, Sampling(temperature).factor))
        expected = np.array([1.0, 2.0, 5.0]) ** (1 / temperature)
        np.testing.assert_allclose(np.bincount(found, minlength=3) / count, expected / expected.sum(), atol=1e-3)


def test_a_uniform_number_beyond_its_interval_is_refused():
    b = Evaluate({"x": np.zeros(2, np.int64), "u": np.array(0)})
    with pytest.raises(ModelError, match="outside 0 .. 16777215"):
        drawing.sample(b, "s", b.input("x", (2,), 0, 1, 0), b.input("u", (), 0, 1 << 24, 0), 2)


def test_uniform_numbers_follow_from_the_seed():
    assert uniforms(b"seed", 3).tolist() == [6686111, 4367118, 15376232]
    assert uniforms(b"seed", 3).tolist() == uniforms(b"seed", 5)[:3].tolist()
    assert uniforms(b"seed", 3).tolist() != uniforms(b"other", 3).tolist()
    many = uniforms(b"", 20000)
    assert many.min() >= 0 and many.max() < 1 << 24
    assert abs(many.mean() / (1 << 24) - 0.5) < 0.01 and len(np.unique(many)) > 19900


def test_settings_that_mean_nothing_are_refused():
    for settings in ({"temperature": 0.0}, {"temperature": float("nan")}, {"top_k": 0}, {"top_p": 0.0}, {"top_p": 1.5}):
        with pytest.raises(InputError):
            Sampling(**settings)
    assert (Sampling(0.5).factor, Sampling().mass, Sampling(top_p=0.5).mass) == (512, 1 << 16, 1 << 15)
