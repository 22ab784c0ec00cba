"""A model in any format -> what it takes, and its graph."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from tacit.errors import InputError, ModelError
from tacit.frontends import families, gguf, onnx, onnx_inputs, safetensors
from tacit.frontends.checkpoint import Checkpoint
from tacit.frontends.generation import Generation
from tacit.frontends.onnx_inputs import FreeInput, Shapes
from tacit.graph import Graph
from tacit.numbers.drawing import LENGTH

__all__ = ["free_inputs", "load"]

TOKENS, POSITIONS = "tokens", "positions"


def free_inputs(model: Any, shapes: Shapes | None = None) -> tuple[FreeInput, ...]:
    """The inputs of a model (a path, bytes, a ModelProto), in order, with the lengths of open axes that `shapes` gives; those
    of a checkpoint's axes are called `tokens` and `positions`. Raises ModelError when it is no model, InputError when `shapes`
    does not fit."""
    if isinstance(model, Generation):
        if shapes:
            raise InputError("A model that writes has the lengths of its Generation: leave shapes= out.")
        return tuple(
            FreeInput(name, (length,) if name == LENGTH else (1, length), "int64", True) for name, length in model.inputs.items()
        )
    checkpoint = opened(model)
    if checkpoint is None:
        return onnx_inputs.free_inputs(model, shapes)
    left_out = everywhere(checkpoint, shapes or {})
    declared = [
        helper.make_tensor_value_info(name, TensorProto.INT64, (1, TOKENS) if per_token else (POSITIONS,))
        for name, per_token in families.inputs(checkpoint).items()
        if name not in left_out
    ]
    return onnx_inputs.with_lengths(declared, {name: given for name, given in (shapes or {}).items() if name not in left_out})


def load(
    model: Any,
    shapes: Mapping[str, Sequence[int] | None],
    supported: Set[str],
    trips: int | None = None,
    fixed: Mapping[str, np.ndarray] | None = None,
) -> Graph:
    """The graph of a model. `shapes`: input name -> shape of one sample, for open axes; `supported`: operators that need no
    expansion; `trips` and `fixed` as in `onnx.load`. Raises ModelError, UnsupportedOperator."""
    if isinstance(model, Generation):
        return written(model, fixed)
    checkpoint = opened(model)
    if checkpoint is None:
        return onnx.load(model, shapes=shapes, supported=supported, trips=trips, fixed=fixed)
    shapes = {**shapes, **{name: array.shape for name, array in (fixed or {}).items()}}
    lengths = {int((shapes[name] or ())[-1]) for name, per_token in families.inputs(checkpoint).items() if per_token}
    if len(lengths) != 1:
        raise ModelError(f"The inputs have {' and '.join(map(str, sorted(lengths)))} tokens; give every one the same length.")
    positions = None if everywhere(checkpoint, shapes) else int((shapes.get(families.POSITION) or (1,))[-1])
    graph = families.build(checkpoint, lengths.pop(), positions)
    free = tuple(name for name in graph.inputs if name not in (fixed or {}))
    return replace(graph, inputs=free).rebuild(graph.nodes, fixed)


def everywhere(checkpoint: Checkpoint, shapes: Shapes) -> Set[str]:
    """The input `position`, if `shapes` says None of it: the model answers at every position."""
    name = families.POSITION
    return {name} if name in families.inputs(checkpoint) and name in shapes and shapes[name] is None else set()


def written(generation: Generation, fixed: Mapping[str, np.ndarray] | None) -> Graph:
    """The graph of a model that writes."""
    checkpoint = opened(generation.model)
    if checkpoint is None:
        raise ModelError("A model that writes is built from a GGUF file or the folder of a safetensors model; give its path.")
    if fixed:
        raise InputError("A model that writes has no inputs to fix: leave fixed= out.")
    return families.build(checkpoint, generation.tokens, generation=generation)


def opened(model: Any) -> Checkpoint | None:
    """The checkpoint at a path to a GGUF file, a .safetensors file or the folder of one; None for everything else."""
    if not isinstance(model, (str, os.PathLike)):
        return None
    path = Path(model)
    if path.suffix == ".safetensors" or (path / safetensors.CONFIG).exists():
        return safetensors.checkpoint(path)
    if path.suffix == ".gguf" or (path.is_file() and gguf.is_gguf(path)):
        return gguf.checkpoint(path)
    if path.is_dir():
        raise ModelError(f"The folder {path} has no {safetensors.CONFIG}; give an ONNX or GGUF file, or the folder of a model.")
    return None
