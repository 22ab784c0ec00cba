"""tacit bench: one JSON object with the documented keys."""

from __future__ import annotations

import json

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from small_models import dense_model
from tacit.services.cli import main

KEYS = {
    "params", "cells", "lookups", "prove_s", "verify_s", "receipt_bytes", "peak_rss_bytes", "onnxruntime_s", "overhead",
    "max_abs_error", "argmax_agreement", "peak_bytes_per_cell", "forecast_peak_bytes", "forecast_s",
}  # fmt: skip
STAGES = {"execute", "multiplicities", "commit", "lookup", "contract", "combine", "open"}


@pytest.mark.parametrize(
    ("options", "mode", "hidden"),
    [((), "hiding, 100 openings", ["weights", "x"]), (("--openings", "0"), "transparent", [])],
)
def test_the_documented_keys(tmp_path, capfd, options, mode, hidden):
    onnx.save(dense_model(), tmp_path / "small.onnx")
    assert main(["bench", str(tmp_path / "small.onnx"), "--json", "--runs", "2", *options]) == 0
    captured = capfd.readouterr()
    assert len(captured.out.splitlines()) == 1 and captured.err == ""
    found = json.loads(captured.out)
    assert set(found) >= KEYS
    assert all(isinstance(found[key], (int, float)) and found[key] >= 0 for key in KEYS)
    assert found["params"] == 53 and (found["mode"], found["hidden"]) == (mode, hidden) and found["bits"] >= 128
    assert found["overhead"] == pytest.approx(found["prove_s"] / found["onnxruntime_s"], rel=0.1)
    assert set(found["stages_s"]) == STAGES and sum(found["stages_s"].values()) > 0 and found["batch"] is None
    assert found["argmax_agreement"] <= 1 and found["peak_rss_bytes"] > 10_000_000


def test_a_batch_of_repeated_samples(tmp_path, capfd):
    onnx.save(dense_model(), tmp_path / "small.onnx")
    found = {}
    for count in (1, 20):
        assert main(["bench", str(tmp_path / "small.onnx"), "--json", "--runs", "1", "--batch", str(count)]) == 0
        found[count] = json.loads(capfd.readouterr().out)
    assert found[20]["batch"] == 20 and found[20]["params"] == found[1]["params"]
    assert found[20]["overhead"] == pytest.approx(found[20]["prove_s"] / 20 / found[20]["onnxruntime_s"], rel=0.1)
    assert found[1]["cells"] < found[20]["cells"] <= 20 * found[1]["cells"]


def test_more_proofs_than_openings_are_refused(tmp_path, capsys):
    onnx.save(dense_model(), tmp_path / "small.onnx")
    assert main(["bench", str(tmp_path / "small.onnx"), "--runs", "3", "--openings", "2"]) == 2
    assert "3 proofs cannot hide with 2 openings" in capsys.readouterr().err


def test_the_peak_is_that_of_the_proving_process_alone(tmp_path, capfd):
    onnx.save(dense_model(), tmp_path / "small.onnx")
    ballast = np.ones(60_000_000)
    assert main(["bench", str(tmp_path / "small.onnx"), "--json", "--runs", "1"]) == 0
    assert json.loads(capfd.readouterr().out)["peak_rss_bytes"] < ballast.nbytes


def test_samples_of_several_inputs(tmp_path, capfd):
    graph = helper.make_graph(
        [helper.make_node("Sub", ["a", "b"], ["y"])],
        "two",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [2, 3]) for name in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "two.onnx")
    one = np.random.default_rng(0).random((2, 2, 3), dtype=np.float32)
    np.savez(tmp_path / "one.npz", a=one[0], b=one[1])
    for options in (["--samples", str(tmp_path / "one.npz")], []):
        assert main(["bench", str(tmp_path / "two.onnx"), "--runs", "1", *options]) == 0
        assert json.loads(capfd.readouterr().out)["params"] == 0


def test_other_dtypes_need_samples(tmp_path, capsys):
    graph = helper.make_graph(
        [helper.make_node("Cast", ["n"], ["y"], to=TensorProto.FLOAT)],
        "cast",
        [helper.make_tensor_value_info("n", TensorProto.INT64, [1, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 3])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "n.onnx")
    assert main(["bench", str(tmp_path / "n.onnx")]) == 2
    assert "dtype int64: give --samples" in capsys.readouterr().err
