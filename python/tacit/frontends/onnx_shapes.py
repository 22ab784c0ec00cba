"""Static shapes: symbolic axes get lengths, then every value gets a shape and a dtype."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends.onnx_file import LARGEST_KEPT, TENSOR_DTYPES, Source
from tacit.graph import Value


def fix_inputs(source: Source, model: onnx.ModelProto, shapes: Mapping[str, Sequence[int]] | None) -> None:
    """Writes lengths into the model's inputs: a symbolic first axis becomes 1, others come from `shapes` (given without
    or with the first axis), one symbol has one length. Raises ModelError for an axis that nothing resolves."""
    inputs = [value for value in model.graph.input if value.name in source.inputs]
    for value in inputs:
        _require_tensor(value)
        for dim in value.type.tensor_type.shape.dim:
            if dim.dim_param == "?":  # some exporters write it for every axis they do not know: no symbol
                dim.ClearField("dim_param")
    symbols: dict[str, int] = {}
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        if dims and not dims[0].HasField("dim_value") and dims[0].dim_param:
            symbols[dims[0].dim_param] = 1
    for value in inputs:
        dims = value.type.tensor_type.shape.dim
        given = _aligned(dims, (shapes or {}).get(value.name))
        for axis, dim in enumerate(dims):
            if dim.HasField("dim_value") and dim.dim_value > 0:
                continue
            length = _length(dim, axis, given, symbols)
            if length is None or length < 1:
                raise ModelError(
                    f"Axis {axis} of the input {value.name!r} has no fixed length; export the model with a fixed shape."
                )
            if dim.dim_param:
                symbols.setdefault(dim.dim_param, length)
            dim.dim_value = length
    del model.graph.value_info[:]
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")


def infer(source: Source, model: onnx.ModelProto) -> dict[str, Value]:
    """Shape and dtype of every value: by ONNX's inference; by running the model on zeros for what that leaves open."""
    try:
        inferred = shape_inference.infer_shapes(model, data_prop=True, strict_mode=False)
    except Exception as error:
        raise ModelError(f"{source.name} is not a valid ONNX model: {_first_line(error)}.") from None
    values: dict[str, Value] = {}
    for entry in [*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output]:
        value = _value(entry)
        if value is not None:
            values[entry.name] = value
    for name, array in source.weights.items():
        values[name] = Value(name, tuple(array.shape), array.dtype.name)
    computed = [name for node in model.graph.node for name in node.output if name]
    unknown = [name for name in dict.fromkeys(computed) if name not in values]
    if unknown:
        values.update(_measured(source, model, unknown, values))
    return values


def _aligned(dims: Sequence[Any], given: Sequence[int] | None) -> Sequence[int] | None:
    if given is None:
        return None
    if len(given) == len(dims):
        return given
    return [1, *given] if len(given) + 1 == len(dims) else None


def _length(dim: Any, axis: int, given: Sequence[int] | None, symbols: Mapping[str, int]) -> int | None:
    if axis == 0:
        return 1
    if dim.dim_param in symbols and dim.dim_param:
        return symbols[dim.dim_param]
    return int(given[axis]) if given is not None else None


def _require_tensor(value: onnx.ValueInfoProto) -> None:
    if not value.type.HasField("tensor_type"):
        raise ModelError(f"The input {value.name!r} is not a tensor; give a model whose inputs are tensors.")
    dtype = _dtype(value.type.tensor_type.elem_type)
    if dtype not in TENSOR_DTYPES:
        raise ModelError(
            f"The input {value.name!r} has dtype {dtype}; give a model with number inputs, such as float32."
        )
    if not value.type.tensor_type.HasField("shape"):
        raise ModelError(f"The input {value.name!r} has no shape; export the model with a fixed shape.")


def _dtype(element: int) -> str:
    if element == onnx.TensorProto.STRING:
        return "string"
    try:
        return helper.tensor_dtype_to_np_dtype(element).name
    except KeyError:
        return f"number {element}"


def _value(entry: onnx.ValueInfoProto) -> Value | None:
    tensor = entry.type.tensor_type
    if not entry.type.HasField("tensor_type") or not tensor.elem_type or not tensor.HasField("shape"):
        return None
    dims = [dim.dim_value if dim.HasField("dim_value") else -1 for dim in tensor.shape.dim]
    return None if min(dims, default=0) < 0 else Value(entry.name, tuple(dims), _dtype(tensor.elem_type))


def _measured(
    source: Source, model: onnx.ModelProto, unknown: Sequence[str], values: Mapping[str, Value]
) -> dict[str, Value]:
    """Runs the model on zeros and reads the shapes of the `unknown` values off the results; ones must give the same."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    zeros = {name: np.zeros(values[name].shape, values[name].dtype) for name in source.inputs}
    try:
        data = _whole(source, model, unknown).SerializeToString()
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        results = session.run(list(unknown), zeros)
    except Exception as error:
        listed = ", ".join(sorted({node.op_type for node in model.graph.node if set(node.output) & set(unknown)}))
        raise UnsupportedOperator(
            f"{source.name} has values of unknown shape (computed by {listed}), and onnxruntime cannot run it: "
            f"{_first_line(error)}."
        ) from None
    try:
        others = session.run(list(unknown), {name: np.ones_like(array) for name, array in zeros.items()})
    except Exception:
        others = results
    found = {}
    for name, result, other in zip(unknown, results, others):
        kind = next(node.op_type for node in model.graph.node if name in node.output)
        if not isinstance(result, np.ndarray) or result.dtype.name not in TENSOR_DTYPES:
            raise UnsupportedOperator(
                f"The value {name!r} (computed by {kind}) is not a tensor of numbers; remove that node."
            )
        if result.shape != other.shape:
            raise UnsupportedOperator(
                f"The shape of {name!r} (computed by {kind}) depends on input values; only fixed shapes can be proved."
            )
        found[name] = Value(name, tuple(result.shape), result.dtype.name)
    return found


def _whole(source: Source, model: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """The skeleton with its large initialisers again, computing the named values."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    large = {name: array for name, array in source.weights.items() if array.size > LARGEST_KEPT}
    kept = [value for value in whole.graph.input if value.name not in large]
    del whole.graph.input[:]
    whole.graph.input.extend(kept)
    whole.graph.initializer.extend(numpy_helper.from_array(array, name) for name, array in large.items())
    del whole.graph.output[:]
    whole.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    return whole


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")[:300]
