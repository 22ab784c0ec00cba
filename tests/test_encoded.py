"""Encoded weights in a file beside the model's: written whole or not at all, private, and never trusted."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from small_models import dense_model
from tacit import encoded
from tacit.model import Model
from tacit.services.cli import main

CONTENT = b"rows"


class Prover:
    """One whose encoded weights are CONTENT, or whose file cannot be written for a reason."""

    def __init__(self, size: int | None = len(CONTENT), fails: BaseException | None = None) -> None:
        self.size, self.fails = size, fails

    def encoded_bytes(self) -> int | None:
        return self.size

    def encode_weights(self, path: Path, progress: object) -> None:
        assert path.stat().st_size == 0
        path.write_bytes(CONTENT[:2] if self.fails else CONTENT)
        if self.fails:
            raise self.fails

    def take_encoded(self, path: Path) -> bool:
        return path.read_bytes() == CONTENT


def test_the_file_is_private_and_whole(tmp_path):
    path = tmp_path / "a.encoded"
    assert encoded.write(Prover(), path) and path.read_bytes() == CONTENT and path.stat().st_mode & 0o777 == 0o600
    assert encoded.take(Prover(), path) and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("fails", [OSError(28, "No space left on device"), OSError("no storage space"), KeyboardInterrupt()])
def test_what_fails_leaves_the_old_file(tmp_path, fails):
    path = tmp_path / "a.encoded"
    path.write_bytes(CONTENT)
    raised = tacit.ModelError if isinstance(fails, OSError) else KeyboardInterrupt
    with pytest.raises(raised) as error:
        encoded.write(Prover(fails=fails), path)
    assert path.read_bytes() == CONTENT and list(tmp_path.iterdir()) == [path]
    if isinstance(fails, OSError):
        assert str(error.value) == f"{path} cannot be written ({fails.strerror or fails})."


def test_a_disk_without_room_is_said_before_anything_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=2_500_000_000))
    with pytest.raises(tacit.ModelError, match=r"take 4\.1 GB, and .* has 2\.5 GB left"):
        encoded.write(Prover(4_100_000_000), tmp_path / "a.encoded")
    assert not list(tmp_path.iterdir())


def test_what_memory_holds_needs_no_file(tmp_path):
    path = tmp_path / "a.encoded"
    assert not encoded.write(Prover(None), path) and not path.exists()
    path.write_bytes(CONTENT)
    assert not encoded.take(Prover(None), path)


@pytest.mark.parametrize("content", [b"others", None])
def test_a_file_that_does_not_serve_is_said(tmp_path, caplog, content):
    path = tmp_path / "a.encoded"
    assert not encoded.take(Prover(), path) and not caplog.records
    path.mkdir() if content is None else path.write_bytes(content)
    assert not encoded.take(Prover(), path)
    assert [record.getMessage().startswith(f"the encoded weights in {path} are not used") for record in caplog.records] == [True]


def test_a_small_model_has_none(tmp_path, capsys):
    onnx.save(dense_model(), tmp_path / "m.onnx")
    model = tacit.compile(tmp_path / "m.onnx", np.random.default_rng(0).random((4, 6), dtype=np.float32))
    with pytest.raises(tacit.ModelError, match="save it first"):
        model.encode()
    model.save(tmp_path / "m.tacit")
    assert model.encode() is None
    assert main(["encode", str(tmp_path / "m.tacit")]) == 0
    assert capsys.readouterr().out == "nothing was written: the encoded weights of this model are held in memory\n"
    assert not list(tmp_path.glob("*.encoded"))
    assert main(["encode", str(tmp_path / "none.tacit")]) == 2


def test_a_file_that_is_there_is_left_as_it_is(tmp_path, monkeypatch, capsys):
    onnx.save(dense_model(), tmp_path / "m.onnx")
    tacit.compile(tmp_path / "m.onnx", np.random.default_rng(0).random((4, 6), dtype=np.float32)).save(tmp_path / "m.tacit")
    prover = Prover()
    prover.key = lambda: Model.load(tmp_path / "m.tacit").key.to_bytes()
    monkeypatch.setattr("tacit.model.commit", lambda *given: prover)
    assert main(["encode", str(tmp_path / "m.tacit")]) == 0
    (path,) = tmp_path.glob("*.encoded")
    assert capsys.readouterr().out.startswith(f"wrote {path} ")
    prover.fails = AssertionError()
    model = Model.load(tmp_path / "m.tacit")
    assert model.encoded_file is None and model.encode() == path == model.encoded_file
    assert main(["encode", str(tmp_path / "m.tacit")]) == 0
    assert capsys.readouterr().out.startswith(f"{path} is there already")
    prover.fails = None
    path.write_bytes(b"others")
    assert main(["encode", str(tmp_path / "m.tacit")]) == 0
    assert path.read_bytes() == CONTENT and capsys.readouterr().out.startswith(f"wrote {path} ")
    path.unlink()
    assert model.encoded_file is None and model.encode() == path
    model.release()
    assert model.encoded_file is None


@pytest.mark.slow  # 34.6 M weights
def test_a_large_model_proves_from_its_file(tmp_path, capsys, caplog):
    generator, shape = np.random.default_rng(0), (4096, 8448)
    weights = numpy_helper.from_array(generator.standard_normal(shape, dtype=np.float32) / 64, "w")
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size]) for name, size in (("x", 4096), ("y", 8448))]
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    graph = helper.make_graph(nodes, "large", ends[:1], ends[1:], [weights])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)]), tmp_path / "m.onnx")
    given = generator.random((4, 4096), dtype=np.float32)
    tacit.compile(tmp_path / "m.onnx", given).save(tmp_path / "m.tacit", key=tmp_path / "m.key")
    assert main(["encode", str(tmp_path / "m.tacit")]) == 0
    (path,) = tmp_path.glob("*.encoded")
    assert path.stat().st_size > 2**30 and path.stat().st_mode & 0o777 == 0o600 and str(path) in capsys.readouterr().out
    model = Model.load(tmp_path / "m.tacit")
    tacit.verify(model.prove(given[:1]), model.key)
    # Its rows in the middle are others: they are computed. Its first rows are: it is not taken.
    with path.open("r+b") as file:
        file.seek(1 << 20)
        file.write(bytes(1 << 29))
    tacit.verify(model.prove(given[:1]), model.key)
    again = Model.load(tmp_path / "m.tacit")
    tacit.verify(again.prove(given[:1]), again.key)
    assert not caplog.records
    with path.open("r+b") as file:
        file.write(bytes(1 << 12))
    other = Model.load(tmp_path / "m.tacit")
    tacit.verify(other.prove(given[:1]), other.key)
    assert "are not used" in caplog.text
