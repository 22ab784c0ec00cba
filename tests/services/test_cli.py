"""The command line: every command, every exit code, and one sentence for every bad input."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from small_models import dense_model
from tacit.key import Key
from tacit.model import Model
from tacit.receipt import Receipt
from tacit.services.cli import main

HIDDEN = ("triples: 4n/|K| * L", "mask: 1/|K| * L", "combine: claims/|K| * L")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, samples) -> Path:
    place = tmp_path_factory.mktemp("cli")
    onnx.save(dense_model(), place / "model.onnx")
    np.savez(place / "samples.npz", x=samples)
    np.savez(place / "one.npz", x=samples[0])
    for name, options in (("m", ()), ("transparent", ("--openings", "0"))):
        assert compiled(place, place / f"{name}.tacit", *options) == 0
        receipt = place / ("out.receipt" if name == "m" else "transparent.receipt")
        arguments = ["--input", str(place / "one.npz"), "-o", str(receipt), "--context", "order 7"]
        assert main(["prove", str(place / f"{name}.tacit"), *arguments]) == 0
    return place


def compiled(folder: Path, output: Path, *options: str) -> int:
    return main(["compile", str(folder / "model.onnx"), "--samples", str(folder / "samples.npz"), "-o", str(output), *options])


def fails(capsys, code: int, *arguments: object) -> str:
    """The one sentence on stderr."""
    assert main([str(a) for a in arguments]) == code
    captured = capsys.readouterr()
    lines = captured.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("tacit: ") and "Traceback" not in captured.err, captured.err
    assert captured.out == ""
    return lines[0]


def test_verify_says_valid_and_nothing_else_is_needed(folder, capsys):
    arguments = ["verify", folder / "out.receipt", "--key", folder / "m.key", "--context", "order 7"]
    assert main([str(a) for a in arguments]) == 0
    assert capsys.readouterr().out.startswith("valid")


def test_verify_imports_neither_onnx_nor_the_compiler(folder):
    script = (
        "import sys\nfrom tacit.services.cli import main\ncode = main(sys.argv[1:])\n"
        "bad = [m for m in sys.modules if m.split('.')[0] in ('onnx', 'onnxruntime', 'PIL')"
        " or m.startswith(tuple('tacit.' + p for p in ('lower', 'frontends', 'quantize', 'primitives', 'operators', 'passes',"
        " 'circuit', 'graph', 'observe', 'arithmetize', 'execute', 'api', 'model', 'inputs')))]\n"
        "assert not bad, bad\nsys.exit(code)"
    )
    arguments = ["verify", str(folder / "out.receipt"), "--key", str(folder / "m.key"), "--context", "order 7"]
    done = subprocess.run([sys.executable, "-c", script, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_import_is_light():
    """Processor time, so that a busy machine does not matter."""
    script = "import time; t = time.process_time(); import tacit; print(time.process_time() - t)"
    times = [float(subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout) for _ in range(4)]
    assert min(times) < 0.3, times


def test_model_files_are_private(folder):
    assert stat.S_IMODE(os.stat(folder / "m.tacit").st_mode) == 0o600


def inspected(capsys, path: Path) -> str:
    assert main(["inspect", str(path)]) == 0
    return capsys.readouterr().out


def test_inspect_every_kind(folder, capsys):
    for name, kind, hidden in (
        ("m.tacit", "model file", "what a receipt names"),
        ("m.key", "key", "what a receipt names"),
        ("out.receipt", "receipt", "weights, tensor 0, and everything inside"),
        ("transparent.tacit", "model file", "nothing"),
        ("transparent.key", "key", "nothing"),
        ("transparent.receipt", "receipt", "nothing"),
    ):
        out = inspected(capsys, folder / name)
        assert out.startswith(f"{kind}, {(folder / name).stat().st_size:,} bytes")
        assert f"{'claims' if kind == 'receipt' else 'proved'}   the integer model" in out
        assert f"hidden   {hidden}" in out and "zero-knowledge" not in out


def test_what_inspect_says_is_true(folder, capsys):
    key, receipt = Key.load(folder / "m.key"), Receipt.load(folder / "out.receipt")
    commitments = [f"circuit  {key.circuit_digest.hex()}", f"weights  {key.model_commitment.hex()}"]
    for name in ("m.tacit", "m.key", "out.receipt"):
        lines = inspected(capsys, folder / name).splitlines()
        assert all(line in lines for line in commitments)
    out = inspected(capsys, folder / "m.key")
    assert len(key.model_seal) == 24 and f"seal     {key.model_seal.hex()}, of the weights" in out
    terms, total = key.core.security()
    assert f"{total:.2f} bits" in out and all(name in out for name, _ in terms)
    assert "x float32 [1, 6]" in out and "y float32 [1, 3]" in out
    out = inspected(capsys, folder / "out.receipt")
    assert "unverified" in out and "b'order 7'" in out and sum(size for _, size in receipt.core.sizes()) < len(receipt.to_bytes())
    out = inspected(capsys, folder / "m.tacit")
    model = Model.load(folder / "m.tacit")
    assert "opened   no" in out and "used     1 of 100 proofs" in out and "parameters 53 " in out
    parameters = model.parameters
    assert f"opening  limbs of 2^{parameters.log_rows} rows, {parameters.reserved:,} of the weights' reserved" in out
    assert f"  0: over limbs folded, rate 1/{2 ** parameters.log_inverse_rates[0]}, {parameters.queries[0]} queries" in out
    hiding = key.core.hiding_security()
    assert hiding is not None and f"hiding   {hiding[1]:.2f} bits in sum" in out
    listed = out[out.index("terms that are others or more where everything is hidden:") :]
    assert all(re.search(rf"^ +{dict(hiding[0])[name]:.2f}  {re.escape(name)}$", listed, re.MULTILINE) for name in HIDDEN)
    assert "hiding   " not in inspected(capsys, folder / "transparent.key")
    transparent = inspected(capsys, folder / "transparent.tacit")
    assert "opened   yes" in transparent and "used " not in transparent
    assert sum(cells for _, cells, _ in model.report.nodes) <= model.report.cells
    assert all(f"{node}" in out for node, _, _ in model.report.nodes)


def test_inspect_says_what_is_shown_and_hidden(folder, capsys):
    hiding, transparent = (inspected(capsys, folder / name) for name in ("out.receipt", "transparent.receipt"))
    assert "hidden   weights, tensor 0, and everything inside" in hiding and "learnt   anyway: architecture" in hiding
    assert "shown    tensor 1: " in hiding and "shown    tensor 0, tensor 1: " in transparent
    assert "leaks of them" in transparent and "learnt " not in transparent


def test_inspect_tells_the_price_of_openings(folder, capsys):
    """Beside what receipts really have."""
    for name in ("m.tacit", "transparent.tacit"):
        out = inspected(capsys, folder / name)
        rows = re.findall(r"^ +([\d,]+): ([\d,]+) % more cells, receipts of about ([\d,]+) bytes$", out, re.MULTILINE)
        found = [[int(number.replace(",", "")) for number in row] for row in rows]
        assert [row[0] for row in found] == [100, 1_000, 10_000] and found == sorted(found)
        assert all(a[1] < b[1] and a[2] < b[2] for a, b in zip(found, found[1:]))
        assert found[0][2] == pytest.approx((folder / "out.receipt").stat().st_size, rel=0.03)
        plain = int(re.search(r"about ([\d,]+) bytes\):", out)[1].replace(",", ""))
        assert plain == pytest.approx((folder / "transparent.receipt").stat().st_size, rel=0.05)


@pytest.mark.parametrize("openings", ["0", "3"])
def test_the_first_transparent_proof_says_that_nothing_is_hidden(folder, capsys, tmp_path, openings):
    assert compiled(folder, tmp_path / "m.tacit", "--openings", openings) == 0
    assert "opened   no" in inspected(capsys, tmp_path / "m.tacit")
    prove = ["prove", str(tmp_path / "m.tacit"), "--input", str(folder / "one.npz"), "-o", str(tmp_path / "r"), "--hide", "none"]
    for said in (1, 0):
        assert main(prove) == 0
        captured = capsys.readouterr()
        assert captured.err.count("nothing is hidden") == said and len(captured.err.splitlines()) == said
        assert captured.out.startswith("wrote ")
    assert "opened   yes" in inspected(capsys, tmp_path / "m.tacit")


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
    fails(capsys, 2)
    fails(capsys, 2, "bench", tmp_path / "absent.onnx", "--json")
    fails(capsys, 2, "bench", junk, "--json")
    fails(capsys, 2, "bench", folder / "model.onnx", "--runs", 0)
    assert not out.exists()


def test_outputs_that_cannot_be_written_are_refused_before_the_work(folder, capsys, tmp_path):
    model, samples = folder / "model.onnx", folder / "samples.npz"
    compile_ = ["compile", model, "--samples", samples, "-o"]
    assert "is a folder" in fails(capsys, 2, *compile_, tmp_path)
    assert "does not exist" in fails(capsys, 2, *compile_, tmp_path / "no" / "m.tacit")
    assert "overwrite" in fails(capsys, 2, *compile_, model)
    assert "ends like a key" in fails(capsys, 2, *compile_, tmp_path / "m.key")
    assert "regular file" in fails(capsys, 2, *compile_, "/dev/null")
    (tmp_path / "m.key").mkdir()
    assert "is a folder" in fails(capsys, 2, *compile_, tmp_path / "m.tacit")
    prove = ["prove", folder / "m.tacit", "--input", folder / "one.npz", "-o"]
    assert "overwrite" in fails(capsys, 2, *prove, folder / "m.tacit")
    assert "overwrite" in fails(capsys, 2, *prove, folder / "one.npz")
    assert "is a folder" in fails(capsys, 2, *prove, tmp_path)
    assert "does not exist" in fails(capsys, 2, *prove, tmp_path / "no" / "r")
    assert os.listdir(tmp_path) == ["m.key"]


def test_a_failure_overwrites_nothing(folder, capsys, tmp_path):
    for name in ("m.tacit", "m.key", "r"):
        (tmp_path / name).write_bytes(b"old")
    np.savez(tmp_path / "bad.npz", x=np.full((4, 6), np.inf, np.float32))
    fails(capsys, 2, "compile", folder / "model.onnx", "--samples", tmp_path / "bad.npz", "-o", tmp_path / "m.tacit")
    fails(capsys, 2, "prove", folder / "m.tacit", "--input", tmp_path / "bad.npz", "-o", tmp_path / "r")
    assert all((tmp_path / name).read_bytes() == b"old" for name in ("m.tacit", "m.key", "r"))


def test_the_key_keeps_an_unusual_ending(folder, tmp_path):
    assert compiled(folder, tmp_path / "m.v1") == 0
    assert sorted(os.listdir(tmp_path)) == ["m.v1", "m.v1.key", "m.v1.uses"]
    assert (tmp_path / "m.v1.key").read_bytes() != (folder / "m.key").read_bytes()  # the commitment is random
    assert compiled(folder, tmp_path / "t.v1", "--openings", "0") == 0
    assert (tmp_path / "t.v1.key").read_bytes() == (folder / "transparent.key").read_bytes()


@pytest.mark.parametrize("command", ["compile", "prove", "verify", "inspect", "bench"])
def test_a_fault_in_tacit_itself_exits_with_3(folder, capsys, monkeypatch, command):
    from importlib import import_module

    def fault(_: object) -> int:
        raise RuntimeError("something\nunexpected")

    monkeypatch.setattr(import_module(f"tacit.services.cli.{command}"), "run", fault)
    options = {"compile": ["--samples", "s", "-o", "o"], "prove": ["--input", "i", "-o", "o"], "verify": ["--key", "k"]}
    line = fails(capsys, 3, command, "file", *options.get(command, []))
    assert "a fault in Tacit itself (RuntimeError: something unexpected)" in line


def test_help_and_version_exit_with_0(capsys):
    for arguments in (["--help"], ["compile", "--help"], ["--version"]):
        assert main(arguments) == 0
        assert capsys.readouterr().out


def test_a_reader_that_leaves_is_no_error(folder):
    command = [sys.executable, "-c", "import sys; from tacit.services.cli import main; sys.exit(main(sys.argv[1:]))"]
    with subprocess.Popen(
        [*command, "inspect", str(folder / "m.tacit")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_contexts_are_bytes_of_the_command_line(folder, tmp_path):
    for context in ("", "é☃", "\udcff", "x" * 100_000):
        arguments = ["--input", str(folder / "one.npz"), "-o", str(tmp_path / "r"), "--context", context]
        assert main(["prove", str(folder / "m.tacit"), *arguments]) == 0
        assert main(["verify", str(tmp_path / "r"), "--key", str(folder / "m.key"), "--context", context]) == 0
        assert main(["verify", str(tmp_path / "r"), "--key", str(folder / "m.key"), "--context", context + "?"]) == 1
        assert Receipt.load(tmp_path / "r").context == context.encode("utf-8", "surrogateescape")


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
    arguments = ["--input", folder / "one.npz", "-o", tmp_path / "r", "--hide"]
    assert "cannot hide" in fails(capsys, 2, "prove", folder / "transparent.tacit", *arguments, "weights")
    assert "There is no 'weight'" in fails(capsys, 2, "prove", folder / "m.tacit", *arguments, "weight")


RANDOM = ("RandomNormalLike", "RandomUniformLike", "Multinomial")


def test_unsupported_operators_are_listed_at_once(folder, capsys, tmp_path):
    graph = dense_model().graph
    for i, operator in enumerate(RANDOM):
        graph.node.append(helper.make_node(operator, ["y"], [f"o{i}"], name=f"odd{i}"))
        graph.output.append(helper.make_tensor_value_info(f"o{i}", 1, None))
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), tmp_path / "odd.onnx")
    line = fails(capsys, 2, "compile", tmp_path / "odd.onnx", "--samples", folder / "samples.npz", "-o", tmp_path / "o.tacit")
    assert all(name in line for name in RANDOM)


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


def test_padded_outputs_are_said_to_be_padded(tmp_path, capsys):
    described = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1, 5])
    result = helper.make_tensor_value_info("y", onnx.TensorProto.INT64, None)
    graph = helper.make_graph([helper.make_node("NonZero", ["x"], ["y"])], "g", [described], [result])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), tmp_path / "model.onnx")
    np.savez(tmp_path / "one.npz", x=np.float32([[0, 1, 0, 2, 0]]))
    arguments = ["compile", tmp_path / "model.onnx", "--samples", tmp_path / "one.npz", "-o", tmp_path / "m.tacit"]
    assert main([str(a) for a in arguments]) == 0
    arguments = ["prove", tmp_path / "m.tacit", "--input", tmp_path / "one.npz", "-o", tmp_path / "out.receipt"]
    assert main([str(a) for a in arguments]) == 0
    capsys.readouterr()
    assert main([str(a) for a in ("verify", tmp_path / "out.receipt", "--key", tmp_path / "m.key")]) == 0
    said = capsys.readouterr().out
    assert "y [2, 5] (padded with zeros: y.count says how much counts): 0, 0, 0, 0, 0, 1, 3, 0, 0, 0" in said
    assert "y.count []: 2" in said
    assert main(["inspect", str(tmp_path / "m.key")]) == 0
    assert "padded with zeros, y.count says how much counts" in capsys.readouterr().out


def test_shapes_on_the_command_line():
    from tacit.services.cli.main import shape

    assert [shape(text) for text in ("tokens=128", "x=1,128", "position=none")] == [
        ("tokens", 128),
        ("x", (1, 128)),
        ("position", None),
    ]


def test_demands_on_the_command_line(folder, capsys, tmp_path):
    from tacit.services.cli.main import demands

    assert demands("0.01") == {"error": 0.01}
    assert demands("cosine=0.9999,agreement=1") == {"cosine": 0.9999, "agreement": 1.0}
    for text in ("loss=1", "cosine=", "a lot"):
        with pytest.raises(ValueError):
            demands(text)
    target = tmp_path / "m.tacit"
    said = fails(capsys, 2, "compile", folder / "model.onnx", "--tolerance", "cosine=2", "-o", target)
    assert "cosine=2.0 of a tolerance is not between 0 and 1" in said
