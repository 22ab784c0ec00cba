"""Tiny language models for tests of sequences that are read in chunks, and what computes them without proving."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from tacit.execute import claims_missed, executed
from tacit.frontends.generation import Chunk, Generation
from tacit.frontends.models import load
from tacit.graph import Graph
from tacit.lower import Lowered, lower
from tacit.observe import observe
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, join_softmax, simplify
from tacit.quantize import quantize
from tacit.weights import by_constant

sys.path.insert(0, str(Path(__file__).resolve().parent / "frontends"))
import plain_models as plain  # noqa: E402
from weight_files import write_folder  # noqa: E402

SIZE, LAYERS = 8, 2
LLAMA = {
    "model_type": "llama",
    "num_hidden_layers": LAYERS,
    "hidden_size": plain.WIDTH,
    "num_attention_heads": plain.HEADS,
    "num_key_value_heads": plain.SHARED,
    "intermediate_size": plain.INNER,
    "max_position_embeddings": 64,
    "rms_norm_eps": 1e-5,
    "rope_theta": 500.0,
    "head_dim": SIZE,
    "vocab_size": plain.WORDS,
}
GPT2 = {
    "model_type": "gpt2",
    "n_layer": plain.LAYERS,
    "n_embd": plain.WIDTH,
    "n_head": plain.HEADS,
    "n_positions": plain.CONTEXT,
    "vocab_size": plain.WORDS,
}


def folder_of(kind: str, folder: Path) -> Path:
    """A seeded model of the kind 'llama' or 'gpt2'."""
    generator = np.random.default_rng(3)
    if kind == "gpt2":
        return write_folder(folder, GPT2, plain.gpt2_tensors(generator))
    return write_folder(folder, LLAMA, plain.llama_tensors(generator, "llama", SIZE, tied=False))


def graph_of(task: Generation) -> Graph:
    return simplify(expand(join_softmax(load(task, shapes={}, supported=SUPPORTED)), EXPANSIONS))


@dataclass
class Computed:
    """What a circuit computes for one input: its scores, what it chooses, what it keeps, and its outputs."""

    scores: np.ndarray
    chosen: np.ndarray
    kept: np.ndarray
    exponent: int
    outputs: dict[str, np.ndarray]


def computed(graph: Graph, lowered: Lowered, given: dict[str, np.ndarray]) -> Computed:
    builder = executed(lowered.program, lowered.weights, given)
    scores = lowered.values[graph.choice.scores]
    chosen = given["generated"][0] + claims_missed(lowered.program, builder)["generated"][0]
    kept = np.stack([builder.value(lowered.values[name]) for name in graph.state.kept])
    return Computed(builder.value(scores), chosen, kept.reshape(-1, 2, *kept.shape[1:]), scores.exponent, builder.outputs())


def whole(folder: Path, places: int, outliers: bool = False) -> tuple[Generation, Graph, Lowered]:
    """The circuit that reads and chooses at every place. `outliers`: as if every value had some, so that factors of products are as
    wide as their proved intervals."""
    task = Generation(folder, 1, places)
    graph = graph_of(task)
    rows = task.rows(np.random.default_rng(0).integers(0, plain.WORDS, (4, places + 1)).tolist())
    samples = [{name: array[i : i + 1] for name, array in rows.items()} for i in range(4)]
    scales = quantize(graph, observe(graph, samples))
    if outliers:
        scales = replace(scales, outliers=frozenset(scales.exponents))
    return task, graph, lower(graph, scales)


def like(task: Chunk, other: Lowered) -> tuple[Graph, Lowered]:
    """A chunk's circuit with the scales and the weights of another circuit of the same model."""
    graph = graph_of(task)
    shared = by_constant(other.program, other.weights)
    return graph, lower(graph, quantize(graph, {}).as_in(other.scales), shared, hideable=True)
