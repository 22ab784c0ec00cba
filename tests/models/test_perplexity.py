"""What bench/perplexity.py counts, on logits whose perplexity is known."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from perplexity import Tally, losses, pieces  # noqa: E402


def test_losses_are_those_of_the_next_tokens():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.2, 0.2, 0.6]])) + 7.0
    np.testing.assert_allclose(losses(logits, np.array([2, 1, 0])), -np.log([0.25, 0.1]))
    np.testing.assert_allclose(losses(logits * 1e4, np.array([2, 0, 0]))[0], 0.0, atol=1e-9)


def test_a_tally_of_two_models():
    exact = np.log(np.array([[0.5, 0.25, 0.25], [0.4, 0.35, 0.25], [0.2, 0.2, 0.6]]))
    found = exact.copy()
    found[1] = np.log([0.35, 0.4, 0.25])
    tally = Tally()
    tally.add(exact, found, np.array([0, 0, 2]))
    figures = tally.figures()
    assert (figures["positions"], figures["predicted"], figures["changed"]) == (3, 2, 1)
    assert figures["same_next_token"] == 2 / 3
    assert figures["largest_margin_of_a_change"] == pytest.approx(np.log(0.4 / 0.35))
    assert figures["changed_where_the_float_margin_is_not_small"] == 1
    assert figures["perplexity_float"] == pytest.approx((0.5 * 0.25) ** -0.5)
    assert figures["perplexity_integer"] == pytest.approx((0.5 * 0.25) ** -0.5)
    assert figures["least_cosine"] < 1 - 1e-4 < figures["mean_cosine"] + 1e-2
    tally.add(exact, exact, np.array([2, 2, 2]))
    assert tally.figures()["perplexity_float"] == pytest.approx((0.5 * 0.25 * 0.25 * 0.25) ** -0.25)


def test_a_text_is_cut_into_whole_pieces():
    class Letters:
        def encode(self, text: str) -> list[int]:
            return [ord(letter) for letter in text]

    found = pieces(Letters(), "unseen", 100)
    assert found.shape[1] == 100 and len(found) > 40 and bytes(found[0, :4].tolist()) == b"When"
    with pytest.raises(SystemExit, match="or fewer"):
        pieces(Letters(), "unseen", 10**6)
