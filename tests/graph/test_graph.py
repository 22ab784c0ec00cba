"""Graph, its checks, and its evaluation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tacit.errors import ModelError, UnsupportedOperator
from tacit.graph import Graph, Node, Value, check, require_supported
from tacit.graph.evaluate import Evaluator


def chain() -> Graph:
    """y = relu(x) + c; z = -y"""
    constant = np.array([1.0, 2.0], dtype=np.float32)
    names = ("x", "c", "a", "y", "z")
    nodes = (
        Node("Relu", "", "relu", ("x",), ("a",), {}),
        Node("Add", "", "add", ("a", "c"), ("y",), {}),
        Node("Neg", "", "negate", ("y",), ("z",), {}),
    )
    values = {name: Value(name, (2,), "float32") for name in names}
    return Graph(nodes, values, ("x",), ("z", "y"), {"c": constant}, 18)


def test_links_between_nodes_and_values():
    graph = chain()
    assert graph.producers["y"].name == "add"
    assert [node.name for node in graph.consumers["y"]] == ["negate"]
    assert graph.uses("y") == 2 and graph.uses("z") == 1 and graph.uses("x") == 1
    assert "z" not in graph.consumers
    assert graph.fresh("new") == "new" and graph.fresh("y") == "y_1"


def test_a_legal_graph_passes_both_stages():
    graph = chain()
    assert check(graph, "loaded") is graph
    assert check(graph, "simplified") is graph


def test_illegal_graphs_are_refused():
    graph = chain()
    with pytest.raises(ModelError, match="before anything computes it"):
        check(replace(graph, nodes=graph.nodes[::-1]))
    with pytest.raises(ModelError, match="already has a value"):
        check(replace(graph, nodes=(*graph.nodes, graph.nodes[0])))
    with pytest.raises(ModelError, match="computed by no node"):
        check(replace(graph, outputs=("nothing",)))
    with pytest.raises(ModelError, match="is unknown"):
        check(replace(graph, values={k: v for k, v in graph.values.items() if k != "a"}))
    with pytest.raises(ModelError, match="is described as"):
        check(replace(graph, constants={"c": np.zeros(3, dtype=np.float32)}))
    with pytest.raises(ModelError, match="as a constant"):
        check(replace(graph, constants={**graph.constants, "x": np.zeros(2, dtype=np.float32)}))
    dead = Node("Neg", "", "dead", ("x",), ("unused",), {})
    idle = graph.rebuild([*graph.nodes, dead], values={"unused": Value("unused", (2,), "float32")})
    check(idle, "loaded")
    with pytest.raises(ModelError, match="'dead' .Neg. is needed for no output"):
        check(idle, "simplified")


def test_every_unsupported_node_is_listed_at_once():
    graph = chain()
    require_supported(graph, {"Relu", "Add", "Neg"})
    with pytest.raises(UnsupportedOperator) as caught:
        require_supported(graph, {"Add"})
    message = str(caught.value)
    assert "2 nodes" in message and "'relu'" in message and "'negate'" in message and "'add'" not in message
    foreign = replace(graph, nodes=(replace(graph.nodes[0], domain="com.example"), *graph.nodes[1:]))
    with pytest.raises(UnsupportedOperator, match="com.example.Relu"):
        require_supported(foreign, {"Relu", "Add", "Neg"})


def test_rebuild_forgets_what_nobody_reads():
    graph = chain()
    shorter = replace(graph, outputs=("a",)).rebuild(graph.nodes[:1])
    assert set(shorter.values) == {"x", "a"} and not shorter.constants


def test_evaluation_of_any_value():
    graph = chain()
    x = np.array([-1.0, 3.0], dtype=np.float32)
    found = Evaluator(graph, ["z", "a", "c", "x"]).run({"x": x})
    np.testing.assert_array_equal(found["z"], [-1.0, -5.0])
    np.testing.assert_array_equal(found["a"], [0.0, 3.0])
    np.testing.assert_array_equal(found["c"], [1.0, 2.0])
    np.testing.assert_array_equal(found["x"], x)


def test_what_onnxruntime_lacks_is_evaluated_by_the_reference():
    """It has no Max of short integers."""
    node = Node("Max", "", "max", ("x", "c"), ("y",), {})
    values = {name: Value(name, (2,), "int16") for name in ("x", "c", "y")}
    graph = Graph((node,), values, ("x",), ("y",), {"c": np.array([3, 3], dtype=np.int16)}, 20)
    evaluator = Evaluator(graph)
    assert evaluator.is_reference and not Evaluator(chain()).is_reference
    np.testing.assert_array_equal(evaluator.run({"x": np.array([5, -5], dtype=np.int16)})["y"], [5, 3])


def test_a_form_that_onnxruntime_refuses_is_evaluated_by_the_reference():
    """Its ConvInteger takes one zero point of the kernel, which only a sample shows it that there are two."""
    node = Node("ConvInteger", "", "conv", ("x", "w", "", "z"), ("y",), {})
    shapes = {"x": (1, 1, 1, 2), "w": (2, 1, 1, 2), "z": (2,)}
    values = {name: Value(name, shape, "uint8") for name, shape in shapes.items()} | {"y": Value("y", (1, 2, 1, 1), "int32")}
    constants = {"w": np.uint8([[[[1, 2]]], [[[3, 4]]]]), "z": np.uint8([0, 1])}
    evaluator = Evaluator(Graph((node,), values, ("x",), ("y",), constants, 20))
    assert not evaluator.is_reference
    np.testing.assert_array_equal(evaluator.run({"x": np.uint8([[[[5, 6]]]])})["y"].reshape(-1), [17, 28])
    assert evaluator.is_reference


def test_evaluation_that_fails_is_a_model_error():
    graph = chain()
    unknown = replace(graph, nodes=(replace(graph.nodes[0], operator="NoSuchOperator"), *graph.nodes[1:]))
    with pytest.raises(ModelError, match="onnxruntime cannot load"):
        Evaluator(unknown)
    with pytest.raises(ModelError, match="on a sample"):
        Evaluator(graph).run({"x": np.zeros(5, dtype=np.float32)})
