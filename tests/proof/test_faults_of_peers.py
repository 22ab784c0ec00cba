"""Faults that other systems of this field shipped, each as a test here. Where only a prover can make the attempt, the test is one
of the core's, and this file holds that it is there."""

from __future__ import annotations

import math
import re
import struct
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from small_models import dense_model
from tacit.execute import execute

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests")]
from test_receipts import parts  # noqa: E402

from mutation import Witness  # noqa: E402

MODULUS = 2**64 - 2**32 + 1


def model_of(nodes, inputs, outputs, constants=(), opset=20) -> onnx.ModelProto:
    declared = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()]
    results = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants]
    graph = helper.make_graph(nodes, "peers", declared, results, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=9)


@pytest.fixture(scope="module")
def two(mode):
    """A model with two inputs and two outputs, and a receipt of it, which shows these four."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Relu", ["a"], ["y"])]
    nodes.append(helper.make_node("Add", ["z", "z"], ["s"]))
    w = np.random.default_rng(0).standard_normal((4, 3)).astype(np.float32)
    proto = model_of(nodes, {"x": [1, 4], "z": [1, 2]}, ["y", "s"], [("w", w)])
    feeds = {"x": np.full((1, 4), 0.5, np.float32), "z": np.array([[0.25, -0.75]], np.float32)}
    model = tacit.compile(proto, samples=feeds, openings=0 if mode == "transparent" else 2)
    return model, model.prove(feeds, hide="weights" if model.openings else (), context=b"to a, number 7")


def refused(model, data, context=b"to a, number 7"):
    with pytest.raises(tacit.InvalidReceipt) as caught:
        tacit.verify(bytes(data), model.key, context=context)
    return str(caught.value)


@pytest.mark.parametrize("tensor", range(4))
def test_public_tensors_that_nobody_bound(two, tensor):
    """Public inputs and outputs outside the transcript, or not compared: Expander #318, Jolt Atlas #230, DeepProve."""
    model, receipt = two
    data = bytearray(receipt.to_bytes())
    start, stop = parts(receipt)[f"public {tensor}"]
    assert stop > start
    data[start] ^= 1
    assert "public tensor" not in refused(model, data), "refused by its interval: the change is no plausible value"


def test_only_the_first_output_is_bound(two):
    """Jolt Atlas: the second output of a model could be anything."""
    model, receipt = two
    assert [np.asarray(output).size for output in receipt.outputs] == [3, 2]
    first, second = (parts(receipt)[f"public {i}"] for i in (2, 3))
    for start, _ in (first, second):
        data = bytearray(receipt.to_bytes())
        data[start] ^= 1
        refused(model, data)


IN_THE_CORE = {
    "lookup challenges that do not depend on the witness (DeepProve v1)": [
        ("crates/proof/tests/adaptive.rs", "lookup_challenges_of_the_provers_choice"),
        ("crates/proof/tests/adversary.rs", "late_multiplicities"),
        ("crates/proof/tests/tamper.rs", "every_message_moves_the_next_challenge"),
    ],
    "tables counted and not verified (DeepProve v1)": [
        ("crates/proof/tests/adaptive.rs", "multiplicities_that_were_not_committed"),
        ("crates/proof/tests/adaptive.rs", "fingerprints_that_leave_the_numerator_alone"),
    ],
    "openings cut to the shorter list, two claims on one column collapsed (Jolt Atlas #138, #288)": [
        ("crates/proof/tests/adaptive.rs", "claims_dropped_duplicated_collapsed"),
        ("crates/proof/tests/adaptive.rs", "the_only_false_claim"),
    ],
    "weights that are exchanged after they were committed": [
        ("crates/proof/tests/adversary.rs", "weights_replaced_between_commitment_and_opening"),
        ("crates/proof/tests/adaptive.rs", "witness_replaced_between_commitment_and_opening"),
    ],
    "proofs with a second encoding (JSTprove, Plonky3 #2081)": [
        ("crates/proof/tests/tamper.rs", "every_step_of_a_proof_with_every_stage_altered"),
        ("crates/proof/tests/adversary.rs", "mutated_keys_and_receipts"),
    ],
}


@pytest.mark.parametrize("fault", IN_THE_CORE)
def test_what_only_a_prover_can_try(fault):
    for file, name in IN_THE_CORE[fault]:
        text = (ROOT / file).read_text()
        assert re.search(rf"#\[test\]\s+fn {name}\(", text), f"{file} has no test {name}"


def witness_of(proto, feeds, **options):
    samples = {name: array[None] for name, array in feeds.items()}
    model = tacit.compile(proto, samples=samples, **options)
    witness, public, _ = execute(model.program, model.tensors(), model.integers(feeds))
    found = Witness(model.circuit, bytes(model.weights), public, witness)
    assert found.failure() is None
    return found


@pytest.mark.parametrize("openings", [0, 1])
def test_rescaling_that_checks_low_bits_only(openings):
    """ObelyZK, DeepProve: q and q + 2^k pass where only low bits of the quotient or of the activation are looked up."""
    samples = {"x": np.random.default_rng(1).uniform(-1, 1, (1, 6)).astype(np.float32)}
    found = witness_of(dense_model(batch=1), samples, openings=openings)
    for column in found.free_columns():
        for power in (8, 12, 15, 16, 20, 24, 31):
            for sign in (1, -1):
                changed = found.values[column].copy()
                changed[0] += sign << power
                if -(2**63) <= int(changed[0]) < 2**63:
                    failure = found.failure({column: changed})
                    assert failure is not None, f"{found.circuit.columns[column].name} + {sign << power}"


@pytest.mark.parametrize("openings", [0, 1])
def test_normalisation_with_a_second_answer(openings):
    """ObelyZK, DeepProve: statistics unconstrained, or checked to within epsilon, so that the output is not unique."""
    nodes = [helper.make_node("LayerNormalization", ["x", "g", "b"], ["y"], axis=-1)]
    rng = np.random.default_rng(2)
    constants = [(name, rng.standard_normal(6).astype(np.float32)) for name in ("g", "b")]
    proto = model_of(nodes, {"x": [2, 6]}, ["y"], constants)
    found = witness_of(proto, {"x": rng.standard_normal((2, 6)).astype(np.float32)}, widths="faithful", openings=openings)
    for column in found.free_columns():
        for changed in found.changes(column, 12, np.random.default_rng(3)):
            assert found.failure({column: changed}) is not None, found.circuit.columns[column].name


def test_weights_that_the_verifier_gets_or_nobody_commits_to(two):
    """Jolt Atlas handed weights to the verifier, DeepProve v1 never committed to them."""
    model, receipt = two
    weights = bytes(model.weights)
    assert len(weights) >= 16
    for shown in (model.key.to_bytes(), receipt.to_bytes()):
        assert weights not in shown and weights[:16] not in shown
    altered = bytearray(weights)
    altered[0] ^= 1
    other = tacit._core.Prover(model.circuit, bytes(altered), tacit._core.Progress(), model.seed)
    key = tacit.Key.from_bytes(other.key())
    assert key.model_commitment != model.key.model_commitment
    with pytest.raises(tacit.InvalidReceipt, match="weights"):
        tacit.verify(receipt, key, context=receipt.context)


def test_privacy_that_is_claimed_and_not_there(two):
    """Jolt Atlas's hiding mode opened witness values in clear. What does not hide does not say so here, softmax included."""
    model, receipt = two
    feeds = {"x": np.zeros((1, 4), np.float32), "z": np.zeros((1, 2), np.float32)}
    if model.openings:
        assert receipt.hidden == ("weights",) and all(tensor is not None for tensor in receipt.inputs + receipt.outputs)
        hidden = model.recommit().prove(feeds, hide=("weights", "inputs", "outputs"))
        assert hidden.core.publics() == [] and hidden.inputs == hidden.outputs == [None, None]
        return
    assert receipt.hidden == ()
    with pytest.raises(tacit.TacitError, match="hid"):
        model.prove(feeds, hide=("weights",))
    proto = model_of([helper.make_node("Softmax", ["x"], ["y"])], {"x": [1, 4]}, ["y"])
    softmax = tacit.compile(proto, samples=np.eye(4, dtype=np.float32), openings=0)
    with pytest.raises(tacit.TacitError, match="hid"):
        softmax.prove(np.eye(4, dtype=np.float32)[0], hide=("inputs",))


def test_bits_from_queries_alone_or_beyond_johnson(two):
    """JSTprove counted queries only; many rest on the capacity conjecture, disproved in its strong form."""
    model, _ = two
    terms, composed = model.key.core.security()
    names = " ".join(name for name, _ in terms)
    parameters = tacit.circuit.decode(model.circuit).parameters
    parts_of_all = ["LogUp", "tree", "contract", "combine", "gap", "queries", "sumcheck"]
    for part in [*parts_of_all, *["out of domain"] * (len(parameters.queries) > 1)]:
        assert part in names, f"no term counts {part}"
    assert composed == pytest.approx(-math.log2(sum(2.0**-bits for _, bits in terms)), abs=1e-6)
    assert 128 <= composed <= min(bits for _, bits in terms)
    for inverse_rate, queries in zip(parameters.log_inverse_rates, parameters.queries):
        capacity = queries * inverse_rate
        assert capacity > 1.9 * 128, "so few queries reach 128 bits at capacity only"


def test_trusted_setup_from_a_constant_seed(two):
    """Jolt Atlas and DeepProve v2 drew their setup from a constant. Here a key is the circuit, one root and its seal."""
    model, _ = two
    key, circuit = model.key.to_bytes(), model.circuit
    assert len(key) == 9 + 4 + len(circuit) + 32 + 24
    again = tacit._core.Prover(circuit, bytes(model.weights), tacit._core.Progress(), model.seed)
    assert again.key() == key


def test_second_encodings_and_grinding(two):
    """JSTprove's proofs were malleable; Plonky3 #2081 left grinding unchecked. A word plus the modulus is refused."""
    model, receipt = two
    data = receipt.to_bytes()
    start, stop = parts(receipt)["proof"]
    found = 0
    for at in range(start, stop - 8, 8):
        (word,) = struct.unpack_from("<Q", data, at)
        if word + MODULUS < 2**64:
            refused(model, data[:at] + struct.pack("<Q", word + MODULUS) + data[at + 8 :])
            found += 1
    assert all("grinding" not in name for name, _ in model.key.core.security()[0])
    assert tacit.Receipt.from_bytes(data).to_bytes() == data
    refused(model, data + b"\0")
    assert found or stop - start > 8


def test_a_receipt_that_anyone_can_replay(two):
    """A payment example shipped a proof without recipient or nonce. Here the context is part of the statement."""
    model, receipt = two
    assert receipt.context == b"to a, number 7"
    assert tacit.verify(receipt, model.key, context=b"to a, number 7") is None
    for context in (b"to b, number 7", b"to a, number 8", b""):
        refused(model, receipt.to_bytes(), context)
    data = receipt.to_bytes()
    start, stop = parts(receipt)["context"]
    refused(model, data[:start] + b"to b, number 7" + data[stop:], b"to b, number 7")


ORDINARY = {
    "zeros": np.zeros((1, 6), np.float32),
    "far outside the samples": np.full((1, 6), 1e6, np.float32),
    "the largest floats": np.array([[3.4e38, -3.4e38, 1e-45, -1e-45, 0, -0.0]], np.float32),
    "of both signs": np.array([[1, -1, 1, -1, 1, -1]], np.float32),
}


@pytest.mark.parametrize("name", ORDINARY)
def test_inputs_that_a_user_would_call_normal(model, name):
    """All of them: panics and memory that runs out, or values "out of range of lookup". Every input has a proof here."""
    receipt = model.prove(ORDINARY[name], context=b"any")
    assert tacit.verify(receipt, model.key, context=b"any") is None


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_inputs_without_a_meaning_get_a_sentence(model, value):
    with pytest.raises(tacit.InputError, match="NaN or infinity"):
        model.prove(np.full((1, 6), value, np.float32))
