"""Model, key and receipt files: the same bytes again, or one sentence."""

from __future__ import annotations

import errno
import json
import logging
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

import tacit
from tacit import storage
from tacit.circuit.encode import decode
from tacit.model import APART, FORMAT, commit
from tacit.storage import File


@pytest.fixture(scope="module")
def saved(model, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("model") / "m.tacit"
    model.save(path)
    return path.read_bytes()


def one_sentence(error: BaseException) -> None:
    text = str(error)
    assert "\n" not in text and text.endswith((".", ")")) and "Traceback" not in text


def test_a_loaded_model_proves_the_same_bytes(model, receipt, samples, tmp_path):
    model.save(tmp_path / "m.tacit")
    loaded = tacit.Model.load(tmp_path / "m.tacit")
    assert loaded.key == model.key and loaded.report == model.report and loaded.declared == model.declared
    assert loaded.prove(samples[0], context=b"here").to_bytes() == receipt.to_bytes()
    loaded.save(tmp_path / "again.tacit")
    again = tacit.Model.load(tmp_path / "again.tacit")
    again.opened = model.opened
    assert again.to_bytes() == model.to_bytes()


def test_digests_of_other_weights_are_not_taken(model, receipt, samples, tmp_path):
    parameters = decode(model.circuit).parameters
    groups = parameters.log_rows + parameters.log_inverse_rates[0] - 6
    model.save(tmp_path / "m.tacit")
    changed = tacit.Model.load(tmp_path / "m.tacit")
    changed.digests = bytes((32 << groups) + 24)  # behind the digests, an element of K for the one limb
    assert commit(changed.circuit, changed.weights, None, changed.digests).key() != model.key.to_bytes()
    changed.save(tmp_path / "d.tacit")
    loaded = tacit.Model.load(tmp_path / "d.tacit")
    assert loaded.digests == changed.digests
    assert loaded.prove(samples[0], context=b"here").to_bytes() == receipt.to_bytes()
    loaded.digests = b"x" * 32
    assert commit(loaded.circuit, loaded.weights, None, loaded.digests).key() == model.key.to_bytes()


def test_another_process_proves_the_same_bytes(model, receipt, samples, tmp_path):
    model.save(tmp_path / "m.tacit")
    np.save(tmp_path / "x.npy", samples[0])
    script = (
        "import sys, tacit\nfolder = sys.argv[1]\n"
        "tacit.Model.load(folder + '/m.tacit').prove(folder + '/x.npy', context=b'here').save(folder + '/r')\n"
        "assert not {'onnx', 'onnxruntime'} & set(sys.modules)"
    )
    for threads in ("1", "2"):
        environment = {**os.environ, "RAYON_NUM_THREADS": threads}
        done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, env=environment)
        assert done.returncode == 0 and done.stderr == "" and done.stdout == "", done.stderr
        assert (tmp_path / "r").read_bytes() == receipt.to_bytes()


def test_model_files_are_private_whole_and_deterministic(model, saved, tmp_path):
    path = tmp_path / "m.tacit"
    path.write_bytes(b"old")
    path.chmod(0o644)
    model.save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == saved and os.listdir(tmp_path) == ["m.tacit"]
    with zipfile.ZipFile(path) as archive:
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
        assert archive.testzip() is None


def test_every_changed_byte_is_refused_or_changes_nothing(model, saved, tmp_path):
    """Some bytes of a zip say nothing (dates, attributes); every other one is found."""
    path = tmp_path / "m.tacit"
    rng = np.random.default_rng(0)
    positions = {*range(40), *range(len(saved) - 500, len(saved)), *rng.integers(0, len(saved), 250).tolist()}
    refused = 0
    for position in sorted(positions):
        altered = bytearray(saved)
        altered[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(altered)
        try:
            loaded = tacit.Model.load(path)
        except tacit.ModelError as error:
            one_sentence(error)
            refused += 1
        else:
            assert loaded.to_bytes() == saved, position
    assert refused > 250


def test_cut_foreign_and_random_files_are_refused(saved, tmp_path):
    path = tmp_path / "m.tacit"
    with zipfile.ZipFile(tmp_path / "foreign", "w") as archive:
        archive.writestr("photo.txt", "hello")
    bad = [b"", b"PK", saved[:100], saved[: len(saved) // 2], saved[:-1], saved[1:], np.random.default_rng(0).bytes(3000)]
    for data in [*bad, (tmp_path / "foreign").read_bytes()]:
        path.write_bytes(data)
        with pytest.raises(tacit.ModelError, match="not a model file") as caught:
            tacit.Model.load(path)
        one_sentence(caught.value)
    for place in (tmp_path / "absent", tmp_path):
        with pytest.raises(tacit.ModelError, match="cannot be read"):
            tacit.Model.load(place)


def rebuilt(saved: bytes, path: Path, manifest: object = None, **parts: bytes) -> Path:
    """A well-formed container with other contents."""
    path.write_bytes(saved)
    head, old = storage.unpack(path, FORMAT)
    changed = {**old, **{name.replace("_", "."): data for name, data in parts.items()}}
    path.write_bytes(storage.pack({**head, **(manifest or {})}, changed))
    return path


@pytest.mark.parametrize(
    "manifest", [{"declared": None}, {"declared": [[1]]}, {"image": 3}, {"image": [0, [0], [1], None]}, {"image": [1]}]
)
def test_wrong_manifests_are_refused(saved, tmp_path, manifest):
    with pytest.raises(tacit.ModelError, match="is damaged") as caught:
        tacit.Model.load(rebuilt(saved, tmp_path / "m", manifest))
    one_sentence(caught.value)


@pytest.mark.parametrize("part", ["program_json", "report_json", "key_bin"])
@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format": 1}'])
def test_wrong_parts_are_refused(saved, tmp_path, part, content):
    with pytest.raises(tacit.ModelError, match="is damaged") as caught:
        tacit.Model.load(rebuilt(saved, tmp_path / "m", **{part: content}))
    one_sentence(caught.value)


def test_the_formats_are_named(saved, tmp_path):
    for number, shown in ((APART + 1, str(APART + 1)), ("x\ny", "unknown")):
        path = rebuilt(saved, tmp_path / "m", {"format": number})
        with pytest.raises(tacit.ModelError, match=f"format {shown}, this version reads {FORMAT} and {APART}: run tacit compile"):
            tacit.Model.load(path)


def test_a_part_of_another_model_is_refused(saved, other_model, tmp_path, samples):
    """Parts that do not belong together: the weights are held against the key's commitment before anything is proved."""
    weights = rebuilt(saved, tmp_path / "w", weights_bin=other_model.weights)
    with pytest.raises(tacit.ModelError):
        tacit.Model.load(weights).prove(samples[0])
    key = rebuilt(saved, tmp_path / "k", key_bin=other_model.key.to_bytes())
    with pytest.raises(tacit.ModelError, match="commitment in its key"):
        tacit.Model.load(key).prove(samples[0])
    path = tmp_path / "m"
    path.write_bytes(saved)
    manifest, parts = storage.unpack(path, FORMAT)
    with zipfile.ZipFile(path, "w") as archive:
        digests = dict.fromkeys(parts, "0" * 64)
        archive.writestr("manifest.json", json.dumps({**manifest, "digests": digests}))
        for name, data in parts.items():
            archive.writestr(name, data)
    with pytest.raises(tacit.ModelError, match="its part 'program.json' has changed"):
        tacit.Model.load(path)


def test_compressed_parts_are_not_read(tmp_path):
    path = tmp_path / "bomb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("manifest.json", b" " * 50_000_000)
    with pytest.raises(tacit.ModelError, match="not a model file"):
        tacit.Model.load(path)


# Hiding


@pytest.mark.parametrize("hide", ["weights", ("weights", "inputs"), ["inputs"], {"outputs"}, 5, ("",)])
def test_hiding_is_refused(model, samples, hide):
    with pytest.raises(tacit.InputError, match="This model cannot hide|takes names"):
        model.prove(samples[0], hide=hide)


def test_the_first_proof_says_so_and_marks_the_file(samples, saved, tmp_path, caplog):
    path = rebuilt(saved, tmp_path / "m.tacit", {"opened": False})
    before = path.read_bytes()
    model = tacit.Model.load(path)
    with caplog.at_level(logging.WARNING, "tacit"):
        model.prove(samples[0], hide=())
        model.prove(samples[1])
        assert [r.message for r in caplog.records if "nothing is hidden" in r.message] == [caplog.records[0].message]
        after = tacit.Model.load(path)
        assert model.opened and after.opened and stat.S_IMODE(path.stat().st_mode) == 0o600
        caplog.clear()
        after.prove(samples[0])
        assert not caplog.records
    after.opened = False
    assert after.to_bytes() == before and os.listdir(tmp_path) == ["m.tacit"]


def test_a_compiled_model_marks_the_file_that_it_was_saved_to(samples, tmp_path):
    from small_models import dense_model

    model = tacit.compile(dense_model((6, 3)), samples=samples)
    model.save(tmp_path / "m.tacit")
    assert not tacit.Model.load(tmp_path / "m.tacit").opened
    model.prove(samples[0], hide=())
    assert tacit.Model.load(tmp_path / "m.tacit").opened


def test_a_file_that_became_another_models_is_left_alone(samples, other_model, saved, tmp_path, caplog):
    path = rebuilt(saved, tmp_path / "m.tacit", {"opened": False})
    model = tacit.Model.load(path)
    path.write_bytes(other_model.to_bytes())
    model.prove(samples[0])
    assert path.read_bytes() == other_model.to_bytes()
    again = tacit.Model.load(rebuilt(saved, path, {"opened": False}))
    path.write_bytes(b"damaged")
    with caplog.at_level(logging.WARNING, "tacit"):
        again.prove(samples[0])
    assert "could not be marked" in caplog.text and path.read_bytes() == b"damaged"
    os.unlink(path)
    tacit.Model.load(rebuilt(saved, path)).prove(samples[0])


# Keys and receipts


def test_keys_and_receipts_round_trip(model, receipt, other_model, tmp_path):
    model.key.save(tmp_path / "k")
    receipt.save(tmp_path / "r")
    key, read = tacit.Key.load(tmp_path / "k"), tacit.Receipt.load(str(tmp_path / "r"))
    assert key == model.key and hash(key) == hash(model.key) and key != other_model.key and key != model.key.to_bytes()
    assert read == receipt and hash(read) == hash(receipt) and read != receipt.to_bytes()
    assert len({key, model.key, other_model.key}) == 2 and len({read, receipt}) == 1
    assert tacit.Key.from_bytes(key.to_bytes()).signatures == model.key.signatures
    assert stat.S_IMODE((tmp_path / "k").stat().st_mode) & 0o077
    with pytest.raises(tacit.InputError, match="after tacit.verify"):
        _ = read.outputs
    tacit.verify(tmp_path / "r", tmp_path / "k", context="here")
    tacit.verify(bytearray(receipt.to_bytes()), memoryview(key.to_bytes()), context=bytearray(b"here"))
    assert "circuit=" in repr(key) and "bytes" in repr(read)


def test_damaged_keys_are_refused(model):
    data, rng = model.key.to_bytes(), np.random.default_rng(0)
    bad = [b"", data[:5], data[:-1], data + b"\0", rng.bytes(500), data[:9]]
    for altered in bad:
        with pytest.raises(tacit.ModelError) as caught:
            tacit.Key.from_bytes(altered)
        one_sentence(caught.value)


def test_any_changed_key_refuses_the_receipt(model, receipt):
    data, rng = model.key.to_bytes(), np.random.default_rng(0)
    for position in rng.integers(0, len(data), 150).tolist():
        altered = bytearray(data)
        altered[position] ^= 1 << int(rng.integers(8))
        with pytest.raises((tacit.ModelError, tacit.InvalidReceipt)) as caught:
            tacit.verify(receipt, bytes(altered), context=b"here")
        one_sentence(caught.value)


def test_missing_files_and_other_arguments(model, receipt, tmp_path):
    with pytest.raises(tacit.ModelError, match="cannot be read"):
        tacit.Key.load(tmp_path / "absent")
    with pytest.raises(tacit.InputError, match="cannot be read"):
        tacit.Receipt.load(tmp_path / "absent")
    with pytest.raises(tacit.InputError, match="A receipt is an object"):
        tacit.verify(None, model.key)
    with pytest.raises(tacit.InputError, match="A key is an object"):
        tacit.verify(receipt, 3)
    with pytest.raises(tacit.InputError, match="context must be"):
        tacit.verify(receipt, model.key, context=3)
    with pytest.raises(tacit.InputError, match="not valid text"):
        tacit.verify(receipt, model.key, context="\udc80")


# Writing


def test_a_failed_write_leaves_everything_as_it_was(tmp_path, monkeypatch):
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes(b"old")
    for failure in (OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()):
        calls = []

        def fsync(_: int, failure: BaseException = failure, calls: list = calls) -> None:
            calls.append(1)
            if len(calls) == 2:
                raise failure

        monkeypatch.setattr(os, "fsync", fsync)
        with pytest.raises(tacit.ModelError if isinstance(failure, OSError) else KeyboardInterrupt):
            storage.write(File(first, b"new", 0o600), File(second, b"new", 0o644))
        assert os.listdir(tmp_path) == ["a"] and first.read_bytes() == b"old"


def test_targets(tmp_path):
    (tmp_path / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("real")
    storage.write(File(tmp_path / "link", b"new", 0o644))
    assert (tmp_path / "link").is_symlink() and (tmp_path / "real").read_bytes() == b"new"
    os.mkfifo(tmp_path / "pipe")
    for path, says in ((tmp_path / "no" / "x", "does not exist"), (tmp_path, "is a folder"), (tmp_path / "pipe", "regular file")):
        with pytest.raises(tacit.ModelError, match=says):
            storage.write(File(path, b"", 0o644))


def test_the_library_prints_nothing(capfd, samples, saved, tmp_path):
    script = "import sys, tacit; tacit.Model.load(sys.argv[1]).prove([[0, 0, 0, 0, 0, 0]])"
    path = rebuilt(saved, tmp_path / "m", {"opened": False})
    done = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_public_names():
    assert set(tacit.__all__) <= set(dir(tacit)) and all(getattr(tacit, name) for name in tacit.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = tacit.nonsense


def test_prove_is_a_function_whatever_was_imported_before(model, samples, receipt):
    assert tacit.prove(model, samples[0], context="here") == receipt
    assert callable(tacit.compile) and callable(tacit.verify)
