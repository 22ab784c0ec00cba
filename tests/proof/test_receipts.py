"""Receipts, whole: honest ones verify, every altered one is refused."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import tacit
from tacit import _core


def test_an_honest_receipt_verifies_and_shows_the_tensors(mode, model, receipt, samples):
    fresh = tacit.Receipt.from_bytes(receipt.to_bytes())
    assert tacit.verify(fresh, model.key, context=b"here") is None
    assert fresh.outputs[0].shape == (1, 3)
    assert fresh.outputs[0].dtype == np.float32
    assert fresh.context == b"here"
    if mode == "transparent":
        assert fresh.hidden == () and np.allclose(fresh.inputs[0][0], samples[0], atol=1e-2)
    else:
        assert fresh.hidden == ("weights", "x") and fresh.inputs == [None]


def test_the_output_is_close_to_float(model, receipt, samples):
    import onnxruntime

    from small_models import dense_model

    session = onnxruntime.InferenceSession(dense_model().SerializeToString())
    expected = session.run(None, {"x": samples[:1]})[0]
    assert np.max(np.abs(receipt.outputs[0] - expected)) <= 0.01 * np.max(np.abs(expected)) + 1e-6


def test_another_context_is_refused(model, receipt):
    with pytest.raises(tacit.InvalidReceipt, match="context"):
        tacit.verify(receipt, model.key, context=b"there")


def test_a_foreign_key_is_refused(model, other_model, receipt):
    with pytest.raises(tacit.InvalidReceipt, match="circuit|weights"):
        tacit.verify(receipt, other_model.key, context=b"here")


def test_other_weights_under_the_same_circuit_are_refused(model, receipt):
    """A prover that commits to other weights makes valid receipts for another root; its proof does not verify under ours."""
    weights = bytearray(model.weights)
    weights[0] ^= 1
    forger = _core.Prover(model.circuit, bytes(weights), _core.Progress(), model.seed)
    key = tacit.Key.from_bytes(forger.key())
    assert key.circuit_digest == model.key.circuit_digest and key.model_commitment != model.key.model_commitment
    with pytest.raises(tacit.InvalidReceipt, match="weights"):
        tacit.verify(receipt, key, context=b"here")
    data = bytearray(receipt.to_bytes())
    at = data.index(model.key.model_commitment)
    data[at : at + 32] = key.model_commitment
    with pytest.raises(tacit.InvalidReceipt):
        tacit.verify(bytes(data), key, context=b"here")


def parts(receipt: tacit.Receipt) -> dict[str, tuple[int, int]]:
    """The tamper manifest: every field of a receipt and where it lies. A new field must be named here."""
    data, at, found = receipt.to_bytes(), 0, {}

    def take(name: str, count: int) -> None:
        nonlocal at
        found[name] = (at, at + count)
        at += count

    def sized(name: str) -> None:
        (length,) = struct.unpack_from("<I", data, at)
        take(f"{name} length", 4)
        take(name, length)

    take("magic", 7)
    take("format", 2)
    take("circuit digest", 32)
    take("weights root", 32)
    if receipt.core.hidden() is not None:
        sized("hide set")
    (count,) = struct.unpack_from("<I", data, at)
    take("public count", 4)
    for i in range(count):
        sized(f"public {i}")
    sized("context")
    take("witness root", 32)
    sized("proof")
    assert at == len(data)
    return found


def test_every_field_altered_is_refused(model, receipt):
    data = receipt.to_bytes()
    rng = np.random.default_rng(2)
    for name, (start, stop) in parts(receipt).items():
        positions = {start, stop - 1, *rng.integers(start, stop, 6 if name != "proof" else 60).tolist()} if stop > start else set()
        for position in positions:
            altered = bytearray(data)
            altered[position] ^= 1 << int(rng.integers(8))
            with pytest.raises(tacit.InvalidReceipt):
                tacit.verify(bytes(altered), model.key, context=b"here")


def test_truncated_extended_and_random_bytes_are_refused(model, receipt):
    data = receipt.to_bytes()
    rng = np.random.default_rng(3)
    bad = [b"", data[:1], data[:-1], data[: len(data) // 2], data + b"\0"]
    bad += [rng.bytes(200), b"tacit\0R\1\0", data[:9] + rng.bytes(400)]
    for altered in bad:
        with pytest.raises(tacit.InvalidReceipt):
            tacit.verify(altered, model.key, context=b"here")


def test_another_output_or_input_is_refused(model, receipt):
    """A receipt re-made around changed public tensors: same proof, other numbers."""
    data = receipt.to_bytes()
    for name, (start, stop) in parts(receipt).items():
        if name.startswith("public ") and name.split()[-1].isdigit():
            altered = bytearray(data)
            cell = struct.unpack_from("<h", data, start)[0] if stop - start >= 2 else data[start]
            altered[start] = (cell ^ 1) & 0xFF
            with pytest.raises(tacit.InvalidReceipt):
                tacit.verify(bytes(altered), model.key, context=b"here")


def test_two_receipts_mixed_are_refused(model, receipt, samples):
    second = model.prove(samples[1], context=b"here")
    a, b = receipt.to_bytes(), second.to_bytes()
    where = parts(receipt)
    for name in [name for name in ("public 0", "public 1", "witness root", "proof") if name in where]:
        start, stop = where[name]
        other = parts(second)[name]
        mixed = a[:start] + b[other[0] : other[1]] + a[stop:]
        with pytest.raises(tacit.InvalidReceipt):
            tacit.verify(mixed, model.key, context=b"here")


def test_the_same_inputs_give_the_same_bytes_unless_they_are_hidden(mode, model, receipt, samples):
    assert (model.prove(samples[0], context=b"here") == receipt) == (mode == "transparent")


def test_keys_and_receipts_refuse_other_kinds(model, receipt):
    with pytest.raises(tacit.ModelError, match="key"):
        tacit.Key.from_bytes(receipt.to_bytes())
    with pytest.raises(tacit.InvalidReceipt, match="receipt"):
        tacit.Receipt.from_bytes(model.key.to_bytes())
    with pytest.raises(tacit.ModelError):
        tacit.Key.from_bytes(b"")


def test_another_format_number_is_named(receipt):
    data = bytearray(receipt.to_bytes())
    data[7] = 9
    with pytest.raises(tacit.InvalidReceipt, match="format 9"):
        tacit.Receipt.from_bytes(bytes(data))


@given(draw=st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_spliced_receipts_are_refused(model, receipt, draw):
    """Pieces removed, doubled, moved, or replaced by counts of any size: an error each time, never a crash."""
    data = receipt.to_bytes()
    a, b = sorted(draw.draw(st.tuples(*[st.integers(0, len(data))] * 2)))
    early = draw.draw(st.integers(0, 120))
    count = draw.draw(st.sampled_from([0, 1, 2**16, 2**31, 2**32 - 1]))
    where = draw.draw(st.sampled_from([a, early]))
    for altered in (
        data[:a] + data[b:],
        data[:b] + data[a:],
        data[b:] + data[:b],
        data[:where] + struct.pack("<I", count) + data[where + 4 :],
    ):
        if altered != data:
            with pytest.raises(tacit.InvalidReceipt):
                tacit.verify(altered, model.key, context=b"here")


@given(st.binary(max_size=300))
@settings(max_examples=150, deadline=None)
def test_any_bytes_give_an_error(data):
    for start in (b"", b"tacit\0R\1\0", b"tacit\0K\2\0"):
        with pytest.raises(tacit.InvalidReceipt):
            tacit.Receipt.from_bytes(start + data)
        with pytest.raises(tacit.ModelError):
            tacit.Key.from_bytes(start + data)
