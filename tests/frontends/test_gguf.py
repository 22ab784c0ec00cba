"""The reader of GGUF files: metadata, every type of tensor, and the sentence for what is damaged."""

from __future__ import annotations

import struct
from hashlib import sha256

import numpy as np
import pytest
from weight_files import BF16, F16, F32, Q4_0, Q4_1, Q8_0, ggml_blocks, gguf_bytes

from tacit.errors import ModelError
from tacit.frontends import gguf
from tacit.frontends.gguf_blocks import TYPES

RNG = np.random.default_rng(5)
METADATA = {
    "general.architecture": "llama",
    "count": 7,
    "number": 0.5,
    "flag": True,
    "words": ["a", "bc", ""],
    "numbers": [1, 2, 3],
}
ARRAY = RNG.standard_normal((3, 64)).astype(np.float32)
KINDS = {"f32": F32, "f16": F16, "bf16": BF16, "q4_0": Q4_0, "q4_1": Q4_1, "q8_0": Q8_0}
TENSORS = {name: (ARRAY, kind) for name, kind in KINDS.items()}


def at(tmp_path, data: bytes):
    path = tmp_path / "model.gguf"
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("version, alignment", [(2, 32), (3, 32), (3, 64), (3, 8)])
def test_metadata_and_tensors_are_read(tmp_path, version, alignment):
    data, meant = gguf_bytes(METADATA, TENSORS, alignment, version)
    metadata, tensors = gguf.read(at(tmp_path, data))
    for key, value in METADATA.items():
        assert list(metadata[key]) == value if isinstance(value, list) else metadata[key] == value
    for name, array in meant.items():
        assert tensors[name].shape == (3, 64)
        np.testing.assert_array_equal(tensors[name].read(), array, err_msg=name)
        assert np.abs(array - ARRAY).max() < {"q4_0": 0.4, "q4_1": 0.2}.get(name, 0.02)


def bits(data: bytes, at_bit: int, count: int) -> int:
    return (int.from_bytes(data, "little") >> at_bit) & ((1 << count) - 1)


def wide_block(name: str, data: bytes) -> list[float]:
    """Elements of one block by its definition in ggml, one at a time."""

    def number(at: int) -> float:
        return float(np.frombuffer(data[at : at + 2], "<f2")[0])

    def signed(at: int) -> int:
        return data[at] - 256 * (data[at] > 127)

    found = []
    for i in range(TYPES_BY_NAME[name].elements):
        if name in ("Q5_0", "Q5_1"):
            start = 2 if name == "Q5_0" else 4
            q = (data[start + 4 + i % 16] >> 4 * (i // 16) & 15) + 16 * bits(data[start : start + 4], i, 1)
            found.append(number(0) * (q - 16) if name == "Q5_0" else number(0) * q + number(2))
        elif name in ("Q4_K", "Q5_K"):
            part, j, packed = i // 32, i % 32, data[4:16]
            if part < 4:
                scale, low = packed[part] & 63, packed[part + 4] & 63
            else:
                scale = (packed[part + 4] & 15) | (packed[part - 4] >> 6) << 4
                low = (packed[part + 4] >> 4) | (packed[part] >> 6) << 4
            start = 16 if name == "Q4_K" else 48
            q = data[start + 32 * (part // 2) + j] >> 4 * (part % 2) & 15
            q += 16 * (data[16 + j] >> part & 1) if name == "Q5_K" else 0
            found.append(np.float32(number(0) * scale) * np.float32(q) - np.float32(number(2) * low))
        elif name in ("Q2_K", "Q3_K"):
            half, quarter, j, part = i // 128, i % 128 // 32, i % 32, i // 16
            q = data[{"Q2_K": 16, "Q3_K": 32}[name] + 32 * half + j] >> 2 * quarter & 3
            if name == "Q2_K":
                scale = np.float32(number(80) * (data[part] & 15))
                found.append(scale * np.float32(q) - np.float32(number(82) * (data[part] >> 4)))
            else:
                q -= 0 if data[j] >> 4 * half + quarter & 1 else 4
                low = data[96 + part % 8] >> 4 * (part // 8) & 15
                scale = low + 16 * (data[104 + part % 4] >> 2 * (part // 4) & 3) - 32
                found.append(np.float32(number(108) * scale) * np.float32(q))
        else:
            half, quarter, j = i // 128, i % 128 // 32, i % 32
            q = data[64 * half + 32 * (quarter % 2) + j] >> 4 * (quarter // 2) & 15
            q += 16 * (data[128 + 32 * half + j] >> 2 * quarter & 3)
            found.append(np.float32(number(208) * signed(192 + 8 * half + 2 * quarter + j // 16)) * np.float32(q - 32))
    return found


TYPES_BY_NAME = {blocks.name: blocks for blocks in TYPES.values()}


@pytest.mark.parametrize("name", ["Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"])
def test_the_other_blocks_follow_their_definition(name):
    blocks = TYPES_BY_NAME[name]
    cells = RNG.integers(0, 256, (4, blocks.bytes), dtype=np.uint8)
    halves = {"Q5_0": [0], "Q2_K": [80, 82], "Q3_K": [108], "Q6_K": [208]}.get(name, [0, 2])
    for at_byte in halves:
        cells[:, at_byte : at_byte + 2] = RNG.uniform(-2, 2, (4, 1)).astype("<f2").view(np.uint8)
    expected = [wide_block(name, row.tobytes()) for row in cells]
    np.testing.assert_allclose(blocks.floats(cells), np.array(expected, np.float32), rtol=1e-6, atol=1e-6)


def change(position: int, field: int, value):
    def edit(infos):
        infos[position][field] = value

    return edit


@pytest.mark.parametrize(
    "edit, reason",
    [
        (change(0, 3, 1 << 40), "truncated: its tensor 'f32'"),
        (change(0, 3, 4), "not aligned"),
        (change(1, 3, 0), "overlap"),
        (change(0, 1, [64, 1 << 50]), "truncated"),
        (change(0, 1, [(1 << 64) - 1] * 4), "truncated"),
        (change(0, 1, [1] * 5), "has 5 axes"),
        (change(3, 1, [63, 3]), "no whole number of Q4_0 blocks"),
        (change(3, 1, []), "no whole number of Q4_0 blocks"),
        (change(0, 2, 99), "'f32'.*type 99, which is not read; quantise the model to F32, F16, Q4_0.*Q2_K"),
        (change(1, 0, "f32"), "lists a tensor twice"),
    ],
)
def test_lying_lists_are_refused(tmp_path, edit, reason):
    data, _ = gguf_bytes(METADATA, TENSORS, change=edit)
    with pytest.raises(ModelError, match=reason) as caught:
        gguf.read(at(tmp_path, data))
    assert "model.gguf" in str(caught.value)


@pytest.mark.parametrize("name", ggml_blocks())
def test_blocks_are_the_floats_that_ggml_makes_of_them(name):
    cells, digest = ggml_blocks()[name]
    floats = TYPES_BY_NAME[name].floats(cells.reshape(-1, TYPES_BY_NAME[name].bytes))
    assert sha256(floats.astype("<f4").tobytes()).hexdigest() == digest


def test_headers_that_lie_are_refused(tmp_path):
    data, _ = gguf_bytes(METADATA, TENSORS)
    for bad, reason in [
        (b"GGML" + data[4:], "not a GGUF file"),
        (data[:4] + struct.pack("<I", 1) + data[8:], "GGUF version 1"),
        (data[:4] + struct.pack(">I", 3) + data[8:], "GGUF version 50331648"),
        (data[:8] + struct.pack("<Q", 1 << 63) + data[16:], "truncated or damaged"),
        (data[:16] + struct.pack("<Q", 1 << 63) + data[24:], "truncated or damaged"),
        (data[:24] + struct.pack("<Q", 1 << 63) + data[32:], "truncated or damaged"),
        (gguf_bytes({"general.alignment": 0}, {})[0], "'general.alignment' as 0"),
        (gguf_bytes({"general.alignment": "x"}, {})[0], "'general.alignment' as 'x'"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 1) + b"k" + struct.pack("<I", 77), "metadata of type 77"),
    ]:
        with pytest.raises(ModelError, match=reason):
            gguf.read(at(tmp_path, bad))
    twice = struct.pack("<Q", 1) + b"k" + struct.pack("<II", 4, 1)
    with pytest.raises(ModelError, match="says 'k' twice"):
        gguf.read(at(tmp_path, b"GGUF" + struct.pack("<IQQ", 3, 0, 2) + twice + twice))


def test_every_truncation_is_refused(tmp_path):
    data, _ = gguf_bytes(METADATA, TENSORS)
    for length in [*range(0, len(data), 11), len(data) - 1]:
        with pytest.raises(ModelError, match="truncated|empty|not a GGUF"):
            gguf.read(at(tmp_path, data[:length]))


def test_random_damage_never_raises_anything_else(tmp_path):
    data, _ = gguf_bytes(METADATA, TENSORS)
    for _ in range(300):
        bad = bytearray(data)
        for place in RNG.integers(0, 600, 3):
            bad[place] = RNG.integers(256)
        try:
            with np.errstate(all="ignore"):
                for stored in gguf.read(at(tmp_path, bytes(bad)))[1].values():
                    stored.read()
        except ModelError as error:
            assert len(str(error)) < 500
