"""Rows of long constant tables: three numbers a weight; what else reads a table, or shows its rows, keeps it as it is."""

import node_cases  # noqa: F401  (its folder is on the path)
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, model, random

import tacit
from tacit.operators.indexing import packed_rows

WORDS, IDS = 70, np.array([[69, 0, 5], [17, 69, 68]])


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(packed_rows, "MANY", WORDS)


def node(operator, inputs, outputs="y", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), f"{operator} {outputs}", **attributes)


def widths(builder):
    """How many weights a row of each column has."""
    return {name: np.prod(column.shape) / WORDS for name, column in builder.columns.items() if column.home == "weights"}


@pytest.mark.parametrize("width", [3, 4, 5, 12])
@pytest.mark.parametrize("negative", [False, True])
def test_three_numbers_are_one_weight(width, negative):
    ids = IDS - WORDS if negative else IDS
    builder = compare([node("Gather", "w i", "r"), node("Tanh", "r")], {"i": ids}, ["y"], {"w": random(0, WORDS, width)})
    assert widths(builder) == {"w/packed": -(-width // 3)}


def test_numbers_at_both_ends():
    table = random(0, WORDS, 6)
    table[69], table[0] = 4.0, -4.0
    compare([node("Gather", "w i", "r"), node("Tanh", "r")], {"i": IDS}, ["y"], {"w": table})


def test_several_inputs_read_one_table():
    nodes = [node("Gather", "w i", "r"), node("Gather", "w j", "s"), node("Add", "r s", "t"), node("Tanh", "t")]
    builder = compare(nodes, {"i": IDS, "j": IDS[::-1].copy()}, ["y"], {"w": random(0, WORDS, 6)})
    assert widths(builder) == {"w/packed": 2}


OTHERS = {
    "an output": [node("Gather", "w i")],
    "a moved output": [node("Gather", "w i", "r"), node("Flatten", "r")],
    "a sum that is shown": [node("Gather", "w i", "r"), node("Add", "r r")],
    "a multiple that is shown": [node("Gather", "w i", "r"), node("Flatten", "r", "q"), node("Mul", "q h")],
    "another axis": [node("Gather", "w i", "r", axis=1), node("Tanh", "r")],
    "a product": [node("Gather", "w i", "r"), node("Transpose", "w", "v"), node("MatMul", "r v")],
    "a constant index": [node("Gather", "w c", "q"), node("Gather", "w i", "r"), node("Add", "r q", "t"), node("Tanh", "t")],
    "whole numbers": [node("Gather", "n i", "r"), node("Mul", "r h")],
    "a short table": [node("Gather", "s i", "r"), node("Tanh", "r")],
}


@pytest.mark.parametrize("nodes", OTHERS.values(), ids=OTHERS)
def test_other_tables_stay_as_they_are(nodes):
    whole = np.arange(WORDS * 6, dtype=np.float32).reshape(WORDS, 6) - 9
    constants = {"w": random(0, WORDS, 6), "c": np.array(5), "n": whole, "h": np.float32(0.3), "s": random(1, WORDS - 1, 6)}
    read = {name for made in nodes for name in made.input} & constants.keys()
    ids = IDS % (6 if nodes is OTHERS["another axis"] else WORDS - 1)
    builder = compare(nodes, {"i": ids}, ["y"], {name: constants[name] for name in read})
    assert not any("packed" in name for name in widths(builder))


def test_models_of_other_lengths_share_the_weights_and_are_proved():
    nodes = [node("Gather", "w i", "r"), node("MatMul", "r v", "t"), node("ReduceMean", "t", axes=[1], keepdims=0)]
    constants = {"w": random(0, WORDS, 6), "v": random(1, 6, 4)}
    ids = np.arange(WORDS).reshape(10, 1, 7)
    proto = model(nodes, {"i": ids[0]}, ["y"], constants)
    proto.graph.input[0].CopyFrom(helper.make_tensor_value_info("i", TensorProto.INT64, [1, "n"]))
    long = tacit.compile(proto, ids)
    short = tacit.compile(proto, ids[:, :, :3].copy(), like=long)
    for compiled, given in ((long, ids[3]), (short, ids[3, :, :3])):
        receipt = compiled.prove(given)
        tacit.verify(receipt, compiled.key)
        expected = (constants["w"][given] @ constants["v"]).mean(1)
        np.testing.assert_allclose(receipt.outputs[0], expected, atol=2e-3 * np.abs(expected).max())
    batch = tacit.compile(proto, ids, batch=2)
    tacit.verify(receipt := batch.prove(ids[3:5]), batch.key)
    expected = (constants["w"][ids[3:5, 0]] @ constants["v"]).mean(1)
    np.testing.assert_allclose(receipt.outputs[0], expected, atol=2e-3 * np.abs(expected).max())
    assert long.tensors()["w/packed"].shape == (WORDS, 2)
