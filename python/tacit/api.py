"""The pipeline, readable top to bottom: each line turns frozen data into frozen data."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from tacit import inputs
from tacit.arithmetize import arithmetize
from tacit.errors import ModelError
from tacit.execute import execute
from tacit.frontends.onnx import load
from tacit.graph import Graph
from tacit.inputs import Declared, ImageScale
from tacit.key import Key
from tacit.lower import lower
from tacit.model import Model, commit
from tacit.observe import observe, run_float
from tacit.passes import simplify
from tacit.quantize import quantize
from tacit.receipt import Receipt
from tacit.report import Report, compare
from tacit.verify import verify

__all__ = ["compile", "prove", "verify"]

WIDTHS = ("lean", "standard", "faithful")


def compile(model: Any, samples: inputs.Given, *, widths: str = "standard", image: float | ImageScale | None = None) -> Model:
    """Compiles an ONNX model (path, bytes or ModelProto) to an integer model, its circuit and its key, and measures it.

    `samples`: inputs that the model will see; their ranges fix the scales. An array equal to the declared shape is one
    sample; otherwise the first axis counts samples. `widths`: 'lean', 'standard' or 'faithful'. `image`: how pixels become
    inputs, for `prove` on image files; a number divides them. Raises ModelError, UnsupportedOperator, InputError.
    """
    if widths not in WIDTHS:
        raise ModelError(f"widths={widths!r} is unknown; use one of {', '.join(WIDTHS)}.")
    scale = ImageScale(divide=float(image)) if isinstance(image, (int, float)) else image
    graph = simplify(load(model))
    declared = tuple(_declared(graph, name) for name in graph.inputs)
    rows = inputs.many(samples, declared, scale)
    ranges = observe(graph, rows)
    program, tensors = lower(graph, quantize(graph, ranges, widths))
    circuit, buffer = arithmetize(program, tensors)
    prover = commit(circuit, buffer)
    key = Key.from_bytes(prover.key())
    compiled = Model(program, circuit, buffer, key, _empty_report(), declared, scale, prover)
    compiled.report = measure(compiled, graph, rows)
    return compiled


def prove(model: Model, given: inputs.Given, hide: Any = None, context: bytes | str = b"") -> Receipt:
    """The same as `model.prove`."""
    return model.prove(given, hide=hide, context=context)
