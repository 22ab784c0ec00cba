"""Conversations: texts that are proved chunk by chunk, and every way in which receipts are none."""

from __future__ import annotations

import sys

import numpy as np
import pytest

import chunk_models as models
import tacit
from chunk_models import plain
from tacit import generate, progress
from tacit.execute import executed
from tacit.frontends.generation import Chunk
from tacit.frontends.words import Words
from tacit.numbers.drawing import uniforms
from tacit.primitives.evaluate import Unsatisfied
from tacit.services.cli import main

TOKENS, CHUNKS = 4, 3
TEXTS = np.random.default_rng(0).integers(0, plain.WORDS, (4, TOKENS * CHUNKS + 1)).tolist()
PROMPT, OTHER = [3, 1, 4, 1, 5], [2, 7, 1, 8, 2]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return models.folder_of("llama", tmp_path_factory.mktemp("conversations"))


@pytest.fixture(scope="module")
def talk(folder):
    return tacit.compile_conversation(folder, TEXTS, chunks=CHUNKS, tokens=TOKENS, openings=50)


@pytest.fixture(scope="module")
def said(talk):
    """Five tokens of prompt, the last of which is in the second chunk, and text to the end of the third."""
    return talk.answer(PROMPT, hide="weights")


@pytest.fixture(scope="module")
def other(talk):
    return talk.answer(OTHER, hide="weights")


def refused(receipts, keys, reason, **options):
    with pytest.raises(tacit.InvalidReceipt, match=reason):
        tacit.verify_conversation(receipts, keys, **options)


def test_a_conversation_is_what_one_circuit_writes(folder, talk, said):
    assert len({key.model_commitment for key in talk.keys}) == 1 and len(set(talk.keys)) == CHUNKS
    assert len(said.receipts) == said.proved == CHUNKS and said.prompt == PROMPT
    receipts = [tacit.Receipt.from_bytes(receipt.to_bytes()) for receipt in said.receipts]
    shown = tacit.verify_conversation(receipts, [key.to_bytes() for key in talk.keys])
    assert (shown.prompt, shown.tokens) == (PROMPT, said.tokens)
    # The same integers, all places in one circuit.
    count = CHUNKS * TOKENS - len(PROMPT) + 1
    whole = tacit.compile(Chunk(folder, CHUNKS * TOKENS, CHUNKS * TOKENS, longest=CHUNKS * TOKENS), TEXTS, openings=0)
    assert len(said.tokens) == count and whole.generate(PROMPT).tokens[:count] == said.tokens
    assert all(receipt.outputs[-1] is None for receipt in receipts)


def test_receipts_of_the_beginning_are_a_conversation(talk, said):
    shown = tacit.verify_conversation(said.receipts[:2], talk.keys)
    assert (shown.prompt, shown.tokens) == (PROMPT, said.tokens[:4])
    first = tacit.verify_conversation(said.receipts[:1], talk.keys)
    assert first.prompt == PROMPT[:4] and len(first.tokens) == 1


def test_receipts_of_two_conversations_are_none(talk, said, other):
    a, b = said.receipts, other.receipts
    for receipts in ([a[0], b[1], a[2]], [b[0], a[1], a[2]], [a[0], a[1], b[2]], [a[0], b[1], b[2]]):
        refused(receipts, talk.keys, "did not read what receipt 1 computed")


def test_moved_doubled_and_left_out_receipts_are_refused(talk, said):
    a, keys = said.receipts, talk.keys
    refused([a[1], a[0], a[2]], keys, "not valid for this key")
    refused([a[0], a[0], a[1]], keys, "not valid for this key")
    refused([a[0], a[2]], keys, "not valid for this key")
    refused(a[1:], keys[1:2] * 0 + keys, "not valid for this key")
    for chosen, reason in [
        ([keys[0], keys[2]], "Key 2 is that of a chunk behind 2 others, of 4, 4 places, and stands behind 1, of 4"),
        ([keys[1], keys[0]], "Key 1 is that of a chunk behind 1 others"),
        ([keys[0], keys[0]], "Key 2 is that of a chunk behind 0 others, of no places"),
    ]:
        with pytest.raises(tacit.ModelError, match=reason):
            tacit.verify_conversation(a[:2], chosen)


def test_a_token_that_the_model_did_not_choose_does_not_follow(talk, said):
    """The same caches, the right circuit, a valid receipt; but its first token is another one, or more are given."""
    a = said.receipts
    model = talk.models[2]
    last = said.tokens[3]
    for prompt in ([(last + 1) % plain.WORDS], [last, 7], [last, said.tokens[4]]):
        past = [receipt.secrets["cache"] for receipt in a[:2]]
        made = model.generate(prompt, past=past, hide="weights", commit="cache")
        assert tacit.verify_chain([*a[:2], made.receipt], talk.keys)
        refused([*a[:2], made.receipt], talk.keys, "Receipt 3 does not go on with the token that receipt 2 chose last")


def test_exchanged_caches_are_refused(talk, said):
    """A prover who gives the third chunk the right tensors in the wrong places."""
    a, model = said.receipts, talk.models[2]
    first, second = (receipt.secrets["cache"] for receipt in a[:2])
    for past in ([second, first], [first, first], [second, second]):
        made = model.generate([said.tokens[3]], past=past, hide="weights", commit="cache")
        assert tacit.verify_chain([*a[:2], made.receipt], talk.keys)
        refused([*a[:2], made.receipt], talk.keys, "did not read what receipt [12] computed")


def test_caches_without_commitments_are_refused(talk, said):
    a, model = said.receipts, talk.models[1]
    past = [a[0].secrets["cache"].opening.integers]
    loose = model.generate(PROMPT[4:], past=past, hide=["weights", "cache_0"], commit="cache")
    refused([a[0], loose.receipt], talk.keys, "Receipt 2 hides 'cache_0', or receipt 1 'cache', without a commitment")
    half = talk.models[2].generate(
        [said.tokens[3]], past=[a[0].secrets["cache"], a[1].secrets["cache"].opening.integers], hide="weights", commit="cache"
    )
    refused([*a[:2], half.receipt], talk.keys, "Receipt 3 hides 'cache_1'")


def test_hidden_prompts(talk):
    hidden = talk.answer(PROMPT)
    shown = tacit.verify_conversation(hidden.receipts, talk.keys)
    assert shown.prompt is None and shown.tokens == hidden.tokens
    assert [set(receipt.hidden) for receipt in hidden.receipts] == [
        {"weights", "prompt", "generated", "next", "cache"},
        {"weights", "prompt", "first", "cache_0", "cache"},
        {"weights", "cache_0", "cache_1", "cache"},
    ]


def test_hidden_texts(talk, said):
    """The token that a text goes on with has one commitment in both receipts; nothing else of it is there."""
    hidden = talk.answer(PROMPT, hide=["weights", "outputs"])
    shown = tacit.verify_conversation([receipt.to_bytes() for receipt in hidden.receipts], talk.keys)
    assert (shown.prompt, shown.tokens, hidden.tokens) == (PROMPT, None, said.tokens)
    assert [set(receipt.hidden) for receipt in hidden.receipts] == [
        {"weights", "generated", "next", "cache"},
        {"weights", "generated", "next", "cache_0", "cache"},
        {"weights", "prompt", "first", "generated", "next", "cache_0", "cache_1", "cache"},
    ]
    assert [set(receipt.commitments) & {"first", "next"} for receipt in hidden.receipts] == [set(), {"next"}, {"first"}]
    nothing = talk.answer(PROMPT, hide=["weights", "prompt", "generated"])
    shown = tacit.verify_conversation(nothing.receipts, talk.keys)
    assert (shown.prompt, shown.tokens, nothing.tokens) == (None, None, said.tokens)
    alone = talk.answer(PROMPT, new_tokens=4, hide="outputs")
    assert not {"first", "next"} & set(alone.receipts[-1].commitments)


def test_tokens_that_are_not_linked_do_not_go_on(talk, said):
    """The right token under another commitment, one of another conversation, one without a commitment, and one that is shown where
    the other is hidden."""
    hidden = talk.answer(PROMPT, hide=["weights", "outputs"])
    again = talk.answer(PROMPT, hide=["weights", "outputs"], context="again")
    other = talk.answer(OTHER, hide=["weights", "outputs"])
    a, model, keys = hidden.receipts, talk.models[2], talk.keys
    task = generate.task_of(model)
    secrets = [receipt.secrets["cache"] for receipt in a[:2]]

    def last(token, first, hide):
        given = generate.Text(model, task, [token], [], secrets)
        given = given.given(generate.found(given)[0])
        return model.prove(given if first is None else given | {"first": first}, ["weights", *hide], commit=["cache"])

    tokens = {"prompt", "generated", "next"}
    for first, hide, reason in (
        (a[1].secrets["next"], tokens, None),
        (again.receipts[1].secrets["next"], tokens, "does not go on with the token that receipt 2 chose last"),
        (None, {*tokens, "first"}, "is not known to go on where receipt 2 ends"),
        (None, tokens, "is not known to go on where receipt 2 ends"),
    ):
        receipts = [*a[:2], last(said.tokens[3], first, hide)]
        if reason is None:
            assert tacit.verify_conversation(receipts, keys).tokens is None
        else:
            refused(receipts, keys, f"Receipt 3 {reason}")
    foreign = other.receipts[1].secrets["next"]
    refused([*a[:2], last(other.tokens[3], foreign, tokens)], keys, "Receipt 3 does not go on with the token")
    refused([*a[:2], said.receipts[2]], keys, "did not read what receipt 1 computed")
    # A text that is shown goes on with no commitment either.
    shown = talk.models[1].generate(PROMPT[4:], past=[a[0].secrets["cache"]], hide="weights", commit="cache")
    secrets[1] = shown.cache
    receipts = [a[0], shown.receipt, last(said.tokens[3], None, {*tokens, "first"})]
    assert tacit.verify_chain(receipts, keys)
    refused(receipts, keys, "Receipt 3 is not known to go on where receipt 2 ends")


def test_the_first_token_is_the_prompts(talk, said):
    """The circuit demands it, and that `next` is what was chosen behind the last place."""
    model = talk.models[1]
    task = generate.task_of(model)
    cache = said.receipts[0].secrets["cache"].opening.integers
    text = generate.Text(model, task, [5, 9], [], [cache])
    given = text.given(generate.found(text)[0])
    integers = model.integers(given | {"cache_0": cache})
    right = executed(model.program, model.tensors(), integers, check=True)
    assert right.outputs()["next"].tolist() == [given["generated"][0][2]]
    with pytest.raises(Unsatisfied, match="contract first is -?1 at"):
        executed(model.program, model.tensors(), integers | {"first": integers["first"] + 1}, check=True)


def test_parts_that_are_hidden_without_need(talk, said):
    """Each receipt is valid alone; what is hidden of the one before has no commitment."""
    a = said.receipts
    for number, hide in ((1, "generated"), (2, "prompt"), (2, "generated"), (1, "prompt_length")):
        past = [receipt.secrets["cache"] for receipt in a[:number]]
        given = [PROMPT[:4], PROMPT[4:], [said.tokens[3]]][number]
        made = talk.models[number].generate(given, past=past, hide=["weights", hide], commit="cache").receipt
        receipts = [*a[:number], made]
        if number == 1:
            past.append(made.secrets["cache"])
            last = talk.models[2].generate([said.tokens[3]], past=past, hide="weights", commit="cache").receipt
            receipts.append(last)
        assert tacit.verify_chain(receipts, talk.keys)
        if (number, hide) == (2, "generated"):
            assert tacit.verify_conversation(receipts, talk.keys).tokens is None
        elif hide == "prompt_length":
            refused(receipts, talk.keys, "Receipt 2 hides 'prompt_length'")
        else:
            refused(receipts, talk.keys, "Receipt 3 is not known to go on where receipt 2 ends")


def test_writing_takes_no_memory_of_a_circuit(talk, said, monkeypatch):
    """A chunk is written while the one before is proved: token by token, prompts too."""
    monkeypatch.setattr(generate.Text, "computed", lambda *_: pytest.fail("the circuit was computed to write"))
    assert talk.answer(PROMPT, new_tokens=1, hide="weights").tokens == said.tokens[:4]


@pytest.mark.parametrize("length", [1, 4, 8, 12])
def test_prompts_of_other_lengths(talk, length):
    """One token; chunks that are full of it, whose choice behind the last place begins the text; no place left for any text."""
    prompt = TEXTS[0][:length]
    said = talk.answer(prompt, hide="weights")
    shown = tacit.verify_conversation(said.receipts, talk.keys)
    assert (shown.prompt, shown.tokens) == (prompt, said.tokens) and len(said.tokens) == 13 - length


def test_what_was_read_is_not_proved_again(talk):
    prompt = TEXTS[1]
    one = talk.answer(prompt[:9], new_tokens=1, hide="weights")
    two = talk.answer(prompt[:10], new_tokens=1, hide="weights")
    assert (one.proved, two.proved) == (3, 1) and one.receipts[:2] == two.receipts[:2]
    tacit.verify_conversation(two.receipts, talk.keys)
    assert talk.answer(prompt[:10], new_tokens=1).proved == 3  # shown in another way
    branched = talk.answer([*prompt[:4], *OTHER], new_tokens=1)
    assert branched.proved == 2
    assert tacit.verify_conversation(branched.receipts, talk.keys).tokens == branched.tokens


def test_answers_end(talk, said):
    """Where as many tokens are there as were asked for, where one ends the text, and where the model has no more places."""
    assert len(talk.answer(PROMPT, new_tokens=2, hide="weights").receipts) == 2
    for prompt, count, reason in (
        ([], None, "The prompt has no tokens"),
        (PROMPT, 0, "at least one new token, not 0"),
        (PROMPT, -1, "at least one new token, not -1"),
        (TEXTS[0], None, "13 tokens, and 1 are to follow; this conversation has 12 places: shorten the prompt"),
        (PROMPT, 9, "5 tokens, and 9 are to follow; this conversation has 12 places"),
    ):
        with pytest.raises(tacit.InputError, match=reason):
            talk.answer(prompt, new_tokens=count)


def test_a_terminal_is_told_of_every_chunk(talk, monkeypatch):
    """While it is written, and while it is proved."""
    titles = []

    class Line(progress.Line):
        def __init__(self, title):
            super().__init__(title)
            titles.append(self.title)

    monkeypatch.setattr(progress, "Line", Line)
    talk.answer(OTHER, new_tokens=4, hide="weights", context="told")
    writing = [title for title in titles if title.endswith("writing")]
    assert writing == [f"chunk {chunk} of at most 3: writing" for chunk in (1, 2, 3)] and not progress.PARTS
    assert {title.split(":")[0] for title in titles if "proving" in title} == {f"chunk {k} of at most 3" for k in (1, 2)}


def test_a_token_that_ends_the_text(talk, said, monkeypatch):
    words = type("Ending", (), {"ends": (said.tokens[1],), "decode": lambda _, tokens: str(tokens)})()
    monkeypatch.setattr(talk.models[0], "words", words)
    monkeypatch.setattr(talk.models[1], "words", words)
    ended = talk.answer(PROMPT, hide="weights")
    assert len(ended.receipts) == 2 and ended.text == str(said.tokens[:4])


def test_receipts_are_not_lost_for_want_of_words(talk, said, monkeypatch, caplog):
    """A model that has a tokenizer, where the package that reads it is missing."""
    monkeypatch.setattr(talk.models[0], "words", Words("{}"))
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    found = talk.answer(PROMPT, new_tokens=1, hide="weights")
    assert found.text is None and found.tokens == said.tokens[:4] and "need the package tokenizers" in caplog.text
    assert talk.models[0].generate(PROMPT[:4], hide="weights", commit="cache").text is None
    with pytest.raises(tacit.ModelError, match="or give token numbers"):
        talk.answer("a text")


def test_contexts(talk):
    made = talk.answer(PROMPT, context="me", hide="weights")
    tacit.verify_conversation(made.receipts, talk.keys, contexts=b"me")
    refused(made.receipts, talk.keys, "another context")


def test_drawn_tokens(folder):
    """The token behind place t is drawn with the seed's number t."""
    talk = tacit.compile_conversation(folder, TEXTS, chunks=2, tokens=TOKENS, sampling=tacit.Sampling(0.8, top_k=20))
    said = talk.answer([3, 1], seed=b"dice", hide="weights")
    shown = tacit.verify_conversation(said.receipts, talk.keys, seed=b"dice")
    assert (shown.prompt, shown.tokens) == ([3, 1], said.tokens)
    assert said.receipts[1].inputs[2][0].tolist() == uniforms(b"dice", 8)[4:].tolist()
    refused(said.receipts, talk.keys, "receipt 1 were drawn with other numbers", seed=b"other")
    model, past = talk.models[1], [said.receipts[0].secrets["cache"]]
    late = model.generate([said.tokens[2]], seed=b"late", past=past, hide="weights", commit="cache")
    refused([said.receipts[0], late.receipt], talk.keys, "receipt 2 were drawn with other numbers", seed=b"dice")
    hidden = model.generate([said.tokens[2]], seed=b"dice", past=past, hide=["weights", "uniform"], commit="cache")
    for receipts, seed, reason in (
        (said.receipts, None, "give the seed"),
        ([said.receipts[0], hidden.receipt], b"dice", "Receipt 2 hides the uniform numbers"),
    ):
        with pytest.raises(tacit.InputError, match=reason):
            tacit.verify_conversation(receipts, talk.keys, seed=seed)
    with pytest.raises(tacit.InputError, match="give a seed"):
        talk.answer([3, 1])


def test_names_and_keys_that_do_not_fit(talk, said, model):
    with pytest.raises(tacit.InputError, match="not 'cache' by itself"):
        talk.answer(PROMPT, hide="cache")
    with pytest.raises(tacit.InputError, match="leave"):
        talk.answer(PROMPT, seed=b"1")
    with pytest.raises(tacit.InputError, match="at least one receipt"):
        tacit.verify_conversation([], talk.keys)
    with pytest.raises(tacit.InputError, match="2 receipts and 1 keys"):
        tacit.verify_conversation(said.receipts[:2], talk.keys[:1])
    with pytest.raises(tacit.InputError, match="leave the seed out"):
        tacit.verify_conversation(said.receipts, talk.keys, seed=b"1")
    with pytest.raises(tacit.ModelError, match="Key 1 is not that of a conversation's chunk"):
        tacit.verify_conversation(said.receipts[:1], [model.key])
    for models_ in ((talk.models[1],), (talk.models[0], talk.models[2])):
        with pytest.raises(tacit.ModelError, match="made of its chunks"):
            tacit.Conversation(models_)


def test_another_commitment_is_another_model(talk, said):
    again = talk.models[1].recommit()
    with pytest.raises(tacit.ModelError, match="Key 2 is of another model"):
        tacit.verify_conversation(said.receipts[:2], [talk.keys[0], again.key])


def test_files_and_commands(talk, tmp_path, capsys):
    talk.save(tmp_path / "talk")
    loaded = tacit.Conversation.load(tmp_path / "talk")
    assert loaded.keys == talk.keys and loaded.models[1].weights is loaded.models[0].weights
    said = loaded.answer(PROMPT, hide="weights")
    paths = [str(tmp_path / f"{k}.receipt") for k in range(CHUNKS)]
    for receipt, path in zip(said.receipts, paths):
        receipt.save(path)
    keys = [word for k in range(CHUNKS) for word in ("--key", str(tmp_path / "talk" / f"{k}.key"))]
    assert main(["verify", *paths, *keys]) == 0
    out = capsys.readouterr().out
    assert "valid: a conversation in 3 chunks" in out and "prompt [5]: 3, 1, 4, 1, 5" in out and "generated [8]" in out
    assert main(["verify", *paths[:2], *keys]) == 0
    assert main(["verify", paths[1], paths[0], *keys]) == 1
    other = loaded.answer(OTHER, hide="weights")
    other.receipts[1].save(paths[1])
    assert main(["verify", *paths, *keys]) == 1
    assert main(["verify", *paths, *keys, "--seed", "x"]) == 2
    with pytest.raises(tacit.ModelError, match=r"no 0\.tacit"):
        tacit.Conversation.load(tmp_path)
