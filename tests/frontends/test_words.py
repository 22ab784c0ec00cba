"""Tokenizers of models: what a GGUF file or a folder says becomes one that the package `tokenizers` reads."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from weight_files import F32, gguf_bytes, write_folder

from tacit.errors import InputError, ModelError
from tacit.frontends.generation import Generation
from tacit.frontends.words import Words, words_of

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "models"))
from byte_pairs import BytePairs  # noqa: E402

TEXT = "  It's 1789: naïve café_au lait,\n\n\tπ ≈ 3.14!  "
LETTERS = [chr(i) for i in (*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324))]
"""What stands for the 256 bytes."""
MERGES = ["Ġ n", "a ï", "Ã ¯", "c a", "ca f", "Ġ caf", "Ċ Ċ", "1 7", "8 9", "' s", "Ġn a"]
METADATA = {
    "general.architecture": "llama",
    "tokenizer.ggml.model": "gpt2",
    "tokenizer.ggml.pre": "smollm",
    "tokenizer.ggml.tokens": ["<|end|>", *LETTERS, *(merge.replace(" ", "") for merge in MERGES)],
    "tokenizer.ggml.token_type": [3, *[1] * (len(LETTERS) + len(MERGES))],
    "tokenizer.ggml.merges": MERGES,
    "tokenizer.ggml.eos_token_id": 0,
}


def file(tmp_path, **changes):
    path = tmp_path / "m.gguf"
    path.write_bytes(gguf_bytes({**METADATA, **changes}, {"w": (np.zeros((2, 32), np.float32), F32)})[0])
    return path


def test_a_gguf_file_has_vocabulary_merges_and_end(tmp_path):
    words = words_of(file(tmp_path))
    found = json.loads(words.description)
    assert words.ends == (0,) and found["model"]["merges"] == MERGES and found["model"]["vocab"]["Ġn"] == 257
    assert [token["content"] for token in found["added_tokens"]] == ["<|end|>"] and found["post_processor"] is None
    assert Words.from_json(json.loads(json.dumps(words.to_json()))) == words


def test_texts_and_tokens(tmp_path):
    """Against an encoder of a few lines that knows nothing of the package; special tokens by themselves."""
    pytest.importorskip("tokenizers", reason="its package is not installed: pip install 'tacit-zkml[text]'")
    words, plain = words_of(file(tmp_path)), BytePairs(METADATA)
    assert words.encode(TEXT) == plain.encode(TEXT)
    assert words.decode(words.encode(TEXT)) == TEXT
    ids = words.encode("caf<|end|>na")
    assert 0 in ids and words.decode(ids) == "caf"
    begun = words_of(file(tmp_path, **{"tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.bos_token_id": 0}))
    assert begun.encode("a") == [0, *words.encode("a")]
    with pytest.raises(InputError, match="no tokens"):
        words.encode("")
    with pytest.raises(ModelError, match="tokenizer cannot be used"):
        Words("{}").encode("a")


@pytest.mark.parametrize("changes", [{"tokenizer.ggml.model": "llama"}, {"tokenizer.ggml.pre": "unknown"}])
def test_other_kinds_of_tokenizers_are_left_out(tmp_path, changes):
    path = file(tmp_path, **changes)
    assert words_of(path) is None
    (tmp_path / "tokenizer.json").write_text('{"model": {}}')
    assert words_of(path, tmp_path / "tokenizer.json") == Words('{"model": {}}', (0,))


def test_a_folder_has_a_tokenizer_and_ends(tmp_path):
    folder = write_folder(tmp_path / "m", {"model_type": "llama", "eos_token_id": 7}, {})
    assert words_of(folder) is None
    (folder / "tokenizer.json").write_text('{"model": {}}')
    assert words_of(folder) == Words('{"model": {}}', (7,))
    (folder / "generation_config.json").write_text('{"eos_token_id": [7, 9]}')
    assert words_of(folder).ends == (7, 9)
    (folder / "generation_config.json").write_text('{"eos_token_id": "x"}')
    with pytest.raises(ModelError, match="no token number"):
        words_of(folder)


def test_without_the_package_texts_are_refused_by_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    with pytest.raises(ModelError, match=r"tacit-zkml\[text\]"):
        Words("{}").encode("a")


def test_samples_of_a_model_that_writes(tmp_path):
    task = Generation("m", 2, 3)
    found = task.samples([[1, 2, 3, 4], [5, 6]], None)
    assert {name: array.tolist() for name, array in found.items()} == {
        "prompt": [[1, 2], [5, 0]],
        "prompt_length": [2, 1],
        "generated": [[3, 4, 0], [6, 0, 0]],
    }
    assert task.samples(found, None) is found and task.samples("x.npz", None) == "x.npz"
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\xfa")
    for given, reason in (
        (["a text"], "no tokenizer"),
        ([[1]], "at least two tokens"),
        ([], "at least two tokens"),
        (tmp_path / "none.txt", "cannot be read"),
        (tmp_path / "bad.txt", "not UTF-8"),
    ):
        with pytest.raises(InputError, match=reason):
            task.samples(given, None)
