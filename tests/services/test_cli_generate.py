"""The command line for models that write: compile, generate, verify with a seed, and one sentence for what does not fit."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from tacit.services.cli import main

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "frontends"))
import plain_models as plain  # noqa: E402
from weight_files import write_folder  # noqa: E402

SETTINGS = {"model_type": "gpt2", "n_layer": 1, "n_embd": plain.WIDTH, "n_head": plain.HEADS, "n_positions": 8, "vocab_size": 50}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with a tiny GPT-2, `m.tacit` that draws three tokens behind one or two, and a receipt."""
    folder = tmp_path_factory.mktemp("cli_generate")
    tensors = {n: a for n, a in plain.gpt2_tensors(np.random.default_rng(1)).items() if "h.1." not in n}
    tensors["wpe.weight"] = tensors["wpe.weight"][:8]
    write_folder(folder / "model", SETTINGS, tensors)
    rows = {"prompt": [[1, 2], [3, 0]], "prompt_length": [2, 1], "generated": [[3, 4, 5], [6, 7, 8]], "uniform": [[0] * 3] * 2}
    (folder / "samples.json").write_text(json.dumps(rows))
    options = ["--samples", str(folder / "samples.json"), "--prompt-tokens", "2", "--new-tokens", "3", "--temperature", "0.5"]
    model = str(folder / "m.tacit")
    assert main(["compile", str(folder / "model"), *options, "--top-k", "40", "--openings", "0", "-o", model]) == 0
    bound = ["--seed", "dice", "--context", "me"]
    assert main(["generate", model, "--tokens", "7,9", *bound, "-o", str(folder / "out.receipt")]) == 0
    return folder


def verified(place, *options):
    return main(["verify", str(place / "out.receipt"), "--key", str(place / "m.key"), "--context", "me", *options])


def test_a_drawn_text_is_verified_with_its_seed(place, capsys):
    assert verified(place, "--seed", "dice") == 0
    shown = capsys.readouterr().out
    assert "drawn with the numbers of this seed" in shown and "generated [1, 3]" in shown
    assert verified(place, "--seed", "other") == 1
    assert "other numbers" in capsys.readouterr().err
    assert verified(place) == 0
    assert "seed" not in capsys.readouterr().out


def test_what_does_not_fit_is_said_in_one_sentence(place, capsys):
    model, output = str(place / "m.tacit"), str(place / "x.receipt")
    for arguments, reason in (
        (["generate", model, "-o", output], "--prompt TEXT"),
        (["generate", model, "--tokens", "7", "-o", output], "give a seed"),
        (["generate", model, "--prompt", "text", "--seed", "s", "-o", output], "no tokenizer"),
        (["generate", model, "--tokens", "7", "--seed", "s", "-o", model], "would overwrite"),
        (["generate", model, "--tokens", "7,8,9", "--seed", "s", "-o", output], "takes 1 to 2: compile with more prompt_tokens."),
        (["generate", model, "--tokens", "7,50", "--seed", "s", "-o", output], "Tokens of this model are 0 to 49."),
        (["compile", str(place / "model"), "--new-tokens", "3", "-o", str(place / "y.tacit")], "both --prompt-tokens"),
        (["compile", str(place / "model"), "--top-k", "3", "-o", str(place / "y.tacit")], "both --prompt-tokens"),
    ):
        assert main(arguments) == 2
        assert reason in capsys.readouterr().err
    assert not (place / "x.receipt").exists()


@pytest.fixture(scope="module")
def talk(place):
    """A folder with two chunks of four tokens of that GPT-2, which draw, and one with an answer."""
    rows = {"prompt": [[1]], "prompt_length": [1], "generated": [[3, 4, 5, 6, 7, 8, 9, 1]], "uniform": [[0] * 8]}
    (place / "long.json").write_text(json.dumps(rows))
    options = ["--samples", str(place / "long.json"), "--chunks", "2", "--chunk-tokens", "4", "--openings", "5"]
    assert main(["compile", str(place / "model"), *options, "--temperature", "0.5", "-o", str(place / "talk")]) == 0
    answer = ["--tokens", "7,9", "--seed", "dice", "--hide", "weights,generated", "-o", str(place / "said")]
    assert main(["generate", str(place / "talk"), *answer]) == 0
    return place


def test_a_conversation_from_the_command_line(talk, capsys):
    said, keys = talk / "said", str(talk / "talk")
    assert sorted(path.name for path in said.iterdir()) == ["0.receipt", "1.receipt"]
    assert main(["verify", str(said), "--key", keys, "--seed", "dice"]) == 0
    out = capsys.readouterr().out
    assert "a conversation in 2 chunks" in out and "prompt [2]: 7, 9" in out and "generated: hidden" in out
    assert main(["verify", str(said), "--key", keys, "--seed", "other"]) == 1
    assert main(["verify", str(said / "1.receipt"), str(said / "0.receipt"), "--key", keys, "--seed", "dice"]) == 1
    shorter = ["--tokens", "7,9", "--new-tokens", "2", "--seed", "dice", "-o", str(talk / "short")]
    assert main(["generate", keys, *shorter]) == 0
    assert [path.name for path in (talk / "short").iterdir()] == ["0.receipt"]
    assert main(["verify", str(talk / "short"), "--key", keys, "--seed", "dice"]) == 0
    assert "generated [3]" in capsys.readouterr().out


def test_one_chunk_is_verified_with_the_seed(talk, capsys):
    """The second chunk's tokens are drawn with the numbers from its own place on."""
    for chunk in ("0", "1"):
        one = [str(talk / "said" / f"{chunk}.receipt"), "--key", str(talk / "talk" / f"{chunk}.key")]
        assert main(["verify", *one, "--seed", "dice"]) == 0
        assert "drawn with the numbers of this seed" in capsys.readouterr().out
        assert main(["verify", *one, "--seed", "other"]) == 1
        assert "other numbers" in capsys.readouterr().err
        assert main(["verify", *one]) == 0


def test_folders_that_lost_a_file(talk, tmp_path, capsys):
    for folder, lost in (("said", "0.receipt"), ("talk", "1.tacit"), ("talk", "weights.bin")):
        copy = shutil.copytree(talk / folder, tmp_path / lost)
        (copy / lost).unlink()
        receipts = copy if folder == "said" else talk / "said"
        keys = copy if folder == "talk" else talk / "talk"
        generate = ["generate", str(keys), "--tokens", "7,9", "--seed", "dice", "-o", str(tmp_path / "new")]
        verify = ["verify", str(receipts), "--key", str(keys), "--seed", "dice"]
        if folder == "talk":
            assert main(verify) == 0  # keys are all that a verifier needs
        assert main(verify if folder == "said" else generate) == 2
        error = capsys.readouterr().err
        assert lost in error and error.count("\n") == 1
    (tmp_path / "0.receipt" / "1.receipt").unlink()
    assert main(["verify", str(tmp_path / "0.receipt"), "--key", str(talk / "talk"), "--seed", "dice"]) == 2
    assert "has no 0.receipt" in capsys.readouterr().err


def test_what_a_conversation_does_not_take(talk, capsys):
    model, keys, new = str(talk / "model"), str(talk / "talk"), str(talk / "new")
    fixed = ["generate", str(talk / "m.tacit"), "--tokens", "7", "--new-tokens", "1", "--seed", "s", "-o", new]
    for arguments, reason in (
        (["compile", model, "--chunks", "2", "-o", new], "both --chunks and --chunk-tokens"),
        (["compile", model, "--chunks", "2", "--chunk-tokens", "4", "--new-tokens", "4", "-o", new], "does not take --new-tokens"),
        (["compile", model, "--chunks", "2", "--chunk-tokens", "4", "-o", keys], "holds a model already"),
        (["generate", keys, "--tokens", "7", "--seed", "s", "-o", str(talk / "said")], "holds receipts already"),
        (fixed, "leave --new-tokens out"),
        (["generate", str(talk / "said"), "--tokens", "7", "-o", new], "no conversation in"),
        (["generate", keys, "--tokens", "7", "--seed", "s", "-o", str(talk / "long.json" / "x")], "long.json is no folder"),
        (["generate", keys, "--tokens", "7", "--seed", "s", "-o", str(talk / "long.json")], "long.json is no folder"),
        (["generate", keys, "--tokens", "7,8,9,1,2,3,4,5,6", "--seed", "s", "-o", new], "has 8 places: shorten the prompt"),
        (["generate", keys, "--tokens", "7", "--new-tokens", "0", "--seed", "s", "-o", new], "at least one new token"),
        (["generate", keys, "--tokens", "7", "-o", new], "draws its tokens: give a seed"),
        (["generate", str(talk / "talk" / "1.tacit"), "--tokens", "7", "--seed", "s", "-o", new], "or the folder of the whole"),
        (["verify", str(talk / "model"), "--key", keys], "has no 0.receipt"),
    ):
        assert main(arguments) == 2
        assert reason in capsys.readouterr().err
    assert not Path(new).exists()
