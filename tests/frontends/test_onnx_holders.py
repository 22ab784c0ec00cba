"""Inputs that are sequences and optionals: one input a tensor that they hold."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import tacit
from tacit.errors import InputError, ModelError
from tacit.frontends.onnx import load
from tacit.frontends.onnx_inputs import free_inputs

FLOAT = TensorProto.FLOAT
SEQUENCE = helper.make_sequence_type_proto(helper.make_tensor_type_proto(FLOAT, ["n"]))


def model(nodes: list[onnx.NodeProto], **inputs: onnx.TypeProto) -> onnx.ModelProto:
    declared = [helper.make_value_info(name, kind) for name, kind in inputs.items()]
    graph = helper.make_graph(nodes, "held", declared, [onnx.ValueInfoProto(name="y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def joined(kind: onnx.TypeProto = SEQUENCE) -> onnx.ModelProto:
    return model([helper.make_node("ConcatFromSequence", ["s"], ["y"], axis=0)], s=kind)


def test_elements_are_inputs_of_their_own_lengths():
    a, b = np.arange(2, dtype=np.float32), np.arange(3, dtype=np.float32)
    compiled = tacit.compile(joined(), {"s_0": a, "s_1": b}, shapes={"s_0": (2,), "s_1": (3,)}, widths="faithful")
    receipt = compiled.prove({"s_0": a, "s_1": b})
    tacit.verify(receipt, compiled.key)
    assert [s.name for s in compiled.key.inputs] == ["s_0", "s_1"]
    np.testing.assert_allclose(receipt.outputs[0], [0, 1, 0, 1, 2], atol=1e-3)


def test_a_sequence_of_which_nothing_is_known_is_refused():
    for shapes in (None, {"s_1": (2,)}):
        with pytest.raises(InputError, match="'s' is a sequence: give the shapes of its elements"):
            free_inputs(joined(), shapes)
    with pytest.raises(InputError, match="names 's_2', which the model does not have"):
        free_inputs(joined(), {"s_0": (2,), "s_2": (2,)})


def has(kind: onnx.TypeProto) -> onnx.ModelProto:
    return model([helper.make_node("OptionalHasElement", ["o"], ["y"])], o=helper.make_optional_type_proto(kind))


@pytest.mark.parametrize(
    "kind, shapes, inputs",
    [
        (helper.make_tensor_type_proto(FLOAT, [2, "n"]), {"n": 3}, [("o", (2, 3))]),
        (helper.make_tensor_type_proto(FLOAT, [2]), {"o": None}, []),
        (SEQUENCE, {"o_0": (4,)}, [("o_0", (4,))]),
        (SEQUENCE, {"o": None}, []),
    ],
)
def test_optionals_hold_a_tensor_a_sequence_or_nothing(kind, shapes, inputs):
    assert [(free.name, free.shape) for free in free_inputs(has(kind), shapes)] == inputs
    graph = load(has(kind), shapes)
    assert [(name, graph.values[name].shape) for name in graph.inputs] == inputs
    (known,) = graph.constants.values()
    assert bool(known) == bool(inputs)


def test_an_empty_sequence():
    nodes = [helper.make_node("SequenceLength", ["s"], ["y"])]
    (known,) = load(model(nodes, s=SEQUENCE), {"s": None}).constants.values()
    assert int(known) == 0


def test_what_holds_no_tensors_and_names_that_clash_are_refused():
    with pytest.raises(ModelError, match="'s' holds other things than tensors"):
        free_inputs(joined(helper.make_sequence_type_proto(SEQUENCE)), {"s_0": (1,)})
    clash = joined()
    clash.graph.input.append(helper.make_tensor_value_info("s_0", FLOAT, [2]))
    with pytest.raises(ModelError, match="rename one of them"):
        free_inputs(clash, {"s_0": (2,)})
