"""BERT (Devlin et al. 2018), as encoder and with the pooling that sentence-transformers puts on top."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tacit.errors import ModelError
from tacit.frontends.checkpoint import Checkpoint, Settings, Weights
from tacit.frontends.families.parts import MASKED, Transformer
from tacit.frontends.safetensors import read_json, read_object
from tacit.graph import Graph

LAYER = "encoder.layer.{}."
NAMES = {
    "embedding": "embeddings.word_embeddings", "positions": "embeddings.position_embeddings",
    "segments": "embeddings.token_type_embeddings", "first_norm": "embeddings.LayerNorm",
    "query": LAYER + "attention.self.query", "key": LAYER + "attention.self.key", "value": LAYER + "attention.self.value",
    "joined": LAYER + "attention.output.dense", "attention_norm": LAYER + "attention.output.LayerNorm",
    "up": LAYER + "intermediate.dense", "down": LAYER + "output.dense", "norm": LAYER + "output.LayerNorm",
}  # fmt: skip
UNUSED = ("embeddings.position_ids", "pooler.dense.weight", "pooler.dense.bias")
"""A buffer, and the layer over the first token that only classifiers use."""
ACTIVATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    "gelu": ("Gelu", {}),
    "gelu_new": ("Gelu", {"approximate": "tanh"}),
    "relu": ("Relu", {}),
}
ENCODERS = ("BertModel",)


@dataclass(frozen=True)
class Sizes:
    layers: int
    width: int
    heads: int
    inner: int
    context: int
    segments: int
    epsilon: float
    activation: str


def from_config(settings: Settings) -> Sizes:
    for architecture in settings.given("architectures", list(ENCODERS)):
        if architecture not in ENCODERS:
            raise ModelError(f"{settings.source} describes a {architecture!r}; {ENCODERS[0]} can be built: export it to ONNX.")
    settings.require("position_embedding_type", ("absolute",), "absolute")
    settings.require("is_decoder", (False,), False)
    return Sizes(
        settings.count("num_hidden_layers"),
        settings.count("hidden_size"),
        settings.count("num_attention_heads"),
        settings.count("intermediate_size"),
        settings.count("max_position_embeddings"),
        settings.count("type_vocab_size", 2),
        settings.number("layer_norm_eps", 1e-12),
        settings.require("hidden_act", tuple(ACTIVATIONS), "gelu"),
    )


def build(checkpoint: Checkpoint, tokens: int) -> Graph:
    """`input_ids` and `attention_mask`, int64 [1, tokens] (1 for a token, 0 for padding), all tokens of the first segment ->
    `last_hidden_state` float32 [1, tokens, width], or `sentence_embedding` [1, width] where `modules.json` lies beside."""
    sizes = from_config(checkpoint.settings)
    if sizes.width % sizes.heads:
        raise ModelError(f"{checkpoint.name} has a width of {sizes.width} that its {sizes.heads} heads do not divide.")
    modules = pooling(checkpoint)
    weights = Weights(checkpoint, NAMES, "" if "embeddings.word_embeddings.weight" in checkpoint.tensors else "bert.")
    write = Transformer(checkpoint, tokens, sizes.context)
    x = embedded(write, weights, sizes)
    attended = write.op("Cast", write.entrance("attention_mask", (1, tokens)), to=1)
    missing = write.op("Sub", write.constant(1.0, "float32"), attended)
    mask = write.op("Mul", missing, write.constant(MASKED, "float32"))
    for layer in range(sizes.layers):
        write.scope = f"layer{layer}"
        x = block(write, weights, sizes, layer, x, mask)
    weights.require_all_read(lambda key: key.removeprefix(weights.prefix) in UNUSED)
    write.scope = "pooling"
    if not modules:
        return write.finish("last_hidden_state", write.reshape(x, 1, tokens, sizes.width))
    return write.finish("sentence_embedding", pooled(write, modules, x, attended))


def embedded(write: Transformer, weights: Weights, sizes: Sizes) -> str:
    """Word, position and segment embeddings added up and normalised."""
    words = weights.take("embedding.weight", (weights.shape("embedding.weight")[0], sizes.width))
    places = weights.take("positions.weight", (sizes.context, sizes.width))[: write.tokens]
    segments = weights.take("segments.weight", (sizes.segments, sizes.width))
    x = write.op("Gather", write.constant(words), write.token_ids(), axis=0)
    x = write.op("Add", x, write.constant(places + segments[0]))
    return normalised(write, weights, sizes, "first_norm", None, x)


def block(write: Transformer, weights: Weights, sizes: Sizes, layer: int, x: str, mask: str) -> str:
    """norm(x + attention(x)), then the same of the feed-forward part."""
    width, inner = sizes.width, sizes.inner
    operator, attributes = ACTIVATIONS[sizes.activation]

    def linear(name: str, data: str, before: int, after: int) -> str:
        matrix = weights.take(f"{name}.weight", (after, before), layer)
        return write.linear(data, matrix.T, weights.take(f"{name}.bias", (after,), layer))

    query, key, value = (write.heads(linear(name, x, width, width), sizes.heads) for name in ("query", "key", "value"))
    mixed = linear("joined", write.attention(mask, query, key, value), width, width)
    x = normalised(write, weights, sizes, "attention_norm", layer, write.op("Add", mixed, x))
    hidden = write.op(operator, linear("up", x, width, inner), **attributes)
    return normalised(write, weights, sizes, "norm", layer, write.op("Add", linear("down", hidden, inner, width), x))


def normalised(write: Transformer, weights: Weights, sizes: Sizes, name: str, layer: int | None, x: str) -> str:
    slope, offset = (weights.take(f"{name}.{part}", (sizes.width,), layer) for part in ("weight", "bias"))
    return write.layer_norm(x, np.asarray(slope), np.asarray(offset), sizes.epsilon)


def pooling(checkpoint: Checkpoint) -> list[str]:
    """What `modules.json` puts on top of the encoder, as names of POOLINGS. Empty without that file."""
    path = checkpoint.folder / "modules.json"
    if not path.exists():
        return []
    found = []
    modules = read_json(path)
    for module in modules if isinstance(modules, list) else [modules]:
        settings = Settings(str(path), module if isinstance(module, Mapping) else {})
        kind = settings.word("type").rpartition(".")[2]
        if kind == "Pooling":
            found.append(pooling_mode(checkpoint.folder / settings.word("path") / "config.json"))
        elif kind == "Normalize":
            found.append("unit")
        elif kind != "Transformer":
            raise ModelError(f"{path} has a module {kind!r}; Transformer, Pooling and Normalize can be built: export it to ONNX.")
    if found not in ([], ["mean"], ["first"], ["mean", "unit"], ["first", "unit"]):
        raise ModelError(f"{path} puts its modules in an order that cannot be built: {', '.join(found)}; export it to ONNX.")
    return found


def pooling_mode(path: Path) -> str:
    """'mean' over the tokens, or the 'first' token."""
    settings = Settings(str(path), read_object(path))
    modes = [key for key, value in settings.entries.items() if key.startswith("pooling_mode_") and value is True]
    names = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "first"}
    if len(modes) != 1 or modes[0] not in names:
        raise ModelError(f"{path} asks for {' and '.join(modes) or 'no pooling'}; {' or '.join(names)} can be built.")
    return names[modes[0]]


def pooled(write: Transformer, modules: list[str], x: str, attended: str) -> str:
    """[1, width] of [tokens, width]: the mean over the tokens that `attended` counts, or the first token; of length 1."""
    if modules[0] == "mean":
        count = write.op("ReduceSum", attended, write.integers(1), keepdims=1)
        x = write.op("Div", write.op("MatMul", attended, x), count)
    else:
        x = write.op("Slice", x, write.integers(0), write.integers(1), write.integers(0))
    return write.op("LpNormalization", x, axis=1, p=2) if "unit" in modules else x
