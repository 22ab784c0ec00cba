"""Several samples in one proof: each computed as it is alone, the weights committed and opened once."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from mutation import Witness
from small_models import dense_model
from tacit import inputs
from tacit.circuit import decode
from tacit.execute import executed
from tacit.services.cli import main

COUNT = 3


def model_of(nodes, shape, constants, outputs, dtype=TensorProto.FLOAT) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "one",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def dense():
    return dense_model((6, 5, 3)), normal(0, 8, 6)


def convolutions():
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("Gemm", ["f", "v"], ["y"]),
    ]
    constants = {"w": normal(1, 2, 1, 3, 3), "b": normal(2, 2), "v": normal(3, 18, 4)}
    return model_of(nodes, ["N", 1, 6, 6], constants, {"y": TensorProto.FLOAT}), normal(4, 8, 1, 6, 6)


def attention():
    """Looks across an axis before all of its own, and has no axis for a batch."""
    nodes = [
        *(helper.make_node("MatMul", ["x", name], [name[0]]) for name in ("query", "key", "value")),
        helper.make_node("Transpose", ["k"], ["kt"], perm=[1, 0]),
        helper.make_node("MatMul", ["q", "kt"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"], axis=0),
        helper.make_node("MatMul", ["shares", "v"], ["mixed"]),
        helper.make_node("ReduceMean", ["mixed"], ["y"], axes=[0], keepdims=0),
    ]
    constants = {name: normal(seed, 4, 4) for seed, name in enumerate(("query", "key", "value"))}
    return model_of(nodes, [5, 4], constants, {"y": TensorProto.FLOAT}), normal(5, 8, 5, 4)


def sorting():
    """Order, selection by computed places, positions counted, and a padded output with its count."""
    nodes = [
        helper.make_node("TopK", ["x", "two"], ["v", "i"]),
        helper.make_node("Gather", ["table", "i"], ["g"], axis=0),
        helper.make_node("ArgMax", ["x"], ["best"], axis=0, keepdims=0),
        helper.make_node("CumSum", ["x", "zero"], ["sums"]),
        helper.make_node("Greater", ["x", "level"], ["above"]),
        helper.make_node("NonZero", ["above"], ["where"]),
    ]
    constants = {"two": np.array([2]), "table": normal(6, 7, 3), "zero": np.array(0), "level": np.float32(0.3)}
    kinds = {"g": TensorProto.FLOAT, "best": TensorProto.INT64, "sums": TensorProto.FLOAT, "where": TensorProto.INT64}
    return model_of(nodes, [7], constants, kinds), normal(7, 8, 7)


def forest():
    """Two trees over three features, the labels of classes."""
    attributes = {
        "nodes_treeids": [0, 0, 0, 1, 1, 1],
        "nodes_nodeids": [0, 1, 2, 0, 1, 2],
        "nodes_featureids": [0, 0, 0, 2, 0, 0],
        "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"] * 2,
        "nodes_values": [0.1, 0, 0, -0.2, 0, 0],
        "nodes_truenodeids": [1, 0, 0, 1, 0, 0],
        "nodes_falsenodeids": [2, 0, 0, 2, 0, 0],
        "class_treeids": [0, 0, 1, 1],
        "class_nodeids": [1, 2, 1, 2],
        "class_ids": [0, 1, 1, 2],
        "class_weights": [0.6, 0.5, 0.3, 0.7],
        "classlabels_int64s": [4, 5, 6],
    }
    node = helper.make_node("TreeEnsembleClassifier", ["x"], ["label", "y"], domain="ai.onnx.ml", **attributes)
    return model_of([node], [1, 3], {}, {"label": TensorProto.INT64, "y": TensorProto.FLOAT}), normal(8, 8, 3)


def empty():
    """A past without elements, before what is now: an input and an output that stand for nothing."""
    graph = helper.make_graph(
        [helper.make_node("Concat", ["past", "x"], ["y"], axis=1), helper.make_node("Identity", ["past"], ["kept"])],
        "past",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n, 2]) for name, n in (("past", 0), ("x", 3))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n, 2]) for name, n in (("y", 3), ("kept", 0))],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model, {"past": np.zeros((8, 0, 2), np.float32), "x": normal(9, 8, 3, 2)}


MODELS = {f.__name__: f for f in (dense, convolutions, attention, sorting, forest, empty)}


def cut(samples, start: int, stop: int):
    return {n: a[start:stop] for n, a in samples.items()} if isinstance(samples, dict) else samples[start:stop]


@pytest.mark.parametrize("name", MODELS)
def test_every_output_is_that_of_the_sample_alone(name):
    proto, samples = MODELS[name]()
    alone, batch = tacit.compile(proto, samples), tacit.compile(proto, samples, batch=COUNT)
    receipt = batch.prove(cut(samples, 2, 2 + COUNT))
    tacit.verify(receipt, batch.key)
    rows = inputs.many(cut(samples, 2, 2 + COUNT), alone.declared)
    single = [alone.prove(row) for row in rows]
    for place, signature in enumerate(alone.key.outputs):
        together = receipt.outputs[place]
        first = signature.shape[:1] == (1,)
        assert together.shape == (COUNT, *signature.shape[1 if first else 0 :])
        for n in range(COUNT):
            np.testing.assert_array_equal(together[n], single[n].outputs[place].reshape(together.shape[1:]))
        assert batch.key.count_of(signature.name) == alone.key.count_of(signature.name)


@pytest.fixture(scope="module")
def batch() -> tacit.Model:
    proto, samples = dense()
    return tacit.compile(proto, samples, batch=COUNT)


def test_the_weights_are_there_once(batch):
    alone = tacit.compile(*dense())
    assert batch.weights == alone.weights and batch.report.parameters == alone.report.parameters
    single, all_of_them = decode(alone.circuit), decode(batch.circuit)
    cells = {home: [sum(int(np.prod(c.shape)) for c in x.columns if c.home == home) for x in (single, all_of_them)]
             for home in ("weights", "witness", "public")}
    assert cells["weights"][0] == cells["weights"][1] and cells["public"][1] == COUNT * cells["public"][0]
    assert cells["witness"][1] <= COUNT * cells["witness"][0]


def test_one_commitment_for_several_batches(batch):
    proto, samples = dense()
    for count in (None, 1, 2):
        found = tacit.compile(proto, samples[:2], like=batch, batch=count)
        assert found.key.model_commitment == batch.key.model_commitment and found.key != batch.key
        tacit.verify(found.prove(samples[: count or 1]), found.key)


def test_a_batch_within_a_tolerance():
    proto, samples = dense()
    model = tacit.compile(proto, samples, batch=2, tolerance=0.02)
    assert model.report.assignment and model.batch == 2
    tacit.verify(model.prove(samples[:2]), model.key)


def test_no_cell_of_any_sample_may_differ(batch):
    _, samples = dense()
    found = executed(batch.program, batch.tensors(), batch.integers({"x": samples[:COUNT].reshape(COUNT, 1, 6)}))
    witness = Witness(batch.circuit, bytes(batch.weights), found.public(), found.witness())
    assert witness.failure() is None
    generator = np.random.default_rng(0)
    columns = list(witness.free_columns())
    assert columns
    for column in columns:
        cells = witness.values[column]
        for sample in range(COUNT):
            changed = cells.copy()
            changed[sample * (cells.size // COUNT) + int(generator.integers(cells.size // COUNT))] += 1
            assert witness.failure({column: changed}) is not None


def test_a_changed_receipt_is_refused(batch):
    _, samples = dense()
    receipt = batch.prove(samples[:COUNT], hide="weights")
    data = bytearray(receipt.to_bytes())
    first, second = (receipt.outputs[0][n] for n in (0, 1))
    assert not np.array_equal(first, second)
    public = receipt.core.publics()[1]
    place, row = bytes(data).index(public), len(public) // COUNT
    exchanged = data[place + row : place + 2 * row] + data[place : place + row]
    data[place : place + 2 * row] = exchanged
    with pytest.raises(tacit.InvalidReceipt):
        tacit.verify(tacit.Receipt.from_bytes(bytes(data)), batch.key)
    with pytest.raises(tacit.InvalidReceipt):
        tacit.verify(receipt, tacit.compile(*dense(), batch=COUNT - 1).key)


@pytest.mark.parametrize("given, message", [
    (np.zeros((2, 6), np.float32), r"proves 3 samples at once and got 2: .* compile it with batch=2"),
    (np.zeros((1, 6), np.float32), "got 1"),
    (np.zeros((3, 5), np.float32), r"shape \[3, 5\]"),
])  # fmt: skip
def test_other_numbers_of_samples_are_refused(batch, given, message):
    with pytest.raises(tacit.InputError, match=message):
        batch.prove(given)


@pytest.mark.parametrize("count", [0, -1, 1 << 20])
def test_what_is_no_batch_is_refused(count):
    with pytest.raises(tacit.InputError, match=f"batch={count} is no number of samples"):
        tacit.compile(*dense(), batch=count)


def test_a_batch_that_hides():
    proto, samples = dense()
    model = tacit.compile(proto, samples, batch=COUNT, openings=1)
    receipt = model.prove(samples[:COUNT])
    tacit.verify(receipt, model.key)
    assert receipt.inputs == [None] and set(receipt.hidden) == {"weights", "x"}
    np.testing.assert_array_equal(receipt.outputs[0], tacit.compile(proto, samples, batch=COUNT).prove(samples[:COUNT]).outputs[0])


def test_files_and_commands(tmp_path, capsys):
    proto, samples = dense()
    onnx.save(proto, tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", samples[:COUNT])
    target = str(tmp_path / "m.tacit")
    command = ["compile", str(tmp_path / "m.onnx"), "--samples", str(tmp_path / "x.npy"), "-o", target]
    assert main([*command, "--batch", str(COUNT)]) == 0
    assert main(["prove", target, "--input", str(tmp_path / "x.npy"), "-o", str(tmp_path / "r"), "--hide", "none"]) == 0
    assert main(["verify", str(tmp_path / "r"), "--key", str(tmp_path / "m.key")]) == 0
    assert tacit.Model.load(target).batch == COUNT
    capsys.readouterr()
    assert main(["inspect", target]) == 0
    out = capsys.readouterr().out
    assert "3 samples in one proof" in out and "x float32 [3, 6]" in out
