"""Runs a graph in floating point: the reference that ranges, folded constants and fidelity come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnxruntime

from tacit.errors import ModelError
from tacit.graph.export import to_onnx
from tacit.graph.model import Graph

QUIET = 4
LARGEST_PROTO = (1 << 31) - (1 << 20)


class Evaluator:
    """One onnxruntime session (optimisations off, so that every named value exists) for the named values of a graph.

    Raises ModelError when onnxruntime cannot load the graph.
    """

    def __init__(self, graph: Graph, outputs: Sequence[str] | None = None) -> None:
        self._graph = graph
        self._outputs = list(dict.fromkeys(graph.outputs if outputs is None else outputs))
        self._computed = [name for name in self._outputs if name in graph.producers]
        self._session = _session(graph, self._computed) if self._computed else None

    def run(self, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Every named value for one sample {input name: array of the declared shape and dtype}."""
        results: dict[str, np.ndarray] = {}
        if self._session is not None:
            feeds = {
                name: np.asarray(sample[name], dtype=self._graph.values[name].dtype) for name in self._graph.inputs
            }
            feeds = {name: feeds[name] for name in (entry.name for entry in self._session.get_inputs())}
            try:
                found = self._session.run(self._computed, feeds)
            except Exception as error:
                raise ModelError(f"onnxruntime cannot run the model on a sample: {_reason(error)}.") from None
            results.update(zip(self._computed, found))
        for name in self._outputs:
            if name not in results:
                known = self._graph.constants.get(name)
                results[name] = np.asarray(sample[name]) if known is None else known
        return {name: results[name] for name in self._outputs}


def _session(graph: Graph, outputs: Sequence[str]) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = QUIET
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if sum(array.nbytes for array in graph.constants.values()) > LARGEST_PROTO:
        raise ModelError(
            "The model's weights exceed 2 GB, which this version cannot run in one piece; cut the model in two."
        )
    try:
        data = to_onnx(graph, outputs).SerializeToString()
        return onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ModelError(f"onnxruntime cannot load the model: {_reason(error)}.") from None


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text[:400].rstrip(".")
