"""Values whose size depends on data: their largest shapes, and their counts as outputs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import replace

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends.onnx_rowwise import Padded, Reader, row_by_row
from tacit.graph import Node, Value
from tacit.graph.padded import DECIDING, RESULTS, count_name, largest_shapes, padded_axes
from tacit.numbers.dtypes import dtype_of

STATIC = ("Shape", "Size")
"""Operators whose results depend on no values: shapes are fixed."""


def padded_nodes(model: onnx.ModelProto, inputs: Iterable[str]) -> list[onnx.NodeProto]:
    """The nodes whose results' sizes depend on the values of these inputs."""
    computed, found = set(inputs), []
    for node in model.graph.node:
        if computed.intersection(node.input) and node.op_type not in STATIC:
            computed.update(node.output)
            deciding = DECIDING.get(node.op_type, ()) if node.domain in ("", "ai.onnx") else ()
            if any(i < len(node.input) and node.input[i] in computed for i in deciding):
                found.append(node)
    return found


def largest_results(
    model: onnx.ModelProto, node: onnx.NodeProto, values: Mapping[str, Value], weights: Mapping[str, np.ndarray]
) -> list[onnx.ValueInfoProto]:
    """What a padded node's results are called, and their largest shapes; nothing where those of its inputs are unknown.

    Raises UnsupportedOperator for results that never hold anything.
    """
    if any(name and name not in values and name not in weights for name in node.input[:2]):
        return []
    shapes = [values[name].shape if name in values else weights[name].shape for name in node.input[:2]]
    attributes = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    limit = known_number(model, [*node.input, ""][2], weights) if node.op_type == "NonMaxSuppression" else None
    found = []
    for place, shape in largest_shapes(node.op_type, attributes, shapes, limit).items():
        if place < len(node.output) and node.output[place]:
            if not all(shape):
                raise UnsupportedOperator(f"Node {node.name!r} ({node.op_type}) can select nothing: its results are empty.")
            dtype = values[node.input[0]].dtype if place == 0 and node.op_type in ("Compress", "Unique") else "int64"
            element = helper.np_dtype_to_tensor_dtype(dtype_of(dtype))
            found.append(helper.make_tensor_value_info(node.output[place], element, shape))
    return found


def known_number(model: onnx.ModelProto, name: str, weights: Mapping[str, np.ndarray]) -> int | None:
    """The only element of a constant, where it is one; 0 for an input that is absent."""
    if not name:
        return 0
    stored = [node.attribute[0].t for node in model.graph.node if node.op_type == "Constant" and name in node.output]
    array = weights.get(name) if not stored else numpy_helper.to_array(stored[0])
    return None if array is None or array.size != 1 else max(int(array.reshape(-1)[0]), 0)


def with_counts(
    nodes: Sequence[Node],
    values: Mapping[str, Value],
    constants: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    written: Set[str],
) -> tuple[list[Node], tuple[str, ...], dict[str, Value]]:
    """(nodes, outputs, added values): padded nodes (those that write any of `written`) with their counts, and for every
    padded output its count, after the model's own outputs.

    Raises UnsupportedOperator naming a node that reads a padded value and knows nothing of its count.
    """
    padded: dict[str, Padded] = {}
    added: dict[str, Value] = {}
    reader = Reader(values, constants, padded)
    found: list[Node] = []

    def counted(value: str) -> str:
        name = count_name(value)
        if name in values or name in added:
            raise ModelError(f"The model has a value {name!r}, the name of the count of {value!r}: rename it.")
        added[name] = Value(name, (), "int64")
        return name

    for node in nodes:
        reads = [name for name in node.inputs if name in padded]
        own = not written.isdisjoint(name for name in node.outputs if name)
        if reads:
            result = None if own else row_by_row(reader, node)
            if result is None:
                raise refusal(node, reads[0], padded[reads[0]].count)
            padded.update(result)
        elif own:
            count = counted(next(name for name in node.outputs if name))
            results = (*node.outputs, *[""] * RESULTS[node.operator])[: RESULTS[node.operator]]
            axes = padded_axes(node.operator, node.attributes, reader.rank(node.inputs[0]))
            padded.update({results[i]: Padded(axis, count) for i, axis in axes.items() if results[i]})
            node = replace(node, outputs=(*results, count))
        found.append(node)
    counts = []
    for output in (name for name in outputs if name in padded):
        count = padded[output].count
        if count != count_name(output):
            found.append(Node("Identity", "", f"{output}/count", (count,), (counted(output),), {}))
        counts.append(count_name(output))
    return found, (*outputs, *counts), added


def refusal(node: Node, value: str, count: str) -> UnsupportedOperator:
    return UnsupportedOperator(
        f"Node {node} reads {value!r}, whose size depends on the input and which is padded with zeros up to the largest one; "
        f"{node.kind} would take the padding for data. Make {value!r} an output of the model, and cut what the receipt holds "
        f"at {count!r}."
    )
