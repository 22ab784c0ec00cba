"""The chat of the examples, with a tiny model whose words are characters."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chunk_models as models
from chunk_models import plain, write_folder
from small_models import ROOT

LETTERS = "abcdefghijklmnopqrstuvwxyzACFHNRTW?.,\n<|>_ "


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, str(ROOT / "examples/chat/chat.py"), *arguments, "--folder", str(folder / "compiled")]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_every_answer_is_verified_by_a_second_process(tmp_path):
    pytest.importorskip("tokenizers")
    tensors = plain.llama_tensors(np.random.default_rng(3), "llama", models.SIZE, tied=False)
    folder = write_folder(tmp_path / "model", {**models.LLAMA, "max_position_embeddings": 256}, tensors)
    vocabulary = {letter: number for number, letter in enumerate(LETTERS)}
    described = {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": [], "normalizer": None, "post_processor": None,
        "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "[\\s\\S]"}, "behavior": "Isolated", "invert": False},
        "decoder": {"type": "Fuse"}, "model": {"type": "WordLevel", "vocab": vocabulary, "unk_token": "."},
    }  # fmt: skip
    (folder / "tokenizer.json").write_text(json.dumps(described))
    done = run(tmp_path, str(folder), "--chunks", "3", "--tokens", "24", "--say", "a")
    assert done.returncode == 0, done.stderr
    assert "second process: valid: a conversation in 3 chunks" in done.stdout and "tokens a second" in done.stdout
    again = run(tmp_path, str(folder), "--say", "a", "--say", "b")
    assert again.returncode == 1 and "compiled" not in again.stdout and "the conversation is full" in again.stderr
    assert again.stdout.count("second process: valid") == 1
