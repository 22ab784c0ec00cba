"""One model compiled at several shapes: one commitment to its weights, each circuit with its own receipts."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.services.cli import main

WIDTH, LONGEST = 8, 16


def attention(seed: int = 0) -> onnx.ModelProto:
    """Embedding, a table of positions, causal attention, a mean: constants of the model's own, cut to the number of tokens."""
    generator = np.random.default_rng(seed)

    def weights(*shape):
        return (generator.standard_normal(shape) / np.sqrt(WIDTH)).astype(np.float32)

    constants = {
        "words": weights(20, WIDTH) * 3,
        "positions": weights(LONGEST, WIDTH),
        "mask": np.triu(np.full((LONGEST, LONGEST), -1e4, np.float32), 1),
        "query": weights(WIDTH, WIDTH),
        "key": weights(WIDTH, WIDTH),
        "value": weights(WIDTH, WIDTH),
        "last": weights(WIDTH, 3),
        "bias": weights(3),
        **{name: np.array([number]) for name, number in (("zero", 0), ("one", 1), ("two", 2))},
        "zeros": np.array([0, 0]),
    }
    nodes = [
        helper.make_node("Gather", ["words", "ids"], ["embedded"]),
        helper.make_node("Shape", ["ids"], ["shape"]),
        helper.make_node("Slice", ["shape", "one", "two"], ["tokens"]),
        helper.make_node("Concat", ["tokens", "tokens"], ["square"], axis=0),
        helper.make_node("Slice", ["positions", "zero", "tokens"], ["places"]),
        helper.make_node("Slice", ["mask", "zeros", "square"], ["causal"]),
        helper.make_node("Add", ["embedded", "places"], ["x"]),
        *(helper.make_node("MatMul", ["x", name], [name[0]]) for name in ("query", "key", "value")),
        helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 2, 1]),
        helper.make_node("MatMul", ["q", "kt"], ["scores"]),
        helper.make_node("Add", ["scores", "causal"], ["masked"]),
        helper.make_node("Softmax", ["masked"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "v"], ["mixed"]),
        helper.make_node("ReduceMean", ["mixed"], ["mean"], axes=[1], keepdims=0),
        helper.make_node("Gemm", ["mean", "last", "bias"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "attention",
        [helper.make_tensor_value_info("ids", TensorProto.INT64, ["batch", "tokens"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 3])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def ids(tokens: int, count: int = 8) -> np.ndarray:
    return np.random.default_rng(tokens).integers(0, 20, (count, tokens))


@pytest.fixture(scope="module")
def longest() -> tacit.Model:
    return tacit.compile(attention(), ids(12))


@pytest.mark.parametrize("tokens", [12, 7, 2])
def test_the_commitment_is_the_same_and_each_length_is_proved(longest, tokens):
    model = tacit.compile(attention(), ids(tokens), like=longest)
    assert model.declared[0].shape == (1, tokens)
    assert model.key.model_commitment == longest.key.model_commitment
    assert model.weights == longest.weights
    assert (model.key == longest.key) == (tokens == 12)
    sample = ids(tokens, 9)[-1:]
    receipt = model.prove(sample)
    tacit.verify(receipt, model.key)
    session = onnxruntime.InferenceSession(attention().SerializeToString(), providers=["CPUExecutionProvider"])
    (expected,) = session.run(None, {"ids": sample})
    assert np.abs(receipt.outputs[0] - expected).max() <= 0.02 * np.abs(expected).max()
    if tokens != 12:
        with pytest.raises(tacit.InvalidReceipt):
            tacit.verify(receipt, longest.key)


def test_without_it_the_commitment_differs(longest):
    """Scales come from the samples, limbs from the size of the circuit, tables end with the tokens: all of them enter."""
    assert tacit.compile(attention(), ids(7)).key.model_commitment != longest.key.model_commitment


def test_what_cannot_be_shared_is_named(longest):
    shorter = tacit.compile(attention(), ids(7))
    with pytest.raises(tacit.ModelError, match=r"'places' differs with the shapes; compile the longest shapes first"):
        tacit.compile(attention(), ids(12), like=shorter)
    with pytest.raises(tacit.ModelError, match="the constant 'causal' differs"):
        tacit.compile(attention(), ids(1), like=longest)  # a mask of one token is 0, and adding it is left out
    with pytest.raises(tacit.ModelError, match="the constant '.*' differs"):
        tacit.compile(attention(seed=1), ids(7), like=longest)


def test_an_opened_model_opens_what_is_compiled_like_it(longest):
    longest.prove(ids(12)[:1])
    assert tacit.compile(attention(), ids(7), like=longest).opened


def test_like_a_file(longest, tmp_path, capsys):
    longest.save(tmp_path / "12.tacit", key=tmp_path / "12.key")
    onnx.save(attention(), tmp_path / "m.onnx")
    np.save(tmp_path / "7.npy", ids(7))
    command = ["compile", str(tmp_path / "m.onnx"), "--samples", str(tmp_path / "7.npy"), "-o", str(tmp_path / "7.tacit")]
    assert main([*command, "--like", str(tmp_path / "12.tacit")]) == 0
    assert tacit.Key.load(tmp_path / "7.key").model_commitment == tacit.Key.load(tmp_path / "12.key").model_commitment
    assert main([*command, "--like", str(tmp_path / "12.key")]) == 2
    assert "12.key" in capsys.readouterr().err
