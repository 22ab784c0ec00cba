"""Tensors without elements are inputs and outputs like others: their shape says all of them. Models without inputs are proved."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.errors import InputError, UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.passes import fold_no_elements, simplify

sys.path.insert(0, str(Path(__file__).resolve().parent))
import reference.circuit  # noqa: E402
import reference.wellformed  # noqa: E402

X = np.arange(4, dtype=np.float32).reshape(1, 1, 4)
NOTHING = np.zeros((1, 0, 4), dtype=np.float32)


def model(nodes, inputs, outputs, constants=None, opset=18) -> onnx.ModelProto:
    declared = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    graph = helper.make_graph(
        nodes,
        "nothing",
        declared,
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


def cache(past: int | str = "past") -> onnx.ModelProto:
    """A step of a language model with its cache: present = [past; x], sum = 2 x, kept = the past alone."""
    nodes = [
        helper.make_node("Concat", ["past", "x"], ["present"], axis=1),
        helper.make_node("Add", ["x", "x"], ["sum"]),
        helper.make_node("Relu", ["past"], ["kept"]),
    ]
    return model(nodes, {"past": [1, past, 4], "x": [1, 1, 4]}, ["present", "sum", "kept"])


@pytest.mark.parametrize("past", ["past", 0])
def test_a_first_step_has_an_empty_past(past, tmp_path: Path):
    compiled = tacit.compile(cache(past), {"past": NOTHING, "x": X}, widths="faithful")
    compiled.save(tmp_path / "m.tacit")
    receipt = tacit.Model.load(tmp_path / "m.tacit").prove({"past": NOTHING, "x": X}, hide="weights")
    tacit.verify(receipt.to_bytes(), compiled.key)
    receipt.bind(compiled.key.signatures)
    assert [array.shape for array in receipt.inputs] == [(1, 0, 4), (1, 1, 4)]
    present, total, kept = receipt.outputs
    np.testing.assert_allclose(present, X, atol=1e-3)
    np.testing.assert_allclose(total, 2 * X, atol=1e-3)
    assert (kept.shape, kept.dtype) == ((1, 0, 4), np.float32)
    reference.wellformed.check(reference.circuit.decode(compiled.key.core.circuit()))
    with pytest.raises(InputError, match=r"shape \[1, 2, 4\], the model takes \[1, 0, 4\]"):
        compiled.prove({"past": np.zeros((1, 2, 4), np.float32), "x": X})


def test_lengths_that_are_given():
    compiled = tacit.compile(cache(), {"past": NOTHING, "x": X}, shapes={"past": 0})
    assert [s.shape for s in compiled.key.inputs] == [(1, 0, 4), (1, 1, 4)]
    with pytest.raises(InputError, match=r"have shape \[1, 2, 4\]; one sample has \[1, 0, 4\]"):
        tacit.compile(cache(), {"past": np.zeros((1, 2, 4), np.float32), "x": X}, shapes={"past": 0})
    with pytest.raises(InputError, match=r"'x' is empty \(shape \[0, 1, 4\]\)"):
        tacit.compile(cache(), {"past": NOTHING, "x": X[:0]})


def test_other_lengths_are_still_compiled():
    past = np.ones((1, 2, 4), dtype=np.float32)
    compiled = tacit.compile(cache(), {"past": past, "x": X})
    assert [s.shape for s in compiled.key.outputs] == [(1, 3, 4), (1, 1, 4), (1, 2, 4)]


def test_a_model_without_inputs_proves_its_constants():
    array = np.array([[0.5, -1.25], [3.0, 0.125]], dtype=np.float32)
    compiled = tacit.compile(model([helper.make_node("Identity", ["c"], ["y"])], {}, ["y"], {"c": array}), {})
    receipt = compiled.prove({})
    tacit.verify(receipt, compiled.key)
    np.testing.assert_allclose(receipt.outputs[0], array, atol=1e-3)
    assert receipt.inputs == []


def test_sums_over_nothing_are_constants():
    nodes = [helper.make_node("ReduceSum", ["past", "axes"], ["s"], keepdims=0), helper.make_node("Add", ["s", "x"], ["y"])]
    graph = simplify(load(model(nodes, {"past": [1, "n", 4], "x": [1, 1, 4]}, ["y"], {"axes": [1]}), shapes={"past": (1, 0, 4)}))
    assert graph.inputs == ("past", "x")
    assert [(node.operator, node.inputs) for node in graph.nodes] == [("Identity", ("x",))]


def test_splits_and_joins_lose_their_empty_parts():
    nodes = [
        helper.make_node("Split", ["x", "sizes"], ["a", "b"], axis=2),
        helper.make_node("Concat", ["b", "a"], ["y"], axis=2),
    ]
    graph = fold_no_elements(load(model(nodes, {"x": [1, 1, 4]}, ["y", "b"], {"sizes": [4, 0]})))
    assert [(node.inputs, node.outputs) for node in graph.nodes] == [(("x", "sizes"), ("a", "b/unread")), (("a",), ("y",))]
    assert graph.constants["b"].shape == (1, 1, 0)
    compiled = tacit.compile(model(nodes, {"x": [1, 1, 4]}, ["y", "b"], {"sizes": [4, 0]}), X)
    assert [s.shape for s in compiled.key.outputs] == [(1, 1, 4), (1, 1, 0)]


def test_a_shape_that_zeros_and_ones_make_empty_is_refused():
    """x[a:b] is empty where a = b; were it taken for a tensor without elements, nothing would look at a and b again."""
    nodes = [helper.make_node("Cast", [name], [f"{name}s"], to=TensorProto.INT64) for name in ("a", "b")]
    nodes += [helper.make_node("Slice", ["x", "as", "bs"], ["y"])]
    with pytest.raises(UnsupportedOperator, match="depends on input values"):
        load(model(nodes, {"x": [4], "a": [1], "b": [1]}, ["y"]))
