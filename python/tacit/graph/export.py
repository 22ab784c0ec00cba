"""Graph -> ONNX, for running a graph in onnxruntime."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from tacit.graph.model import Graph, Node, Value

IR_VERSION = 10
DOMAIN_VERSIONS = {"ai.onnx.ml": 3}


def to_onnx(graph: Graph, outputs: Sequence[str] | None = None) -> onnx.ModelProto:
    """A ModelProto that computes the named values (default: the graph's outputs), which nodes must produce."""
    wanted = list(graph.outputs if outputs is None else outputs)
    proto = helper.make_graph(
        [node_to_onnx(node) for node in graph.nodes],
        "tacit",
        [_described(graph.values[name]) for name in graph.inputs],
        [_described(graph.values[name]) for name in wanted],
        [numpy_helper.from_array(np.asarray(array, order="C"), name) for name, array in graph.constants.items()],
    )
    domains = sorted({node.domain for node in graph.nodes if node.domain})
    imports = [helper.make_opsetid("", graph.opset)]
    imports += [helper.make_opsetid(domain, DOMAIN_VERSIONS.get(domain, 1)) for domain in domains]
    return helper.make_model(proto, opset_imports=imports, ir_version=IR_VERSION, producer_name="tacit")


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
        value.name, helper.np_dtype_to_tensor_dtype(np.dtype(value.dtype)), value.shape
    )
