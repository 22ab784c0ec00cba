"""Lengths of symbolic axes: from `shapes` by dimension and by input, from the samples, and what is said where they lack."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.errors import InputError, ModelError
from tacit.frontends.onnx import load
from tacit.frontends.onnx_inputs import free_inputs
from tacit.services.cli import main

FLOAT = TensorProto.FLOAT


def model(nodes, inputs, outputs, constants=None) -> onnx.ModelProto:
    """`inputs`, `outputs`: {name: shape}, all float32."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def relu(*shape) -> onnx.ModelProto:
    return model([helper.make_node("Relu", ["x"], ["y"])], {"x": shape}, {"y": shape})


def pair(left, right) -> onnx.ModelProto:
    nodes = [helper.make_node("ReduceSum", [name], [f"{name}_sum"], keepdims=0) for name in ("a", "b")]
    nodes.append(helper.make_node("Add", ["a_sum", "b_sum"], ["y"]))
    return model(nodes, {"a": left, "b": right}, {"y": []})


def lengths(proto: onnx.ModelProto, **shapes) -> list[tuple[int, ...]]:
    graph = load(proto, shapes=shapes)
    return [graph.values[name].shape for name in graph.inputs]


def test_by_dimension_and_by_input():
    proto = relu("batch", "tokens", 4)
    assert lengths(proto, tokens=5) == [(1, 5, 4)]
    assert lengths(proto, tokens=5, batch=3) == [(3, 5, 4)]
    assert lengths(proto, x=(1, 5, 4)) == lengths(proto, x=[5, 4]) == lengths(proto, x=np.array([5, 4]).tolist()) == [(1, 5, 4)]
    assert lengths(proto, x=(2, np.int64(5), 4), tokens=5) == [(2, 5, 4)]
    assert lengths(relu("x"), x=7) == [(7,)], "one length of an input with one axis"
    assert lengths(relu("N", 3, "?", "?"), x=(3, 5, 7)) == [(1, 3, 5, 7)], "'?' is no symbol"
    assert lengths(relu(2, 3)) == [(2, 3)]


def test_one_symbol_has_one_length():
    assert lengths(pair(["N", "T"], ["N", "T"]), a=(6,)) == [(1, 6), (1, 6)]
    assert lengths(pair(["T"], ["N", "T"]), T=6) == [(6,), (1, 6)]
    with pytest.raises(InputError, match=r"dimension 'T' has length 6 by axis 1 of 'a' and 7 by axis 1 of 'b'.*--shape T="):
        lengths(pair(["N", "T"], ["N", "T"]), a=(6,), b=(7,))
    with pytest.raises(InputError, match="dimension 'T' has length 6 by shapes and 7 by axis 1 of 'b'"):
        lengths(pair(["N", "T"], ["N", "T"]), T=6, b=(7,))


def test_arithmetic_of_symbols():
    both = pair(["N", "past"], ["N", "past + new"])
    assert lengths(both, past=4, new=3) == [(1, 4), (1, 7)]
    assert lengths(pair(["N", "s"], ["N", "2*s - 1"]), s=4) == [(1, 4), (1, 7)]
    assert lengths(both, past=4, b=(9,)) == [(1, 4), (1, 9)], "what is given counts"
    for expression in ("past + other", "__import__('os')", "past / 2", "past - 9", "past // 0", "1" + "+1" * 5000, "past +"):
        with pytest.raises(ModelError, match="Axis 1 of the input 'b' is the dimension"):
            lengths(pair(["N", "past"], ["N", expression]), past=4)


def test_what_lacks_is_named_with_the_way_out():
    said = r"Axis 1 of the input 'x' is the dimension 'tokens'.*shapes=\{'tokens': \.\.\.\} \(--shape tokens="
    with pytest.raises(ModelError, match=said):
        load(relu("batch", "tokens", 4))
    said = r"Axis 2 of the input 'x' has no fixed length: give shapes=\{'x': \(1, 3, \.\.\.\)\} \(--shape x=1,3,"
    with pytest.raises(ModelError, match=said):
        load(relu("N", 3, "?"))


@pytest.mark.parametrize(
    ("shapes", "said"),
    [
        ({"tokens": -1}, r"shapes\['tokens'\] holds -1; lengths are whole numbers, 0 or more"),
        ({"tokens": True}, r"'tokens'"),
        ({"tokens": 1.5}, r"'tokens'"),
        ({"words": 5}, "names 'words', which the model does not have; its dimensions: 'batch', 'tokens'"),
        ({"z": (1, 5, 4)}, "names 'z', which the model does not have; its inputs: 'x'"),
        ({"x": (5,)}, r"shapes\['x'\] has 1 lengths; the input has 3 axes"),
        ({"x": "5,4"}, r"is a length or a list of lengths, not '5,4'"),
        ({"x": (1, 5, 9)}, "Axis 2 of the input 'x' has length 4 in the model, not 9"),
        ({"x": (1, -5, 4)}, "holds -5"),
    ],
)
def test_shapes_that_do_not_fit(shapes, said):
    with pytest.raises(InputError, match=said):
        free_inputs(relu("batch", "tokens", 4), shapes)


def dense(rows: str | int = "tokens") -> onnx.ModelProto:
    """Per token: x W, then the mean over tokens."""
    weight = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    nodes = [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("ReduceMean", ["h"], ["y"], axes=[1], keepdims=0)]
    return model(nodes, {"x": ["batch", rows, 4]}, {"y": ["batch", 3]}, {"w": weight})


def test_compile_takes_lengths_from_samples_and_from_shapes():
    generator = np.random.default_rng(1)
    samples = generator.standard_normal((6, 5, 4)).astype(np.float32)
    assert tacit.compile(dense(), samples).declared[0].shape == (1, 5, 4)
    assert tacit.compile(dense(), samples, shapes={"tokens": 5}).declared[0].shape == (1, 5, 4)
    with pytest.raises(InputError, match=r"Samples of the input 'x' have shape \[6, 5, 4\]; one sample has \[1, 7, 4\]"):
        tacit.compile(dense(), samples, shapes={"tokens": 7})
    batch = tacit.compile(dense(), samples.reshape(3, 2, 5, 4), shapes={"batch": 2})
    assert batch.declared[0].shape == (2, 5, 4) and batch.report.samples == 3
    receipt = batch.prove(samples[:2])
    tacit.verify(receipt, batch.key)
    session = onnxruntime.InferenceSession(dense().SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(receipt.outputs[0], session.run(None, {"x": samples[:2]})[0], atol=2e-3)


def test_the_command_line_takes_shapes(tmp_path, capsys):
    onnx.save(dense(), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", np.random.default_rng(1).standard_normal((3, 2, 5, 4)).astype(np.float32))
    command = ["compile", str(tmp_path / "m.onnx"), "--samples", str(tmp_path / "x.npy"), "-o", str(tmp_path / "m.tacit")]
    assert main([*command, "--shape", "batch=2", "--shape", "x=2,5,4"]) == 0
    assert tacit.Model.load(tmp_path / "m.tacit").declared[0].shape == (2, 5, 4)
    for wrong in ("batch", "batch=", "batch=x", "=3"):
        assert main([*command, "--shape", wrong]) == 2
        assert "argument --shape" in capsys.readouterr().err
    assert main([*command, "--shape", "words=3"]) == 2
    assert "'words'" in capsys.readouterr().err
    assert main([*command, "--shape", "batch=2", "--trips", "0"]) == 2
    assert "trips=0" in capsys.readouterr().err
