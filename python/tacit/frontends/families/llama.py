"""Llama (Touvron et al. 2023) and its kin Qwen2 and Qwen3: root-mean-square norms, rotary positions, grouped heads, gated
feed-forward parts. Qwen2 adds biases to query, key and value; Qwen3 normalises each head's query and key."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import pi, sqrt

import numpy as np

from tacit.errors import ModelError
from tacit.frontends.checkpoint import Checkpoint, Settings, Weights
from tacit.frontends.families.parts import Transformer
from tacit.frontends.generation import Generation
from tacit.graph import Graph

LAYER = "model.layers.{}."
CONFIG_NAMES = {
    "embedding": "model.embed_tokens", "attention_norm": LAYER + "input_layernorm", "query": LAYER + "self_attn.q_proj",
    "key": LAYER + "self_attn.k_proj", "value": LAYER + "self_attn.v_proj", "joined": LAYER + "self_attn.o_proj",
    "query_norm": LAYER + "self_attn.q_norm", "key_norm": LAYER + "self_attn.k_norm", "norm": LAYER + "post_attention_layernorm",
    "gate": LAYER + "mlp.gate_proj", "up": LAYER + "mlp.up_proj", "down": LAYER + "mlp.down_proj", "last_norm": "model.norm",
    "head": "lm_head",
}  # fmt: skip
GGUF_NAMES = {
    "embedding": "token_embd", "attention_norm": "blk.{}.attn_norm", "query": "blk.{}.attn_q", "key": "blk.{}.attn_k",
    "value": "blk.{}.attn_v", "joined": "blk.{}.attn_output", "query_norm": "blk.{}.attn_q_norm", "key_norm": "blk.{}.attn_k_norm",
    "norm": "blk.{}.ffn_norm", "gate": "blk.{}.ffn_gate", "up": "blk.{}.ffn_up", "down": "blk.{}.ffn_down",
    "last_norm": "output_norm", "head": "output", "stretch": "rope_freqs",
}  # fmt: skip
BUFFERS = re.compile(r"model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq")
"""Frequencies that older files store as tensors."""


@dataclass(frozen=True)
class Sizes:
    """`size` of a head; `base` of the rotary frequencies; `window`: how many tokens back a token sees, if that is limited."""

    layers: int
    width: int
    heads: int
    shared: int
    size: int
    inner: int
    context: int
    base: float
    epsilon: float
    tied: bool
    window: int | None


def from_config(settings: Settings) -> Sizes:
    settings.require("hidden_act", ("silu",), "silu")
    settings.require("partial_rotary_factor", (1, 1.0), 1)
    width, heads = settings.count("hidden_size"), settings.count("num_attention_heads")
    windowed = settings.flag("use_sliding_window", False)
    return Sizes(
        settings.count("num_hidden_layers"),
        width,
        heads,
        settings.count("num_key_value_heads", heads),
        settings.count("head_dim", max(width // heads, 1)),
        settings.count("intermediate_size"),
        settings.count("max_position_embeddings"),
        settings.within("rope_parameters").number("rope_theta", settings.number("rope_theta", 10000.0)),
        settings.number("rms_norm_eps", 1e-6),
        settings.flag("tie_word_embeddings", False),
        settings.count("sliding_window") if windowed else None,
    )


def from_gguf(settings: Settings, family: str) -> Sizes:
    width, heads = settings.count(f"{family}.embedding_length"), settings.count(f"{family}.attention.head_count")
    size = settings.count(f"{family}.attention.key_length", max(width // heads, 1))
    for key in (f"{family}.rope.dimension_count", f"{family}.attention.value_length"):
        settings.require(key, (size,), size)
    settings.require(f"{family}.rope.scaling.type", ("none",), "none")
    return Sizes(
        settings.count(f"{family}.block_count"),
        width,
        heads,
        settings.count(f"{family}.attention.head_count_kv", heads),
        size,
        settings.count(f"{family}.feed_forward_length"),
        settings.count(f"{family}.context_length"),
        settings.number(f"{family}.rope.freq_base", 10000.0),
        settings.number(f"{family}.attention.layer_norm_rms_epsilon"),
        tied=True,
        window=None,
    )


def build(checkpoint: Checkpoint, tokens: int, positions: int | None, generation: Generation | None = None) -> Graph:
    """`input_ids` int64 [1, tokens] and `position` int64 [positions] -> `logits` float32 [positions, vocabulary]; None: those of
    every token, from `input_ids` alone. Or a model that writes."""
    gguf = checkpoint.format == "gguf"
    sizes = from_gguf(checkpoint.settings, checkpoint.family) if gguf else from_config(checkpoint.settings)
    _require_whole(checkpoint, sizes)
    weights = Weights(checkpoint, GGUF_NAMES if gguf else CONFIG_NAMES)
    write = Transformer(checkpoint, tokens, min(sizes.context, sizes.window or sizes.context), generation)
    embedding = weights.take("embedding.weight", (weights.shape("embedding.weight")[0], sizes.width))
    x = write.op("Gather", write.constant(embedding), write.token_ids(), axis=0)
    rotation = Rotation(write, frequencies(checkpoint, weights, sizes), sizes.size)
    # Files in GGUF hold Llama's rotary pairs next to each other; everybody else's are halves of a head.
    order = paired if gguf and checkpoint.family == "llama" else halved
    mask = write.causal_mask()
    for layer in range(sizes.layers):
        write.scope = f"layer{layer}"
        x = block(write, weights, sizes, layer, x, mask, rotation, order)
    write.scope = "head"
    x = write.rms_norm(write.at_positions(x, positions), weights.take("last_norm.weight", (sizes.width,)), sizes.epsilon)
    tied = sizes.tied and not (gguf and weights.has("head.weight"))
    head = embedding if tied else weights.take("head.weight", embedding.shape)
    weights.require_all_read(lambda key: bool(BUFFERS.fullmatch(key)) or (not gguf and tied and key == "lm_head.weight"))
    return write.finish("logits", write.linear(x, head.T))


def block(
    write: Transformer,
    weights: Weights,
    sizes: Sizes,
    layer: int,
    x: str,
    mask: str,
    rotation: Rotation,
    order: Callable[[np.ndarray, int], np.ndarray],
) -> str:
    """x + attention(norm(x)), then x + down(swish(gate) * up) of norm(x)."""
    width, inner, family = sizes.width, sizes.inner, weights.checkpoint.family

    def linear(name: str, data: str, before: int, after: int) -> str:
        turn = (lambda array: order(array, sizes.size)) if name in ("query", "key") else (lambda array: array)
        bias = None
        if (family == "qwen2" and name in ("query", "key", "value")) or weights.has(f"{name}.bias", layer):
            bias = turn(weights.take(f"{name}.bias", (after,), layer))
        return write.linear(data, turn(weights.take(f"{name}.weight", (after, before), layer)).T, bias)

    def rotated(name: str, count: int, factor: float) -> str:
        heads = write.heads(linear(name, normal, width, count * sizes.size), count)
        if family == "qwen3":
            heads = write.rms_norm(heads, weights.take(f"{name}_norm.weight", (sizes.size,), layer), sizes.epsilon)
        return rotation.turn(heads, factor)

    normal = write.rms_norm(x, weights.take("attention_norm.weight", (width,), layer), sizes.epsilon)
    query, key = rotated("query", sizes.heads, 1 / sqrt(sizes.size)), rotated("key", sizes.shared, 1.0)
    value = write.heads(linear("value", normal, width, sizes.shared * sizes.size), sizes.shared)
    mixed = write.attention(mask, query, key, value, scaled=True)
    x = write.op("Add", x, linear("joined", mixed, sizes.heads * sizes.size, width))
    normal = write.rms_norm(x, weights.take("norm.weight", (width,), layer), sizes.epsilon)
    gate = write.op("Swish", linear("gate", normal, width, inner), alpha=1.0)
    return write.op("Add", x, linear("down", write.op("Mul", gate, linear("up", normal, width, inner)), inner, width))


class Rotation:
    """Rotary positions (Su et al. 2021): the pair (j, j + size/2) of a head at token t is turned by t frequency_j."""

    def __init__(self, write: Transformer, turns: np.ndarray, size: int) -> None:
        angles = np.arange(write.places)[:, None] * np.concatenate([turns, turns])[None, :]
        self._write = write
        self._cosine, self._sine = np.cos(angles), np.sin(angles) * np.repeat([1.0, -1.0], size // 2)
        self._swapped = write.integers(*range(size // 2, size), *range(size // 2))
        self._made: dict[float, tuple[str, str]] = {}

    def turn(self, x: str, factor: float) -> str:
        """factor times x[heads, tokens, size], turned: x cos + swap(x sin), so that x itself is read, and rounded, once."""
        write = self._write
        if factor not in self._made:
            cosine, sine = (write.by_place((table * factor).astype(np.float32)) for table in (self._cosine, self._sine))
            self._made[factor] = cosine, sine
        cosine, sine = self._made[factor]
        swapped = write.op("Gather", write.op("Mul", x, sine), self._swapped, axis=2)
        return write.op("Add", write.op("Mul", x, cosine), swapped)


def frequencies(checkpoint: Checkpoint, weights: Weights, sizes: Sizes) -> np.ndarray:
    """base^(-2 j / size) for j below size / 2, slower where the model was stretched to a longer context."""
    turns = sizes.base ** (-np.arange(0, sizes.size, 2) / sizes.size)
    if checkpoint.format == "gguf":
        return turns / weights.take("stretch.weight", turns.shape) if weights.has("stretch.weight") else turns
    scaling = checkpoint.settings.within("rope_scaling")
    if not scaling.entries:
        scaling = checkpoint.settings.within("rope_parameters")
    kind = scaling.require("rope_type", ("default", "llama3"), scaling.entries.get("type", "default"))
    return stretched(turns, scaling) if kind == "llama3" else turns


def stretched(turns: np.ndarray, scaling: Settings) -> np.ndarray:
    """Llama 3.1's frequencies: those of wavelengths beyond the old context divided by `factor`, short ones kept, a line
    between."""
    factor, old = scaling.number("factor"), scaling.count("original_max_position_embeddings")
    slow, fast = scaling.number("low_freq_factor"), scaling.number("high_freq_factor")
    if not slow < fast:
        raise ModelError(f"{scaling.source} gives 'low_freq_factor' as {slow}, which is not below 'high_freq_factor'.")
    share = np.clip((old * turns / (2 * pi) - slow) / (fast - slow), 0.0, 1.0)
    return turns * (share + (1 - share) / factor)


def halved(array: np.ndarray, size: int) -> np.ndarray:
    return array


def paired(array: np.ndarray, size: int) -> np.ndarray:
    """Rows of heads whose rotary pairs are (2 j, 2 j + 1), in the order (j, j + size/2)."""
    return array.reshape(-1, size // 2, 2, *array.shape[1:]).swapaxes(1, 2).reshape(array.shape)


def _require_whole(checkpoint: Checkpoint, sizes: Sizes) -> None:
    if sizes.heads % sizes.shared or sizes.size % 2:
        raise ModelError(
            f"{checkpoint.name} has {sizes.heads} heads of {sizes.size} over {sizes.shared} shared ones; groups must be equal and "
            "sizes even."
        )
