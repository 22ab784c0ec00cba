"""Classes that are named by texts -> class numbers, and ZipMap -> the tensor that it takes apart: integers and tensors can be
proved, texts and maps cannot. The number of a class is its place in the list of names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import AttributeProto, TensorProto, helper, numpy_helper

from tacit.errors import ModelError, UnsupportedOperator

LEARNING = "ai.onnx.ml"
LABELS = {
    "TreeEnsembleClassifier": "classlabels_int64s",
    "LinearClassifier": "classlabels_ints",
    "SVMClassifier": "classlabels_ints",
}
"""Classifier -> the attribute that holds labels that are numbers."""


def numbered(model: onnx.ModelProto) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    """The model with class numbers (int64) for class names, and the names in order; the very same model where there is
    neither a text nor a ZipMap in its nodes. Raises UnsupportedOperator when the lists of names contradict each other."""
    if not any(is_zip(node) or texts_of(node) for node in model.graph.node) and not any(map(is_text, model.graph.initializer)):
        return model, ()
    names = class_names(model.graph)
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    zipped = {node.output[0] for node in graph.node if is_zip(node)}
    for node in graph.node:
        if is_zip(node):
            node.CopyFrom(helper.make_node("Identity", node.input, node.output, name=node.name))
        else:
            renumber(node, names)
    for tensor in graph.initializer:
        if is_text(tensor):
            tensor.CopyFrom(as_numbers(tensor, names))
    for value in graph.output:
        if value.name in zipped:
            value.CopyFrom(helper.make_tensor_value_info(value.name, TensorProto.FLOAT, None))
        elif value.type.tensor_type.elem_type == TensorProto.STRING:
            value.type.tensor_type.elem_type = TensorProto.INT64
    del graph.value_info[:]
    return changed, names


def is_zip(node: onnx.NodeProto) -> bool:
    return node.op_type == "ZipMap" and node.domain == LEARNING


def is_text(tensor: onnx.TensorProto) -> bool:
    return tensor.data_type == TensorProto.STRING


def texts_of(node: onnx.NodeProto) -> list[str]:
    """Which attributes of a node hold texts that may name classes."""
    named = [a.name for a in node.attribute if a.name.endswith("_strings") and a.strings]
    return named + [a.name for a in node.attribute if a.type == AttributeProto.TENSOR and is_text(a.t)]


def class_names(graph: onnx.GraphProto) -> tuple[str, ...]:
    """The longest list of names among classifiers, constants and label encoders; every other list must be part of it."""
    attributes = [attribute for node in graph.node for attribute in node.attribute]
    stored = [a.strings for a in attributes if a.name in ("classlabels_strings", "values_strings")]
    stored += [a.t.string_data for a in attributes if a.type == AttributeProto.TENSOR and is_text(a.t)]
    stored += [tensor.string_data for tensor in graph.initializer if is_text(tensor)]
    lists = [tuple(map(decoded, texts)) for texts in stored]
    names = max(lists, key=lambda found: len(set(found)), default=())
    strange = [name for found in lists for name in found if name not in names]
    if strange:
        raise UnsupportedOperator(
            f"The model has several lists of class names ({strange[0]!r} is in one of them alone): export it with integer labels."
        )
    return tuple(dict.fromkeys(names))


def decoded(text: bytes | str) -> str:
    return text.decode("utf-8", "replace") if isinstance(text, bytes) else text


def places(texts: Sequence[bytes | str], names: Sequence[str]) -> list[int]:
    """The numbers of names; -1 for a text that names no class."""
    order = {name: number for number, name in enumerate(names)}
    return [order.get(decoded(text), -1) for text in texts]


def as_numbers(tensor: onnx.TensorProto, names: Sequence[str]) -> onnx.TensorProto:
    if len(tensor.string_data) != np.prod(tensor.dims, dtype=np.int64):
        raise ModelError(f"The tensor {tensor.name!r} of texts is damaged; export the model again.")
    array = np.array(places(tensor.string_data, names), dtype=np.int64).reshape(tuple(tensor.dims))
    return numpy_helper.from_array(array, tensor.name)


def renumber(node: onnx.NodeProto, names: Sequence[str]) -> None:
    """Replaces the texts in a node's attributes by numbers, and casts to texts by casts to int64."""
    kept = []
    for attribute in node.attribute:
        if attribute.name == "classlabels_strings" and attribute.strings and node.op_type in LABELS:
            attribute = helper.make_attribute(LABELS[node.op_type], places(attribute.strings, names))
        elif attribute.name in ("keys_strings", "values_strings") and attribute.strings:
            attribute = helper.make_attribute(f"{attribute.name[:-7]}int64s", places(attribute.strings, names))
        elif attribute.name == "default_string" and node.op_type == "LabelEncoder":
            attribute = helper.make_attribute("default_int64", places([attribute.s], names)[0])
        elif attribute.type == AttributeProto.TENSOR and is_text(attribute.t):
            attribute = helper.make_attribute(attribute.name, as_numbers(attribute.t, names))
        elif node.op_type == "Cast" and attribute.name == "to" and attribute.i == TensorProto.STRING:
            attribute = helper.make_attribute("to", TensorProto.INT64)
        kept.append(attribute)
    del node.attribute[:]
    node.attribute.extend(kept)
