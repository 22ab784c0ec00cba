"""Masks before a softmax: any way of writing them gives weight 0, and nothing else is touched."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.frontends.onnx import load
from tacit.passes import simplify
from tacit.passes.masks import LARGEST

SCORES = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)
KEPT = np.array([[1, 1, 0, 1], [1, 0, 0, 1]], np.int64)


def node(operator, inputs, outputs, **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), **attributes)


WAYS = {
    "one_less_mask": [
        node("Cast", "m", "f", to=TensorProto.FLOAT),
        node("Sub", "one f", "gone"),
        node("Mul", "gone huge", "far"),
        node("Add", "x far", "s"),
    ],
    "where_after": [
        node("Cast", "m", "f", to=TensorProto.FLOAT),
        node("Cast", "f", "c", to=TensorProto.BOOL),
        node("Where", "c x huge", "s"),
    ],
    "where_before": [
        node("Cast", "m", "f", to=TensorProto.FLOAT),
        node("Cast", "f", "c", to=TensorProto.BOOL),
        node("Where", "c zero huge", "far"),
        node("Unsqueeze", "far axis", "u"),
        node("Squeeze", "u axis", "v"),
        node("Add", "v x", "s"),
    ],
}


def model_of(way, huge, last=None):
    nodes = [*WAYS[way], *(last or [node("Softmax", "s", "y")])]
    kinds = {"x": TensorProto.FLOAT, "m": TensorProto.INT64}
    inputs = [helper.make_tensor_value_info(name, kind, [2, 4]) for name, kind in kinds.items()]
    constants = {"one": np.float32(1), "zero": np.float32(0), "huge": np.float32(huge), "axis": np.array([0])}
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 4])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("huge", [-np.inf, np.finfo(np.float32).min, -1e9])
def test_masked_places_have_weight_zero(way, huge):
    if way == "one_less_mask" and np.isinf(huge):
        pytest.skip("0 times infinity is not a number in floats either")
    feeds = {"x": SCORES, "m": KEPT}
    model = tacit.compile(model_of(way, huge), samples={name: array[None] for name, array in feeds.items()})
    receipt = model.prove(feeds)
    tacit.verify(receipt, model.key)
    weights = np.where(KEPT, np.exp(SCORES), 0)
    weights /= weights.sum(-1, keepdims=True)
    assert not receipt.outputs[0][KEPT == 0].any()
    np.testing.assert_allclose(receipt.outputs[0], weights, atol=0.01)


def test_a_window_around_an_argmax_may_leave_the_scores():
    """Scores that are masked for an argmax, padded with -inf, and read around it for a softmax."""
    nodes = [
        node("Cast", "m", "c", to=TensorProto.BOOL),
        node("Where", "c x huge", "s"),
        node("ArgMax", "s", "best", axis=1, keepdims=1),
        node("Pad", "s beside huge", "wide"),
        node("Add", "best around", "places"),
        node("GatherElements", "wide places", "near", axis=1),
        node("Softmax", "near", "y"),
    ]
    made = model_of("where_after", -np.inf, [])
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    made.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 3
    for name, array in {"beside": np.array([0, 1, 0, 1]), "around": np.array([[0, 1, 2]])}.items():
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    scores = np.array([[3, 1, 4, 2], [1, 5, 9, 2.5]], np.float32)
    feeds = {"x": scores, "m": KEPT}
    model = tacit.compile(made, samples={name: array[None] for name, array in feeds.items()}, openings=0)
    receipt = model.prove(feeds)
    tacit.verify(receipt, model.key)
    weights = np.exp([[-np.inf, 3, 1], [-np.inf, 2.5, -np.inf]])
    np.testing.assert_allclose(receipt.outputs[0], weights / weights.sum(-1, keepdims=True), atol=0.01)


def test_constants_that_reach_something_else_stay():
    graph = load(model_of("where_before", -1e9, [node("Relu", "s", "y")]))
    assert any(np.abs(array).max() > LARGEST for array in simplify(graph).constants.values() if array.dtype.kind == "f")
    shared = model_of("where_before", -1e9)
    shared.graph.output.append(helper.make_tensor_value_info("far", TensorProto.FLOAT, [2, 4]))
    assert onnx.checker.check_model(shared) is None
    kept = simplify(load(shared)).constants.values()
    assert any(np.abs(array).max() > LARGEST for array in kept if array.dtype.kind == "f")
