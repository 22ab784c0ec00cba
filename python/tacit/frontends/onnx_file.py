"""Paths, bytes and ModelProtos -> a skeleton that is cheap to transform, and the weights beside it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.version_converter
from google.protobuf.message import DecodeError
from onnx import external_data_helper, helper, numpy_helper

from tacit.errors import ModelError
from tacit.frontends.onnx_labels import numbered
from tacit.numbers.dtypes import PLAIN

OLDEST_OPSET = 7
LARGEST_KEPT = 256
"""Initialisers with more elements leave the skeleton: shape arithmetic never needs them."""

SUBGRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)

TENSOR_DTYPES = frozenset(
    ["float16", "float32", "float64", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64", "bool", *PLAIN]
)


@dataclass(frozen=True)
class Source:
    """A parsed model. `skeleton` has its large initialisers as inputs; `weights` has every initialiser; `classes`: the names of
    the classes whose numbers it gives, where it had names."""

    name: str
    skeleton: onnx.ModelProto
    weights: dict[str, np.ndarray]
    inputs: tuple[str, ...]
    classes: tuple[str, ...] = ()

    @property
    def opset(self) -> int:
        return opset_of(self.skeleton)


def read(model: Any) -> Source:
    """Reads and checks a path, bytes or ModelProto. Raises ModelError when it is not a whole ONNX model."""
    if isinstance(model, onnx.ModelProto):
        return _split(model, "The model", None)
    if isinstance(model, (bytes, bytearray, memoryview)):
        return _split(_parse(bytes(model), "The model"), "The model", None)
    if not isinstance(model, (str, os.PathLike)):
        raise ModelError(f"A model is a path, bytes or an onnx.ModelProto, not {type(model).__name__}.")
    path = Path(model)
    if path.is_dir():
        raise ModelError(f"{path} is a folder; give the ONNX file in it.")
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ModelError(f"The model file {path} does not exist.") from None
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None
    return _split(_parse(data, str(path)), str(path), path.parent)


def opset_of(model: onnx.ModelProto) -> int:
    """The version of ONNX's own domain that a model imports."""
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    return versions[0] if versions else 1


def array_of(tensor: onnx.TensorProto, what: str) -> np.ndarray:
    """The array of a stored tensor. Raises ModelError when it is damaged or of a dtype without arithmetic here."""
    try:
        dtype = helper.tensor_dtype_to_np_dtype(tensor.data_type).name
        array = np.asarray(numpy_helper.to_array(tensor)) if dtype in TENSOR_DTYPES else None
    except Exception as error:
        raise ModelError(
            f"{what} {tensor.name!r} is damaged ({type(error).__name__}); export the model again."
        ) from None
    if array is None:
        raise ModelError(f"{what} {tensor.name!r} has dtype {dtype}; save the model in float32.")
    return array


def constant_of(proto: onnx.NodeProto) -> np.ndarray:
    """The array of a Constant node. Raises ModelError when it holds none."""
    entry = proto.attribute[0] if len(proto.attribute) == 1 else None
    if entry is not None and entry.name == "value":
        return array_of(entry.t, "The constant of node " + repr(proto.name))
    if entry is not None and entry.name in ("value_float", "value_floats"):
        return np.array(helper.get_attribute_value(entry), dtype=np.float32)
    if entry is not None and entry.name in ("value_int", "value_ints"):
        return np.array(helper.get_attribute_value(entry), dtype=np.int64)
    raise ModelError(f"The Constant node {proto.name!r} holds no array of numbers; store it as a tensor.")


def _parse(data: bytes, name: str) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError:
        raise ModelError(
            f"{name} is not an ONNX model, or it is damaged; give a file written by an ONNX exporter."
        ) from None
    return model


def _split(model: onnx.ModelProto, name: str, folder: Path | None) -> Source:
    if not model.HasField("graph") or not model.graph.output:
        raise ModelError(f"{name} is not an ONNX model, or it is damaged; give a file written by an ONNX exporter.")
    _require_text(model, name)
    model, classes = numbered(model)
    if model.graph.sparse_initializer:
        raise ModelError(f"{name} has sparse initialisers; store them as dense ones.")
    weights: dict[str, np.ndarray] = {}
    large: list[onnx.ValueInfoProto] = []
    kept: list[onnx.TensorProto] = []
    for tensor in model.graph.initializer:
        array = array_of(_loaded(tensor, folder), "The initialiser")
        weights[tensor.name] = array
        if array.size > LARGEST_KEPT:
            large.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, array.shape))
        else:
            kept.append(numpy_helper.from_array(array, tensor.name))
    inputs = [value for value in model.graph.input if value.name not in weights]
    for inner in list(graphs_of(model.graph))[1:]:
        for tensor in inner.initializer:
            if external_data_helper.uses_external_data(tensor):
                tensor.CopyFrom(_loaded(tensor, folder))
    graph = onnx.GraphProto(name=model.graph.name or "graph")
    graph.node.extend(model.graph.node)
    graph.input.extend([*inputs, *large])
    graph.output.extend(model.graph.output)
    graph.initializer.extend(kept)
    skeleton = onnx.ModelProto(ir_version=max(model.ir_version, 4), graph=graph)
    skeleton.opset_import.extend(model.opset_import)
    if not any(entry.domain in ("", "ai.onnx") for entry in model.opset_import):
        skeleton.opset_import.append(helper.make_opsetid("", onnx.defs.onnx_opset_version() if model.functions else 1))
    skeleton.functions.extend(model.functions)
    return Source(name, _modern(skeleton, name), weights, tuple(value.name for value in inputs), classes)


def graphs_of(graph: onnx.GraphProto) -> Iterator[onnx.GraphProto]:
    """The graph and those in the attributes of its nodes, at any depth."""
    yield graph
    for node in graph.node:
        for entry in node.attribute:
            for part in (entry.g, *entry.graphs) if entry.type in SUBGRAPHS else ():
                yield from graphs_of(part)


def _texts(graph: onnx.GraphProto) -> list[str]:
    texts = [text for node in graph.node for text in (node.op_type, node.name, node.domain, *node.input, *node.output)]
    texts += [graph.name, *(entry.name for node in graph.node for entry in node.attribute)]
    texts += [tensor.name for tensor in graph.initializer]
    for value in (*graph.input, *graph.output):
        texts += [value.name, *(dim.dim_param for dim in value.type.tensor_type.shape.dim)]
    return texts


def _require_text(model: onnx.ModelProto, name: str) -> None:
    """Refuses names that are not UTF-8, which protobuf lets through for damaged files."""
    try:
        texts = [text for graph in graphs_of(model.graph) for text in _texts(graph)]
        texts += [entry.domain for entry in model.opset_import]
        whole = all(isinstance(text, str) and text.isprintable() for text in texts)
    except UnicodeDecodeError:
        whole = False
    if not whole:
        raise ModelError(f"{name} is damaged: it has names that are not text; export the model again.")


def _loaded(tensor: onnx.TensorProto, folder: Path | None) -> onnx.TensorProto:
    """The tensor with its external data, if any, read from `folder`."""
    if not external_data_helper.uses_external_data(tensor):
        return tensor
    location = next((entry.value for entry in tensor.external_data if entry.key == "location"), "")
    if folder is None:
        raise ModelError(
            f"The initialiser {tensor.name!r} lies in the file {location!r}; load the model by its path instead."
        )
    copy = onnx.TensorProto()
    copy.CopyFrom(tensor)
    try:
        external_data_helper.load_external_data_for_tensor(copy, str(folder))
    except Exception:
        reason = "is missing" if not (folder / location).is_file() else "cannot be read"
        raise ModelError(
            f"The file {location!r} beside the model {reason}; it holds the initialiser {tensor.name!r}."
        ) from None
    copy.data_location = onnx.TensorProto.DEFAULT
    del copy.external_data[:]
    return copy


def _modern(skeleton: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """Opsets before 7 have other broadcasting rules; ONNX's own converter rewrites them."""
    opset = opset_of(skeleton)
    if opset >= OLDEST_OPSET:
        return skeleton
    try:
        return onnx.version_converter.convert_version(skeleton, OLDEST_OPSET)
    except Exception:
        raise ModelError(
            f"{name} uses ONNX opset {opset}, which is too old; export it with opset 13 or later."
        ) from None
