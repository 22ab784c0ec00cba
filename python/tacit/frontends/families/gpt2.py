"""GPT-2 (Radford et al. 2019): learned positions, layer normalisation before each part, one matrix for query, key and value."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from tacit.errors import ModelError
from tacit.frontends.checkpoint import Checkpoint, Settings, Weights
from tacit.frontends.families.parts import Transformer
from tacit.frontends.generation import Generation
from tacit.graph import Graph

CONFIG_NAMES = {
    "embedding": "wte", "positions": "wpe", "attention_norm": "h.{}.ln_1", "attention": "h.{}.attn.c_attn",
    "joined": "h.{}.attn.c_proj", "norm": "h.{}.ln_2", "up": "h.{}.mlp.c_fc", "down": "h.{}.mlp.c_proj", "last_norm": "ln_f",
}  # fmt: skip
GGUF_NAMES = {
    "embedding": "token_embd", "positions": "position_embd", "attention_norm": "blk.{}.attn_norm", "attention": "blk.{}.attn_qkv",
    "joined": "blk.{}.attn_output", "norm": "blk.{}.ffn_norm", "up": "blk.{}.ffn_up", "down": "blk.{}.ffn_down",
    "last_norm": "output_norm", "head": "output",
}  # fmt: skip
BUFFERS = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")
"""Masks that older files store as tensors."""


@dataclass(frozen=True)
class Sizes:
    layers: int
    width: int
    heads: int
    inner: int
    context: int
    epsilon: float


def from_config(settings: Settings) -> Sizes:
    settings.require("activation_function", ("gelu_new", "gelu_pytorch_tanh"), "gelu_new")
    settings.require("scale_attn_weights", (True,), True)
    settings.require("scale_attn_by_inverse_layer_idx", (False,), False)
    settings.require("tie_word_embeddings", (True,), True)
    width = settings.count("n_embd")
    return Sizes(
        settings.count("n_layer"),
        width,
        settings.count("n_head"),
        settings.count("n_inner", 4 * width),
        settings.count("n_positions"),
        settings.number("layer_norm_epsilon", 1e-5),
    )


def from_gguf(settings: Settings) -> Sizes:
    return Sizes(
        settings.count("gpt2.block_count"),
        settings.count("gpt2.embedding_length"),
        settings.count("gpt2.attention.head_count"),
        settings.count("gpt2.feed_forward_length"),
        settings.count("gpt2.context_length"),
        settings.number("gpt2.attention.layer_norm_epsilon", 1e-5),
    )


def build(checkpoint: Checkpoint, tokens: int, positions: int | None, generation: Generation | None = None) -> Graph:
    """`input_ids` int64 [1, tokens] and `position` int64 [positions] -> `logits` float32 [positions, vocabulary]; None: those of
    every token, from `input_ids` alone. Or a model that writes."""
    gguf = checkpoint.format == "gguf"
    sizes = from_gguf(checkpoint.settings) if gguf else from_config(checkpoint.settings)
    if sizes.width % sizes.heads:
        raise ModelError(f"{checkpoint.name} has a width of {sizes.width} that its {sizes.heads} heads do not divide.")
    prefix = "" if gguf or "wte.weight" in checkpoint.tensors else "transformer."
    weights = Weights(checkpoint, GGUF_NAMES if gguf else CONFIG_NAMES, prefix)
    write = Transformer(checkpoint, tokens, sizes.context, generation)
    embedding = weights.take("embedding.weight", (weights.shape("embedding.weight")[0], sizes.width))
    places = weights.take("positions.weight", (sizes.context, sizes.width))
    x = write.op("Gather", write.constant(embedding), write.token_ids(), axis=0)
    x = write.op("Add", x, write.by_place(places))
    mask = write.causal_mask()
    for layer in range(sizes.layers):
        write.scope = f"layer{layer}"
        x = block(write, weights, sizes, layer, x, mask, gguf)
    write.scope = "head"
    x = normalised(write, weights, sizes, "last_norm", None, write.at_positions(x, positions))
    head = weights.take("head.weight", embedding.shape) if gguf and weights.has("head.weight") else embedding
    weights.require_all_read(lambda key: bool(BUFFERS.fullmatch(key.removeprefix(prefix))) or is_tied(checkpoint, key))
    return write.finish("logits", write.linear(x, head.T))


def is_tied(checkpoint: Checkpoint, key: str) -> bool:
    """Whether a tensor repeats the embedding, which is the head's matrix."""
    return checkpoint.format == "safetensors" and key == "lm_head.weight"


def block(write: Transformer, weights: Weights, sizes: Sizes, layer: int, x: str, mask: str, transposed: bool) -> str:
    """x + attention(norm(x)), then the same of the feed-forward part."""
    width = sizes.width

    def linear(name: str, data: str, before: int, after: int) -> str:
        shape = (after, before) if transposed else (before, after)
        matrix = weights.take(f"{name}.weight", shape, layer)
        return write.linear(data, matrix.T if transposed else matrix, weights.take(f"{name}.bias", (after,), layer))

    normal = normalised(write, weights, sizes, "attention_norm", layer, x)
    whole = linear("attention", normal, width, 3 * width)
    split = write.ops("Split", whole, write.integers(width, width, width), count=3, axis=1)
    query, key, value = (write.heads(part, sizes.heads) for part in split)
    mixed = write.attention(mask, query, key, value)
    x = write.op("Add", x, linear("joined", mixed, width, width))
    inner = linear("up", normalised(write, weights, sizes, "norm", layer, x), width, sizes.inner)
    return write.op("Add", x, linear("down", write.op("Gelu", inner, approximate="tanh"), sizes.inner, width))


def normalised(write: Transformer, weights: Weights, sizes: Sizes, name: str, layer: int | None, x: str) -> str:
    slope, offset = (weights.take(f"{name}.{part}", (sizes.width,), layer) for part in ("weight", "bias"))
    return write.layer_norm(x, np.asarray(slope), np.asarray(offset), sizes.epsilon)
