"""The command line: every command, every exit code, and one sentence for every bad input."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from conftest import dense_model
from tacit.services.cli import main


@pytest.fixture(scope="module")
def folder(tmp_path_factory, samples) -> Path:
    place = tmp_path_factory.mktemp("cli")
    onnx.save(dense_model(), place / "model.onnx")
    np.savez(place / "samples.npz", x=samples)
    np.savez(place / "one.npz", x=samples[0])
    assert main(["compile", str(place / "model.onnx"), "--samples", str(place / "samples.npz"), "-o", str(place / "m.tacit")]) == 0
    arguments = ["--input", str(place / "one.npz"), "-o", str(place / "out.receipt"), "--context", "order 7"]
    assert main(["prove", str(place / "m.tacit"), *arguments]) == 0
    return place


def fails(capsys, code: int, *arguments: object) -> str:
    """The one sentence on stderr."""
    assert main([str(a) for a in arguments]) == code
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("tacit: ") and "Traceback" not in captured.err, captured.err
    return lines[0]


def test_verify_says_valid_and_nothing_else_is_needed(folder, capsys):
    arguments = ["verify", folder / "out.receipt", "--key", folder / "m.key", "--context", "order 7"]
    assert main([str(a) for a in arguments]) == 0
    assert capsys.readouterr().out.startswith("valid")


def test_verify_imports_neither_onnx_nor_the_compiler(folder):
    script = (
        "import sys\nfrom tacit.services.cli import main\ncode = main(sys.argv[1:])\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('onnx', 'onnxruntime')"
        " or m in ('tacit.lower', 'tacit.frontends', 'tacit.quantize', 'tacit.primitives')]\n"
        "assert not bad, bad\nsys.exit(code)"
    )
    arguments = ["verify", str(folder / "out.receipt"), "--key", str(folder / "m.key"), "--context", "order 7"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_import_is_light():
    script = "import time; t = time.perf_counter(); import tacit; print(time.perf_counter() - t)"
    times = [float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout) for _ in range(3)]
    assert min(times) < 0.3


def test_model_files_are_private(folder):
    assert stat.S_IMODE(os.stat(folder / "m.tacit").st_mode) == 0o600


def test_inspect_every_kind(folder, capsys):
    for name in ("m.tacit", "m.key", "out.receipt"):
        assert main(["inspect", str(folder / name)]) == 0
        out = capsys.readouterr().out
        assert "proved" in out and "hidden   nothing" in out


def test_refused_receipts_exit_with_1(folder, capsys, tmp_path):
    good = (folder / "out.receipt").read_bytes()
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / "random").write_bytes(np.random.default_rng(0).bytes(1000))
    (tmp_path / "short").write_bytes(good[:-7])
    (tmp_path / "flipped").write_bytes(good[:-100] + bytes([good[-100] ^ 4]) + good[-99:])
    for name in ("empty", "random", "short", "flipped"):
        fails(capsys, 1, "verify", tmp_path / name, "--key", folder / "m.key", "--context", "order 7")
    assert "context" in fails(capsys, 1, "verify", folder / "out.receipt", "--key", folder / "m.key")


def test_missing_and_bad_files_exit_with_2(folder, capsys, tmp_path):
    junk = tmp_path / "junk"
    junk.write_bytes(b"not anything")
    out = tmp_path / "o.tacit"
    samples = folder / "samples.npz"
    fails(capsys, 2, "verify", tmp_path / "absent", "--key", folder / "m.key")
    fails(capsys, 2, "verify", folder / "out.receipt", "--key", tmp_path / "absent")
    fails(capsys, 2, "verify", folder / "out.receipt", "--key", junk)
    fails(capsys, 2, "compile", tmp_path / "absent.onnx", "--samples", samples, "-o", out)
    fails(capsys, 2, "compile", junk, "--samples", samples, "-o", out)
    fails(capsys, 2, "compile", folder / "model.onnx", "--samples", tmp_path / "absent.npz", "-o", out)
    fails(capsys, 2, "compile", folder / "model.onnx", "--samples", samples, "-o", tmp_path / "no" / "o.tacit")
    fails(capsys, 2, "prove", junk, "--input", samples, "-o", tmp_path / "r")
    fails(capsys, 2, "inspect", junk)
    fails(capsys, 2, "inspect", tmp_path / "absent")
    fails(capsys, 2, "prove")
    fails(capsys, 2, "nonsense")
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "array", "says"),
    [
        ("x", np.zeros((1, 7), np.float32), "shape"),
        ("x", np.full((1, 6), np.nan, np.float32), "NaN"),
        ("x", np.array([["a"] * 6]), "dtype"),
        ("x", np.zeros((1, 6), np.int64), "dtype"),
        ("z", np.zeros((1, 6), np.float32), "no input named 'z'"),
    ],
)
def test_bad_inputs_exit_with_2(folder, capsys, tmp_path, name, array, says):
    np.savez(tmp_path / "bad.npz", **{name: array})
    extra = {} if name == "x" else {"x": np.zeros((1, 6), np.float32)}
    np.savez(tmp_path / "bad.npz", **{name: array}, **extra)
    line = fails(capsys, 2, "prove", folder / "m.tacit", "--input", tmp_path / "bad.npz", "-o", tmp_path / "r")
    assert says in line
    assert not (tmp_path / "r").exists()


def test_hiding_is_refused_in_words(folder, capsys, tmp_path):
    arguments = ["prove", folder / "m.tacit", "--input", folder / "one.npz", "-o", tmp_path / "r", "--hide", "weights"]
    assert "cannot hide" in fails(capsys, 2, *arguments)


def test_unsupported_operators_are_listed_at_once(folder, capsys, tmp_path):
    graph = dense_model().graph
    for i, operator in enumerate(("Asin", "Acos", "Cosh")):
        graph.node.append(helper.make_node(operator, ["y"], [f"o{i}"], name=f"odd{i}"))
        graph.output.append(helper.make_tensor_value_info(f"o{i}", 1, None))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "odd.onnx")
    line = fails(capsys, 2, "compile", tmp_path / "odd.onnx", "--samples", folder / "samples.npz", "-o", tmp_path / "o.tacit")
    assert all(name in line for name in ("Asin", "Acos", "Cosh"))


def test_a_corrupt_model_file_is_named(folder, capsys, tmp_path):
    data = bytearray((folder / "m.tacit").read_bytes())
    data[len(data) // 2] ^= 255
    (tmp_path / "m.tacit").write_bytes(data)
    fails(capsys, 2, "prove", tmp_path / "m.tacit", "--input", folder / "one.npz", "-o", tmp_path / "r")


def test_json_and_npy_inputs(folder, tmp_path, samples):
    (tmp_path / "x.json").write_text(json.dumps({"x": samples[0].tolist()}))
    np.save(tmp_path / "x.npy", samples[0])
    for name in ("x.json", "x.npy"):
        assert main(["prove", str(folder / "m.tacit"), "--input", str(tmp_path / name), "-o", str(tmp_path / "r")]) == 0
        assert main(["verify", str(tmp_path / "r"), "--key", str(folder / "m.key")]) == 0
