"""The inputs of an ONNX model before symbolic axes have lengths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from onnx import helper

from tacit.frontends.onnx_file import read
from tacit.frontends.onnx_shapes import require_tensor


@dataclass(frozen=True)
class FreeInput:
    """`shape` has 0 for a symbolic axis; `batched`: the first axis is symbolic or 1."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    batched: bool


def free_inputs(model: Any) -> tuple[FreeInput, ...]:
    """The inputs of a model (path, bytes or ModelProto), in order. Raises ModelError when it is not an ONNX
    model or when an input is not a tensor of numbers with a known rank."""
    source = read(model)
    found = []
    for value in source.skeleton.graph.input:
        if value.name in source.inputs:
            require_tensor(value)
            tensor = value.type.tensor_type
            shape = tuple(max(dim.dim_value, 0) for dim in tensor.shape.dim)
            dtype = helper.tensor_dtype_to_np_dtype(tensor.elem_type).name
            found.append(FreeInput(value.name, shape, dtype, shape[:1] in ((0,), (1,))))
    return tuple(found)
