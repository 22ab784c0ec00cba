"""model, samples -> graph, checked rows and what the inputs are; and which graph in floats is right."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tacit import images, inputs
from tacit.errors import InputError
from tacit.frontends import onnx_missing, torch
from tacit.frontends.models import free_inputs, load
from tacit.frontends.onnx_inputs import Shapes
from tacit.graph import Graph
from tacit.images import ImageScale
from tacit.inputs import Declared
from tacit.observe import runs
from tacit.operators import SUPPORTED


def sampled(
    model: Any,
    samples: inputs.Given | None,
    scale: ImageScale | None,
    shapes: Shapes | None,
    trips: int | None,
    fixed: Mapping[str, Any] | None = None,
) -> tuple[Graph, list, tuple[Declared, ...]]:
    """The loaded graph, the checked samples (none without samples), and what the inputs are; other symbolic axes take the
    samples' lengths, or 1."""
    if torch.is_torch(model):
        if fixed:
            raise InputError("fixed= is for models in files: give the arguments of a torch module values in a module around it.")
        if samples is None:
            raise InputError("A torch model is traced with a sample: give at least one.")
        samples = torch.arrays(inputs.read(Path(samples), ()) if isinstance(samples, (str, os.PathLike)) else samples)
        model = torch.exported(model, samples, shapes)
    model = onnx_missing.apart(model, inputs.whole(samples))
    every = [Declared(i.name, i.shape, i.dtype, i.batched) for i in free_inputs(model, shapes)]
    constants = inputs.constants(fixed or {}, every)
    free = [declared for declared in every if declared.name not in constants]
    if scale is not None:
        if len(free) != 1:
            raise InputError(f"image= is for models with one input; this one has {len(free)}.")
        images.require_fit(free[0].name, free[0].shape, free[0].dtype, scale)
    given = None if samples is None else inputs.named(samples, free, scale)
    found = {d.name: inputs.sample_shape(d, given[d.name]) if given else tuple(n if n >= 0 else 1 for n in d.shape) for d in free}
    nothing = {name: None for name, shape in (shapes or {}).items() if shape is None}
    graph = load(model, shapes={**found, **nothing}, supported=SUPPORTED, trips=trips, fixed=constants)
    declared = tuple(Declared(d.name, graph.values[d.name].shape, d.dtype, d.batched) for d in free)
    return graph, [] if given is None else inputs.many(given, declared, scale), declared


def reference(source: Graph, graph: Graph) -> Graph:
    """The model as it was given, where onnxruntime runs it, else what it was simplified to: what fidelity is measured against."""
    return source if runs(source) else graph
