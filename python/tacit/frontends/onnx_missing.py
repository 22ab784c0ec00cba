"""Float inputs whose samples hold missing values (NaN): a second input says where they are.

A fixed-point number is never NaN. The model gets an input `<name>.missing`, bool of the same shape, and reads NaN where it is true:
that is the model which onnxruntime runs. Trees and imputers read the two inputs themselves when they are expanded; nothing else
may read a NaN.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tacit.errors import InputError, ModelError
from tacit.graph import Graph
from tacit.graph.missing import MISSING

OPSET = 17
"""Of ONNX's own operators, in a model that has none of them."""


def apart(model: Any, samples: Any) -> Any:
    """The model with an input for the missing values of every input whose samples (arrays) hold some: a ModelProto, a path or
    bytes of ONNX. Any other model, and one whose samples hold none, stays what it is."""
    arrays = list(samples.values()) if isinstance(samples, Mapping) else [samples]
    if not any(has_missing(array) for array in arrays):
        return model
    if isinstance(model, (str, PathLike)) and Path(model).suffix == ".onnx":
        model = onnx.load(str(model))
    elif isinstance(model, bytes):
        model = onnx.load_from_string(model)
    if not isinstance(model, onnx.ModelProto):
        return model
    held = {tensor.name for tensor in model.graph.initializer}
    names = [value.name for value in model.graph.input if value.name not in held]
    given = samples if isinstance(samples, Mapping) else {names[0]: samples} if len(names) == 1 else {}
    return with_missing(model, [n for n in names if n in given and has_missing(given[n]) and n + MISSING not in names])


def has_missing(given: Any) -> bool:
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, OverflowError):  # no array; whoever checks inputs says so
        return False
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def with_missing(model: onnx.ModelProto, names: Collection[str]) -> onnx.ModelProto:
    """The model with an input `<name>.missing` for each of these inputs. Raises InputError when one of them holds no floats,
    ModelError for a model with branches or loops."""
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    graph = changed.graph
    if all(node.domain for node in graph.node):  # converters leave the version of ONNX's own operators open then
        others = [imported for imported in changed.opset_import if imported.domain]
        del changed.opset_import[:]
        changed.opset_import.extend([helper.make_opsetid("", OPSET), *others])
    if any(a.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for node in graph.node for a in node.attribute):
        raise ModelError("A model with branches or loops takes no missing values (NaN): impute them first.")
    first = []
    for name in names:
        value = next(value for value in graph.input if value.name == name)
        kind = value.type.tensor_type.elem_type
        if kind not in (TensorProto.FLOAT, TensorProto.DOUBLE):
            raise InputError(f"The input {name!r} holds missing values (NaN), and the model takes no floats there.")
        mask = onnx.ValueInfoProto()
        mask.CopyFrom(value)
        mask.name = name + MISSING
        mask.type.tensor_type.elem_type = TensorProto.BOOL
        graph.input.insert(list(graph.input).index(value) + 1, mask)
        nothing = np.array(np.nan, dtype=helper.tensor_dtype_to_np_dtype(kind))
        graph.initializer.append(numpy_helper.from_array(nothing, f"{mask.name}/nan"))
        for node in graph.node:
            for place, read in enumerate(node.input):
                if read == name:
                    node.input[place] = f"{mask.name}/seen"
        first.append(helper.make_node("Where", [mask.name, f"{mask.name}/nan", name], [f"{mask.name}/seen"], f"{mask.name}/where"))
    nodes = [*first, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return changed


def require_taken(graph: Graph) -> None:
    """Raises InputError when a node of an expanded graph still reads missing values."""
    for node in graph.nodes:
        if node.name.endswith(f"{MISSING}/where"):
            reader = next(iter(graph.consumers.get(node.outputs[0], ())), node)
            raise InputError(
                f"Node {reader} reads missing values (NaN), which only trees and imputers can be proved with: put an imputer "
                "before it, or give samples without NaN."
            )
