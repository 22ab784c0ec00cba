"""Operators replaced by their parts: same function, same names, shapes checked."""

import numpy as np
import onnx
import pytest
from onnx import helper

from tacit.errors import ModelError
from tacit.frontends.onnx import load
from tacit.observe import run_float
from tacit.passes import expand, simplify

X = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]], np.float32)


def graph_of(operator: str = "Mish"):
    node = helper.make_node(operator, ["x"], ["y"], name="n")
    declared = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, X.shape)
    result = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, X.shape)
    model = helper.make_model(
        helper.make_graph([node], "g", [declared], [result]), opset_imports=[helper.make_opsetid("", 18)], ir_version=8
    )
    return load(model, supported={operator})


def mish(e, node):
    x = node.inputs[0]
    return e.op("Mul", x, e.op("Tanh", e.op("Softplus", x)))


def test_the_parts_compute_the_same():
    graph = graph_of()
    parts = expand(graph, {"Mish": mish})
    assert [node.operator for node in parts.nodes] == ["Softplus", "Tanh", "Mul", "Identity"]
    assert parts.outputs == graph.outputs
    np.testing.assert_allclose(run_float(parts, {"x": X})["y"], X * np.tanh(np.log1p(np.exp(X))), rtol=1e-5)
    assert "Identity" not in {node.operator for node in simplify(parts).nodes[:-1]}


def test_parts_may_have_parts():
    def softplus(e, node):
        return e.op("Log", e.op("Add", e.op("Exp", node.inputs[0]), e.constant(np.float32(1))))

    parts = expand(graph_of(), {"Mish": mish, "Softplus": softplus})
    assert "Softplus" not in {node.operator for node in parts.nodes}
    np.testing.assert_allclose(run_float(parts, {"x": X})["y"], run_float(graph_of(), {"x": X})["y"], rtol=1e-5)


def test_a_graph_without_such_nodes_is_itself():
    graph = graph_of()
    assert expand(graph, {"Elu": mish}) is graph


@pytest.mark.parametrize(
    "wrong, reason",
    [
        (lambda e, node: e.op("Transpose", node.inputs[0], perm=[1, 0]), "its parts give"),
        (lambda e, node: e.op("Cast", node.inputs[0], to=onnx.TensorProto.INT64), "its parts give int64"),
        (lambda e, node: [], "cannot be computed"),
        (lambda e, node: e.op("Mish", node.inputs[0]), "expands into itself"),
        (lambda e, node: e.op("MatMul", node.inputs[0], node.inputs[0]), "part MatMul is not valid"),
    ],
)
def test_parts_that_do_not_fit_are_refused(wrong, reason):
    with pytest.raises(ModelError, match=reason):
        expand(graph_of(), {"Mish": wrong})
