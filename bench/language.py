"""The shape of GPT-2 (Radford et al. 2019, 124 M weights) as a folder of seeded random weights, and prompts of random tokens.

The real weights cannot be had offline: time, memory and sizes are those of the shape; agreement with float32 is that of random
weights of the size that its initialisation has, and says nothing of the real model.
"""

from __future__ import annotations

import json
import struct
from pathlib import Path

import numpy as np

VOCABULARY, CONTEXT, WIDTH, LAYERS, HEADS = 50257, 1024, 768, 12, 12
DEVIATION = 0.02
"""Of initial weights; those before a residual sum are divided by sqrt(2 LAYERS) (section 2.3)."""


def tensor_shapes() -> dict[str, tuple[int, ...]]:
    shapes: dict[str, tuple[int, ...]] = {"wte.weight": (VOCABULARY, WIDTH), "wpe.weight": (CONTEXT, WIDTH)}
    for layer in range(LAYERS):
        for norm in ("ln_1", "ln_2"):
            shapes |= {f"h.{layer}.{norm}.weight": (WIDTH,), f"h.{layer}.{norm}.bias": (WIDTH,)}
        for name, rows, columns in (
            ("attn.c_attn", WIDTH, 3 * WIDTH),
            ("attn.c_proj", WIDTH, WIDTH),
            ("mlp.c_fc", WIDTH, 4 * WIDTH),
            ("mlp.c_proj", 4 * WIDTH, WIDTH),
        ):
            shapes |= {f"h.{layer}.{name}.weight": (rows, columns), f"h.{layer}.{name}.bias": (columns,)}
    return shapes | {"ln_f.weight": (WIDTH,), "ln_f.bias": (WIDTH,)}


def values(name: str, shape: tuple[int, ...], generator: np.random.Generator) -> np.ndarray:
    """float16: norms of 1 and biases of 0 with a little noise, matrices as they are initialised."""
    noise = generator.standard_normal(shape, dtype=np.float32) * np.float32(DEVIATION)
    if name.endswith("c_proj.weight"):
        noise /= np.float32((2 * LAYERS) ** 0.5)
    one = ".ln_" in name or name.startswith("ln_f")
    return (noise + np.float32(one and name.endswith("weight"))).astype(np.float16)


def write(folder: Path) -> Path:
    """config.json and model.safetensors, 249 MB; the same bytes at every call."""
    folder.mkdir(exist_ok=True)
    config = {
        "model_type": "gpt2", "n_embd": WIDTH, "n_layer": LAYERS, "n_head": HEADS, "n_positions": CONTEXT, "vocab_size": VOCABULARY,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    shapes, header, end = tensor_shapes(), {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "F16", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    generator = np.random.default_rng(0)
    with (folder / "model.safetensors").open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for name, shape in shapes.items():
            file.write(values(name, shape, generator).tobytes())
    return folder


def prompts(tokens: int, count: int = 2) -> dict[str, np.ndarray]:
    """Uniform random tokens; what follows the last one is asked for."""
    ids = np.random.default_rng(tokens).integers(0, VOCABULARY, (count, tokens))
    return {"input_ids": ids, "position": np.full((count, 1), tokens - 1)}
