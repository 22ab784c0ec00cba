"""Widths by tolerance, held-out rows, made-up inputs, and what the report says of them."""

from __future__ import annotations

import json
import logging

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

import tacit
from small_models import dense_model
from tacit.report import Fidelity, Report, compare
from tacit.search import Tolerance
from tacit.services.cli import main

SIZES = (12, 24, 5)


def rows(count: int, seed: int = 0, scale: float = 1.0) -> np.ndarray:
    return (scale * np.random.default_rng(seed).standard_normal((count, SIZES[0]))).astype(np.float32)


@pytest.fixture(scope="module")
def loose() -> tacit.Model:
    return tacit.compile(dense_model(SIZES), rows(6), tolerance=0.05, held=rows(4, 1))


def test_a_smaller_tolerance_costs_more(loose):
    tight = tacit.compile(dense_model(SIZES), rows(6), tolerance=1e-3, held=rows(4, 1))
    for model, most in ((loose, 0.05), (tight, 1e-3)):
        assert all(f.relative_error <= most for f in (*model.report.fidelity, *model.report.held))
    assert loose.report.price < tight.report.price
    assert max(f.relative_error for f in loose.report.fidelity) > 1e-3
    tacit.verify(loose.prove(rows(1, 3)[0]), loose.key)


def test_the_report_names_nodes_and_rows(loose):
    report = loose.report
    assert (report.samples, report.held_samples) == (6, 4) and report.calibrated
    assert {n.node for n in report.noisiest} <= {"dense0", "dense1", "relu0"} and report.noisiest[0].added > 0
    text = report.text()
    for part in ("6 samples", "4 held-out rows", "cosine", "top 5", "most error: ", "most proving: ", "widths: "):
        assert part in text
    assert Report.from_json(json.loads(json.dumps(report.to_json()))) == report


def test_what_cannot_be_met_is_said_with_figures():
    with pytest.raises(tacit.ModelError, match=r"No widths meet the tolerance: .*error .* most of it comes from dense"):
        tacit.compile(dense_model(SIZES), rows(6), tolerance=1e-9)
    with pytest.raises(tacit.InputError, match="above 0"):
        tacit.compile(dense_model(SIZES), rows(6), tolerance=0)
    with pytest.raises(tacit.InputError, match="cosine"):
        tacit.Tolerance(cosine=1.5)


def test_every_kind_of_demand():
    good = Fidelity("y", 0.01, 0.0, 1.0, 1.0, 0.99, 1.0, 0.9999)
    whole = Fidelity("label", 1.0, 0.0, 3.0, 1.0, 0.99)
    report = Report(fidelity=(good, whole))
    labels = frozenset({"label"})
    assert Tolerance(error=0.02, agreement=0.98).excess(report, labels) == pytest.approx(0.5)
    assert Tolerance(error=0.005, agreement=0.98).excess(report, labels) == pytest.approx(2.0)
    assert Tolerance(cosine=0.9998, agreement=0.98).excess(report, labels) == pytest.approx(0.5)
    assert Tolerance(error=0.02).excess(report, labels) > 1e6, "integers must be equal unless something else is said"


def test_agreement_of_rows_and_of_integers():
    a = np.array([[0.0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0]])
    b = np.array([[9.0, 1, 2, 3, 4, 5, 6], [6, 5, 4, 3, 2, 1, 0]])
    found = compare("y", [a], [b])
    assert (found.argmax_agreement, found.top5_agreement) == (0.5, 0.9)
    assert found.max_abs_error == 9 and found.least_cosine == found.cosine < 1
    labels = compare("label", [np.array([1, 2, 3, 4])], [np.array([1, 2, 3, 5])])
    assert labels.argmax_agreement == 0.75
    two = compare("y", [a, a], [a, b])
    assert two.least_cosine == found.cosine < two.cosine


def test_without_samples(caplog):
    with caplog.at_level(logging.WARNING, logger="tacit"):
        model = tacit.compile(dense_model(SIZES))
    assert "without samples" in caplog.text
    assert not model.report.calibrated and "made-up inputs" in model.report.text()
    assert all(f.relative_error < 0.05 for f in model.report.fidelity)
    assert tacit.compile(dense_model(SIZES)).circuit == model.circuit, "the made-up inputs are always the same"
    x = rows(1, 5)[0]
    tacit.verify(model.prove(x), model.key)
    assert not model.saturated


def embedding_model() -> onnx.ModelProto:
    """Words picked from a table, times a mask, summed."""
    table = onnx.numpy_helper.from_array(np.linspace(-1, 1, 80, dtype=np.float32).reshape(20, 4), "table")
    nodes = [
        helper.make_node("Gather", ["table", "ids"], ["rows"]),
        helper.make_node("Cast", ["mask"], ["m"], to=TensorProto.FLOAT),
        helper.make_node("MatMul", ["m", "rows"], ["y"]),
    ]
    inputs = [helper.make_tensor_value_info(name, TensorProto.INT64, [1, 6]) for name in ("ids", "mask")]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 1, 4])]
    graph = helper.make_graph(nodes, "words", inputs, outputs, [table])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_made_up_places_and_masks():
    model = tacit.compile(embedding_model())
    ids, mask = model.key.inputs
    assert (ids.lowest, ids.highest) == (0, 19) and mask.highest >= 1
    full = {"ids": np.array([[0, 19, 3, 4, 18, 5]]), "mask": np.ones((1, 6), np.int64)}
    tacit.verify(model.prove(full), model.key)
    assert not model.saturated


def test_saturated_values_are_counted_for_the_prover(tmp_path, capsys):
    onnx.save(dense_model(SIZES), tmp_path / "m.onnx")
    np.savez(tmp_path / "x.npz", x=rows(6))
    np.savez(tmp_path / "far.npz", x=rows(1, 2, 1000.0))
    np.savez(tmp_path / "near.npz", x=rows(6)[:1])
    options = ["--samples", str(tmp_path / "x.npz"), "--held", str(tmp_path / "x.npz"), "--tolerance", "error=0.02,cosine=0.999"]
    assert main(["compile", str(tmp_path / "m.onnx"), *options, "-o", str(tmp_path / "m.tacit")]) == 0
    assert "6 held-out rows" in capsys.readouterr().out
    for name, expected in (("far", True), ("near", False)):
        target = str(tmp_path / f"{name}.receipt")
        assert main(["prove", str(tmp_path / "m.tacit"), "--input", str(tmp_path / f"{name}.npz"), "-o", target]) == 0
        assert ("saturated (not in the receipt): " in capsys.readouterr().out) == expected
    assert main(["inspect", str(tmp_path / "m.tacit")]) == 0
    shown = capsys.readouterr().out
    assert "6 held-out rows" in shown and "where a node adds most:" in shown


def gated_model() -> onnx.ModelProto:
    """y = (h sigmoid(h)) v of h = x w: the gate becomes one table, so that its sigmoid is no tensor."""
    rng = np.random.default_rng(4)
    weights = {"w": rng.standard_normal((12, 40)), "v": rng.standard_normal((40, 3))}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="first"),
        helper.make_node("Sigmoid", ["h"], ["s"], name="sigmoid"),
        helper.make_node("Mul", ["h", "s"], ["g"], name="gate"),
        helper.make_node("MatMul", ["g", "v"], ["y"], name="last"),
    ]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12])]
    result = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 3])]
    tensors = [onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "gated", given, result, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_what_a_fused_function_reads_has_an_error_too():
    """What came in before a gate of two nodes is not what the gate adds."""
    report = tacit.compile(gated_model(), rows(6), widths="lean").report
    noisy = {n.node: n for n in report.noisiest}
    assert noisy["gate"].before == noisy["first"].error > 0


def difference() -> onnx.ModelProto:
    """y = 8 (x0 - x1): of large numbers a small difference."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 2])]
    result = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 1])]
    weights = [onnx.numpy_helper.from_array(np.array([[8], [-8]], np.float32), "w")]
    graph = helper.make_graph(nodes, "difference", given, result, weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_small_models_get_more_bits_where_twelve_do_not_do():
    """Twelve bits of numbers around 30 leave a difference of 1 an error of several percent; a dense model does with them."""
    given = (30 + np.random.default_rng(0).uniform(-0.5, 0.5, (20, 2))).astype(np.float32)
    narrow, chosen = tacit.compile(difference(), given, widths="lean"), tacit.compile(difference(), given)
    assert (narrow.scales.bits, chosen.scales.bits) == (12, 16)
    wide, fine = (model.report.fidelity[0].relative_error for model in (narrow, chosen))
    assert wide > 2.0**-7 and fine < wide / 8
    assert tacit.compile(dense_model(SIZES), rows(6)).scales.bits == 12


def contrast(level: float) -> onnx.ModelProto:
    """y = relu(x w + level) v, where the columns of v add up to 0: of large numbers differences alone count."""
    rng = np.random.default_rng(3)
    contrasts = rng.standard_normal((24, 5))
    weights = {"w": rng.standard_normal((12, 24)), "b": np.full(24, level), "v": contrasts - contrasts.mean(0)}
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], name="first"),
        helper.make_node("Add", ["h", "b"], ["s"], name="raised"),
        helper.make_node("Relu", ["s"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "v"], ["y"], name="last"),
    ]
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 12])]
    result = [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 5])]
    tensors = [onnx.numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "contrast", given, result, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_faithful_widths_have_eighteen_bits_where_sixteen_miss():
    """For the node that the report names, of a model that misses, and of no other."""
    given = rows(6)
    near, far = (tacit.compile(contrast(level), given, widths="faithful") for level in (10, 1500))
    assert near.scales.own == {} and near.report.assignment == ""
    assert far.scales.own == {"r": 18} and far.report.assignment == "16 bits; 18 at r"
    for model in (near, far):
        assert all(f.least_cosine > 0.9999 and f.argmax_agreement == 1 for f in model.report.fidelity)
    tacit.verify(far.prove(rows(1, 3)[0]), far.key)
