"""Transformers in plain NumPy float64, one token and one head at a time, and tensors of tiny random ones under the names that
published files use. Nothing here knows the frontends."""

from __future__ import annotations

from typing import Any

import numpy as np

LAYERS, WIDTH, HEADS, SHARED, INNER, WORDS, CONTEXT = 2, 32, 4, 2, 48, 50, 16
Tensors = dict[str, np.ndarray]


def draw(rng: np.random.Generator, *shape: int, scale: float = 0.0) -> np.ndarray:
    return (rng.standard_normal(shape) * (scale or 1 / np.sqrt(shape[-1]))).astype(np.float32)


def softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - x.max())
    return e / e.sum()


def layer_norm(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, epsilon: float) -> np.ndarray:
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + epsilon) * weight + bias


def rms_norm(x: np.ndarray, weight: np.ndarray, epsilon: float) -> np.ndarray:
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + epsilon) * weight


def erf(x: np.ndarray) -> np.ndarray:
    from scipy.special import erf as error_function

    return error_function(x)


def attend(query: np.ndarray, key: np.ndarray, value: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """[tokens, heads, size] each; fewer heads of key and value serve neighbouring ones; visible[token, other]."""
    tokens, heads, size = query.shape
    result = np.zeros((tokens, heads, size))
    for token in range(tokens):
        others = np.flatnonzero(visible[token])
        for head in range(heads):
            shared = head * key.shape[1] // heads
            share = softmax(key[others, shared] @ query[token, head] / np.sqrt(size))
            result[token, head] = share @ value[others, shared]
    return result.reshape(tokens, heads * size)


# BERT


def bert_tensors(rng: np.random.Generator) -> Tensors:
    t = {
        "embeddings.word_embeddings.weight": draw(rng, WORDS, WIDTH, scale=0.5),
        "embeddings.position_embeddings.weight": draw(rng, CONTEXT, WIDTH, scale=0.3),
        "embeddings.token_type_embeddings.weight": draw(rng, 2, WIDTH, scale=0.2),
        "embeddings.position_ids": np.arange(CONTEXT)[None],
        "pooler.dense.weight": draw(rng, WIDTH, WIDTH),
        "pooler.dense.bias": draw(rng, WIDTH),
    }
    norms = ["embeddings.LayerNorm"]
    for i in range(LAYERS):
        at = f"encoder.layer.{i}."
        norms += [at + "attention.output.LayerNorm", at + "output.LayerNorm"]
        dense = {f"attention.self.{name}": (WIDTH, WIDTH) for name in ("query", "key", "value")}
        dense |= {"attention.output.dense": (WIDTH, WIDTH), "intermediate.dense": (INNER, WIDTH), "output.dense": (WIDTH, INNER)}
        for name, shape in dense.items():
            t[f"{at}{name}.weight"], t[f"{at}{name}.bias"] = draw(rng, *shape), draw(rng, shape[0], scale=0.1)
    for name in norms:
        t[f"{name}.weight"], t[f"{name}.bias"] = 1 + draw(rng, WIDTH, scale=0.1), draw(rng, WIDTH, scale=0.1)
    return t


def bert(t: Tensors, ids: np.ndarray, mask: np.ndarray, heads: int = HEADS, layers: int = LAYERS) -> np.ndarray:
    """The last hidden state [tokens, width]."""
    dense = lambda name, x: x @ t[f"{name}.weight"].T.astype(float) + t[f"{name}.bias"]  # noqa: E731
    norm = lambda name, x: layer_norm(x, t[f"{name}.weight"], t[f"{name}.bias"], 1e-12)  # noqa: E731
    x = t["embeddings.word_embeddings.weight"][ids].astype(float)
    x = x + t["embeddings.position_embeddings.weight"][: len(ids)] + t["embeddings.token_type_embeddings.weight"][0]
    x = norm("embeddings.LayerNorm", x)
    for i in range(layers):
        at = f"encoder.layer.{i}."
        parts = [dense(f"{at}attention.self.{name}", x).reshape(len(ids), heads, -1) for name in ("query", "key", "value")]
        mixed = attend(*parts, np.tile(mask.astype(bool), (len(ids), 1)))
        x = norm(at + "attention.output.LayerNorm", x + dense(at + "attention.output.dense", mixed))
        inner = dense(at + "intermediate.dense", x)
        x = norm(at + "output.LayerNorm", x + dense(at + "output.dense", inner * (1 + erf(inner / np.sqrt(2))) / 2))
    return x


# Llama, Qwen2, Qwen3


def llama_tensors(rng: np.random.Generator, kind: str, size: int, tied: bool) -> Tensors:
    t = {"model.embed_tokens.weight": draw(rng, WORDS, WIDTH, scale=0.5), "model.norm.weight": 1 + draw(rng, WIDTH, scale=0.1)}
    if not tied:
        t["lm_head.weight"] = draw(rng, WORDS, WIDTH)
    for i in range(LAYERS):
        at = f"model.layers.{i}."
        for name in ("input_layernorm", "post_attention_layernorm"):
            t[f"{at}{name}.weight"] = 1 + draw(rng, WIDTH, scale=0.1)
        for name, heads in (("q", HEADS), ("k", SHARED), ("v", SHARED)):
            t[f"{at}self_attn.{name}_proj.weight"] = draw(rng, heads * size, WIDTH)
            if kind == "qwen2":
                t[f"{at}self_attn.{name}_proj.bias"] = draw(rng, heads * size, scale=0.1)
            if kind == "qwen3" and name != "v":
                t[f"{at}self_attn.{name}_norm.weight"] = 1 + draw(rng, size, scale=0.1)
        t[f"{at}self_attn.o_proj.weight"] = draw(rng, WIDTH, HEADS * size)
        t[f"{at}mlp.gate_proj.weight"], t[f"{at}mlp.up_proj.weight"] = draw(rng, INNER, WIDTH), draw(rng, INNER, WIDTH)
        t[f"{at}mlp.down_proj.weight"] = draw(rng, WIDTH, INNER)
    return t


def rotated(x: np.ndarray, turns: np.ndarray, paired: bool) -> np.ndarray:
    """[tokens, heads, size], each pair of numbers as one complex number times exp(i token turn)."""
    size = x.shape[-1]
    first, second = (slice(0, None, 2), slice(1, None, 2)) if paired else (slice(0, size // 2), slice(size // 2, None))
    result = np.empty(x.shape)
    for token in range(len(x)):
        turned = (x[token][:, first] + 1j * x[token][:, second]) * np.exp(1j * token * turns)
        result[token][:, first], result[token][:, second] = turned.real, turned.imag
    return result


def llama(
    t: Tensors, ids: np.ndarray, size: int, turns: np.ndarray, epsilon: float, paired: bool = False, **sizes: Any
) -> np.ndarray:
    """Logits [tokens, words]; biases and norms of heads wherever their tensors exist."""
    heads, shared, layers = sizes.get("heads", HEADS), sizes.get("shared", SHARED), sizes.get("layers", LAYERS)
    x = t["model.embed_tokens.weight"][ids].astype(float)
    visible = np.tril(np.ones((len(ids), len(ids)), bool))

    def part(at: str, name: str, count: int, normal: np.ndarray) -> np.ndarray:
        y = normal @ t[f"{at}self_attn.{name}_proj.weight"].T.astype(float) + t.get(f"{at}self_attn.{name}_proj.bias", 0.0)
        y = y.reshape(len(ids), count, size)
        slope = t.get(f"{at}self_attn.{name}_norm.weight")
        y = y if slope is None else rms_norm(y, slope, epsilon)
        return y if name == "v" else rotated(y, turns, paired)

    for i in range(layers):
        at = f"model.layers.{i}."
        normal = rms_norm(x, t[f"{at}input_layernorm.weight"], epsilon)
        mixed = attend(*(part(at, n, c, normal) for n, c in (("q", heads), ("k", shared), ("v", shared))), visible)
        x = x + mixed @ t[f"{at}self_attn.o_proj.weight"].T
        normal = rms_norm(x, t[f"{at}post_attention_layernorm.weight"], epsilon)
        gate, up = (normal @ t[f"{at}mlp.{name}_proj.weight"].T.astype(float) for name in ("gate", "up"))
        x = x + (gate / (1 + np.exp(-gate)) * up) @ t[f"{at}mlp.down_proj.weight"].T
    head = t.get("lm_head.weight", t["model.embed_tokens.weight"])
    return rms_norm(x, t["model.norm.weight"], epsilon) @ head.T.astype(float)


# GPT-2


def gpt2_tensors(rng: np.random.Generator) -> Tensors:
    t = {"wte.weight": draw(rng, WORDS, WIDTH, scale=0.5), "wpe.weight": draw(rng, CONTEXT, WIDTH, scale=0.3)}
    norms = ["ln_f"]
    for i in range(LAYERS):
        norms += [f"h.{i}.ln_1", f"h.{i}.ln_2"]
        for name, shape in {
            "attn.c_attn": (WIDTH, 3 * WIDTH),
            "attn.c_proj": (WIDTH, WIDTH),
            "mlp.c_fc": (WIDTH, 4 * WIDTH),
            "mlp.c_proj": (4 * WIDTH, WIDTH),
        }.items():
            t[f"h.{i}.{name}.weight"] = draw(rng, *shape, scale=1 / np.sqrt(shape[0]))
            t[f"h.{i}.{name}.bias"] = draw(rng, shape[1], scale=0.1)
        t[f"h.{i}.attn.bias"] = np.tril(np.ones((1, 1, CONTEXT, CONTEXT), np.float32))
    for name in norms:
        t[f"{name}.weight"], t[f"{name}.bias"] = 1 + draw(rng, WIDTH, scale=0.1), draw(rng, WIDTH, scale=0.1)
    return t


def gpt2(t: Tensors, ids: np.ndarray) -> np.ndarray:
    """Logits [tokens, words]."""
    dense = lambda name, x: x @ t[f"{name}.weight"].astype(float) + t[f"{name}.bias"]  # noqa: E731
    norm = lambda name, x: layer_norm(x, t[f"{name}.weight"], t[f"{name}.bias"], 1e-5)  # noqa: E731
    x = t["wte.weight"][ids].astype(float) + t["wpe.weight"][: len(ids)]
    for i in range(LAYERS):
        whole = dense(f"h.{i}.attn.c_attn", norm(f"h.{i}.ln_1", x)).reshape(len(ids), 3, HEADS, -1)
        mixed = attend(whole[:, 0], whole[:, 1], whole[:, 2], np.tril(np.ones((len(ids), len(ids)), bool)))
        x = x + dense(f"h.{i}.attn.c_proj", mixed)
        y = dense(f"h.{i}.mlp.c_fc", norm(f"h.{i}.ln_2", x))
        y = y / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (y + 0.044715 * y**3)))
        x = x + dense(f"h.{i}.mlp.c_proj", y)
    return norm("ln_f", x) @ t["wte.weight"].T.astype(float)
