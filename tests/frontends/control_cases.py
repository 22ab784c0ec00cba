"""ONNX's own cases of control flow, sequences and optionals, with every input a tensor: those that are sequences or optionals
are put together inside the model."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from functools import cache

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnx.backend.test.case import model as models
from onnx.backend.test.case import node as nodes

KINDS = {
    "If", "Loop", "Scan", "SequenceConstruct", "SequenceEmpty", "SequenceInsert", "SequenceErase", "SequenceAt", "SequenceLength",
    "SplitToSequence", "ConcatFromSequence", "SequenceMap", "Optional", "OptionalGetElement", "OptionalHasElement",
}  # fmt: skip


@cache
def cases():
    """The cases, by name, in which one of KINDS occurs."""
    with warnings.catch_warnings(action="ignore"):
        for package in (nodes, models):
            for module in pkgutil.iter_modules(package.__path__):
                importlib.import_module(f"{package.__name__}.{module.name}")
    found = [*nodes._NodeTestCases, *models._SimpleModelTestCases]
    return {case.name: case for case in found if any(node.op_type in KINDS for node in case.model.graph.node)}


def flat(case) -> tuple[onnx.ModelProto, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(model of tensors, its inputs, its expected outputs, those that are sequences as name_0, name_1, ...)."""
    model = onnx.ModelProto()
    model.CopyFrom(case.model)
    declared = list(model.graph.input)
    del model.graph.input[:]
    before: list[onnx.NodeProto] = []
    feeds: dict[str, np.ndarray] = {}

    def put(name: str, kind: onnx.TypeProto, given) -> None:
        if kind.HasField("tensor_type"):
            feeds[name] = numpy_helper.to_array(given) if isinstance(given, onnx.TensorProto) else np.asarray(given)
            element = helper.np_dtype_to_tensor_dtype(feeds[name].dtype)
            model.graph.input.append(helper.make_tensor_value_info(name, element, feeds[name].shape))
        elif kind.HasField("sequence_type"):
            parts = [f"{name}/{i}" for i in range(len(given))]
            for part, value in zip(parts, given):
                put(part, kind.sequence_type.elem_type, value)
            before.append(helper.make_node("SequenceConstruct" if parts else "SequenceEmpty", parts, [name]))
        elif given is None:
            before.append(helper.make_node("Optional", [], [name], type=kind.optional_type.elem_type))
        else:
            put(f"{name}/held", kind.optional_type.elem_type, given)
            before.append(helper.make_node("Optional", [f"{name}/held"], [name]))

    given, expected = case.data_sets[0]
    for value, array in zip(declared, given):
        put(value.name, value.type, array)
    after = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*before, *after])
    outputs: dict[str, np.ndarray] = {}
    for value, result in zip(model.graph.output, expected):
        outputs |= named(value.name, result)
    return model, feeds, outputs


def named(name: str, result) -> dict[str, np.ndarray]:
    if isinstance(result, (list, tuple)):
        return {key: part for i, item in enumerate(result) for key, part in named(f"{name}_{i}", item).items()}
    return {name: numpy_helper.to_array(result) if isinstance(result, onnx.TensorProto) else np.asarray(result)}


def settled(model: onnx.ModelProto, feeds: dict[str, np.ndarray]) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """The model with its inputs of integers and booleans (counts, conditions, positions) as constants, and the other inputs."""
    fixed = {name: array for name, array in feeds.items() if array.dtype.kind in "iub"}
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.input[:]
    copy.graph.input.extend(value for value in model.graph.input if value.name not in fixed)
    copy.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in fixed.items())
    return copy, {name: array for name, array in feeds.items() if name not in fixed}
