"""One architecture a file: its settings and tensor names in each format, and its graph in ONNX operators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tacit.errors import ModelError
from tacit.frontends.checkpoint import Checkpoint
from tacit.frontends.families import bert, gpt2, llama
from tacit.graph import Graph

__all__ = ["build", "inputs"]


@dataclass(frozen=True)
class Family:
    """`build(checkpoint, tokens)` gives the graph; `inputs` maps its inputs, all int64 [1, ...], to whether they have one
    element a token."""

    build: Callable[[Checkpoint, int], Graph]
    inputs: dict[str, bool]


DECODER = {"input_ids": True, "position": False}
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
    """The names of the model's inputs, and whether each has one element a token (else one in all)."""
    return _family(checkpoint).inputs


def build(checkpoint: Checkpoint, tokens: int) -> Graph:
    """The graph for sequences of `tokens` tokens. Raises ModelError where the checkpoint is not what its description says, or
    is a variant that is not built."""
    return _family(checkpoint).build(checkpoint, tokens)


def _family(checkpoint: Checkpoint) -> Family:
    found = FAMILIES.get((checkpoint.format, checkpoint.family))
    if found is None:
        known = ", ".join(family for kind, family in FAMILIES if kind == checkpoint.format)
        raise ModelError(
            f"{checkpoint.name} is a model of the kind {checkpoint.family!r}; from {checkpoint.format} files these are built: "
            f"{known}. Export it to ONNX instead."
        )
    return found
