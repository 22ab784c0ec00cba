"""Graph -> ONNX, for running a graph in onnxruntime."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tacit.graph.model import Graph, Node, Value
from tacit.graph.padded import RESULTS, count_of, is_padded, padded_axes
from tacit.numbers.dtypes import dtype_of

IR_VERSION = 10
DOMAIN_VERSIONS = {"ai.onnx.ml": 3}


def to_onnx(graph: Graph, outputs: Sequence[str] | None = None, fed: Collection[str] = ()) -> onnx.ModelProto:
    """A ModelProto that computes the named values (default: the graph's outputs), which nodes must produce. `fed`: constants that
    become inputs, after the graph's own."""
    wanted = list(graph.outputs if outputs is None else outputs)
    proto = helper.make_graph(
        [proto for node in graph.nodes for proto in protos_of(graph, node)],
        "tacit",
        [_described(graph.values[name]) for name in (*graph.inputs, *fed)],
        [_described(graph.values[name]) for name in wanted],
        [numpy_helper.from_array(np.asarray(a, order="C"), name) for name, a in graph.constants.items() if name not in fed],
    )
    domains = sorted({node.domain for node in graph.nodes if node.domain})
    imports = [helper.make_opsetid("", graph.opset)]
    imports += [helper.make_opsetid(domain, DOMAIN_VERSIONS.get(domain, 1)) for domain in domains]
    return helper.make_model(proto, opset_imports=imports, ir_version=IR_VERSION, producer_name="tacit")


def protos_of(graph: Graph, node: Node) -> list[onnx.NodeProto]:
    """The node; one with padded results followed by what pads them and counts.

    With r a result as ONNX defines it: the first places of r and zeros joined, and the length of r.
    """
    if not is_padded(node):
        return [node_to_onnx(node)]
    axes = padded_axes(node.operator, node.attributes, len(graph.values[node.inputs[0]].shape))
    own = node.outputs[: RESULTS[node.operator]]
    counted = next(i for i in axes if own[i] or i == 0)
    names = [f"{node.name}/all.{i}" if i in axes and (name or i == counted) else name for i, name in enumerate(own)]
    found = [node_to_onnx(node.with_outputs(names))]

    def given(key: str, array: np.ndarray) -> str:
        name = f"{node.name}/{key}"
        found.append(helper.make_node("Constant", [], [name], value=numpy_helper.from_array(array)))
        return name

    for i in (i for i in axes if own[i]):
        value, axis = graph.values[own[i]], axes[i]
        zeros = given(f"zeros.{i}", np.zeros(value.shape, dtype=value.dtype))
        bounds = [given(f"{key}.{i}", np.array([n])) for key, n in (("start", 0), ("end", value.shape[axis]), ("axis", axis))]
        found.append(helper.make_node("Concat", [names[i], zeros], [f"{node.name}/joined.{i}"], axis=axis))
        found.append(helper.make_node("Slice", [f"{node.name}/joined.{i}", *bounds], [own[i]]))
    axis = axes[counted]
    found.append(helper.make_node("Shape", [names[counted]], [f"{node.name}/length"], start=axis, end=axis + 1))
    scalar = given("scalar", np.zeros(0, dtype=np.int64))
    found.append(helper.make_node("Reshape", [f"{node.name}/length", scalar], [count_of(node)]))
    return found


def node_to_onnx(node: Node) -> onnx.NodeProto:
    """The node with its attributes as ONNX stores them: an array becomes a tensor, an empty list a list of integers."""
    proto = helper.make_node(node.operator, node.inputs, node.outputs, name=node.name, domain=node.domain)
    for key, value in sorted(node.attributes.items()):
        if isinstance(value, np.ndarray):
            proto.attribute.append(helper.make_attribute(key, numpy_helper.from_array(value)))
        elif isinstance(value, (list, tuple)) and not value:
            proto.attribute.append(helper.make_attribute(key, [], attr_type=onnx.AttributeProto.INTS))
        else:
            proto.attribute.append(helper.make_attribute(key, value))
    return proto


def _described(value: Value) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(
        value.name, helper.np_dtype_to_tensor_dtype(dtype_of(value.dtype)), value.shape
    )
