"""Weights that a model uses twice, once transposed, are committed to once."""

import numpy as np
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.operators import ties

VOCABULARY, WIDTH, TOKENS = 700, 100, 3


def model(head: np.ndarray, table: np.ndarray) -> bytes:
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"], axis=0),
        helper.make_node("Tanh", ["rows"], ["hidden"]),
        helper.make_node("Gather", ["hidden", "last"], ["one"], axis=0),
        helper.make_node("MatMul", ["one", "head"], ["logits"]),
    ]
    inputs = [helper.make_tensor_value_info("ids", TensorProto.INT64, [TOKENS])]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [1, VOCABULARY])]
    constants = {"table": table, "head": head, "last": np.array([TOKENS - 1])}
    given = [numpy_helper.from_array(np.ascontiguousarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "tied", inputs, outputs, given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def weights(compiled: tacit.Model) -> int:
    return sum(array.size for array in compiled.tensors().values())


def test_a_head_that_is_the_embedding_transposed_shares_its_column():
    random = np.random.default_rng(0)
    table = random.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)
    ids = np.array([[5, 600, 33], [1, 2, 3], [699, 0, 17]])
    tied = tacit.compile(model(table.T, table), ids)
    free = tacit.compile(model(table.T * np.float32(1.5), table), ids)
    assert weights(free) - weights(tied) == table.size
    assert tied.report.fidelity[0].cosine > 0.999999
    receipt = tied.prove(ids[0])
    tacit.verify(receipt, tied.key)
    expected = np.tanh(table[ids[0][-1:]]) @ table.T
    np.testing.assert_allclose(receipt.outputs[0], expected, atol=2e-3 * np.abs(expected).max())


def test_ties_are_found_by_their_numbers(monkeypatch):
    monkeypatch.setattr(ties, "SMALLEST", 6)
    a = np.arange(6, dtype=np.float32).reshape(2, 3)
    constants = {
        "a": a,
        "same": a.copy(),
        "turned": np.ascontiguousarray(a.T),
        "shuffled": a[::-1].copy(),
        "reshaped": a.reshape(3, 2),
        "double": a.astype(np.float64),
        "whole": a.astype(np.int32),
        "small": a[:1],
    }
    assert ties.ties(constants) == {"same": ties.Tie("a", False), "turned": ties.Tie("a", True)}


def convolutions(first: np.ndarray, second: np.ndarray) -> bytes:
    """Two kernels over the same input, added."""
    nodes = [
        helper.make_node("Conv", ["x", "first"], ["a"]),
        helper.make_node("Conv", ["x", "second"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["y"]),
    ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, first.shape[1], 4, 4])]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, first.shape[0], 2, 2])]
    given = [numpy_helper.from_array(array, name) for name, array in (("first", first), ("second", second))]
    graph = helper.make_graph(nodes, "twice", inputs, outputs, given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()


def test_two_kernels_of_the_same_numbers_share_a_column(monkeypatch):
    monkeypatch.setattr(ties, "SMALLEST", 100)
    random = np.random.default_rng(0)
    first = random.normal(size=(8, 6, 3, 3)).astype(np.float32)
    x = random.normal(size=(3, 1, 6, 4, 4)).astype(np.float32)
    tied = tacit.compile(convolutions(first, first.copy()), x)
    free = tacit.compile(convolutions(first, first[::-1].copy()), x)
    assert (weights(tied), weights(free)) == (first.size, 2 * first.size)
    (column,) = tied.tensors().values()
    assert column.shape == (3, 3, 8, 6)
    receipt = tied.prove(x[0])
    tacit.verify(receipt, tied.key)
    assert tied.report.fidelity[0].cosine > 0.99999
