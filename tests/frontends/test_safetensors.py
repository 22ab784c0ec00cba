"""The reader of safetensors files: what it reads, and the sentence for everything else."""

from __future__ import annotations

import json
import struct

import numpy as np
import pytest
from weight_files import bfloat16, safetensors_bytes

from tacit.errors import ModelError
from tacit.frontends import safetensors

RNG = np.random.default_rng(3)
ONE = RNG.standard_normal((3, 4)).astype(np.float32)
TENSORS = {
    "one": ONE,
    "half": ONE.astype(np.float16),
    "brain": bfloat16(ONE),
    "ids": np.arange(5),
    "none": np.zeros((0, 4), np.float32),
    "number": np.float32(2.5).reshape(()),
}


def at(tmp_path, data: bytes, name: str = "model.safetensors"):
    path = tmp_path / name
    path.write_bytes(data)
    return path


def edited(name: str, **entry):
    return lambda header: header[name].update(entry)


def test_floats_of_every_width_are_read(tmp_path):
    found = safetensors.tensors(at(tmp_path, safetensors_bytes(TENSORS)))
    assert {name: stored.shape for name, stored in found.items()} == {name: array.shape for name, array in TENSORS.items()}
    np.testing.assert_array_equal(found["one"].read(), ONE)
    np.testing.assert_array_equal(found["half"].read(), ONE.astype(np.float16).astype(np.float32))
    cut = (ONE.view(np.uint32) & 0xFFFF0000).view(np.float32)
    np.testing.assert_array_equal(found["brain"].read(), cut)
    assert found["number"].read() == 2.5 and found["none"].read().shape == (0, 4)
    assert all(found[name].read().dtype == np.float32 for name in ("one", "half", "brain"))
    with pytest.raises(ModelError, match="'ids'.*dtype I64"):
        found["ids"].read()


@pytest.mark.parametrize(
    "change, reason",
    [
        (edited("one", data_offsets=[0, 40]), "has 40 bytes, F32.* has 48"),
        (edited("one", shape=[3, 5]), "has 48 bytes"),
        (edited("one", shape=[3, -4]), "no shape and place"),
        (edited("one", shape=[3, 4.0]), "no shape and place"),
        (edited("one", shape=[True, 12]), "no shape and place"),
        (edited("one", shape=None), "no shape and place"),
        (edited("one", data_offsets=[0]), "no shape and place"),
        (edited("one", dtype="F12"), "unknown dtype 'F12'"),
        (edited("one", dtype=["F32"]), "unknown dtype"),
        (edited("half", data_offsets=[24, 48]), "'one' and 'half' overlap|'half' and 'one' overlap"),
        (edited("brain", data_offsets=[80, 104]), "bytes before|overlap"),
        (edited("number", data_offsets=[1 << 60, (1 << 60) + 4]), "bytes before 'number'"),
        (lambda header: header.pop("number"), "4 bytes at its end"),
        (lambda header: header.update(one=[]), "describes no tensor at 'one'"),
    ],
)
def test_lying_headers_are_refused(tmp_path, change, reason):
    with pytest.raises(ModelError, match=reason) as caught:
        safetensors.tensors(at(tmp_path, safetensors_bytes(TENSORS, change)))
    assert "model.safetensors" in str(caught.value)


def test_every_truncation_is_refused(tmp_path):
    whole = safetensors_bytes(TENSORS)
    for length in [*range(0, len(whole), 7), len(whole) - 1]:
        with pytest.raises(ModelError, match="truncated|empty|damaged"):
            safetensors.tensors(at(tmp_path, whole[:length]))
    with pytest.raises(ModelError, match="1 bytes at its end"):
        safetensors.tensors(at(tmp_path, whole + b"\0"))


@pytest.mark.parametrize("text", [b"[]", b"{", b'{"a": 1, "a": 1}', b"\xff\xfe", b"[" * 100000, b"null"])
def test_headers_that_are_no_object_are_refused(tmp_path, text):
    with pytest.raises(ModelError, match="damaged"):
        safetensors.tensors(at(tmp_path, struct.pack("<Q", len(text)) + text))


def test_random_damage_never_raises_anything_else(tmp_path):
    whole = safetensors_bytes(TENSORS)
    for _ in range(300):
        bad = bytearray(whole)
        for place in RNG.integers(0, len(whole) - 100, 3):
            bad[place] = RNG.integers(256)
        try:
            for stored in safetensors.tensors(at(tmp_path, bytes(bad))).values():
                stored.read()
        except ModelError as error:
            assert len(str(error)) < 500


def test_shards_are_found_by_their_index(tmp_path):
    at(tmp_path, safetensors_bytes({"a": ONE}), "model-1.safetensors")
    at(tmp_path, safetensors_bytes({"b": 2 * ONE, "c": ONE}), "model-2.safetensors")

    def index(**places):
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))

    index(a="model-1.safetensors", b="model-2.safetensors")
    found = safetensors.tensors(tmp_path)
    assert set(found) == {"a", "b"}
    np.testing.assert_array_equal(found["b"].read(), 2 * ONE)
    for places, reason in [
        ({"a": "model-2.safetensors"}, "does not have it"),
        ({"a": "model-3.safetensors"}, "cannot be read"),
        ({"a": "../model-1.safetensors"}, "not a file beside it"),
        ({"a": "/etc/passwd"}, "not a file beside it"),
        ({"a": 3}, "not a file beside it"),
    ]:
        index(**places)
        with pytest.raises(ModelError, match=reason):
            safetensors.tensors(tmp_path)
    (tmp_path / "model.safetensors.index.json").write_text("[]")
    with pytest.raises(ModelError, match="index.json is damaged"):
        safetensors.tensors(tmp_path)


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(ModelError, match="neither model.safetensors nor"):
        safetensors.tensors(tmp_path)
    with pytest.raises(ModelError, match="config.json does not exist"):
        safetensors.checkpoint(at(tmp_path, safetensors_bytes(TENSORS)))
