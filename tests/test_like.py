"""One model compiled at several shapes: one commitment to its weights, each circuit with its own receipts."""

from __future__ import annotations

import shutil
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.arithmetize import circuit_of, finish
from tacit.circuit import decode, encode
from tacit.model import commit
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


def test_an_opened_model_opens_what_is_compiled_like_it(longest, caplog):
    opened = longest.recommit()
    opened.prove(ids(12)[:1], hide=())
    model = tacit.compile(attention(), ids(7), like=opened)
    assert model.opened and model.hidden_proofs() == 100
    with pytest.raises(tacit.ModelError, match="opened"):
        model.prove(ids(7)[:1])
    tacit.verify(model.prove(ids(7)[:1], hide="inputs"), model.key)


def test_transparent_models_share_a_commitment():
    longer = tacit.compile(attention(), ids(12), openings=0)
    model = tacit.compile(attention(), ids(7), like=longer)
    assert model.key.model_commitment == longer.key.model_commitment and not model.openings and not model.opened
    receipt = model.prove(ids(7)[:1])
    tacit.verify(receipt, model.key)
    assert receipt.hidden == () and model.opened
    with pytest.raises(tacit.InputError, match="hides nothing"):
        tacit.compile(attention(), ids(7), like=longer, openings=3)


# Openings are shared


def test_equal_weights_are_committed_to_with_the_digests_of_the_first(longest, monkeypatch):
    """Large weights are encoded once; digests that are no commitment's to them, of a damaged file, are not taken."""
    taken: list[tuple[bytes, bytes]] = []

    def recorded(circuit, weights, seed=None, digests=b""):
        taken.append((weights, digests))
        return commit(circuit, weights, seed, digests)

    parameters = decode(longest.circuit).parameters
    # Behind the digests, an element of K for the one limb of weights.
    wrong = bytes((32 << parameters.log_rows + parameters.log_inverse_rates[0] - 6) + 24)
    monkeypatch.setattr("tacit.model.commit", recorded)
    shared = tacit.compile(attention(), ids(7), like=replace(longest, digests=wrong))
    assert [digests for _, digests in taken] == [wrong, b""] and all(weights is longest.weights for weights, _ in taken)
    assert shared.key.model_commitment == longest.key.model_commitment
    taken.clear()
    with pytest.raises(tacit.ModelError):
        tacit.compile(attention(seed=1), ids(7), like=replace(longest, digests=wrong))
    assert [digests for _, digests in taken] == [b""]
    places = decode(longest.circuit)
    turned = tuple(replace(c, shape=(*c.shape, 1)) if c.home == "weights" else c for c in places.columns)
    assert longest.has_weights(longest.circuit, longest.weights)
    assert not longest.has_weights(encode(replace(places, columns=turned)), longest.weights)


@pytest.fixture
def ten() -> tacit.Model:
    return tacit.compile(attention(), ids(12), openings=10)


def test_models_with_one_commitment_share_its_openings(ten, tmp_path):
    ten.prove(ids(12)[:1])
    model = tacit.compile(attention(), ids(7), like=ten, openings=2)
    assert (ten.hidden_proofs(), model.openings, model.hidden_proofs()) == (3, 10, 8)
    ten.save(tmp_path / "12")
    half = tacit.compile(attention(), ids(7), like=tacit.Model.load(tmp_path / "12"))
    assert (ten.hidden_proofs(), half.hidden_proofs()) == (6, 7)
    with pytest.raises(tacit.ModelError, match="has 4 of its 10 openings left, not 5: ask for fewer, or"):
        tacit.compile(attention(), ids(7), like=ten, openings=5)
    assert ten.hidden_proofs() == 6
    again = tacit.compile(attention(), ids(2), like=half, openings=3)
    assert (half.hidden_proofs(), again.hidden_proofs()) == (10, 7)
    for _ in range(2):
        tacit.verify(model.prove(ids(7)[:1]), model.key)
    for none_left in (model, half):
        with pytest.raises(tacit.ModelError, match="has used the 10 proofs"):
            none_left.prove(ids(7)[:1])
    with pytest.raises(tacit.ModelError, match="has 0 of its 10 openings left, not 1"):
        tacit.compile(attention(), ids(2), like=half)


def test_openings_are_gone_before_another_model_has_them(ten, tmp_path, monkeypatch):
    """The count is taken last, so that what fails takes none, and what is cut off takes them."""
    ten.save(tmp_path / "12")
    with pytest.raises(tacit.ModelError, match="the constant '.*' differs"):
        tacit.compile(attention(seed=1), ids(7), like=ten)
    assert ten.hidden_proofs() == 0

    def stop(*_) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(tacit.Model, "forecast", property(stop))
    with pytest.raises(KeyboardInterrupt):
        tacit.compile(attention(), ids(7), like=ten, openings=4)
    assert ten.hidden_proofs() == 4


def test_a_file_of_a_sharing_model_has_its_own_count(ten, tmp_path):
    model = tacit.compile(attention(), ids(7), like=ten, openings=2)
    model.save(tmp_path / "7")
    loaded = tacit.Model.load(tmp_path / "7")
    assert loaded.hidden_proofs() == 8
    tacit.verify(loaded.prove(ids(7)[:1]), model.key)
    fresh = loaded.recommit()
    assert fresh.hidden_proofs() == 0 and fresh.key.model_commitment != ten.key.model_commitment


@pytest.mark.parametrize(
    ("arguments", "says"),
    [({"openings": 0}, "take 1 or more"), ({"seed": bytes(32)}, "leave seed= out"), ({"openings": -1}, "number")],
)
def test_options_that_do_not_go_with_a_shared_commitment(ten, arguments, says):
    with pytest.raises(tacit.InputError, match=says):
        tacit.compile(attention(), ids(7), like=ten, **arguments)
    assert ten.hidden_proofs() == 0


def with_parameters(model: tacit.Model, reserved: int, queries: int) -> tacit.Model:
    """The model with another number of reserved rows and of queries to its limbs."""
    circuit = decode(model.circuit)
    chosen = replace(circuit.parameters, reserved=reserved, queries=(queries, *circuit.parameters.queries[1:]))
    changed = encode(replace(circuit, parameters=chosen))
    key = tacit.Key.from_bytes(commit(changed, model.weights, model.seed).key())
    return replace(model, circuit=changed, key=key, _prover=None)


def test_another_number_of_queries_shares_the_rows(ten):
    """A proof of the one may open more rows than one of the other: the rows that are handed over count."""
    queries = ten.parameters.queries[0]
    unfinished = encode(circuit_of(ten.program))
    for changed, openings in ((1, 10), (-1, 9)):
        like = replace(ten.parameters, reserved=10 * (queries + changed) + 3, queries=(queries + changed,))
        found = decode(finish(unfinished, 10, like=like)).parameters
        assert found == replace(ten.parameters, reserved=like.reserved)
        same = with_parameters(ten, found.reserved, queries)
        assert same.openings == openings and same.key.core.security()[1] >= 128
    dearer = with_parameters(ten, 10 * queries + 3, queries + 1)
    assert dearer.key.model_commitment == ten.key.model_commitment and dearer.openings == 9
    dearer.share(ten, 5)
    assert (ten.hidden_proofs(), dearer.hidden_proofs()) == (5, 5)  # 5 q rows: 4 proofs of q + 1
    for _ in range(4):
        tacit.verify(dearer.prove(ids(12)[:1]), dearer.key)
    with pytest.raises(tacit.ModelError, match="recommit"):
        dearer.prove(ids(12)[:1])


def test_copies_hand_over_nothing(ten, tmp_path):
    ten.save(tmp_path / "12")
    shutil.copy(tmp_path / "12", tmp_path / "copy")
    with pytest.raises(tacit.ModelError, match=r"copied.* recommit"):
        tacit.compile(attention(), ids(7), like=tacit.Model.load(tmp_path / "copy"))


def test_like_a_file(longest, tmp_path, capsys):
    longest.save(tmp_path / "12.tacit", key=tmp_path / "12.key")
    onnx.save(attention(), tmp_path / "m.onnx")
    np.save(tmp_path / "7.npy", ids(7))
    command = ["compile", str(tmp_path / "m.onnx"), "--samples", str(tmp_path / "7.npy"), "-o", str(tmp_path / "7.tacit")]
    assert main([*command, "--like", str(tmp_path / "12.tacit")]) == 0
    assert tacit.Key.load(tmp_path / "7.key").model_commitment == tacit.Key.load(tmp_path / "12.key").model_commitment
    assert main([*command, "--like", str(tmp_path / "12.key")]) == 2
    assert "12.key" in capsys.readouterr().err
