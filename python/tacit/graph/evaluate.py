"""Runs a graph in floating point: the reference that ranges, folded constants and fidelity come from. onnxruntime does, or
ONNX's own slower reference where onnxruntime lacks an operator, a form of one or a dtype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx.reference import ReferenceEvaluator

from tacit.errors import ModelError
from tacit.graph.export import to_onnx
from tacit.graph.model import Graph
from tacit.numbers.dtypes import dtype_of

Faults = onnxruntime.capi.onnxruntime_pybind11_state
LACKING = (Faults.NotImplemented, Faults.Fail)
"""How onnxruntime says that it has no kernel for an operator, or for this form of one."""
QUIET = 4
LARGEST_PROTO = (1 << 31) - (1 << 20)
SMALLEST_FED = 1 << 16
"""Constants of so many float32 numbers are inputs of the session, which reads them where they are: as parts of a model they would
be copied four times, into protobuf's messages, its bytes, the session and its kernels' own order."""


class Evaluator:
    """One onnxruntime session (optimisations off, so that every named value exists) for the named values of a graph.

    `is_reference`: onnxruntime lacks an operator of the graph, ONNX's reference has them all; what only a sample shows (kernels
    that refuse a form of their operator, dtypes that onnxruntime does not exchange) is known after the first one. Raises
    ModelError when neither can load it.
    """

    def __init__(self, graph: Graph, outputs: Sequence[str] | None = None) -> None:
        self._graph = graph
        self._outputs = list(dict.fromkeys(graph.outputs if outputs is None else outputs))
        self._computed = [name for name in self._outputs if name in graph.producers]
        self._fed: dict[str, np.ndarray] = {}
        self._session: Any = None
        if self._computed:
            self._session, self._fed = _session(graph, self._computed)
        self.is_reference = isinstance(self._session, Reference)

    def run(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Every named value for one sample {input name: array of the declared shape and dtype}."""
        results: dict[str, np.ndarray] = {}
        if self._session is not None:
            feeds = {
                name: np.asarray(sample[name], dtype=dtype_of(self._graph.values[name].dtype)) for name in self._graph.inputs
            }
            results.update(zip(self._computed, self._ran(feeds)))
        for name in self._outputs:
            if name not in results:
                known = self._graph.constants.get(name)
                results[name] = np.asarray(sample[name]) if known is None else known
        return {name: results[name] for name in self._outputs}

    def _ran(self, feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        """The computed values. A sample that onnxruntime refuses, though it fits the model, is the reference's from then on."""
        if self.is_reference:
            try:
                return self._session.run(self._computed, feeds)
            except Exception as error:
                raise ModelError(f"ONNX's reference cannot run the model on a sample: {_reason(error)}.") from None
        try:
            given = {**feeds, **self._fed}
            return self._session.run(self._computed, {entry.name: given[entry.name] for entry in self._session.get_inputs()})
        except Exception as error:
            if not isinstance(error, Faults.InvalidArgument):
                try:
                    reference = Reference(to_onnx(self._graph, self._computed))
                    found = reference.run(self._computed, feeds)
                    self._session, self.is_reference = reference, True
                    return found
                except Exception:
                    pass
            raise ModelError(f"onnxruntime cannot run the model on a sample: {_reason(error)}.") from None


class Reference:
    """ONNX's reference with the face of a session; float results that it gives as Python numbers are arrays."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self._evaluator = ReferenceEvaluator(proto)

    def run(self, outputs: Sequence[str], feeds: Mapping[str, np.ndarray]) -> list[np.ndarray]:
        return [np.asarray(result) for result in self._evaluator.run(list(outputs), dict(feeds))]


def _session(graph: Graph, outputs: Sequence[str]) -> tuple[onnxruntime.InferenceSession | Reference, dict[str, np.ndarray]]:
    """What runs the graph, and the constants that it takes as inputs."""
    fed = {
        name: np.ascontiguousarray(array)
        for name, array in graph.constants.items()
        if array.dtype == np.float32 and array.size >= SMALLEST_FED
    }
    if fed:
        try:
            return _loaded(to_onnx(graph, outputs, fed)), fed
        except Exception:
            pass  # a kernel that takes constants alone, or a fault that shows without them too
    if sum(array.nbytes for array in graph.constants.values()) > LARGEST_PROTO:
        raise ModelError(
            "The model's weights exceed 2 GB, which this version cannot run in one piece; cut the model in two."
        )
    try:
        proto = to_onnx(graph, outputs)
        return _loaded(proto), {}
    except LACKING as error:
        try:
            return Reference(proto), {}
        except Exception:
            raise ModelError(f"onnxruntime cannot load the model: {_reason(error)}.") from None
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load the model: {_reason(error)}.") from None


def _loaded(proto: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(proto.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:400].rstrip(".")
