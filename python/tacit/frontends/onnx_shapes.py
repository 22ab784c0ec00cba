"""Static shapes: every value gets a shape and a dtype, given those of the inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends.onnx_file import LARGEST_KEPT, TENSOR_DTYPES, Source
from tacit.frontends.onnx_padded import largest_results, padded_nodes
from tacit.frontends.onnx_values import Tensor
from tacit.graph import Value
from tacit.graph.export import IR_VERSION
from tacit.graph.padded import DECIDING
from tacit.numbers.dtypes import dtype_of


def infer(source: Source, model: onnx.ModelProto) -> dict[str, Value]:
    """Shape and dtype of every value: by ONNX's inference, with the largest shapes of what depends on data; by running the
    model on zeros for what that leaves open."""
    _write_defaults(model)
    values = _inferred(source, model)
    for node in padded_nodes(model, source.inputs):
        model.graph.value_info.extend(largest_results(model, node, values, source.weights))
        values = _inferred(source, model)
    for name, array in source.weights.items():
        values[name] = Value(name, tuple(array.shape), array.dtype.name)
    computed = [name for node in model.graph.node for name in node.output if name]
    unknown = [name for name in dict.fromkeys(computed) if name not in values]
    if unknown:
        values.update(_measured(source, model, unknown, values))
    return values


def _write_defaults(model: onnx.ModelProto) -> None:
    """ONNX's inference takes an STFT without `onesided` for a whole one; the default is 1."""
    for node in model.graph.node:
        if node.op_type == "STFT" and "onesided" not in {entry.name for entry in node.attribute}:
            node.attribute.append(helper.make_attribute("onesided", 1))


def _inferred(source: Source, model: onnx.ModelProto) -> dict[str, Value]:
    """What ONNX's inference tells of shapes, in every detail."""
    try:
        inferred = shape_inference.infer_shapes(model, data_prop=True, strict_mode=False)
    except Exception as error:
        raise ModelError(f"{source.name} is not a valid ONNX model: {_first_line(error)}.") from None
    entries = [*inferred.graph.input, *inferred.graph.value_info, *inferred.graph.output]
    return {entry.name: value for entry in entries if (value := _value(entry)) is not None}


def node_types(
    node: onnx.NodeProto, inputs: Sequence[Tensor | None], opsets: Mapping[str, int]
) -> list[tuple[int, tuple[int, ...] | None]]:
    """Element type and shape of every output of one node, 0 and None where they are unknown: by ONNX's inference, or for an
    operator of another domain, which ONNX does not know, by running it."""
    imports = [helper.make_opsetid(*entry) for entry in opsets.items()]
    known = {tensor.name: tensor for tensor in inputs if tensor is not None}
    try:
        schema = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
        types = {name: _type(tensor) for name, tensor in known.items()}
        data = {name: numpy_helper.from_array(t.array, name) for name, t in known.items() if t.array is not None}
        found = shape_inference.infer_node_outputs(schema, node, types, data, opset_imports=imports)
    except Exception:
        found = {}
    values = {name: _value(onnx.ValueInfoProto(name=name, type=kind)) for name, kind in found.items()}
    wanted = [name for name in node.output if name]
    runs = bool(node.domain) and all(t.shape is not None and t.element for t in known.values())
    if runs and any(values.get(name) is None for name in wanted):
        values |= _measured_node(node, known, wanted, imports)
    results: list[tuple[int, tuple[int, ...] | None]] = []
    for name in node.output:
        value = values.get(name)
        element = found[name].tensor_type.elem_type if value is None and name in found else 0
        results.append((element, None) if value is None else (_element(value.dtype), value.shape))
    return results


def _type(tensor: Tensor) -> onnx.TypeProto:
    if not tensor.element:
        return onnx.TypeProto()
    return helper.make_tensor_type_proto(tensor.element, tensor.shape)


def _element(dtype: str) -> int:
    return onnx.TensorProto.STRING if dtype == "string" else helper.np_dtype_to_tensor_dtype(dtype_of(dtype))


def _measured_node(
    node: onnx.NodeProto, known: Mapping[str, Tensor], outputs: Sequence[str], imports: Sequence[onnx.OperatorSetIdProto]
) -> dict[str, Value | None]:
    """Shape and dtype of the outputs of one node on zeros, where they are the same on ones and on numbers that all differ;
    nothing when it cannot run."""
    import onnxruntime

    deciding = [node.input[i] for i in DECIDING.get(node.op_type, ()) if i < len(node.input)]
    if any(name in known and known[name].array is None for name in deciding):
        return {}
    declared = [helper.make_tensor_value_info(t.name, t.element, t.shape) for t in known.values()]
    graph = helper.make_graph([node], "one", declared, [onnx.ValueInfoProto(name=name) for name in outputs])
    model = helper.make_model(graph, opset_imports=imports, ir_version=IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        results = []
        for step, start in ((0, 0), (0, 1), (1, 0)):
            feeds = {}
            for name, t in known.items():
                numbers = np.arange(int(np.prod(t.shape or ()))).reshape(t.shape or ()) * step + start
                feeds[name] = numbers.astype(helper.tensor_dtype_to_np_dtype(t.element)) if t.array is None else t.array
            results.append(session.run(list(outputs), feeds))
    except Exception:
        return {}
    found: dict[str, Value | None] = {}
    for name, *arrays in zip(outputs, *results):
        same = len({array.shape for array in arrays if isinstance(array, np.ndarray)}) == 1
        if same and arrays[0].dtype.name in TENSOR_DTYPES:
            found[name] = Value(name, tuple(arrays[0].shape), arrays[0].dtype.name)
    return found


def require_tensor(value: onnx.ValueInfoProto) -> None:
    """Raises ModelError unless an input is a tensor of numbers with a rank."""
    if not value.type.HasField("tensor_type"):
        raise ModelError(f"The input {value.name!r} is not a tensor; give a model whose inputs are tensors.")
    dtype = _dtype(value.type.tensor_type.elem_type)
    if dtype not in TENSOR_DTYPES:
        raise ModelError(f"The input {value.name!r} has dtype {dtype}; give a model with number inputs, such as float32.")
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


def _measured(source: Source, model: onnx.ModelProto, unknown: Sequence[str], values: Mapping[str, Value]) -> dict[str, Value]:
    """Runs the model on zeros and reads the shapes of the `unknown` values off the results; ones must give the same, where the
    model runs on them. A result without elements tells nothing: numbers that are all alike may have made it so."""
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
            raise UnsupportedOperator(f"The value {name!r} (computed by {kind}) is not a tensor of numbers; remove that node.")
        if result.shape != other.shape or not result.size:
            raise UnsupportedOperator(
                f"The shape of {name!r} (computed by {kind}) depends on input values; only fixed shapes can be proved."
            )
        found[name] = Value(name, tuple(result.shape), result.dtype.name)
    return found


def _whole(source: Source, model: onnx.ModelProto, outputs: Sequence[str]) -> onnx.ModelProto:
    """The skeleton with its large initialisers again, computing the named values."""
    whole = onnx.ModelProto()
    whole.CopyFrom(model)
    del whole.graph.value_info[:]
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
