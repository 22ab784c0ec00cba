"""Old operator forms become the forms of opset 20 and still compute what onnxruntime computes from the original."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.errors import ModelError
from tacit.frontends.onnx import load
from tacit.graph import Graph
from tacit.graph.evaluate import Evaluator


def proto(node: onnx.NodeProto, shape, opset: int, **constants: np.ndarray) -> onnx.ModelProto:
    graph = helper.make_graph(
        [node],
        "old",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [onnx.ValueInfoProto(name=name) for name in node.output],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=7)


def same(model: onnx.ModelProto, graph: Graph, seed: int = 0) -> None:
    x = np.random.default_rng(seed).standard_normal(graph.values["x"].shape).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    expected = session.run(None, {"x": x})
    found = Evaluator(graph).run({"x": x})
    for name, array in zip((entry.name for entry in session.get_outputs()), expected):
        assert graph.values[name].shape == array.shape
        np.testing.assert_allclose(found[name], array, rtol=1e-6, atol=1e-7)


OLD = {
    "squeeze": (("Squeeze", {"axes": [0, 2]}), [1, 3, 1, 2], 11),
    "unsqueeze": (("Unsqueeze", {"axes": [0, 3]}), [3, 2], 11),
    "reduce_sum": (("ReduceSum", {"axes": [1], "keepdims": 0}), [2, 3, 4], 11),
    "reduce_sum_all": (("ReduceSum", {"keepdims": 0}), [2, 3], 11),
    "reduce_mean": (("ReduceMean", {"axes": [-1]}), [2, 3, 4], 13),
    "reduce_max": (("ReduceMax", {"axes": [0, 2]}), [2, 3, 4], 12),
    "reduce_l2": (("ReduceL2", {"axes": [1]}), [2, 3], 17),
    "clip": (("Clip", {"min": -0.5, "max": 0.25}), [3, 4], 7),
    "clip_below": (("Clip", {"min": 0.0}), [3, 4], 10),
    "clip_above": (("Clip", {"max": 0.0}), [3, 4], 10),
    "dropout": (("Dropout", {"ratio": 0.3}), [3, 4], 10),
    "pad": (("Pad", {"pads": [0, 1, 2, 0], "value": 3.0}), [3, 4], 10),
    "pad_edge": (("Pad", {"pads": [1, 1, 2, 0], "mode": "edge"}), [3, 4], 7),
    "slice": (("Slice", {"starts": [1, 0], "ends": [3, 2], "axes": [0, 1]}), [4, 5], 9),
    "slice_default_axes": (("Slice", {"starts": [1], "ends": [-1]}), [4, 5], 7),
    "softmax_last": (("Softmax", {}), [2, 5], 9),
    "softmax_flattened": (("Softmax", {}), [2, 3, 4], 9),
    "softmax_flattened_axis": (("Softmax", {"axis": -2}), [2, 3, 4, 5], 11),
    "softmax_ones": (("Softmax", {"axis": 1}), [2, 1, 1, 4], 11),
    "softmax_all": (("Softmax", {"axis": 0}), [2, 3], 11),
    "log_softmax": (("LogSoftmax", {}), [2, 3, 4], 12),
    "upsample": (("Upsample", {"scales": [1.0, 1.0, 2.0, 3.0], "mode": "nearest"}), [1, 2, 3, 4], 7),
}


@pytest.mark.parametrize("name", OLD)
def test_old_forms(name):
    (operator, attributes), shape, opset = OLD[name]
    model = proto(helper.make_node(operator, ["x"], ["y"], **attributes), shape, opset)
    graph = load(model)
    assert graph.opset == 20
    same(model, graph)


def test_inputs_are_where_opset_20_has_them():
    graph = load(proto(helper.make_node("ReduceMean", ["x"], ["y"], axes=[1, 2]), [2, 3, 4], 13))
    node = graph.nodes[0]
    np.testing.assert_array_equal(graph.constants[node.inputs[1]], [1, 2])
    assert "axes" not in node.attributes
    clip = load(proto(helper.make_node("Clip", ["x"], ["y"], max=6.0), [2], 9)).nodes[0]
    assert clip.inputs[1] == "" and len(clip.inputs) == 3


def test_top_k_and_resize_of_opset_9_and_10():
    top = proto(helper.make_node("TopK", ["x"], ["v", "i"], k=2, axis=1), [3, 5], 9)
    same(top, load(top))
    resize = proto(
        helper.make_node("Resize", ["x", "s"], ["y"], mode="linear"), [1, 1, 3, 3], 10, s=np.float32([1, 1, 2, 2])
    )
    same(resize, load(resize))


@pytest.mark.parametrize(
    ("opset", "attributes", "lengths"),
    [
        (11, {"split": [1, 4], "axis": 1}, [1, 4]),
        (13, {"axis": 0}, [2, 2]),
        (18, {"axis": 1, "num_outputs": 2}, [3, 2]),
    ],
)
def test_split_gets_explicit_lengths(opset, attributes, lengths):
    model = proto(helper.make_node("Split", ["x"], ["a", "b"], **attributes), [4, 5], opset)
    graph = load(model)
    np.testing.assert_array_equal(graph.constants[graph.nodes[0].inputs[1]], lengths)
    same(model, graph)


def test_training_mode_is_refused():
    parameters = {name: np.ones(3, dtype=np.float32) for name in "sbmv"}
    node = helper.make_node("BatchNormalization", ["x", *"sbmv"], ["y", "m2", "v2"], training_mode=1, name="norm")
    with pytest.raises(ModelError, match="'norm' .BatchNormalization. is in training mode"):
        load(proto(node, [2, 3], 15, **parameters))
    drop = helper.make_node("Dropout", ["x", "r", "t"], ["y"])
    constants = {"r": np.float32(0.5), "t": np.array(True)}
    with pytest.raises(ModelError, match="training mode"):
        load(proto(drop, [2, 3], 13, **constants))
    constants["t"] = np.array(False)
    assert load(proto(drop, [2, 3], 13, **constants)).nodes[0].inputs == ("x",)


def test_opsets_before_7_are_converted():
    node = helper.make_node("Relu", ["x"], ["y"])
    model = proto(node, [2, 3], 6)
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3]))
    same(model, load(model))
