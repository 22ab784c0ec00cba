"""Inputs that are sequences or optionals: the tensors that they hold become inputs, and nodes put them together again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import count, takewhile
from typing import Any

import onnx
from onnx import helper

from tacit.errors import InputError, ModelError
from tacit.frontends.onnx_file import Source

HOLDERS = ("sequence_type", "optional_type")


def with_elements(source: Source, shapes: Mapping[str, Any] | None) -> tuple[Source, dict[str, Any]]:
    """The source whose inputs are tensors, and `shapes` without what says how many they are.

    A sequence `x` has the elements x_0, x_1, .. of which `shapes` gives the shapes; an optional one holds a tensor of its
    declared shape, or a sequence. `shapes` gives None for an empty sequence and an optional without a value. Raises
    InputError for a sequence of which `shapes` says nothing, ModelError for one that holds no tensors.
    """
    given = dict(shapes or {})
    graph = source.skeleton.graph
    if not any(value.type.WhichOneof("value") in HOLDERS for value in graph.input):
        return source, given
    skeleton = onnx.ModelProto()
    skeleton.CopyFrom(source.skeleton)
    del skeleton.graph.input[:], skeleton.graph.node[:]
    inputs: list[str] = []
    for value in graph.input:
        holds = value.type.WhichOneof("value") in HOLDERS
        tensors, nodes = _elements(value, given) if holds else ([value], [])
        skeleton.graph.input.extend(tensors)
        skeleton.graph.node.extend(nodes)
        if value.name in source.inputs:
            inputs += [tensor.name for tensor in tensors]
    skeleton.graph.node.extend(graph.node)
    if len(set(inputs)) < len(inputs):
        raise ModelError("An element of an input would be called as another input is; rename one of them.")
    for name in [value.name for value in graph.input if value.type.WhichOneof("value") in HOLDERS]:
        if given.get(name, ()) is None:
            del given[name]
    return replace(source, skeleton=skeleton, inputs=tuple(inputs)), given


def _elements(value: onnx.ValueInfoProto, shapes: Mapping[str, Any]) -> tuple[list[onnx.ValueInfoProto], list[onnx.NodeProto]]:
    """The tensors that one input holds, and the node that puts them together."""
    name, kind = value.name, value.type
    optional = kind.WhichOneof("value") == "optional_type"
    if optional:
        kind = kind.optional_type.elem_type
        if shapes.get(name, ()) is None:
            return [], [helper.make_node("Optional", [], [name], name=f"{name}/nothing", type=kind)]
        if kind.WhichOneof("value") == "tensor_type":
            return [onnx.ValueInfoProto(name=name, type=kind)], []
    element = kind.sequence_type.elem_type
    if kind.WhichOneof("value") != "sequence_type" or element.WhichOneof("value") != "tensor_type":
        raise ModelError(f"The input {name!r} holds other things than tensors; make its tensors inputs.")
    dtype = element.tensor_type.elem_type
    if name in shapes and shapes[name] is None:
        return [], [helper.make_node("SequenceEmpty", [], [name], name=f"{name}/nothing", dtype=dtype)]
    parts = list(takewhile(shapes.__contains__, (f"{name}_{i}" for i in count())))
    if not parts:
        raise InputError(
            f"The input {name!r} is a sequence: give the shapes of its elements, shapes={{'{name}_0': ..., '{name}_1': ...}}, or "
            f"shapes={{{name!r}: None}} where it is empty."
        )
    tensors = [helper.make_tensor_value_info(part, dtype, [None] * rank_of(shapes[part])) for part in parts]
    return tensors, [helper.make_node("SequenceConstruct", parts, [name], name=f"{name}/elements")]


def rank_of(shape: Any) -> int:
    return len(shape) if isinstance(shape, Sequence) else 1
