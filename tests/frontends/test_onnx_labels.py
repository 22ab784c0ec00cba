"""Classes with names become numbers when a model is read, and ZipMap the tensor that it takes apart."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx_labels import numbered

NAMES = ["setosa", "versicolor", "virginica"]
ROWS = np.random.default_rng(5).uniform(-1, 1, (12, 4)).astype(np.float32)


def linear(names=NAMES):
    return helper.make_node(
        "LinearClassifier",
        ["x"],
        ["label", "scores"],
        domain="ai.onnx.ml",
        coefficients=np.random.default_rng(6).standard_normal(12).tolist(),
        intercepts=[0.1, 0.0, -0.1],
        classlabels_strings=names,
        post_transform="SOFTMAX",
    )


def proto(*nodes, outputs=("label", "probabilities"), initializers=()):
    kinds = {"label": TensorProto.STRING, "name": TensorProto.STRING}
    maps = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
    declared = [
        helper.make_value_info(name, helper.make_sequence_type_proto(maps))
        if name == "probabilities"
        else helper.make_tensor_value_info(name, kinds.get(name, TensorProto.FLOAT), None)
        for name in outputs
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 4])]
    graph = helper.make_graph(list(nodes), "named", inputs, declared, list(initializers))
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def zipped():
    attributes = {"domain": "ai.onnx.ml", "classlabels_strings": NAMES}
    return helper.make_node("ZipMap", ["scores"], ["probabilities"], **attributes)


def test_a_classifier_with_names_is_proved_with_numbers(tmp_path):
    model = tacit.compile(proto(linear(), zipped()), samples=ROWS)
    assert model.classes == tuple(NAMES)
    receipt = model.prove(ROWS[0])
    tacit.verify(receipt, model.key)
    label, probabilities = receipt.outputs
    assert label.dtype == np.int64 and label[0] == probabilities[0].argmax() and abs(probabilities.sum() - 1) < 1e-3
    model.save(tmp_path / "m.tacit")
    assert tacit.Model.load(tmp_path / "m.tacit").classes == tuple(NAMES)


def test_names_that_are_looked_up_in_a_constant():
    names = helper.make_tensor("names", TensorProto.STRING, [3], [name.encode() for name in NAMES])
    weights = numpy_helper.from_array(np.random.default_rng(7).standard_normal((4, 3)).astype(np.float32), "w")
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["s"]),
        helper.make_node("ArgMax", ["s"], ["i"], axis=1, keepdims=0),
        helper.make_node("ArrayFeatureExtractor", ["names", "i"], ["name"], domain="ai.onnx.ml"),
    ]
    model = tacit.compile(proto(*nodes, outputs=("name",), initializers=(names, weights)), samples=ROWS)
    assert model.classes == tuple(NAMES)
    want = (ROWS @ numpy_helper.to_array(weights)).argmax(axis=1)
    assert [int(model.prove(row).outputs[0].reshape(-1)[0]) for row in ROWS[:3]] == want[:3].tolist()


def test_a_model_without_names_is_not_copied():
    plain = helper.make_node("Relu", ["x"], ["y"])
    model = proto(plain, outputs=("y",))
    assert numbered(model) == (model, ()) and numbered(model)[0] is model


def test_lists_that_contradict_each_other_are_refused():
    other = linear(["setosa", "rose", "tulip"])
    other.output[0], other.output[1] = "other", "other_scores"
    with pytest.raises(UnsupportedOperator, match="several lists of class names"):
        tacit.compile(proto(linear(), other, zipped()), samples=ROWS)
