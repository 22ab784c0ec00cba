"""The second verifier's reading of a key's seal (docs/protocol.md, The key's seal), piece by piece, and both verifiers on keys that
have the seal of something else."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from test_plain_prover import BOTH, CONTEXT, answers, model, tensor, unchecked
from test_vectors import FILES, native, plain

from tacit import _core
from tacit.circuit import decode, encode

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
import kept  # noqa: E402
import layer  # noqa: E402
import plain_layer  # noqa: E402
import relations  # noqa: E402
import soundness  # noqa: E402

import reference.circuit  # noqa: E402
from reference import opening, transcript, verifier  # noqa: E402
from reference.field import ONE, ZERO, K, P, power, total  # noqa: E402
from reference.forms import Claim, known  # noqa: E402
from reference.layout import Layout  # noqa: E402
from reference.named import seal_claim  # noqa: E402
from reference.seal import flat_powers, key_claim, seal_point  # noqa: E402
from reference.security import bits_of, outer  # noqa: E402

MODELS = [name for name in FILES[1] if name.endswith("key.bin")]


@pytest.fixture(scope="module", autouse=True)
def native_hash():
    """The second verifier with the core's Keccak-256, for speed."""
    with pytest.MonkeyPatch.context() as patch:
        for module in (transcript, verifier, opening):
            patch.setattr(module, "keccak256", _core.digest)
        yield


def digits(where: int, layout: Layout) -> list[K]:
    return [K(int(digit)) for digit in f"{where:0{layout.log_limbs + layout.log_rows}b}"]


# The claim


def with_weights(cells: int) -> reference.circuit.Circuit:
    """Limbs of 2^13 rows, half of them reserved."""
    circuit = decode(kept.of("layer", 1).circuit)
    circuit = replace(circuit, parameters=replace(circuit.parameters, reserved=4096))
    circuit = reference.circuit.decode(encode(circuit))
    columns = (replace(circuit.columns[layer.W], shape=(cells,)), replace(circuit.columns[layer.B], home=verifier.WITNESS))
    return replace(circuit, columns=(*columns, *circuit.columns[2:]))


@pytest.mark.parametrize("hides", [False, True])
def test_the_form_of_the_seal_weighs_every_row_of_the_weights_limbs(hides):
    """At the digits of a row the form's extension is that row's power, kept rows included; elsewhere it is zero."""
    circuit = with_weights(9000)
    layout, root = Layout(circuit, 100 if hides else None), _core.digest(b"root")
    assert layout.widths[0] == 3 and layout.addresses[:3] == ([3, 5, 6] if hides else [0, 1, 2])
    form, z = key_claim(root, ONE, layout).form, seal_point(root)
    rows = 1 << layout.log_rows
    for limb, address in enumerate(layout.addresses):
        for row in (0, 1, 4097, rows - 1):
            found = layout.evaluate(form, digits(address * rows + row, layout))
            assert found == (power(z, limb * rows + row) if limb < 3 else ZERO)
    # Off the digits: the closed form of the document.
    point = [seal_point(bytes([i])) for i in range(layout.log_limbs + layout.log_rows)]
    a, r = point[: layout.log_limbs], point[layout.log_limbs :]
    scalar = total(reference.field.eq_index(a, layout.addresses[b]) * power(z, b * rows) for b in range(3))
    for j, each in enumerate(r):
        scalar = scalar * (1 - each + each * power(z, 2 ** (layout.log_rows - 1 - j)))
    assert layout.evaluate(form, point) == scalar


@pytest.mark.parametrize("shape", [(), (1,), (5,), (3, 4), (2, 1, 8)])
def test_powers_of_a_base_are_weights(shape):
    z, cells = seal_point(bytes(32)), [j * j - 7 for j in range(math.prod(shape))]
    weights = flat_powers(z, shape)
    assert known(cells, weights) == plain_layer.polynomial(cells, z)
    for weight in weights:
        assert [weight.at(i) for i in range(weight.length)] == weight.entries
        for e in range(weight.length.bit_length() - 1):
            for start in range(0, weight.length - (1 << e) + 1, 1 << e):
                segment = [seal_point(bytes([i])) for i in range(e)]
                table = reference.field.eq_table(segment)
                assert weight.piece(start, segment) == total(a * b for a, b in zip(table, weight.entries[start:]))


def test_a_seal_is_the_matrix_of_limbs_at_the_point_of_its_root():
    """Of a key without uniform cells and salts: the weights are laid out, committed and sealed in plain Python."""
    case, seed = relations.case(1), plain_layer.random.Random(0)
    circuit = decode(case.circuit)
    circuit = encode(replace(circuit, parameters=replace(circuit.parameters, reserved=0)))
    key = _core.Prover(circuit, case.weights, _core.Progress()).key()
    plainly = reference.circuit.decode(circuit)
    shapes = {0: (relations.N, relations.K), 1: (relations.K,)}
    cells = reference.circuit.integers(case.weights, 1)
    columns = {0: cells[: relations.N * relations.K], 1: cells[relations.N * relations.K :]}
    weights = plain_layer.durable(plainly.parameters, shapes, columns, seed)
    assert key[-56:-24] == weights.tree.root and key[-24:] == plain_layer.key_seal(weights).to_bytes()


# Soundness


@pytest.mark.parametrize("name", MODELS)
def test_soundness_counts_the_seal(name):
    core, held = _core.VerifyingKey(FILES[1][name]), verifier.read_key(FILES[1][name])
    p, found = held.circuit.parameters, dict(core.security()[0])
    (term,) = (bits for name, bits in found.items() if name.startswith("key: seal"))
    cells = held.layout.widths[0] << p.log_rows
    assert term == pytest.approx(-math.log2(soundness.seal(cells, p.log_inverse_rates[0])), abs=1e-9)
    one = float(soundness.johnson_list(soundness.Fraction(1, 2 ** p.log_inverse_rates[0])) / soundness.K)
    (claims,) = (bits for name, bits in found.items() if name.startswith("combine"))
    assert 2.0**-claims == pytest.approx(outer(held.circuit)[-1], rel=1e-9)
    views = [view for each in held.circuit.contracts for term in each.zero.terms for view in term.views]
    if not held.circuit.lookups:
        assert outer(held.circuit)[-1] == pytest.approx((len(views) + 4) * one)
    # Far below the sum; of limbs of 2^80 rows it is not.
    held.layout.shapes[held.layout.matrix] = (1, 2**80)
    assert bits_of(held.circuit, held.layout) == pytest.approx(-math.log2(soundness.seal(2**80, p.log_inverse_rates[0])), abs=0.1)


# Keys whose seal is another one's


@cache
def keys(name: str) -> dict[str, bytes]:
    """Of one circuit: the same weights with the same and with another seed, and other weights."""
    made, other = kept.of(name, 1), bytearray(kept.of(name, 1).weights)
    other[0] ^= 1
    commit = lambda weights, seed: _core.Prover(made.circuit, weights, _core.Progress(), seed=seed).key()  # noqa: E731
    return {
        "own": commit(made.weights, kept.SEED),
        "again": commit(made.weights, kept.SEED),
        "seed": commit(made.weights, bytes(32)),
        "weights": commit(bytes(other), kept.SEED),
    }


@pytest.mark.parametrize("name", ["relations", "layer"])
def test_root_and_seal_follow_from_weights_and_seed(name):
    found = keys(name)
    assert found["again"] == found["own"]
    for other in ("seed", "weights"):
        assert found[other][:-56] == found["own"][:-56]
        assert found[other][-56:-24] != found["own"][-56:-24] and found[other][-24:] != found["own"][-24:]


@pytest.mark.parametrize(("name", "file"), [("layer", "receipt.bin"), ("relations", "second.bin")])
@pytest.mark.parametrize("other", ["seed", "weights"])
def test_the_seal_of_another_key_of_the_circuit_is_refused(name, file, other):
    found, receipt = keys(name), FILES[2][f"{name}/{file}"]
    context = verifier.read_receipt(receipt).context
    own, another = found["own"], found[other]
    assert own == FILES[2][f"{name}/key.bin"]
    mixed = {"check": own[:-24] + another[-24:], "weights": own[:-56] + another[-56:-24] + own[-24:]}
    for kind, key in mixed.items():
        assert (native(receipt, key, context), plain(receipt, key, context)) == (kind, kind)
    # The receipt names the other root, too: then it is the proof that is not of it.
    at = receipt.index(own[-56:-24])
    named = receipt[:at] + another[-56:-24] + receipt[at + 32 :]
    for key in (another, mixed["weights"]):
        assert "check" == native(named, key, context) == plain(named, key, context)


def summed() -> tuple[Callable[..., Claim], Callable[..., Claim]]:
    """The key's seal and a named one with one power of zeta: the first is put off until the second comes."""
    waiting: list[Claim] = []

    def first(*arguments) -> Claim:
        waiting.append(key_claim(*arguments))
        return Claim([], ZERO)

    def second(*arguments) -> Claim:
        one, other = waiting.pop(), seal_claim(*arguments)
        return Claim(one.form + other.form, one.value + other.value)

    return first, second


def receipt_of(forged: plain_layer.Model, hidden: bytes, named: dict[int, plain_layer.Tensor]) -> bytes:
    return plain_layer.LayerProver(forged, hidden, named, 5).receipt(CONTEXT)


@pytest.mark.slow
def test_what_a_verifier_without_the_claim_accepts_is_refused():
    forged = replace(model(), seal=model().seal + K(0, 0, 1))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(verifier, "key_claim", unchecked)
        data = receipt_of(forged, b"\1\0\0", {})
        assert plain(data, forged.key, CONTEXT) is None
    assert (native(data, forged.key, CONTEXT), plain(data, forged.key, CONTEXT)) == ("check", "check")
    assert answers(data) == ("check", "check")


@pytest.mark.slow
def test_the_keys_seal_has_a_power_of_its_own():
    moved = replace(tensor(0), seal=tensor(0).seal - 1)
    forged = replace(model(), seal=model().seal + 1)
    with pytest.MonkeyPatch.context() as patch:
        first, second = summed()
        patch.setattr(verifier, "key_claim", first)
        patch.setattr(verifier, "seal_claim", second)
        data = receipt_of(forged, BOTH, {0: moved})
        assert plain(data, forged.key, CONTEXT) is None
    assert (native(data, forged.key, CONTEXT), plain(data, forged.key, CONTEXT)) == ("check", "check")


def test_a_word_of_the_seal_is_below_p():
    """p itself is refused, p - 1 is another seal."""
    key = FILES[2]["layer/key.bin"]
    for word, accepted in ((P - 1, True), (P, False), (2**64 - 1, False)):
        for at in (24, 16, 8):
            altered = key[: len(key) - at] + word.to_bytes(8, "little") + key[len(key) - at + 8 :]
            try:
                _core.VerifyingKey(altered)
                found = True
            except _core.Malformed:
                found = False
            try:
                verifier.read_key(altered)
                plainly = True
            except reference.Refused as error:
                assert error.kind == "key"
                plainly = False
            assert found == plainly == accepted
