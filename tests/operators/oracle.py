"""Lowers a small ONNX graph, runs its integers with every relation checked, and compares with onnxruntime."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tacit import inputs as given
from tacit.frontends.onnx import load
from tacit.graph import Graph
from tacit.graph.export import DOMAIN_VERSIONS
from tacit.lower import lower_into
from tacit.observe import observe, run_float
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand
from tacit.primitives.evaluate import Evaluate
from tacit.quantize import Scales, quantize

OPSET = 17


def model(
    nodes: Sequence[onnx.NodeProto],
    feeds: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    constants: Mapping[str, np.ndarray] | None = None,
    opset: int = OPSET,
    output_type: int = onnx.TensorProto.FLOAT,
) -> onnx.ModelProto:
    """A ModelProto whose inputs have the shapes and dtypes of `feeds`."""
    declared = [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(array.dtype), array.shape)
        for name, array in feeds.items()
    ]
    results = [helper.make_tensor_value_info(name, output_type, None) for name in outputs]
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()]
    graph = helper.make_graph(list(nodes), "test", declared, results, tensors)
    domains = sorted({node.domain for node in nodes} - {""})
    imports = [helper.make_opsetid(domain, DOMAIN_VERSIONS.get(domain, 1)) for domain in domains]
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset), *imports], ir_version=8)


def integers(graph: Graph, scales: Scales, sample: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {
        name: given.integers(
            sample[name], scales.inputs[name].exponent, scales.inputs[name].low, scales.inputs[name].high
        )
        for name in graph.inputs
    }


def evaluate(graph: Graph, scales: Scales, sample: Mapping[str, np.ndarray]) -> tuple[dict[str, np.ndarray], Evaluate]:
    """Output values (float64, or int64 for integer outputs) of the integer model, all relations checked; and the
    builder."""
    builder = Evaluate(integers(graph, scales, sample), check=True)
    lower_into(builder, graph, scales)
    found = builder.outputs()
    exponents = {public.name: public.exponent for public in builder.publics if public.is_output}
    values = {
        name: np.ldexp(array.astype(np.float64), -exponents[name]) if graph.values[name].is_float else array
        for name, array in found.items()
    }
    return values, builder


def compare(
    nodes: Sequence[onnx.NodeProto],
    feeds: Mapping[str, np.ndarray],
    outputs: Sequence[str],
    constants: Mapping[str, np.ndarray] | None = None,
    *,
    widths: str = "faithful",
    tolerance: float = 2e-3,
    **options: Any,
) -> Evaluate:
    """Asserts |integer model - onnxruntime| <= tolerance * the largest output, for float outputs; equality for
    integer ones."""
    source = load(model(nodes, feeds, outputs, constants, **options), supported=SUPPORTED)
    graph = expand(source, EXPANSIONS)
    scales = quantize(graph, observe(graph, [feeds]), widths)
    expected = run_float(source, feeds)
    found, builder = evaluate(graph, scales, feeds)
    for name in graph.outputs:
        want, got = expected[name], found[name]
        assert got.shape == want.shape, (name, got.shape, want.shape)
        if not graph.values[name].is_float:
            np.testing.assert_array_equal(got, want)
            continue
        error = float(np.abs(got - want).max(initial=0.0))
        assert error <= tolerance * float(np.abs(want).max(initial=1e-3)), (name, error, float(np.abs(want).max()))
    return builder


def random(seed: int, *shape: int, scale: float = 1.0) -> np.ndarray:
    """Seeded normal float32."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)
