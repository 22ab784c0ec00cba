"""A sequence that is read in chunks: the same integers as in one piece, and the same from any circuit of the model."""

from __future__ import annotations

import numpy as np
import pytest

import chunk_models as models
import tacit
from chunk_models import plain
from tacit.execute import executed
from tacit.frontends.generation import Chunk, Generation

PLACES = 12
SEQUENCE = np.random.default_rng(7).integers(0, plain.WORDS, PLACES + 1).tolist()


@pytest.fixture(scope="module", params=["llama", "gpt2", "llama+outliers"])
def circuits(request, tmp_path_factory):
    """(folder, the whole sequence as one circuit: task, graph, lowered)."""
    kind, _, outliers = request.param.partition("+")
    folder = models.folder_of(kind, tmp_path_factory.mktemp(kind))
    return folder, *models.whole(folder, PLACES, bool(outliers))


@pytest.mark.parametrize("lengths", [(4, 4, 4), (2, 7, 3), (12,)])
def test_chunks_compute_what_the_whole_computes(circuits, lengths):
    folder, task, graph, lowered = circuits
    expected = models.computed(graph, lowered, task.row(SEQUENCE[:1], SEQUENCE[1:]))
    caches: list[np.ndarray] = []
    for k, length in enumerate(lengths):
        start = sum(lengths[:k])
        chunk = Chunk(folder, length, length, earlier=lengths[:k], longest=PLACES)
        part, circuit = models.like(chunk, lowered)
        assert circuit.scales.kept == lowered.scales.kept
        given = chunk.row(SEQUENCE[start : start + 1], SEQUENCE[start + 1 : start + 1 + length])
        given |= {f"cache_{j}": cache for j, cache in enumerate(caches)}
        found = models.computed(part, circuit, given)
        rows = slice(start, start + length)
        assert found.exponent == expected.exponent and np.array_equal(found.scores, expected.scores[rows])
        assert np.array_equal(found.chosen, expected.chosen[rows])
        assert np.array_equal(found.kept, expected.kept[..., rows, :])
        outputs = executed(circuit.program, circuit.weights, given).outputs()
        assert np.array_equal(outputs["cache"], found.kept)
        caches.append(outputs["cache"])


def test_a_longer_prompt_chooses_behind_it(circuits):
    folder, task, graph, lowered = circuits
    expected = models.computed(graph, lowered, task.row(SEQUENCE[:1], SEQUENCE[1:]))
    chunk = Chunk(folder, 6, 6, longest=PLACES)
    part, circuit = models.like(chunk, lowered)
    for prompt in (1, 4, 6):
        given = chunk.row(SEQUENCE[:prompt], SEQUENCE[prompt:6])
        found = models.computed(part, circuit, given)
        assert np.array_equal(found.kept, expected.kept[..., :6, :])
        assert np.array_equal(found.chosen[: 7 - prompt], expected.chosen[prompt - 1 : 6])
        assert (found.chosen[6 - prompt :] == expected.chosen[5]).all()


def test_all_circuits_have_the_same_weights(circuits):
    folder, _, _, lowered = circuits
    for chunk in (
        Chunk(folder, 4, 4, longest=PLACES),
        Chunk(folder, 1, 3, earlier=(4,), longest=PLACES),
        Chunk(folder, 5, 1, earlier=(4, 3), longest=PLACES),
    ):
        _, circuit = models.like(chunk, lowered)
        assert list(circuit.weights) == list(lowered.weights)
        assert all(np.array_equal(circuit.weights[name], lowered.weights[name]) for name in lowered.weights)


def test_outliers_are_wide_and_kept(tmp_path):
    """They have more bits than a narrow tensor in the cache too, and each layer's are held in their own interval."""
    folder = models.folder_of("llama", tmp_path)
    lowered = models.whole(folder, PLACES, outliers=True)[2]
    assert min(high for _, _, high in lowered.scales.kept) >= 1 << 15
    _, circuit = models.like(Chunk(folder, 2, 2, earlier=(2,), longest=PLACES), lowered)
    ranges = [step for step in circuit.program.steps if step.gadget == "range_check" and step.name.startswith("cache_0/")]
    assert len({form[1:] for form in lowered.scales.kept}) > 1 and len(ranges) == len(lowered.scales.kept)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ({"prompt_tokens": 1, "new_tokens": 1, "longest": 4}, "at least 2 places"),
        ({"prompt_tokens": 2, "new_tokens": 2, "earlier": (2, 1), "longest": 9}, "at least 2 places"),
        ({"prompt_tokens": 2, "new_tokens": 2, "earlier": (4,), "longest": 5}, "6 places, more than longest=5"),
    ],
)
def test_chunks_that_are_none(arguments, reason):
    with pytest.raises(tacit.InputError, match=reason):
        Chunk("m", **arguments)


def test_a_prompt_leaves_no_place_empty():
    """Later chunks read every place, so a token stands at each."""
    chunk = Chunk("m", 6, 2, longest=6)
    assert chunk.shortest == 4 and Chunk("m", 6, 6, longest=6).shortest == 1 and Generation("m", 6, 2).shortest == 1
    with pytest.raises(tacit.InputError, match="takes 4 to 6"):
        chunk.row([1, 2, 3])
