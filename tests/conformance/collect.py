"""ONNX's node cases in memory, each in one group.

`core` is the figure that counts: base cases (no function bodies) whose inputs and outputs are tensors of the numbers that
NumPy has, without random draws, training, strings, codecs and preview operators.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, numpy_helper

RANDOM = {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"}
CODECS = {"ImageDecoder"}
NUMBERS = {
    TensorProto.BOOL, TensorProto.FLOAT16, TensorProto.FLOAT, TensorProto.DOUBLE,
    TensorProto.INT8, TensorProto.INT16, TensorProto.INT32, TensorProto.INT64,
    TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32, TensorProto.UINT64,
}  # fmt: skip
GROUPS = ("core", "packed", "structured", "functions", "random", "training", "strings", "codecs", "preview")
"""packed: elements of fewer than 8 bits, 8-bit floats and bfloat16; structured: sequences and optional values."""


@dataclass(frozen=True, eq=False)
class Case:
    """One stored case. `operator` is named as `Node.kind` names it; `since` is the version of its current schema. What sequences
    and optionals hold stands in `inputs` and `outputs` under names of its own, and in `shapes`, None for nothing."""

    name: str
    operator: str
    since: int
    group: str
    model: ModelProto
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any]
    shapes: Mapping[str, Any]


@cache
def collect() -> Mapping[str, Case]:
    """Every node case by name, in the suite's order."""
    with warnings.catch_warnings(action="ignore"):
        from onnx.backend.test.case.node import collect_testcases

        return {case.name: _case(case) for case in collect_testcases(None)}


def _case(stored: Any) -> Case:
    graph, (given, expected) = stored.model.graph, stored.data_sets[0]
    base = stored.name.partition("_expanded")[0]
    operator, domain = _operator(base, graph.node[0])
    inputs = dict(zip([value.name for value in graph.input], map(array_of, given)))
    return Case(
        name=stored.name,
        operator=f"{domain}.{operator}" if domain else operator,
        since=int(onnx.defs.get_schema(operator, domain=domain).since_version),
        group=_group(stored, operator, domain),
        model=stored.model,
        inputs=elements(inputs),
        outputs=elements(dict(zip([value.name for value in graph.output], map(array_of, expected)))),
        shapes=held(inputs),
    )


def _operator(base: str, first: onnx.NodeProto) -> tuple[str, str]:
    """The operator that a case is about: of a function body, the one that the body was written for."""
    from onnx.backend.test.case import node as suite

    node = suite._existing_names.get(base, first)
    return node.op_type, "" if node.domain == "ai.onnx" else node.domain


def _group(stored: Any, operator: str, domain: str) -> str:
    values = [*stored.model.graph.input, *stored.model.graph.output]
    elements = {value.type.tensor_type.elem_type for value in values if value.type.HasField("tensor_type")}
    if "training" in domain or "train" in stored.name:
        return "training"
    for group, holds in (
        ("preview", "preview" in domain),
        ("random", operator in RANDOM),
        ("codecs", operator in CODECS),
        ("strings", TensorProto.STRING in elements),
        ("functions", "_expanded" in stored.name),
        ("structured", not all(value.type.HasField("tensor_type") for value in values)),
        ("packed", not elements <= NUMBERS),
    ):
        if holds:
            return group
    return "core"


def elements(values: Mapping[str, Any]) -> dict[str, Any]:
    """The arrays of values, those of a list as name_0, name_1, ..; nothing of what holds none."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, list):
            found.update({f"{name}_{i}": part for i, part in enumerate(value)})
        elif value is not None:
            found[name] = value
    return found


def held(values: Mapping[str, Any]) -> dict[str, Any]:
    """The shapes of all tensors where some are elements of lists; None for a list and an optional without any."""
    nothing = {name: None for name, value in values.items() if value is None or (isinstance(value, list) and not value)}
    if not any(isinstance(value, list) for value in values.values()):
        return nothing
    return nothing | {name: array.shape for name, array in elements(values).items()}


def array_of(value: Any) -> Any:
    """A stored value as an array; lists and absent values as they are."""
    if isinstance(value, TensorProto):
        return numpy_helper.to_array(value)
    return value if value is None or isinstance(value, list) else np.asarray(value)
