"""A conversation's folder: its weights once, its chunks' files, and what is said where one of them is missing or another one's."""

from __future__ import annotations

import os
import shutil
import stat

import numpy as np
import pytest

import chunk_models as models
import tacit
from chunk_models import plain
from tacit import storage
from tacit.model import APART, Model, mark_opened
from tacit.services.cli import main

TOKENS, CHUNKS, OPENINGS = 4, 2, 12
TEXTS = np.random.default_rng(1).integers(0, plain.WORDS, (2, TOKENS * CHUNKS + 1)).tolist()
PROMPT = [3, 1, 4]
AGAIN = "tacit compile again"


def compiled(place):
    folder = models.folder_of("llama", place)
    return tacit.compile_conversation(folder, TEXTS, chunks=CHUNKS, tokens=TOKENS, openings=OPENINGS)


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def saved(talk, tmp_path_factory):
    """The folder that the conversation counts in; no test changes a file of it."""
    folder = tmp_path_factory.mktemp("saved") / "talk"
    talk.save(folder)
    return folder


@pytest.fixture
def copy(saved, tmp_path):
    return shutil.copytree(saved, tmp_path / "copy")


def refused(folder, *reasons):
    with pytest.raises(tacit.ModelError) as caught:
        tacit.Conversation.load(folder)
    text = str(caught.value)
    assert all(reason in text for reason in reasons) and "\n" not in text and text.endswith("."), text


def test_the_weights_are_stored_once(talk, saved):
    names = ["0.key", "0.tacit", "0.tacit.uses", "1.key", "1.tacit", "1.tacit.uses", "weights.bin"]
    assert sorted(os.listdir(saved)) == names
    weights = talk.models[0].weights
    assert (saved / "weights.bin").read_bytes() == weights and len(weights) > 1000
    assert stat.S_IMODE((saved / "weights.bin").stat().st_mode) == 0o600
    for chunk, model in enumerate(talk.models):
        manifest, parts = storage.unpack(saved / f"{chunk}.tacit", APART)
        assert "weights.bin" not in parts and manifest["format"] == APART
        assert (saved / f"{chunk}.tacit").stat().st_size < len(model.to_bytes()) - len(weights)


def test_a_saved_conversation_goes_on(talk, saved):
    loaded = tacit.Conversation.load(saved)
    first, second = loaded.models
    assert first.weights is second.weights and first.weights == talk.models[0].weights and loaded.keys == talk.keys
    said = loaded.answer(PROMPT, hide="weights")
    shown = tacit.verify_conversation(said.receipts, [str(saved / f"{chunk}.key") for chunk in range(CHUNKS)])
    assert (shown.prompt, shown.tokens) == (PROMPT, said.tokens) and len(said.receipts) == CHUNKS
    assert talk.answer(PROMPT, hide="weights").tokens == said.tokens


def test_a_chunk_alone_finds_its_weights(talk, saved, tmp_path):
    """Through a link, too; saved elsewhere it holds them itself."""
    (tmp_path / "link.tacit").symlink_to(saved / "1.tacit")
    model = Model.load(tmp_path / "link.tacit")
    assert model.weights == talk.models[1].weights and model.key == talk.keys[1]
    assert main(["inspect", str(saved / "1.tacit")]) == 0
    recommitted = model.recommit()
    recommitted.save(tmp_path / "alone.tacit")
    assert Model.load(tmp_path / "alone.tacit").weights == model.weights


def test_missing_weights(copy, saved):
    (copy / "weights.bin").unlink()
    refused(copy, "weights.bin, which holds the weights of", "0.tacit, cannot be read (No such file or directory)", AGAIN)
    shutil.copy(saved / "0.tacit", copy.parent / "0.tacit")
    refused(copy.parent, "weights.bin", "cannot be read")


def test_damaged_and_exchanged_weights(copy):
    data = (copy / "weights.bin").read_bytes()
    for other in (b"", data[:-1], data + b"\0", data[:7] + bytes([data[7] ^ 1]) + data[8:]):
        (copy / "weights.bin").write_bytes(other)
        refused(copy, "weights.bin is damaged, or holds other weights than those of", "0.tacit: put the file back", AGAIN)
    (copy / "weights.bin").write_bytes(data)
    assert tacit.Conversation.load(copy).models[0].weights == data


@pytest.mark.parametrize("weights", [None, 3, ["weights.bin"], ["../copy/weights.bin", "0" * 64], ["", "0"], ["weights.bin", 1]])
def test_files_that_name_no_weights(copy, weights):
    manifest, parts = storage.unpack(copy / "0.tacit", APART)
    (copy / "0.tacit").write_bytes(storage.pack({**manifest, "weights": weights}, parts))
    refused(copy, "0.tacit is damaged (it names no weights)")


def test_missing_chunks(copy, tmp_path):
    (copy / "1.tacit").unlink()
    refused(copy, "has lost its 1.tacit", AGAIN)
    shutil.copy(copy / "0.tacit", copy / "2.tacit")
    refused(copy, "has lost its 1.tacit", AGAIN)
    (copy / "0.tacit").unlink()
    refused(copy, "no 0.tacit")
    refused(tmp_path / "nowhere", "no 0.tacit")


def test_a_chunk_of_another_conversation(talk, copy):
    """Of the same model, so that the weights are the same; the commitment to them is another one."""
    weights = storage.Beside.of("weights.bin", talk.models[0].weights)
    (copy / "1.tacit").write_bytes(talk.models[1].recommit().to_bytes(weights))
    refused(copy, "1.tacit is of another conversation than", "0.tacit: their commitments to the weights differ")


def test_whole_model_files_are_a_conversation_too(talk, tmp_path):
    """Each with the weights in it, as `Model.save` writes them."""
    for chunk, model in enumerate(talk.models):
        (tmp_path / f"{chunk}.tacit").write_bytes(model.to_bytes())
    loaded = tacit.Conversation.load(tmp_path)
    assert loaded.keys == talk.keys and loaded.models[1].weights is loaded.models[0].weights


def test_a_folder_that_cannot_be_written_is_left_as_it_was(talk, saved, monkeypatch):
    """All files are written before one is renamed, and every count stays where it was."""
    before = {path.name: path.read_bytes() for path in saved.iterdir()}
    left = [model.hidden_proofs() for model in talk.models]
    real, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 4:  # the two counts, weights.bin, 0.tacit
            raise OSError(28, "No space left on device")
        real(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(tacit.ModelError, match="No space left on device"):
            talk.save(saved)
    assert {path.name: path.read_bytes() for path in saved.iterdir()} == before
    assert [model.hidden_proofs() for model in talk.models] == left


def test_one_budget_for_all_chunks(tmp_path):
    """What all chunks' files have left together is never more than the one commitment hides, and a copy has nothing left."""
    talk = compiled(tmp_path)
    hides = talk.models[0].openings
    assert hides == CHUNKS * OPENINGS
    left = lambda talk: sum(model.openings - model.hidden_proofs() for model in talk.models)  # noqa: E731
    assert left(talk) <= hides
    talk.save(tmp_path / "talk")
    shutil.copytree(tmp_path / "talk", tmp_path / "copy")
    before = left(talk)
    loaded = tacit.Conversation.load(tmp_path / "talk")
    assert left(loaded) == before <= hides
    loaded.answer(PROMPT)
    assert left(loaded) == left(tacit.Conversation.load(tmp_path / "talk")) == before - CHUNKS == left(talk)
    doubled = tacit.Conversation.load(tmp_path / "copy")
    assert [model.hidden_proofs() for model in doubled.models] == [None] * CHUNKS
    with pytest.raises(tacit.ModelError, match="does not count the proofs of"):
        doubled.answer(PROMPT)
    talk.save(tmp_path / "moved")
    assert left(tacit.Conversation.load(tmp_path / "moved")) == before - CHUNKS
    with pytest.raises(tacit.ModelError, match="has used the"):
        loaded.answer(PROMPT)


def test_a_spent_chunk_is_marked_in_its_own_file(talk, copy):
    """The flag is rewritten; the weights stay beside it."""
    mark_opened(copy / "1.tacit", talk.keys[1])
    assert Model.load(copy / "1.tacit").opened and not Model.load(copy / "0.tacit").opened
    assert storage.unpack(copy / "1.tacit", APART)[0]["opened"]
