"""What receipts hide, how often a commitment hides, and that copies, crashes and retries never use its randomness twice."""

from __future__ import annotations

import json
import logging
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

import tacit
from small_models import dense_model
from tacit import _core, hiding, storage
from tacit.circuit.encode import decode
from tacit.execute import executed
from tacit.services.cli import main

SEED = bytes(range(32))
HIDE = ["weights", "inputs", "outputs", "x", "y", ("weights", "inputs"), ("weights", "inputs", "outputs"), ("x", "y")]


@pytest.fixture(scope="module")
def compiled(samples) -> tacit.Model:
    return tacit.compile(dense_model(), samples=samples, openings=4, seed=SEED)


@pytest.fixture
def hider(compiled) -> tacit.Model:
    """A model that has hidden nothing yet."""
    return compiled.recommit(SEED)


def test_proofs_hide_by_default(samples):
    model = tacit.compile(dense_model(), samples=samples)
    receipt = model.prove(samples[0])
    assert (model.openings, model.hidden_proofs(), model.opened) == (100, 1, False)
    assert receipt.hidden == ("weights", "x") and receipt.inputs == [None] and receipt.outputs[0] is not None
    transparent = tacit.compile(dense_model(), samples=samples, openings=0)
    assert transparent.prove(samples[0]).hidden == () and transparent.opened and transparent.seed is None


def test_a_tolerance_counts_the_cells_that_hiding_takes(samples):
    plain, hiding_ = (tacit.compile(dense_model(), samples=samples, tolerance=0.05, openings=n).report for n in (0, 1))
    assert hiding_.cells > plain.cells and hiding_.lookups > plain.lookups
    assert hiding_.assignment == plain.assignment and hiding_.fidelity == plain.fidelity


def test_threads_take_places_of_their_own(hider):
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: hider.places.take(), range(100)))
    assert taken.count(True) == 4


def test_the_seed_decides_the_key(compiled, samples):
    assert compiled.recommit(SEED).key == compiled.key
    other = tacit.compile(dense_model(), samples=samples, openings=4)
    assert other.circuit == compiled.circuit and other.key.model_commitment != compiled.key.model_commitment
    assert SEED not in compiled.key.to_bytes() and repr(SEED) not in repr(compiled)


@pytest.mark.parametrize("hide", [None, *HIDE])
def test_what_is_hidden_is_absent_and_said(compiled, samples, hide):
    model = compiled.recommit(SEED)
    receipt = model.prove(samples[0], hide=hide, context=b"here")
    again = tacit.Receipt.from_bytes(receipt.to_bytes())
    tacit.verify(again, model.key, context=b"here")
    names = {None: ("weights", "inputs")}.get(hide, (hide,) if isinstance(hide, str) else hide)
    x, y = not {"x", "inputs"} & set(names), not {"y", "outputs"} & set(names)
    assert again.hidden == (*(("weights",) if "weights" in names else ()), *(() if x else ("x",)), *(() if y else ("y",)))
    shown = model.recommit(SEED).prove(samples[0], hide=())
    assert (again.inputs[0] is not None) == x and (again.outputs[0] is not None) == y
    if x:
        assert np.array_equal(again.inputs[0], shown.inputs[0])
    if y:
        assert np.array_equal(again.outputs[0], shown.outputs[0])
    columns = [np.asarray(model.integers({"x": samples[:1]})["x"])]
    assert x or columns[0].astype("<i2").tobytes() not in again.to_bytes()
    with pytest.raises(tacit.InvalidReceipt, match="context"):
        tacit.verify(again, model.key, context=b"there")


def test_two_proofs_of_one_input_share_nothing_random(hider, samples):
    first, second = (hider.prove(samples[0]).to_bytes() for _ in range(2))
    blocks = lambda data: {data[at : at + 24] for at in range(0, len(data) - 24, 8)}  # noqa: E731
    # Headers, the circuit's digest and the weights' root are the same; rows of the weights' limbs may be queried twice.
    assert len(blocks(first) & blocks(second)) < 0.2 * len(blocks(first))
    assert first[-2000:] != second[-2000:]


def test_hiding_receipts_keep_their_statement(hider, samples):
    receipt = hider.prove(samples[0], hide=("weights",))
    tacit.verify(receipt, hider.key)
    for at in (9, 40, 60, 75, 78, 79, 80, 90, len(receipt.to_bytes()) // 2, len(receipt.to_bytes()) - 1):
        altered = bytearray(receipt.to_bytes())
        altered[at] ^= 1
        with pytest.raises(tacit.InvalidReceipt):
            tacit.verify(bytes(altered), hider.key)
    other = hider.recommit()
    with pytest.raises(tacit.InvalidReceipt, match="weights"):
        tacit.verify(receipt, other.key)


def identity() -> onnx.ModelProto:
    x, y = (helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1, 2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", [x], [y])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def test_a_hidden_input_outside_its_interval_breaks_its_own_relation(samples):
    """Nobody sees it, so the circuit must hold it there. Here the output is the input: nothing else can be wrong."""
    model = tacit.compile(identity(), samples=samples[:, :2], openings=1)
    signature, honest = model.key.inputs[0], model.integers({"x": samples[:1, :2]})
    builder = executed(model.program, model.tensors(), honest)
    public = np.frombuffer(builder.public(), f"<i{signature.cell_bytes}")
    assert _core.check(model.circuit, model.weights, public.tobytes(), builder.witness()) is None
    for beyond in (signature.highest + 1, signature.lowest - 1, 2 * signature.highest):
        wrong = public.copy()
        wrong[[0, 2]] = beyond
        assert wrong[0] == beyond
        relation, _, index = _core.check(model.circuit, model.weights, wrong.tobytes(), builder.witness())
        assert relation.startswith("x/range") and index == [0]


def test_a_hidden_output_is_held_by_the_circuit(compiled, model):
    """A verifier that sees a rounded output checks its interval itself; of a hidden one the circuit must say it, or a quotient
    outside of it, with another remainder, would satisfy the rest."""
    held = [lookup.name for lookup in decode(compiled.circuit).lookups if lookup.name.startswith("y/output/quotient")]
    assert held and not [each.name for each in decode(model.circuit).lookups if each.name.startswith("y/output/quotient")]
    circuit = decode(compiled.circuit)
    column = next(each.column for each in circuit.publics if each.is_output)
    assert [each.name for each in circuit.contracts if column in columns_of(each.zero)] == ["y/public"]
    assert not any(column in columns_of(total) for each in circuit.lookups for total in each.components)


def columns_of(total) -> set[int]:
    return {view.column for term in total.terms for view in term.views}


# The budget


def test_a_commitment_hides_so_many_proofs_and_no_more(hider, samples, caplog):
    for used in range(1, 5):
        hider.prove(samples[0])
        assert hider.hidden_proofs() == used
    with pytest.raises(tacit.ModelError, match=r"4 proofs .* recommit"):
        hider.prove(samples[0])
    assert not hider.opened
    with caplog.at_level(logging.WARNING, "tacit"):
        receipt = hider.prove(samples[0], hide=("inputs",))
    assert "more proofs than it can hide in" in caplog.text and hider.opened
    tacit.verify(receipt, hider.key)
    fresh = hider.recommit()
    with pytest.raises(tacit.ModelError, match="opened"):
        fresh.prove(samples[0])


def test_a_new_commitment_starts_anew(hider, samples):
    for _ in range(4):
        hider.prove(samples[0])
    fresh = hider.recommit()
    receipt = fresh.prove(samples[0])
    tacit.verify(receipt, fresh.key)
    assert fresh.key.model_commitment != hider.key.model_commitment and fresh.hidden_proofs() == 1


def test_a_transparent_proof_spends_the_secrecy_of_the_weights(hider, samples):
    hider.prove(samples[0], hide=())
    with pytest.raises(tacit.ModelError, match="opened"):
        hider.prove(samples[0])
    tacit.verify(hider.prove(samples[0], hide="inputs"), hider.key)


def test_the_count_is_beside_the_file_and_survives(hider, samples, tmp_path):
    path = tmp_path / "m.tacit"
    hider.prove(samples[0])
    hider.save(path)
    assert hiding.count_file(path).stat().st_mode & 0o777 == 0o600
    hider.prove(samples[0])
    loaded = tacit.Model.load(path)
    assert loaded.hidden_proofs() == 2
    tacit.verify(loaded.prove(samples[0]), hider.key)
    assert hider.hidden_proofs() == 3 == tacit.Model.load(path).hidden_proofs()
    hider.prove(samples[0])
    with pytest.raises(tacit.ModelError, match="recommit"):
        loaded.prove(samples[0])


@pytest.mark.parametrize("with_count", [True, False])
def test_a_copy_does_not_double_the_use(hider, samples, tmp_path, with_count):
    path, copy = tmp_path / "m.tacit", tmp_path / "copy.tacit"
    hider.save(path)
    shutil.copy(path, copy)
    if with_count:
        shutil.copy(hiding.count_file(path), hiding.count_file(copy))
    model = tacit.Model.load(copy)
    with pytest.raises(tacit.ModelError, match=r"copied.* recommit"):
        model.prove(samples[0])
    assert model.hidden_proofs() is None
    with pytest.raises(tacit.ModelError, match=r"copied.* recommit"):
        model.save(tmp_path / "third.tacit")
    assert not (tmp_path / "third.tacit").exists()
    fresh = model.recommit()
    fresh.save(tmp_path / "fresh.tacit")
    tacit.verify(fresh.prove(samples[0]), fresh.key)
    tacit.verify(tacit.Model.load(path).prove(samples[0]), hider.key)


def test_saving_elsewhere_moves_the_count(hider, samples, tmp_path):
    hider.save(tmp_path / "a.tacit")
    hider.prove(samples[0])
    hider.save(tmp_path / "b.tacit")
    assert hider.hidden_proofs() == 1
    with pytest.raises(tacit.ModelError, match="recommit"):
        tacit.Model.load(tmp_path / "a.tacit").prove(samples[0])
    tacit.verify(tacit.Model.load(tmp_path / "b.tacit").prove(samples[0]), hider.key)


@pytest.mark.parametrize("damage", [b"", b"{}", b"[" * 200, b'{"used": -1}'])
def test_a_damaged_count_hides_nothing(hider, samples, tmp_path, damage):
    hider.save(tmp_path / "m.tacit")
    hiding.count_file(tmp_path / "m.tacit").write_bytes(damage)
    with pytest.raises(tacit.ModelError, match="recommit"):
        tacit.Model.load(tmp_path / "m.tacit").prove(samples[0])


def test_a_transparent_proof_leaves_no_place_in_the_file(hider, samples, tmp_path):
    hider.save(tmp_path / "m.tacit")
    hider.prove(samples[0])
    tacit.Model.load(tmp_path / "m.tacit").prove(samples[0], hide=())
    again = tacit.Model.load(tmp_path / "m.tacit")
    assert again.opened and again.hidden_proofs() == 4
    with pytest.raises(tacit.ModelError, match="has used the 4 proofs"):  # an object that has not heard of it
        hider.prove(samples[0])


def test_processes_that_were_forked_count_nothing(hider, samples, tmp_path, monkeypatch):
    """Each would count for itself, until there is a file."""
    with monkeypatch.context() as patch:
        patch.setattr(os, "getpid", lambda: 1)
        with pytest.raises(tacit.ModelError, match=r"made by another process.* save it first"):
            hider.prove(samples[0])
    hider.save(tmp_path / "m.tacit")
    monkeypatch.setattr(os, "getpid", lambda: 1)
    hider.prove(samples[0])
    assert hider.hidden_proofs() == 1


@pytest.mark.parametrize("target", ["m.tacit", "n.tacit"])
def test_a_failed_save_keeps_the_count(hider, samples, tmp_path, monkeypatch, target):
    hider.save(tmp_path / "m.tacit")
    hider.prove(samples[0])

    def full(*_: object) -> None:
        assert hider.hidden_proofs() == 4, "somebody could prove from the old file now"
        raise tacit.ModelError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "write", full)
        with pytest.raises(tacit.ModelError, match="no space"):
            hider.save(tmp_path / target)
    assert hider.hidden_proofs() == 1 == tacit.Model.load(tmp_path / "m.tacit").hidden_proofs()


def test_a_file_that_cannot_be_marked_gives_no_transparent_proof(hider, samples, tmp_path, monkeypatch):
    hider.save(tmp_path / "m.tacit")

    def fail(*_: object) -> None:
        raise tacit.ModelError("a read-only folder")

    monkeypatch.setattr(storage, "write", fail)
    with pytest.raises(tacit.ModelError, match="could not be marked as opened: a read-only folder"):
        tacit.Model.load(tmp_path / "m.tacit").prove(samples[0], hide=())


# Errors and the command line


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"openings": -1}, "number of proofs"),
        ({"openings": 1 << 30}, "number of proofs"),
        ({"openings": 2, "seed": b"short"}, "32 secret bytes"),
        ({"openings": 2, "seed": "a" * 32}, "32 secret bytes"),
    ],
)
def test_options_that_mean_nothing(samples, arguments, says):
    with pytest.raises(tacit.InputError, match=says):
        tacit.compile(dense_model(), samples=samples, **arguments)


@pytest.mark.parametrize("hide", ["weight", ("inputs", "z"), ("",)])
def test_unknown_names_are_refused(compiled, samples, hide):
    with pytest.raises(tacit.InputError, match="There is no"):
        compiled.prove(samples[0], hide=hide)


def test_the_command_line_hides(samples, tmp_path, capsys):
    onnx.save(dense_model(), tmp_path / "m.onnx")
    np.save(tmp_path / "x.npy", samples)
    np.save(tmp_path / "one.npy", samples[0])
    run = lambda *arguments: main([str(argument) for argument in arguments])  # noqa: E731
    compile_ = ("compile", tmp_path / "m.onnx", "--samples", tmp_path / "x.npy", "-o", tmp_path / "m.tacit", "--openings", 2)
    assert run(*compile_) == 0 and "2 proofs can hide the weights" in capsys.readouterr().out
    prove = ("prove", tmp_path / "m.tacit", "--input", tmp_path / "one.npy", "-o", tmp_path / "r")
    assert run(*prove) == 0 and "hidden: weights, x (proof 1 of 2 that can hide the weights)" in capsys.readouterr().out
    assert run("verify", tmp_path / "r", "--key", tmp_path / "m.key") == 0
    assert "(hidden)" in capsys.readouterr().out
    assert run("inspect", tmp_path / "m.tacit") == 0 and "1 of 2 proofs" in capsys.readouterr().out
    assert run("inspect", tmp_path / "r") == 0 and "hidden   weights, tensor 0" in capsys.readouterr().out
    assert run(*prove, "--hide", "inputs") == 0 and run(*prove) == 2
    assert "recommit" in capsys.readouterr().err
    assert run("recommit", tmp_path / "m.tacit", "-o", tmp_path / "n.tacit") == 0
    capsys.readouterr()
    assert run("prove", tmp_path / "n.tacit", *prove[2:]) == 0
    assert run("verify", tmp_path / "r", "--key", tmp_path / "n.key") == 0
    assert run("verify", tmp_path / "r", "--key", tmp_path / "m.key") == 1
    assert json.loads(Path(hiding.count_file(tmp_path / "n.tacit")).read_bytes())["used"] == 1
