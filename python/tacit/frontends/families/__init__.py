"""One architecture a file: its settings and tensor names in each format, and its graph in ONNX operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tacit.errors import ModelError
from tacit.frontends.checkpoint import Checkpoint
from tacit.frontends.families import bert, gpt2, llama
from tacit.frontends.families.parts import POSITION
from tacit.frontends.generation import Generation
from tacit.graph import Graph

__all__ = ["POSITION", "build", "inputs"]


@dataclass(frozen=True)
class Family:
    """`build` gives the graph, of a checkpoint and numbers of tokens and, where there is a `position`, of positions; those of
    language models also that of a model that writes. `inputs` maps the inputs, all int64, to whether they are [1, tokens]."""

    build: Callable[..., Graph]
    inputs: dict[str, bool]


DECODER = {"input_ids": True, POSITION: False}
FAMILIES = {
    ("safetensors", "bert"): Family(bert.build, {"input_ids": True, "attention_mask": True}),
    ("safetensors", "llama"): Family(llama.build, DECODER),
    ("safetensors", "qwen2"): Family(llama.build, DECODER),
    ("safetensors", "qwen3"): Family(llama.build, DECODER),
    ("safetensors", "gpt2"): Family(gpt2.build, DECODER),
    ("gguf", "llama"): Family(llama.build, DECODER),
    ("gguf", "qwen2"): Family(llama.build, DECODER),
    ("gguf", "qwen3"): Family(llama.build, DECODER),
    ("gguf", "gpt2"): Family(gpt2.build, DECODER),
}
"""(format, what the file calls the architecture) -> what builds it."""


def inputs(checkpoint: Checkpoint) -> dict[str, bool]:
    """The names of the model's inputs, and whether each has one element a token (else one a position that is asked for)."""
    return _family(checkpoint).inputs


def build(checkpoint: Checkpoint, tokens: int, positions: int | None = 1, generation: Generation | None = None) -> Graph:
    """The graph for sequences of `tokens` tokens; language models answer at so many positions, or at all of them (None), or are
    models that write. Raises ModelError where the checkpoint is not what its description says, or is a variant that is not
    built."""
    family = _family(checkpoint)
    if POSITION in family.inputs:
        return family.build(checkpoint, tokens, positions, generation)
    if generation is not None:
        raise ModelError(f"{checkpoint.name} is a model of the kind {checkpoint.family!r}, which does not write; compile its path.")
    return family.build(checkpoint, tokens)


def _family(checkpoint: Checkpoint) -> Family:
    found = FAMILIES.get((checkpoint.format, checkpoint.family))
    if found is None:
        known = ", ".join(family for kind, family in FAMILIES if kind == checkpoint.format)
        raise ModelError(
            f"{checkpoint.name} is a model of the kind {checkpoint.family!r}; from {checkpoint.format} files these are built: "
            f"{known}. Export it to ONNX instead."
        )
    return found
