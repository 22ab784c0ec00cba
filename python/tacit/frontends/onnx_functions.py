"""Operators that ONNX defines by others: their function bodies in their place."""

from __future__ import annotations

from collections.abc import Sequence, Set
from typing import Any

import onnx
import onnx.inliner
import onnx.shape_inference
from onnx import helper

from tacit.frontends.onnx_file import opset_of

LOCAL = "tacit.functions"
"""The domain of bodies that are made for one node."""


def bodied(model: onnx.ModelProto, supported: Set[str]) -> list[str]:
    """The kinds of nodes in a model that are not in `supported` and that ONNX defines by a function body."""
    kinds = {node.op_type for node in model.graph.node if node.domain in ("", "ai.onnx")} - supported
    return [kind for kind in sorted(kinds) if _has_body(kind, opset_of(model))]


def replaced(model: onnx.ModelProto, kinds: Sequence[str]) -> onnx.ModelProto:
    """A model without these kinds of nodes, where their bodies can be had; the same model where none can."""
    try:
        typed = _own_bodies(_typed(model), kinds)
        chosen = [("", kind) for kind in kinds]
        inlined = onnx.inliner.inline_selected_functions(typed, chosen, inline_schema_functions=True)
        if inlined.functions:
            inlined = onnx.inliner.inline_local_functions(inlined)
    except Exception:
        return model
    del inlined.graph.value_info[:]
    imports = [entry for entry in inlined.opset_import if entry.domain != LOCAL]
    del inlined.opset_import[:]
    inlined.opset_import.extend(imports)
    return inlined


def _typed(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that states the type of every value: some function bodies depend on them."""
    typed = onnx.shape_inference.infer_shapes(model, data_prop=True)
    typed.graph.value_info.extend(
        helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in typed.graph.initializer
    )
    return typed


def _has_body(kind: str, opset: int) -> bool:
    """Whether ONNX defines the operator by others; not by a loop, which counts what static shapes fold (Range)."""
    try:
        schema: Any = onnx.defs.get_schema(kind, opset, "")
    except onnx.defs.SchemaError:
        return False
    if schema.has_function:
        return not any(node.op_type == "Loop" for node in schema.function_body.node)
    return bool(schema.has_context_dependent_function)


def _own_bodies(model: onnx.ModelProto, kinds: Sequence[str]) -> onnx.ModelProto:
    """The model with functions of its own for the nodes whose bodies depend on their types and that leave out an input: ONNX's
    inliner asks for the type of every input, and none has that of an absent one."""
    entries = [*model.graph.input, *model.graph.value_info, *model.graph.output]
    types = {entry.name: entry.type for entry in entries}
    for position, node in enumerate(model.graph.node):
        if node.op_type not in kinds or node.domain not in ("", "ai.onnx") or all(node.input):
            continue
        schema: Any = onnx.defs.get_schema(node.op_type, opset_of(model), "")
        if not schema.has_context_dependent_function:
            continue
        given = [types.get(name, onnx.TypeProto()).SerializeToString() for name in node.input]
        body = onnx.FunctionProto()
        try:
            body.ParseFromString(schema.get_context_dependent_function(node.SerializeToString(), given))
        except Exception:
            continue
        body.domain, body.name = LOCAL, f"{node.op_type}_{position}"
        model.functions.append(body)
        node.domain, node.op_type = LOCAL, body.name
    if model.functions:
        model.opset_import.append(helper.make_opsetid(LOCAL, 1))
    return model
