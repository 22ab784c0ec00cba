"""A sequence that is read in chunks: the same integers as in one piece, and the same from any circuit of the model."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

import chunk_models as models
import tacit
from chunk_models import plain
from tacit import chunks as compiler
from tacit import generate
from tacit.chunks import following
from tacit.circuit import decode
from tacit.execute import executed
from tacit.following import Following
from tacit.frontends.generation import Chunk, Generation
from tacit.lower import lower
from tacit.numbers.drawing import uniforms
from tacit.operators import spans
from tacit.operators.mixtures import WEIGHTS

PLACES = 12
SEQUENCE = np.random.default_rng(7).integers(0, plain.WORDS, PLACES + 1).tolist()


@pytest.fixture(scope="module", params=["llama", "gpt2", "llama+outliers"])
def circuits(request, tmp_path_factory):
    """(folder, the whole sequence as one circuit: task, graph, lowered; what it computes for SEQUENCE)."""
    kind, _, outliers = request.param.partition("+")
    folder = models.folder_of(kind, tmp_path_factory.mktemp(kind))
    task, graph, lowered = models.whole(folder, PLACES, bool(outliers))
    return folder, task, graph, lowered, models.computed(graph, lowered, task.row(SEQUENCE[:1], SEQUENCE[1:]))


@pytest.mark.parametrize("lengths", [(4, 4, 4), (2, 7, 3), (12,)])
def test_chunks_compute_what_the_whole_computes(circuits, lengths):
    folder, _, _, lowered, expected = circuits
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
        assert np.array_equal(found.outputs["cache"], found.kept)
        caches.append(found.outputs["cache"])


def test_a_longer_prompt_chooses_behind_it(circuits):
    folder, _, _, lowered, expected = circuits
    chunk = Chunk(folder, 6, 6, longest=PLACES)
    part, circuit = models.like(chunk, lowered)
    for prompt in (1, 4, 6):
        given = chunk.row(SEQUENCE[:prompt], SEQUENCE[prompt:6])
        found = models.computed(part, circuit, given)
        assert np.array_equal(found.kept, expected.kept[..., :6, :])
        assert np.array_equal(found.chosen[: 7 - prompt], expected.chosen[prompt - 1 : 6])
        assert (found.chosen[6 - prompt :] == expected.chosen[5]).all()


def test_all_circuits_have_the_same_weights(circuits):
    folder, _, _, lowered, _ = circuits
    for chunk in (
        Chunk(folder, 4, 4, longest=PLACES),
        Chunk(folder, 1, 3, earlier=(4,), longest=PLACES),
        Chunk(folder, 5, 1, earlier=(4, 3), longest=PLACES),
    ):
        _, circuit = models.like(chunk, lowered)
        assert list(circuit.weights) == list(lowered.weights)
        assert all(np.array_equal(circuit.weights[name], lowered.weights[name]) for name in lowered.weights)


def test_few_places_are_as_fine_as_many(tmp_path):
    """Weights of a node with few results get more bits: not in a chunk, and not for one token, of a sequence of many."""
    folder = models.folder_of("llama", tmp_path)
    task, graph, lowered = models.whole(folder, 48)
    sequence = np.random.default_rng(1).integers(0, plain.WORDS, 49).tolist()
    expected = models.computed(graph, lowered, task.row(sequence[:1], sequence[1:]))
    chunk = Chunk(folder, 4, 4, earlier=(44,), longest=48)
    part, circuit = models.like(chunk, lowered)
    given = chunk.row(sequence[44:45], sequence[45:]) | {"cache_0": expected.kept[:, :, :, :44]}
    assert np.array_equal(models.computed(part, circuit, given).scores, expected.scores[44:])
    steps = following(task, lowered)
    kept = steps.empty()
    kept[:, :, :, :46] = expected.kept[:, :, :, :46]
    chosen = steps.chooser(lowered.weights, kept)
    assert [chosen(place, sequence[place], None) for place in (46, 47)] == expected.chosen[46:].tolist()
    assert np.array_equal(kept, expected.kept)


def test_exponents_of_weights_are_decided_once(circuits):
    """Scales that come from a lowering bind the next one, whatever it would choose for as many results as it has."""
    _, _, graph, lowered, _ = circuits
    coarser = {key: exponent - 1 for key, exponent in lowered.scales.weighed.items() if key != "shift"}
    found = lower(graph, replace(lowered.scales, weighed=coarser, kept=()))
    assert {key: found.scales.weighed[key] for key in coarser} == coarser
    assert lower(graph, lowered.scales).scales == lowered.scales


def test_one_token_after_the_other_is_what_the_circuit_computes(circuits):
    _, task, _, lowered, expected = circuits
    steps = following(task, lowered)
    steps = Following.from_json(json.loads(json.dumps(steps.to_json())))
    kept = steps.empty()
    chosen = steps.chooser(lowered.weights, kept)
    assert [chosen(place, SEQUENCE[place], None) for place in range(PLACES)] == expected.chosen.tolist()
    assert np.array_equal(kept, expected.kept)


def test_chunks_read_no_keys_behind_their_rows(circuits, monkeypatch):
    """By blocks of one row each, as long chunks by longer ones: the same scores, and a token by itself sees all before it."""
    folder, task, _, lowered, expected = circuits
    monkeypatch.setattr(spans, "BLOCK", 1)
    chunk = Chunk(folder, 4, 4, earlier=(4,), longest=PLACES)
    part, circuit = models.like(chunk, lowered)
    counted = [node.outputs[0] for node in circuit.graph.nodes if node.operator == WEIGHTS]
    assert [circuit.graph.values[name].shape[-2:] for name in counted[:4]] == [(1, keys) for keys in range(5, 9)]
    given = chunk.row(SEQUENCE[4:5], SEQUENCE[5:9]) | {"cache_0": expected.kept[..., :4, :]}
    assert np.array_equal(models.computed(part, circuit, given).scores, expected.scores[4:8])
    steps = following(task, lowered)
    chosen = steps.chooser(lowered.weights, steps.empty())
    assert [chosen(place, SEQUENCE[place], None) for place in range(PLACES)] == expected.chosen.tolist()


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


# Compiled, proved, verified


CHUNK, CONVERSATION = 4, 10
PROMPT, SEED, SAMPLING = [3, 1, 4, 1, 5, 9], b"seed", tacit.Sampling(0.8, top_k=20)
TEXTS = np.random.default_rng(0).integers(0, plain.WORDS, (2, CONVERSATION + 1)).tolist()


def conversation(folder, openings=None, measured=TEXTS[:1]):
    """Chunks of 4, 4 and 2 places, with one commitment to the weights."""
    first = tacit.compile(Chunk(folder, CHUNK, CHUNK, longest=CONVERSATION), measured, openings=openings)
    shares = {} if openings == 0 else {"openings": 5}
    second = tacit.compile(Chunk(folder, CHUNK, CHUNK, earlier=(4,), longest=CONVERSATION), like=first, **shares)
    third = tacit.compile(Chunk(folder, 2, 2, earlier=(4, 4), longest=CONVERSATION), like=first, **shares)
    return first, second, third


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return models.folder_of("llama", tmp_path_factory.mktemp("conversation"))


@pytest.fixture(scope="module")
def shown(folder):
    return conversation(folder, openings=0, measured=TEXTS)


def continued(chunks, seeds=(None, None, None), **options):
    """The conversation that begins with PROMPT: its first chunk reads four of the tokens, the second one the other two."""
    one = chunks[0].generate(PROMPT[:4], seed=seeds[0], **options)
    two = chunks[1].generate(PROMPT[4:], seed=seeds[1], past=[one.cache], **options)
    three = chunks[2].generate(two.tokens[2:3], seed=seeds[2], past=[one.cache, two.cache], **options)
    return one, two, three


@pytest.fixture(scope="module")
def parts(shown):
    return continued(shown)


def texts(chunks, seed=None):
    """The tokens and the last cache of the first two chunks, which nobody proves."""
    past, tokens = [], []
    for model, prompt in zip(chunks[:2], (PROMPT[:4], PROMPT[4:])):
        task = generate.task_of(model)
        drawn = [] if seed is None else uniforms(seed, task.new_tokens).tolist()
        text = generate.Text(model, task, prompt, drawn, list(past))
        tokens.append(generate.found(text)[0])
        past.append(text.cache(tokens[-1]))
    return tokens, past[-1].tolist()


def test_a_conversation_is_proved_chunk_by_chunk(shown, parts):
    assert len({model.key.model_commitment for model in shown}) == 1 and len({model.key.to_bytes() for model in shown}) == 3
    for model, part in zip(shown, parts):
        tacit.verify(part.receipt, model.key)
    _, two, three = (dict(zip((s.name for s in m.key.inputs), p.receipt.inputs)) for m, p in zip(shown, parts))
    caches = [part.receipt.outputs[-1] for part in parts]
    assert [(cache.shape, cache.dtype) for cache in caches[:2]] == [((2, 2, 2, 4, 8), np.int16)] * 2 and caches[2].shape[3] == 2
    assert np.array_equal(two["cache_0"], caches[0]) and np.array_equal(three["cache_1"], caches[1])
    assert [parts[0].tokens, parts[1].tokens] == texts([replace(model, following=None) for model in shown])[0]


def test_caches_mean_the_same_as_outputs_and_as_inputs(shown):
    (form,) = (s for s in shown[0].key.outputs if s.name == "cache")
    read = [s for s in (*shown[1].key.inputs, *shown[2].key.inputs) if s.name.startswith("cache_")]
    assert [s.name for s in read] == ["cache_0", "cache_0", "cache_1"]
    for s in read:
        assert (s.shape, s.dtype, s.exponent, s.lowest, s.highest) == (form.shape, form.dtype, 0, form.lowest, form.highest)


def test_chunks_write_what_a_whole_circuit_writes(folder):
    """A Generation of as many places, whose scales and weights the chunks have."""
    whole = tacit.compile(Generation(folder, len(PROMPT), CONVERSATION - len(PROMPT) + 1), TEXTS[:1], openings=0)
    first = tacit.compile(Chunk(folder, CHUNK, CHUNK, longest=CONVERSATION), like=whole)
    second = tacit.compile(Chunk(folder, CHUNK, CHUNK, earlier=(4,), longest=CONVERSATION), like=whole)
    assert first.key.model_commitment == second.key.model_commitment == whole.key.model_commitment
    assert texts([first, second])[0][1][:3] == whole.generate(PROMPT).tokens[:3]


def test_chunks_share_what_computes_their_tokens(shown, folder):
    assert shown[1].following.program is shown[0].following.program
    drawing = tacit.compile(Chunk(folder, CHUNK, CHUNK, SAMPLING, longest=CONVERSATION), like=shown[0])
    assert drawing.following.program is not shown[0].following.program


def test_a_verifier_reads_a_public_cache_once(shown):
    """Each view of a public column costs whoever verifies all of its cells, and every layer has views of its own."""
    for model in shown[1:]:
        circuit = decode(model.circuit)
        sums = [contract.zero for contract in circuit.contracts]
        sums += [component for lookup in circuit.lookups for component in lookup.components]
        read = [view.column for found in sums for term in found.terms for view in term.views]
        caches = [public.column for public in circuit.publics if public.name.startswith("cache_")]
        assert caches and all(read.count(column) == 1 for column in caches)


def test_places_behind_all_samples_are_not_measured(folder, monkeypatch):
    """Nor are they among the scores that are compared."""
    counted = []
    monkeypatch.setattr(compiler, "executed", lambda *given: counted.append(1) or executed(*given))
    short = tacit.compile(Chunk(folder, CHUNK, CHUNK, longest=CONVERSATION), [TEXTS[0][:6], TEXTS[1][:3]], openings=0)
    assert len(counted) == 4 and short.report.fidelity[0].cosine > 0.999
    whole = Generation(folder, 1, CONVERSATION)
    assert [compiler.reached(whole.row(text[:1], text[1:length])) for text, length in zip(TEXTS, (6, 3))] == [5, 2]


def test_the_scores_of_all_chunks_are_measured(shown):
    report = shown[0].report
    (fidelity,) = report.fidelity
    assert report.samples == len(TEXTS) and fidelity.cosine > 0.999 and report.calibrated
    assert shown[1].report.fidelity == () and shown[1].report.price > report.price


def test_what_no_chunk_computed_is_no_cache(shown):
    one = texts(shown)[1]
    for past, reason in (([], "continues 1 chunks; past= has the caches of 0"), ([np.array(one)[:1]], "cache_0")):
        with pytest.raises(tacit.InputError, match=reason):
            shown[1].generate(PROMPT[4:], past=past)


def test_drawn_conversations(folder):
    first = tacit.compile(Chunk(folder, CHUNK, CHUNK, SAMPLING, longest=CONVERSATION), TEXTS[:1], openings=0)
    second = tacit.compile(Chunk(folder, CHUNK, CHUNK, SAMPLING, earlier=(4,), longest=CONVERSATION), like=first)
    assert texts([first, second], SEED) == texts([replace(model, following=None) for model in (first, second)], SEED)
    tacit.verify(first.generate(PROMPT[:2], seed=SEED).receipt, first.key)


def test_caches_are_hidden_and_linked(folder):
    """By default a receipt shows the tokens alone; a cache that has a commitment of its own is the same in all receipts."""
    chunks = conversation(folder)
    parts = continued(chunks, commit="cache")
    for model, part in zip(chunks, parts):
        hidden = {"weights", *(s.name for s in model.key.signatures if s.name not in ("generated", "next", "prompt_length"))}
        assert set(part.receipt.hidden) == hidden and part.receipt.outputs[-1] is None
    receipts, keys = [part.receipt for part in parts], [model.key for model in chunks]
    links = tacit.verify_chain(receipts, keys)
    assert [(link.receipt, link.name, link.source, link.source_name) for link in links] == [
        (1, "cache_0", 0, "cache"),
        (2, "cache_0", 0, "cache"),
        (2, "cache_1", 1, "cache"),
    ]
    with pytest.raises(tacit.InvalidReceipt):
        tacit.verify_chain([parts[0].receipt, parts[2].receipt], [chunks[0].key, chunks[2].key])
    alone = chunks[0].generate(PROMPT[:4])
    assert np.array_equal(alone.cache, parts[0].cache.opening.integers) and not alone.receipt.commitments


def test_shown_caches_make_a_conversation(shown, parts):
    """Without commitments: receipts that show the same keys and values."""
    receipts, keys = [part.receipt for part in parts], [model.key for model in shown]
    written = tacit.verify_conversation(receipts, keys)
    assert (written.prompt, written.tokens) == (PROMPT, [*parts[1].tokens[:3], *parts[2].tokens])
    unlike = shown[1].generate(PROMPT[4:], past=[np.roll(parts[0].cache, 1)])
    for given, raised, reason in (
        ((receipts[:1] + [unlike.receipt] + receipts[2:], keys), tacit.InvalidReceipt, "'cache_0' is another tensor"),
        ((receipts[::-1], keys), tacit.InvalidReceipt, "Receipt 1 of 3"),
        ((receipts[1:], keys[1:]), tacit.ModelError, "Key 1 is that of a chunk behind 1 others"),
        ((receipts[:1] + receipts[2:], keys[:1] + keys[2:]), tacit.ModelError, "Key 2 is that of a chunk behind 2 others"),
    ):
        with pytest.raises(raised, match=reason):
            tacit.verify_conversation(*given)


def test_chunks_of_other_models_are_refused(folder, shown):
    with pytest.raises(tacit.InputError, match="Compile the first chunk"):
        tacit.compile(Chunk(folder, 4, 4, earlier=(4,), longest=CONVERSATION), TEXTS)
    with pytest.raises(tacit.InputError, match="leave the other options out"):
        tacit.compile(Chunk(folder, 4, 4, longest=CONVERSATION), TEXTS, batch=2)
    with pytest.raises(tacit.ModelError, match="cannot share its weights"):
        tacit.compile(Chunk(folder, 4, 4, earlier=(4,), longest=CONVERSATION + 1), like=shown[0])


def test_the_model_file_keeps_chunks(shown, tmp_path):
    shown[1].save(tmp_path / "m.tacit")
    loaded = tacit.Model.load(tmp_path / "m.tacit")
    assert loaded.scales == shown[1].scales and texts([shown[0], loaded]) == texts(shown)
