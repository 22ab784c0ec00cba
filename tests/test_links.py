"""Hidden tensors with commitments of their own: chains of receipts, openings, and every way in which they are refused."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace

import numpy as np
import onnx
import pytest
from onnx import helper

import tacit
from small_models import dense_model
from tacit.circuit.encode import decode
from tacit.services.cli import main

OPENINGS = 40


def head(shape: tuple[int, ...] = (1, 3), outputs: int = 2) -> onnx.ModelProto:
    """A model that takes what `dense_model` gives: z = y W."""
    weight = np.linspace(-1, 1, 3 * outputs, dtype=np.float32).reshape(3, outputs)
    given = [helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, shape)]
    result = [helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, (*shape[:-1], outputs))]
    nodes = [helper.make_node("MatMul", ["y", "W"], ["z"])]
    graph = helper.make_graph(nodes, "head", given, result, [onnx.numpy_helper.from_array(weight, "W")])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def sums() -> onnx.ModelProto:
    """Of two tensors: z = y - u."""
    given = [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, (1, 3)) for name in ("y", "u")]
    result = [helper.make_tensor_value_info("z", onnx.TensorProto.FLOAT, (1, 3))]
    graph = helper.make_graph([helper.make_node("Sub", ["y", "u"], ["z"])], "sums", given, result)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture(scope="module")
def first(samples) -> tacit.Model:
    return tacit.compile(dense_model(), samples=samples, openings=OPENINGS)


@pytest.fixture(scope="module")
def middle(samples) -> np.ndarray:
    return np.random.default_rng(2).uniform(-1, 1, (8, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def second(first, middle) -> tacit.Model:
    return tacit.compile(head(), samples=middle, links={"y": (first.key, "y")})


@pytest.fixture(scope="module")
def chain(first, second, samples) -> list[tacit.Receipt]:
    made = first.prove(samples[0], commit=["y"])
    return [made, second.prove({"y": made.secrets["y"]})]


@pytest.fixture(scope="module")
def keys(first, second) -> list[tacit.Key]:
    return [first.key, second.key]


def test_an_output_becomes_an_input_and_nobody_sees_it(first, second, samples, chain, keys):
    assert [receipt.hidden for receipt in chain] == [("weights", "x", "y"), ("weights", "y")]
    assert chain[0].outputs == [None] and chain[1].inputs == [None]
    assert chain[0].commitments == chain[1].commitments and list(chain[0].commitments) == ["y"]
    assert tacit.verify_chain(chain, keys) == [tacit.Link(1, "y", 0, "y")]
    shown = first.prove(samples[0])
    direct = second.prove({"y": shown.outputs[0]}, hide=["weights"])
    np.testing.assert_array_equal(chain[1].outputs[0], direct.outputs[0])
    # As bytes, from somewhere else: names come with the key.
    again = [tacit.Receipt.from_bytes(receipt.to_bytes()) for receipt in chain]
    assert list(again[0].commitments) == ["tensor 1"] and again[0].secrets == {}
    assert tacit.verify_chain(again, keys) == tacit.verify_chain(chain, keys)
    assert again[0].commitments == chain[0].commitments


def test_integers_pass_unchanged(first, second, chain):
    """The second model reads the first one's integers, not floats that are rounded again."""
    (output,), (given,) = first.key.outputs, second.key.inputs
    assert (given.exponent, given.lowest, given.highest) == (output.exponent, output.lowest, output.highest)
    opening = chain[0].secrets["y"].opening
    np.testing.assert_array_equal(second.integers({"y": opening.values(given)})["y"], opening.integers)


def test_chains_that_are_none(first, second, samples, chain, keys):
    other = first.prove(samples[1], commit=["y"])
    separate = second.prove({"y": np.float32(chain[0].secrets["y"].opening.values(first.key.outputs[0]))}, commit=["y"])
    links = {"y": (first.key, "y"), "u": (first.key, "y")}
    tail = tacit.compile(sums(), samples={"y": np.ones((4, 3)), "u": np.ones((4, 3))}, links=links)
    both = tail.prove({"y": chain[0].secrets["y"], "u": other.secrets["y"]})
    for receipts, with_keys, reason in [
        ([other, chain[1]], keys, "is no committed output of a receipt before it"),  # another first one
        ([chain[1], chain[0]], keys[::-1], "is no committed output of a receipt before it"),  # moved
        ([chain[1]], keys[1:], "is no committed output of a receipt before it"),  # left out
        ([chain[0], separate], keys, "is no committed output of a receipt before it"),  # the same tensor, committed to anew
        ([chain[0], first.prove(samples[0])], keys[:1], "takes nothing from those before it"),
        ([chain[0], second.prove({"y": np.ones((1, 3))})], keys, "takes nothing from those before it"),
        ([chain[0], both], [first.key, tail.key], "'u' of receipt 2 is no committed output"),
    ]:
        with pytest.raises(tacit.InvalidReceipt, match=reason):
            tacit.verify_chain(receipts, with_keys)
    with pytest.raises(tacit.InvalidReceipt, match="Receipt 2 of 2"):
        tacit.verify_chain([chain[0], chain[0]], keys)
    with pytest.raises(tacit.InvalidReceipt, match="another context"):
        tacit.verify_chain(chain, keys, [b"", b"other"])
    with pytest.raises(tacit.InputError, match="give one of each"):
        tacit.verify_chain(chain, keys, [b""])
    with pytest.raises(tacit.InputError, match="at least one"):
        tacit.verify_chain([], keys)


def test_receipts_with_each_others_commitments_are_refused(first, samples, chain, keys):
    """The bytes of one commitment in another receipt."""
    other = first.prove(samples[1], commit=["y"])
    for part in ("root", "seal"):
        ours, theirs = (getattr(receipt.commitments["y"], part) for receipt in (chain[0], other))
        forged = other.to_bytes().replace(theirs, ours)
        assert forged != other.to_bytes()
        with pytest.raises(tacit.InvalidReceipt):
            tacit.verify(forged, first.key)


def test_an_opening_shows_the_tensor_and_no_other(first, second, samples, chain, keys):
    shown = first.prove(samples[0]).outputs[0]
    opening = tacit.open_commitment(chain[0], "y", chain[0].secrets["y"])
    for receipt, key in zip(chain, keys):
        for given in (opening, opening.to_bytes()):
            np.testing.assert_array_equal(tacit.verify_opening(given, receipt, key, "y"), shown)
    wrong = opening.integers.copy()
    wrong[0, 1] += 1
    for forged in (replace(opening, integers=wrong), replace(opening, seed=bytes(32))):
        with pytest.raises(tacit.InvalidReceipt, match="no opening of what the receipt calls 'y'"):
            tacit.verify_opening(forged, chain[0], first.key, "y")
    for forged in (
        replace(opening, exponent=opening.exponent + 1),
        replace(opening, dtype="float64"),
        replace(opening, integers=opening.integers.reshape(3, 1)),
    ):
        with pytest.raises(tacit.InvalidReceipt, match="the committed tensor"):
            tacit.verify_opening(forged, chain[0], first.key, "y")
    far = replace(opening, integers=opening.integers + (1 << 40))
    with pytest.raises(tacit.InvalidReceipt, match="cannot have"):
        tacit.verify_opening(far, chain[0], first.key, "y")
    with pytest.raises(tacit.InvalidReceipt, match="no commitment of 'x' alone"):
        tacit.verify_opening(opening, chain[0], first.key, "x")
    with pytest.raises(tacit.InputError, match="no tensor 'q'"):
        tacit.verify_opening(opening, chain[0], first.key, "q")
    with pytest.raises(tacit.InvalidReceipt):
        tacit.verify_opening(opening, chain[0], second.key, "y")
    other = first.prove(samples[1], commit=["y"])
    with pytest.raises(tacit.InputError, match="is not this one"):
        tacit.open_commitment(other, "y", chain[0].secrets["y"])
    for damaged in (b"", b"PK", opening.to_bytes()[:-1], opening.to_bytes()[:40] + b"\1" + opening.to_bytes()[41:]):
        with pytest.raises(tacit.ModelError):
            tacit.Opening.from_bytes(damaged)


def test_two_receipts_are_shown_to_speak_of_equal_tensors(first, samples, chain):
    """Committed to apart, nobody sees that they are equal; a third receipt shows it, and shows no more."""
    again = first.prove(samples[0], commit=["y"])
    assert again.commitments["y"] != chain[0].commitments["y"]
    links = {"y": (first.key, "y"), "u": (first.key, "y")}
    equal = tacit.compile(sums(), samples={"y": np.ones((4, 3)), "u": np.ones((4, 3))}, links=links)
    receipt = equal.prove({"y": chain[0].secrets["y"], "u": again.secrets["y"]})
    tacit.verify(receipt, equal.key)
    assert receipt.commitments == {"y": chain[0].commitments["y"], "u": again.commitments["y"]}
    assert not receipt.outputs[0].any()


def test_names_and_tensors_that_do_not_fit(first, second, samples, middle, chain):
    secret = chain[0].secrets["y"]
    for given, options, reason in [
        ({"x": samples[0]}, {"commit": ["q"]}, "no tensor 'q'"),
        ({"x": samples[0], "y": secret}, {}, "is an output"),
        ({"x": samples[0]}, {"commit": ["y"], "hide": ()}, "hides nothing"),
    ]:
        with pytest.raises(tacit.InputError, match=reason):
            first.prove(given, **options)
    for made in (tacit.compile(head(), samples=middle, openings=OPENINGS), tacit.compile(head(), samples=middle)):
        with pytest.raises(tacit.InputError, match="compile|Compile"):
            made.prove({"y": secret})
    plain = tacit.compile(dense_model(), samples=samples, openings=0)
    with pytest.raises(tacit.InputError, match="hides nothing"):
        plain.prove(samples[0], commit=["y"])
    for links, reason in [
        ({"y": (plain.key, "y")}, "commits to no output"),
        ({"q": (first.key, "y")}, "no input 'q'"),
        ({"y": (first.key, "q")}, "no tensor 'q'"),
        ({"y": (first.key, "x")}, r"is float32\[1, 3\]"),
        ({"y": first.key}, "must be"),
    ]:
        with pytest.raises(tacit.InputError, match=reason):
            tacit.compile(head(), samples=middle, links=links)
    good = {"y": (first.key, "y")}
    for options, reason in [({"openings": 3}, "leave openings= out"), ({"batch": 2}, "single samples")]:
        with pytest.raises(tacit.InputError, match=reason):
            tacit.compile(head(), samples=middle, links=good, **options)
    with pytest.raises(tacit.InputError, match="other limbs"):
        other = tacit.compile(dense_model(), samples=samples, openings=3)
        tacit.compile(sums(), samples={"y": middle, "u": middle}, links={**good, "u": (other.key, "y")})


def test_hide_names_and_commitments_join(first, samples):
    for hide, hidden in [(["inputs"], ("x", "y")), (["y"], ("y",)), (["outputs", "weights"], ("weights", "y"))]:
        assert first.prove(samples[0], hide=hide, commit="y").hidden == hidden
    receipt = first.prove(samples[0], hide=["weights"], commit=["x", "y"])
    assert receipt.hidden == ("weights", "x", "y") and list(receipt.commitments) == ["x", "y"]
    tacit.verify(receipt, first.key)


def test_a_commitment_serves_as_many_proofs_as_it_has_rows_for(first, second, samples, tmp_path):
    secret = first.prove(samples[0], commit=["y"]).secrets["y"]
    parameters = decode(first.circuit).parameters
    queries = parameters.queries[0]
    assert secret.places.used() == queries and secret.places.openings == parameters.reserved
    secret.save(tmp_path / "y.secret")
    assert os.stat(tmp_path / "y.secret").st_mode & 0o777 == 0o600
    held = tacit.Committed.load(tmp_path / "y.secret")
    np.testing.assert_array_equal(held.opening.integers, secret.opening.integers)
    assert held.commitment == secret.commitment and held.places.used() == queries
    receipt = second.prove({"y": held})
    assert receipt.commitments["y"] == secret.commitment and held.places.used() == 2 * queries == secret.places.used()
    # A copy would show other values of the same limbs without anybody counting them.
    shutil.copy(tmp_path / "y.secret", tmp_path / "copy")
    with pytest.raises(tacit.ModelError, match="prove again to commit anew"):
        second.prove({"y": tacit.Committed.load(tmp_path / "copy")})
    held.places.change(lambda _: parameters.reserved - queries + 1)
    before = second.hidden_proofs()
    with pytest.raises(tacit.ModelError, match="has served all the proofs"):
        second.prove({"y": held})
    assert second.hidden_proofs() == before + 1
    for damage in (b"", b"PK"):
        (tmp_path / "y.secret").write_bytes(damage)
        with pytest.raises(tacit.ModelError):
            tacit.Committed.load(tmp_path / "y.secret")


def test_secrets_are_fresh(first, samples):
    receipts = [first.prove(samples[0], commit=["y"]) for _ in range(3)]
    assert len({receipt.commitments["y"] for receipt in receipts}) == 3
    assert len({receipt.secrets["y"].opening.seed for receipt in receipts}) == 3
    assert not any(receipt.secrets["y"].opening.seed in receipt.to_bytes() for receipt in receipts)
    assert "seed" not in repr(receipts[0].secrets["y"])


def test_commands(tmp_path, monkeypatch, capsys, samples, middle):
    monkeypatch.chdir(tmp_path)
    onnx.save(dense_model(), "first.onnx")
    onnx.save(head(), "second.onnx")
    np.save("x.npy", samples)
    np.save("one.npy", samples[0])
    np.save("y.npy", middle)
    run = lambda line: main(line.split())  # noqa: E731
    assert run("compile first.onnx --samples x.npy -o first.tacit") == 0
    assert run("compile second.onnx --samples y.npy -o second.tacit --link y=first.key:y") == 0
    assert run("prove first.tacit --input one.npy -o a.receipt --commit y=y.secret") == 0
    assert run("prove second.tacit --committed y=y.secret -o b.receipt") == 0
    capsys.readouterr()
    assert run("verify a.receipt b.receipt --key first.key --key second.key") == 0
    assert "y of receipt 2 is y of receipt 1" in capsys.readouterr().out
    assert run("open y.secret b.receipt --key second.key --name y -o y.opening") == 0
    assert run("verify b.receipt --key second.key --opening y=y.opening") == 0
    shown = capsys.readouterr().out
    assert "as its owner reveals it" in shown and "in a commitment of its own" in shown
    assert run("inspect b.receipt") == 0
    assert "in a commitment of its own" in capsys.readouterr().out
    for line, code, reason in [
        ("verify b.receipt a.receipt --key second.key --key first.key", 1, "no committed output of a receipt before it"),
        ("verify a.receipt --key first.key --key second.key", 2, "give --key once"),
        ("verify a.receipt b.receipt --key first.key --key second.key --opening y=y.opening", 2, "single receipt"),
        ("verify b.receipt --key second.key --opening y=y.secret", 2, "opening"),
        ("verify b.receipt --key second.key --opening y", 2, "--opening"),
        ("prove second.tacit -o c.receipt", 2, "give --input"),
        ("prove second.tacit --committed y=one.npy -o c.receipt", 2, "not a committed tensor"),
        ("prove first.tacit --input one.npy -o c.receipt --commit y=c.receipt", 2, "Two outputs"),
        ("prove second.tacit --committed y=y.secret -o y.secret", 2, "overwrite"),
        ("open y.secret a.receipt --key second.key --name z -o z.opening", 2, "no receipt of the model"),
        ("open y.secret a.receipt --key first.key --name x -o x.opening", 2, "not this one"),
        ("compile second.onnx --samples y.npy -o s.tacit --link y=first.key:q", 2, "no tensor 'q'"),
        ("compile second.onnx --samples y.npy -o s.tacit --link y", 2, "--link"),
    ]:
        assert run(line) == code, line
        assert reason in capsys.readouterr().err, line
