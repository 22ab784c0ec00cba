"""Inputs that compiling fixes are constants of the model: they shape results, and neither samples nor receipts have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import tacit
from tacit.errors import InputError, UnsupportedOperator
from tacit.services.cli import main

X = np.linspace(-1, 1, 4, dtype=np.float32)


def ramp() -> onnx.ModelProto:
    """y = x + (0, 1, .., count - 1), doubled where `twice`: a rate that decides a branch, and a length."""
    branches = []
    for name, factor in (("then_branch", 2.0), ("else_branch", 1.0)):
        value = helper.make_tensor("value", TensorProto.FLOAT, [], [factor])
        node = helper.make_node("Constant", [], [f"{name}_factor"], value=value)
        branches.append(helper.make_graph([node], name, [], [helper.make_tensor_value_info(f"{name}_factor", 1, [])]))
    nodes = [
        helper.make_node("Constant", [], ["zero"], value_int=0),
        helper.make_node("Constant", [], ["one"], value_int=1),
        helper.make_node("Range", ["zero", "count", "one"], ["steps"]),
        helper.make_node("Cast", ["steps"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["x", "floats"], ["sum"]),
        helper.make_node("If", ["twice"], ["factor"], then_branch=branches[0], else_branch=branches[1]),
        helper.make_node("Mul", ["sum", "factor"], ["y"]),
    ]
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n"]),
        helper.make_tensor_value_info("count", TensorProto.INT64, []),
        helper.make_tensor_value_info("twice", TensorProto.BOOL, [1]),
    ]
    graph = helper.make_graph(nodes, "ramp", inputs, [onnx.ValueInfoProto(name="y")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_a_fixed_input_is_a_constant():
    model = tacit.compile(ramp(), X[None], shapes={"n": 4}, fixed={"count": 4, "twice": True}, widths="faithful")
    assert [declared.name for declared in model.declared] == ["x"]
    receipt = model.prove(X)
    tacit.verify(receipt, model.key)
    np.testing.assert_allclose(receipt.outputs[0], 2 * (X + np.arange(4)), atol=1e-2)
    with pytest.raises(InputError, match="no input named 'count'"):
        model.prove({"x": X, "count": 4})


def test_without_it_the_model_is_refused():
    with pytest.raises(UnsupportedOperator):
        tacit.compile(ramp(), {"x": X[None], "count": np.array([4]), "twice": np.array([[True]])}, shapes={"n": 4})


@pytest.mark.parametrize(
    "fixed, words",
    [
        ({"rate": 1}, "no input named 'rate' to be fixed; its inputs are 'x', 'count', 'twice'"),
        ({"count": [1, 2]}, r"'count' is fixed with shape \[2\]; the model takes \[\]"),
        ({"count": 2.5}, "'count' has dtype float64, the model takes int64"),
    ],
)
def test_what_does_not_fit_is_refused(fixed, words):
    with pytest.raises(InputError, match=words):
        tacit.compile(ramp(), X, fixed=fixed)


def test_all_may_be_fixed():
    model = tacit.compile(ramp(), {}, fixed={"count": 3, "twice": False, "x": X[:3]}, widths="faithful")
    receipt = model.prove({})
    tacit.verify(receipt, model.key)
    np.testing.assert_allclose(receipt.outputs[0], X[:3] + np.arange(3), atol=1e-2)


def test_a_fixed_mask_may_be_infinite():
    """softmax(x + mask), as attention is written: an input that proofs give must be finite, a constant need not be."""
    nodes = [helper.make_node("Add", ["x", "mask"], ["sum"]), helper.make_node("Softmax", ["sum"], ["y"])]
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in ("x", "mask")]
    graph = helper.make_graph(nodes, "masked", inputs, [onnx.ValueInfoProto(name="y")])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    mask = np.array([[0, -np.inf, 0, -np.inf]], np.float32)
    model = tacit.compile(proto, {"x": X[None]}, fixed={"mask": mask}, widths="faithful")
    receipt = model.prove(X[None])
    tacit.verify(receipt, model.key)
    wanted = np.exp(X) * np.isfinite(mask[0])
    np.testing.assert_allclose(receipt.outputs[0][0], wanted / wanted.sum(), atol=1e-3)
    with pytest.raises(InputError, match="infinity"):
        tacit.compile(proto, {"x": X[None], "mask": mask})


def test_large_ones_and_their_symbols():
    """An input of many elements, whose length another one shares."""
    nodes = [helper.make_node("Mul", ["x", "w"], ["y"])]
    declared = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n"]) for name in ("x", "w")]
    graph = helper.make_graph(nodes, "product", declared, [onnx.ValueInfoProto(name="y")])
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    w = np.linspace(0, 1, 300, dtype=np.float32)
    model = tacit.compile(proto, np.ones((1, 300), np.float32), shapes={"n": 300}, fixed={"w": w})
    assert [s.name for s in model.key.inputs] == ["x"] and model.report.parameters == 300
    with pytest.raises(InputError, match=r"'w' is fixed with shape \[300\]"):
        tacit.compile(proto, np.ones((1, 200), np.float32), shapes={"n": 200}, fixed={"w": w})


def test_the_command_line(tmp_path: Path, capsys):
    onnx.save(ramp(), tmp_path / "m.onnx")
    np.savez(tmp_path / "x.npz", x=X[None])
    command = ["compile", str(tmp_path / "m.onnx"), "--samples", str(tmp_path / "x.npz"), "-o", str(tmp_path / "m.tacit")]
    command += ["--shape", "n=4", "--fix", "count=4"]
    assert main([*command, "--fix", "twice=[false]"]) == 0
    assert main([*command, "--fix", "twice=no"]) == 2
    assert "argument --fix" in capsys.readouterr().err
