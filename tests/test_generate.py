"""Models that write: the tokens are those that the model chooses step by step, one receipt proves them, and no others pass."""

from __future__ import annotations

import logging
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tacit
from tacit import _core
from tacit.execute import execute
from tacit.generate import settled
from tacit.key import Key
from tacit.numbers.drawing import Sampling, uniforms

sys.path.insert(0, str(Path(__file__).resolve().parent / "frontends"))
import plain_models as plain  # noqa: E402
from weight_files import write_folder  # noqa: E402

PROMPT_TOKENS, NEW_TOKENS, SIZE = 4, 5, 8
PROMPT, SEED, SAMPLING = [1, 2, 3], b"chosen before", Sampling(0.7, top_k=10, top_p=0.9)
CONFIG = {
    "model_type": "llama",
    "num_hidden_layers": 1,
    "hidden_size": plain.WIDTH,
    "num_attention_heads": plain.HEADS,
    "num_key_value_heads": plain.SHARED,
    "intermediate_size": plain.INNER,
    "max_position_embeddings": plain.CONTEXT,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500.0,
    "head_dim": SIZE,
    "vocab_size": plain.WORDS,
}
TENSORS = {
    name: tensor
    for name, tensor in plain.llama_tensors(np.random.default_rng(3), "llama", SIZE, tied=False).items()
    if "layers.1." not in name
}
TEXTS = np.random.default_rng(0).integers(0, plain.WORDS, (6, PROMPT_TOKENS + NEW_TOKENS)).tolist()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(tmp_path_factory.mktemp("llama"), CONFIG, TENSORS)


@pytest.fixture(scope="module")
def greedy(folder):
    return tacit.compile(tacit.Generation(folder, PROMPT_TOKENS, NEW_TOKENS), TEXTS, openings=0)


@pytest.fixture(scope="module")
def written(greedy, folder):
    return greedy.generate(PROMPT, context=b"me")


@pytest.fixture(scope="module")
def drawing(folder):
    return tacit.compile(tacit.Generation(folder, PROMPT_TOKENS, NEW_TOKENS, SAMPLING), TEXTS, openings=0)


def scores(tokens):
    """What plain floats say of the token behind a sequence."""
    turns = np.array([500.0 ** (-2 * j / SIZE) for j in range(SIZE // 2)])
    return plain.llama(TENSORS, np.array(tokens), SIZE, turns, 1e-5, layers=1)[-1]


def row(tokens, prompt=PROMPT, **more):
    """One input of a model that writes."""
    padded = np.array([[*prompt, *[0] * (PROMPT_TOKENS - len(prompt))]])
    return {"prompt": padded, "prompt_length": np.array([len(prompt)]), "generated": np.array([tokens]), **more}


def broken(model, sample):
    """The relation that the executor's columns for one input break, by the core's oracle; None where they satisfy all."""
    witness, public, _ = execute(model.program, model.tensors(), model.integers(sample))
    found = _core.check(model.circuit, model.weights, public, witness)
    return None if found is None else found[0]


def test_the_receipt_shows_prompt_and_tokens(greedy, written):
    again = tacit.Receipt.from_bytes(written.receipt.to_bytes())
    shown = tacit.verify_generation(again, Key.from_bytes(greedy.key.to_bytes()), context=b"me")
    assert (shown.prompt, shown.tokens) == (PROMPT, written.tokens)
    assert [s.name for s in greedy.key.outputs] == ["generated"] and len(again.outputs) == 1
    with pytest.raises(tacit.InvalidReceipt):
        tacit.verify_generation(again, greedy.key, context=b"another")


@pytest.mark.parametrize("prompt", [PROMPT, [7], [40, 30, 20, 10]])
def test_token_by_token_is_what_the_circuit_settles_on(greedy, prompt):
    """One token's work each, or the whole circuit for each: the same tokens; the first way computes the circuit once at most."""
    written = greedy.generate(prompt, context=b"me")
    plainly = replace(greedy, following=None).generate(prompt, context=b"me")
    assert plainly.receipt == written.receipt and written.steps <= 1 < plainly.steps


def test_a_short_prompt_is_read_token_by_token(greedy, monkeypatch):
    monkeypatch.setattr("tacit.generate.PREFILL", 0)
    assert greedy.generate(PROMPT).steps == 0
    assert greedy.generate(PROMPT).tokens == replace(greedy, following=None).generate(PROMPT).tokens


@pytest.mark.parametrize("prompt", [PROMPT, [7], [40, 30, 20, 10]])
def test_every_token_is_the_likeliest_behind_those_before_it(greedy, folder, prompt):
    """Up to what quantisation to 12 bits costs."""
    tokens = greedy.generate(prompt).tokens
    for i, token in enumerate(tokens):
        found = scores([*prompt, *tokens[:i]])
        assert found[token] >= found.max() - 0.02 * np.abs(found).max()


def test_what_stands_behind_the_prompt_counts_for_nothing(greedy, written):
    sample = row(written.tokens)
    sample["prompt"][0, len(PROMPT) :] = 49
    receipt = greedy.prove(sample)
    assert tacit.verify_generation(receipt, greedy.key).tokens == written.tokens


@pytest.mark.parametrize("place", range(NEW_TOKENS))
def test_another_token_satisfies_no_circuit(greedy, written, place):
    tokens = list(written.tokens)
    tokens[place] = (tokens[place] + 1) % plain.WORDS
    assert broken(greedy, row(tokens)) == "generated/claim"


def test_given_tokens_that_the_model_does_not_choose_are_refused(greedy, written):
    with pytest.raises(tacit.InputError, match="'generated' .* not what the model chooses"):
        greedy.prove(row([*written.tokens[:-1], (written.tokens[-1] + 1) % plain.WORDS]))


def test_a_token_exchanged_in_the_receipt_is_refused(greedy, written):
    data = written.receipt.to_bytes()
    shown = b"".join(int(token).to_bytes(1, "little") for token in written.tokens)
    assert data.count(shown) == 1
    for place in range(NEW_TOKENS):
        at = data.index(shown) + place
        changed = data[:at] + bytes([(data[at] + 1) % plain.WORDS]) + data[at + 1 :]
        with pytest.raises(tacit.InvalidReceipt):
            tacit.verify(changed, greedy.key, context=b"me")


def test_drawn_tokens_are_bound_to_the_seed(drawing, folder):
    found = drawing.generate(PROMPT, seed=SEED)
    assert found.tokens == drawing.generate(PROMPT, seed=SEED).tokens
    shown = tacit.verify_generation(found.receipt, drawing.key, seed=SEED)
    assert (shown.prompt, shown.tokens) == (PROMPT, found.tokens)
    with pytest.raises(tacit.InvalidReceipt, match="other numbers"):
        tacit.verify_generation(found.receipt, drawing.key, seed=b"chosen after")
    with pytest.raises(tacit.InputError, match="give the seed"):
        tacit.verify_generation(found.receipt, drawing.key)
    tacit.verify(found.receipt, drawing.key)


def test_tokens_drawn_with_other_numbers_satisfy_no_circuit(drawing, folder):
    """The numbers of another seed under the tokens of this one: some row draws another token, for one of a few seeds."""
    tokens = drawing.generate(PROMPT, seed=SEED).tokens
    refused = 0
    for other in (b"1", b"2", b"3"):
        sample = row(tokens, uniform=uniforms(other, NEW_TOKENS)[None])
        refused += broken(drawing, sample) == "generated/claim"
    assert refused


def test_seeds_and_prompts_that_do_not_fit_are_refused(greedy, written, drawing):
    for call, reason in (
        (lambda: greedy.generate(PROMPT, seed=b""), "leave the seed out"),
        (lambda: drawing.generate(PROMPT), "give a seed"),
        (lambda: greedy.generate([]), "1 to 4"),
        (lambda: greedy.generate([1] * 5), "1 to 4"),
        (lambda: greedy.generate([plain.WORDS]), "0 to 49"),
        (lambda: greedy.generate("text"), "no tokenizer"),
        (lambda: tacit.verify_generation(written.receipt, greedy.key, seed=b"", context=b"me"), "leave the seed out"),
    ):
        with pytest.raises(tacit.InputError, match=reason):
            call()


def test_equal_scores_give_the_lowest_token(tmp_path):
    """All rows of the head are equal, so that every token always has the same score."""
    tensors = {**TENSORS, "lm_head.weight": np.tile(TENSORS["lm_head.weight"][:1], (plain.WORDS, 1))}
    model = tacit.compile(tacit.Generation(write_folder(tmp_path, CONFIG, tensors), 2, 2), [[5, 6, 7], [8, 9, 1]], openings=0)
    assert model.generate([3]).tokens == [0, 0]
    tokens = {"prompt": np.array([[3, 0]]), "prompt_length": np.array([1]), "generated": np.array([[0, 1]])}
    assert broken(model, tokens) == "generated/claim"


def test_shorter_lengths_share_the_commitment(greedy, written, folder):
    shorter = tacit.compile(tacit.Generation(folder, PROMPT_TOKENS - 1, NEW_TOKENS - 2), TEXTS, like=greedy)
    assert shorter.key.model_commitment == greedy.key.model_commitment
    assert shorter.generate(PROMPT).tokens == written.tokens[: NEW_TOKENS - 2]


def test_the_model_file_keeps_what_writing_needs(greedy, written, folder, tmp_path):
    greedy.save(tmp_path / "m.tacit")
    loaded = tacit.Model.load(tmp_path / "m.tacit")
    assert loaded.generate(PROMPT, context=b"me").receipt == written.receipt


def test_prompt_or_text_can_be_hidden(folder, caplog):
    caplog.set_level(logging.ERROR)
    model = tacit.compile(tacit.Generation(folder, PROMPT_TOKENS, NEW_TOKENS, SAMPLING), TEXTS, openings=4)
    found = model.generate(PROMPT, seed=SEED)
    assert found.receipt.hidden == ("weights", "prompt", "prompt_length")
    shown = tacit.verify_generation(found.receipt, model.key, seed=SEED)
    assert (shown.prompt, shown.tokens) == (None, found.tokens)
    hidden = model.generate(PROMPT, seed=SEED, hide="outputs")
    shown = tacit.verify_generation(hidden.receipt, model.key, seed=SEED)
    assert (shown.prompt, shown.tokens) == (PROMPT, None)
    unbound = model.prove(row(found.tokens, uniform=uniforms(SEED, NEW_TOKENS)[None]), hide="inputs")
    tacit.verify(unbound, model.key)
    with pytest.raises(tacit.InputError, match="hides the uniform numbers"):
        tacit.verify_generation(unbound, model.key, seed=SEED)


def test_models_that_do_not_write(model, receipt, tmp_path):
    with pytest.raises(tacit.ModelError, match="writes nothing"):
        model.generate([1])
    with pytest.raises(tacit.ModelError, match="writes nothing"):
        tacit.verify_generation(receipt, model.key, context=b"here")
    bert = write_folder(tmp_path / "bert", {"model_type": "bert"}, {})
    with pytest.raises(tacit.ModelError, match="does not write"):
        tacit.compile(tacit.Generation(bert, 2, 2), TEXTS)
    with pytest.raises(tacit.ModelError, match="GGUF file or the folder"):
        tacit.compile(tacit.Generation(tmp_path / "m.onnx", 2, 2), TEXTS)
    with pytest.raises(tacit.InputError, match="at least 1"):
        tacit.Generation(bert, 0, 2)


def test_steps_settle_on_what_the_step_gives_back():
    """Token i is a function of those before it."""
    count = 12

    def step(tokens):
        return [(7 * sum(tokens[:i]) + i) % 50 for i in range(count)]

    expected: list[int] = []
    for i in range(count):
        expected.append((7 * sum(expected) + i) % 50)
    assert settled(step, count) == (expected, count)
    with pytest.raises(RuntimeError, match="not causal"):
        settled(lambda tokens: [(sum(tokens) + 1) % 50] * count, count)
