"""The pipeline, readable top to bottom: each line turns frozen data into frozen data."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from tacit import _core, images, inputs, progress
from tacit.arithmetize import arithmetize
from tacit.errors import InputError, ModelError
from tacit.execute import execute
from tacit.frontends import torch
from tacit.frontends.estimators import from_estimator
from tacit.frontends.models import free_inputs, load
from tacit.frontends.onnx_inputs import Shapes
from tacit.graph import Graph, require_supported
from tacit.images import ImageScale
from tacit.inputs import Declared
from tacit.key import Key
from tacit.lower import lower
from tacit.model import Model, commit
from tacit.observe import observe, run_float, runs
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify
from tacit.primitives.cost import Cost
from tacit.primitives.program import run
from tacit.quantize import quantize
from tacit.receipt import Receipt
from tacit.report import Report, compare
from tacit.verify import verify

__all__ = ["compile", "prove", "verify"]

WIDTHS = ("lean", "standard", "faithful")


def compile(
    model: Any,
    samples: inputs.Given,
    *,
    widths: str = "standard",
    image: float | ImageScale | None = None,
    shapes: Shapes | None = None,
    trips: int | None = None,
    like: Model | None = None,
) -> Model:
    """Compiles a model to an integer model, its circuit and its key, and measures it. ONNX: a path, bytes or ModelProto; torch:
    a module or an exported program; weights: the path of a GGUF file or of a safetensors model's folder; fitted estimators of
    scikit-learn, XGBoost and LightGBM, which get 'faithful' widths where labels or numbers differ on the samples under
    'standard' ones.

    `samples`: inputs that the model will see; their ranges fix the scales. An array equal to the declared shape is one
    sample; otherwise the first axis counts samples. `widths`: 'lean', 'standard' or 'faithful'. `image`: how pixels become
    inputs, for image files; a number divides them. `shapes`: lengths of symbolic axes, by the name of a dimension or of an
    input; the samples give the others. `trips`: the most turns of a loop that the input ends and the model does not bound.
    `like`: the model compiled at other shapes, longer ones; this one gets its scales and its commitment to the weights.
    Raises ModelError, UnsupportedOperator, InputError.
    """
    if widths not in WIDTHS:
        raise ModelError(f"widths={widths!r} is unknown; use one of {', '.join(WIDTHS)}.")
    if trips is not None and trips < 1:
        raise InputError(f"trips={trips} is no number of turns; use 1 or more.")
    scale = images.scale_of(image)
    given, model = model, from_estimator(model)
    source, rows, declared = _sampled(model, samples, scale, shapes, trips)
    graph = simplify(expand(source, EXPANSIONS))
    require_supported(graph, SUPPORTED)
    ranges = observe(graph, progress.each("observing samples", rows))
    scales = quantize(graph, ranges, widths)
    if like is not None:
        scales = scales.as_in(like.scales)
    program, tensors = lower(graph, scales, None if like is None else like.columns())
    unfinished, weights = arithmetize(program, tensors)
    circuit = finish(unfinished, *(() if like is None else (like.log_rows,)))
    prover = commit(circuit, weights)
    key = Key.from_bytes(prover.key())
    compiled = Model(program, circuit, weights, key, declared, scales, scale, source.classes, _prover=prover)
    if like is not None:
        compiled.require_weights_of(like)
        compiled.opened = like.opened
    compiled.report = measure(compiled, reference(source, graph), rows)
    if given is not model and widths == "standard" and not is_faithful(compiled.report, graph):
        return compile(model, samples, widths="faithful", image=image, shapes=shapes, trips=trips, like=like)
    return compiled


def prove(model: Model, given: inputs.Given, hide: Iterable[str] | None = None, context: bytes | str = b"") -> Receipt:
    """The same as `model.prove`."""
    return model.prove(given, hide=hide, context=context)


def _sampled(
    model: Any, samples: inputs.Given, scale: ImageScale | None, shapes: Shapes | None, trips: int | None
) -> tuple[Graph, list, tuple[Declared, ...]]:
    """The loaded graph, the checked samples, and what the inputs are; other symbolic axes take the samples' lengths."""
    if torch.is_torch(model):
        samples = torch.arrays(inputs.read(Path(samples), ()) if isinstance(samples, (str, os.PathLike)) else samples)
        model = torch.exported(model, samples, shapes)
    free = [Declared(i.name, i.shape, i.dtype, i.batched) for i in free_inputs(model, shapes)]
    if scale is not None:
        if len(free) != 1:
            raise InputError(f"image= is for models with one input; this one has {len(free)}.")
        images.require_fit(free[0].name, free[0].shape, free[0].dtype, scale)
    given = inputs.named(samples, free, scale)
    found = {d.name: inputs.sample_shape(d, given[d.name]) for d in free}
    graph = load(model, shapes=found, supported=SUPPORTED, trips=trips)
    declared = tuple(Declared(d.name, graph.values[d.name].shape, d.dtype, d.batched) for d in free)
    return graph, inputs.many(given, declared, scale), declared


def finish(circuit: bytes, *log_rows: int) -> bytes:
    """The circuit with its opening's parameters, chosen for 128 bits; limbs have 2^log_rows rows if that is given."""
    try:
        return _core.finish(circuit, *log_rows)
    except _core.Malformed as error:
        raise ModelError(f"This model cannot be proved: {error}.") from None


def reference(source: Graph, graph: Graph) -> Graph:
    """The model as it was given, where onnxruntime runs it, else what it was simplified to: what fidelity is measured against."""
    return source if runs(source) else graph


LARGEST_ERROR = 2.0**-8
"""Of a float output, relative to the largest."""


def is_faithful(report: Report, graph: Graph) -> bool:
    """Whether every label of the samples is the float model's; of a model without labels, whether its numbers are close."""
    labels = [f for f in report.fidelity if not graph.values[f.name].is_float]
    if labels:
        return all(f.max_abs_error == 0 for f in labels)
    return all(f.max_abs_error <= LARGEST_ERROR * f.largest for f in report.fidelity)


def measure(model: Model, graph: Graph, rows: list[dict[str, np.ndarray]]) -> Report:
    """The integer model against float32 on the samples, and what a proof costs."""
    expected: dict[str, list[np.ndarray]] = {name: [] for name in graph.outputs}
    found: dict[str, list[np.ndarray]] = {name: [] for name in graph.outputs}
    for row in progress.each("measuring samples", rows):
        _, public, _ = execute(model.program, model.tensors(), model.integers(row))
        for signature, value in model.key.public_values(public):
            if signature.is_output:
                found[signature.name].append(value)
        for name, value in run_float(graph, row).items():
            expected[name].append(value)
    cost = Cost()
    run(model.program, cost)
    terms, bits = model.key.core.security()
    return Report(
        parameters=sum(tensor.size for tensor in model.tensors().values()),
        samples=len(rows),
        fidelity=tuple(compare(name, expected[name], found[name]) for name in graph.outputs),
        nodes=tuple((name, spent.cells, spent.lookups) for name, spent in cost.steps.items()),
        cells=cost.cells,
        lookups=cost.lookups,
        table_rows=cost.table_rows,
        security=tuple(terms),
        bits=bits,
    )
