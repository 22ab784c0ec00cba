"""ONNX -> Graph: static shapes, functions inlined, initialisers as constants, operators in one canonical form."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import replace
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from onnx import helper

from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends import onnx_shapes
from tacit.frontends.onnx_canonical import CANONICAL_OPSET, canonical
from tacit.frontends.onnx_file import Source, array_of, constant_of, read
from tacit.frontends.onnx_functions import bodied, replaced
from tacit.frontends.onnx_holders import with_elements
from tacit.frontends.onnx_inputs import Shapes, fix_inputs, with_constants
from tacit.frontends.onnx_padded import padded_nodes, with_counts
from tacit.frontends.onnx_unroll import unrolled
from tacit.graph import Graph, Node, Value, check, require_supported
from tacit.graph.export import to_onnx

__all__ = ["load", "require_supported", "to_onnx"]

EXPANSIONS = 8
"""Function bodies may call functions; deeper nesting than this is not looked for."""


def load(
    model: str | os.PathLike[str] | bytes | onnx.ModelProto,
    shapes: Shapes | None = None,
    supported: Set[str] | None = None,
    trips: int | None = None,
    fixed: Mapping[str, np.ndarray] | None = None,
) -> Graph:
    """Reads an ONNX model.

    `shapes`: lengths of symbolic axes: dimension name -> length, input name -> shape (also without its first axis); a
    symbolic first axis without a length becomes 1.
    `supported`: operators that need no expansion; others that ONNX defines by a function body are replaced by it.
    `trips`: the most turns of a loop whose end depends on the input where the model sets no bound.
    `fixed`: inputs that become constants, arrays of the declared dtypes; their shapes count as given by `shapes`.
    Raises ModelError (no model, damaged, a shape or dtype that cannot be used), InputError (`shapes` that do not fit),
    UnsupportedOperator (control flow that no flat graph expresses).
    """
    source, shapes = with_elements(read(model), shapes)
    skeleton = _inlined(source)
    constants = dict(fixed or {})
    fix_inputs(source, skeleton, {**{name: array.shape for name, array in constants.items()}, **shapes})
    source, skeleton = _flat(with_constants(source, skeleton, constants), skeleton, supported, trips)
    values = onnx_shapes.infer(source, skeleton)
    return check(_graph(source, skeleton, values), "loaded")


def _inlined(source: Source) -> onnx.ModelProto:
    if not source.skeleton.functions:
        return source.skeleton
    try:
        return onnx.inliner.inline_local_functions(source.skeleton, convert_version=True)
    except Exception as error:
        raise ModelError(f"{source.name} has functions that cannot be inlined ({type(error).__name__}).") from None


def _flat(source: Source, model: onnx.ModelProto, supported: Set[str] | None, trips: int | None) -> tuple[Source, onnx.ModelProto]:
    """The model without control flow, and without the functions that are not in `supported`; function bodies may have
    either again."""
    for _ in range(EXPANSIONS):
        model, hoisted = unrolled(source, model, trips)
        source = replace(source, weights={**source.weights, **hoisted})
        if supported is None:
            break
        kinds = bodied(model, supported)
        inlined = replaced(model, kinds) if kinds else model
        if inlined is model:
            break
        model = inlined
    return source, model


def _graph(source: Source, model: onnx.ModelProto, values: Mapping[str, Value]) -> Graph:
    constants = dict(source.weights)
    for tensor in model.graph.initializer:
        if tensor.name not in constants:
            constants[tensor.name] = array_of(tensor, "The initialiser")
    nodes: list[Node] = []
    taken: set[str] = set()
    for position, proto in enumerate(model.graph.node):
        if proto.op_type == "Constant" and proto.domain in ("", "ai.onnx"):
            constants[proto.output[0]] = constant_of(proto)
        else:
            nodes.append(_node(proto, position, taken))
    outputs = tuple(value.name for value in model.graph.output)
    known = dict(values)
    known.update({name: Value(name, tuple(array.shape), array.dtype.name) for name, array in constants.items()})
    opset = source.opset
    nodes, added = canonical(nodes, known, constants, opset)
    known.update(added)
    written = {name for node in padded_nodes(model, source.inputs) for name in node.output if name}
    nodes, outputs, counts = with_counts(nodes, known, constants, outputs, written)
    known.update(counts)
    empty = Graph((), known, source.inputs, outputs, constants, max(opset, CANONICAL_OPSET), source.classes)
    return empty.rebuild(nodes)


def _node(proto: onnx.NodeProto, position: int, taken: set[str]) -> Node:
    domain = "" if proto.domain == "ai.onnx" else proto.domain
    name = proto.name or f"{proto.op_type}_{position}"
    if name in taken:
        name = f"{name}_{position}"
    taken.add(name)
    attributes = {entry.name: _attribute(entry, name) for entry in proto.attribute}
    return Node(proto.op_type, domain, name, tuple(proto.input), tuple(proto.output), attributes)


def _attribute(entry: onnx.AttributeProto, node: str) -> Any:
    """Plain Python: numbers, strings, lists of them, arrays for tensors."""
    kind = onnx.AttributeProto
    if entry.type == kind.STRING:
        return entry.s.decode("utf-8", "replace")
    if entry.type == kind.STRINGS:
        return [item.decode("utf-8", "replace") for item in entry.strings]
    if entry.type == kind.TENSOR:
        return array_of(entry.t, f"An attribute of node {node!r}, tensor")
    if entry.type in (kind.INT, kind.FLOAT):
        return helper.get_attribute_value(entry)
    if entry.type in (kind.INTS, kind.FLOATS):
        return list(helper.get_attribute_value(entry))
    raise UnsupportedOperator(
        f"The attribute {entry.name!r} of node {node!r} has a type without meaning here; remove the node."
    )
