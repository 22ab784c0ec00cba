"""ONNX's own node cases: one-node models with stored inputs and outputs, run as integers with every relation checked."""

from __future__ import annotations

import importlib
import warnings
from functools import cache

import numpy as np
from onnx import ModelProto, TensorProto, numpy_helper
from onnx.backend.test.case import node as collected
from oracle import evaluate

from tacit.frontends.onnx import load
from tacit.graph import Graph
from tacit.observe import observe, range_of, runs
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify
from tacit.quantize import quantize

NUMBERS = {
    TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BOOL, TensorProto.INT8, TensorProto.INT16,
    TensorProto.INT32, TensorProto.INT64, TensorProto.UINT8, TensorProto.UINT16, TensorProto.UINT32,
}  # fmt: skip


@cache
def cases(*files: str):
    """The cases, by name, that these files of ONNX's suite define; those of function bodies left out."""
    with warnings.catch_warnings(action="ignore"):
        for file in files:
            importlib.import_module(f"{collected.__name__}.{file}")
    return {case.name: case for case in collected._NodeTestCases if "_expanded" not in case.name}


def of(operator: str, *files: str):
    """The cases of one operator whose inputs and outputs are tensors of numbers."""
    return [
        case
        for case in cases(*files).values()
        if case.model.graph.node[0].op_type == operator and all(is_number(v) for v in values(case))
    ]


def values(case):
    return [*case.model.graph.input, *case.model.graph.output]


def is_number(value) -> bool:
    return value.type.HasField("tensor_type") and value.type.tensor_type.elem_type in NUMBERS


def graph_of(case, constant: tuple[int, ...] = ()) -> tuple[Graph, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """(graph, computed inputs, expected outputs); the inputs at these positions become constants of the graph."""
    given, expected = case.data_sets[0]
    names = [value.name for value in case.model.graph.input]
    arrays = {name: array_of(value) for name, value in zip(names, given)}
    outputs = dict(zip([value.name for value in case.model.graph.output], map(array_of, expected)))
    fixed = {names[i]: arrays.pop(names[i]) for i in sorted(constant) if i < len(names) and names[i] in arrays}
    graph = simplify(expand(load(with_constants(case.model, fixed), supported=SUPPORTED), EXPANSIONS))
    return graph, arrays, outputs


def array_of(value) -> np.ndarray:
    return numpy_helper.to_array(value) if isinstance(value, TensorProto) else np.asarray(value)


def with_constants(model, arrays):
    copy = ModelProto()
    copy.CopyFrom(model)
    kept = [value for value in copy.graph.input if value.name not in arrays]
    del copy.graph.input[:]
    copy.graph.input.extend(kept)
    copy.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in arrays.items())
    return copy


def check(case, constant: tuple[int, ...] = (), tolerance: float = 2e-3, widths: str = "faithful") -> None:
    """Asserts |integer model - stored output| <= tolerance * the largest output; equality of integer outputs."""
    graph, arrays, expected = graph_of(case, constant)
    assert {node.kind for node in graph.nodes} <= SUPPORTED
    ranges = {name: range_of(array) for name, array in {**arrays, **expected}.items() if array.size}
    if runs(graph) and arrays:
        ranges |= observe(graph, [arrays])
    found, _ = evaluate(graph, quantize(graph, ranges, widths), arrays)
    for name, want in expected.items():
        got = cut(found, name, want)
        assert got.shape == want.shape, (name, got.shape, want.shape)
        if want.dtype.kind == "f":
            error = np.abs(got - want.astype(np.float64)).max(initial=0.0)
            assert error <= tolerance * max(np.abs(want).max(initial=0.0), 1e-3), (name, error, np.abs(want).max())
        else:
            np.testing.assert_array_equal(got, want)


def cut(found: dict[str, np.ndarray], name: str, want: np.ndarray) -> np.ndarray:
    """A result without its padding, which is zero; other results as they are."""
    got, count = found[name], found.get(f"{name}.count")
    axes = [axis for axis, (a, b) in enumerate(zip(got.shape, want.shape, strict=True)) if a != b]
    if count is None or not axes:
        return got
    (axis,) = axes
    kept, padding = np.split(got, [int(count)], axis)
    assert not padding.any(), name
    return kept
