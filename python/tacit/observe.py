"""Ranges of every value over samples, and the floating-point outputs that the integer model is measured against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np

from tacit.errors import InputError, ModelError
from tacit.graph import Graph
from tacit.graph.evaluate import Evaluator
from tacit.numbers.dtypes import kind_of, plain

SIGNIFICANT_BITS = 13
TYPICAL = 0.999

_sessions: WeakKeyDictionary[Graph, Evaluator] = WeakKeyDictionary()


@dataclass(frozen=True)
class Range:
    """What a value was over all samples and elements, in real units: smallest, largest, largest magnitude, and the
    99.9 % quantile of the magnitude within a sample (its largest over the samples). `least`, of inputs alone: the smallest,
    over the places of the last axis, of the largest magnitude seen there; places that are always 0 do not count.

    Every number is rounded to 13 significant bits: machines whose float32 sums differ in the last bits then agree.
    """

    low: float
    high: float
    absolute: float
    typical: float
    least: float = 0.0

    def union(self, other: Range) -> Range:
        return Range(
            min(self.low, other.low),
            max(self.high, other.high),
            max(self.absolute, other.absolute),
            max(self.typical, other.typical),
        )


def observe(graph: Graph, samples: Iterable[Mapping[str, np.ndarray]]) -> dict[str, Range]:
    """Value name -> Range, for the inputs and everything that the nodes compute, over samples {input name: array}.

    Arrays have the declared shapes. Raises InputError without samples, ModelError when onnxruntime refuses the graph.
    """
    names = [*graph.inputs, *graph.producers]
    evaluator = Evaluator(graph, names)
    ranges: dict[str, Range] = {}
    sampled = False
    reached: dict[str, np.ndarray] = {}
    for sample in samples:
        sampled = True
        for name, array in evaluator.run(sample).items():
            if array.size:
                seen = range_of(array)
                ranges[name] = ranges[name].union(seen) if name in ranges else seen
                if name in graph.inputs and kind_of(array.dtype) == "f" and array.ndim:
                    magnitude = np.abs(plain(array)).reshape(-1, array.shape[-1]).max(axis=0)
                    reached[name] = np.maximum(reached.get(name, 0.0), magnitude)
    if not sampled:
        raise InputError("There is no sample to observe: give at least one.")
    for name, magnitude in reached.items():
        least = float(magnitude[magnitude > 0].min(initial=np.inf))
        ranges[name] = replace(ranges[name], least=_rounded(least) if np.isfinite(least) else 0.0)
    return ranges


def run_float(graph: Graph, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Output name -> array, as onnxruntime computes it in floating point. The session lives as long as the graph."""
    evaluator = _sessions.get(graph)
    if evaluator is None:
        evaluator = _sessions[graph] = Evaluator(graph)
    return evaluator.run(sample)


def runs(graph: Graph) -> bool:
    """Whether onnxruntime can run a graph; it lacks some operators that can be proved (ONNX's reference then runs them)."""
    if graph not in _sessions:
        try:
            _sessions[graph] = Evaluator(graph)
        except ModelError:
            return False
    return not _sessions[graph].is_reference


def range_of(array: np.ndarray) -> Range:
    """The Range of one array with at least one element."""
    flat = np.asarray(array).reshape(-1)
    if flat.dtype.kind != "f":
        flat = flat.astype(np.float64)
    magnitude = np.abs(flat)
    rank = min(int(TYPICAL * flat.size), flat.size - 1)
    typical = float(np.partition(magnitude, rank)[rank]) if flat.size > 1 else float(magnitude[0])
    return Range(
        _rounded(float(flat.min())), _rounded(float(flat.max())), _rounded(float(magnitude.max())), _rounded(typical)
    )


def _rounded(number: float) -> float:
    if number == 0.0 or not np.isfinite(number):
        return number
    mantissa, exponent = np.frexp(number)
    return float(np.ldexp(np.round(np.ldexp(mantissa, SIGNIFICANT_BITS)), int(exponent) - SIGNIFICANT_BITS))
