"""Writes files of weights as the formats' documents define them, and tensors of tiny random models."""

from __future__ import annotations

import json
import struct
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np

F32, F16, Q4_0, Q4_1, Q8_0, BF16 = 0, 1, 2, 3, 8, 30
DTYPES = {"float32": "F32", "float16": "F16", "uint16": "BF16", "int64": "I64"}
"""uint16 stands for the bits of bfloat16."""


def bfloat16(array: np.ndarray) -> np.ndarray:
    """The upper halves of float32, cut."""
    return (np.asarray(array, np.float32).view(np.uint32) >> 16).astype(np.uint16)


def safetensors_bytes(tensors: dict[str, np.ndarray], change: Any = None) -> bytes:
    """A file; `change` may edit the header before it is written."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, array in tensors.items():
        data = np.ascontiguousarray(array).tobytes()
        offsets = [len(body), len(body) + len(data)]
        header[name] = {"dtype": DTYPES[array.dtype.name], "shape": list(array.shape), "data_offsets": offsets}
        body += data
    if change is not None:
        change(header)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + body


def write_folder(folder: Path, config: dict[str, Any], tensors: dict[str, np.ndarray]) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "model.safetensors").write_bytes(safetensors_bytes(tensors))
    return folder


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def metadata_value(value: Any) -> bytes:
    """A type number and the value: bool, uint32, float32, string, arrays of strings or of uint32."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + text(value)
    if value and isinstance(value[0], str):
        return struct.pack("<IIQ", 9, 8, len(value)) + b"".join(map(text, value))
    return struct.pack("<IIQ", 9, 4, len(value)) + struct.pack(f"<{len(value)}I", *value)


def quantised(array: np.ndarray, kind: int) -> tuple[bytes, np.ndarray]:
    """(the bytes of an array in a type, the floats that they mean), one block after another in plain Python."""
    flat = np.asarray(array, np.float32).reshape(-1)
    if kind == F32:
        return flat.tobytes(), np.asarray(array, np.float32)
    if kind == F16:
        return flat.astype(np.float16).tobytes(), array.astype(np.float16).astype(np.float32)
    if kind == BF16:
        cells = bfloat16(flat)
        meant = [struct.unpack("<f", b"\0\0" + struct.pack("<H", cell))[0] for cell in cells]
        return cells.tobytes(), np.array(meant, np.float32).reshape(array.shape)
    data, meant = b"", []
    for at in range(0, len(flat), 32):
        part, means = block(flat[at : at + 32], kind)
        data += part
        meant += means
    return data, np.array(meant, np.float32).reshape(array.shape)


def block(values: np.ndarray, kind: int) -> tuple[bytes, list[float]]:
    """32 values: a float16 scale (and minimum), then the small integers; byte j holds the elements j and j + 16."""
    low, high = float(values.min()), float(values.max())
    if kind == Q8_0:
        d = np.float16(max(abs(low), abs(high)) / 127 or 1.0)
        q = [int(round(float(v) / float(d))) for v in values]
        return d.tobytes() + struct.pack("<32b", *q), [np.float32(d) * np.float32(n) for n in q]
    d, m = np.float16((high - low) / 15 or 1.0), np.float16(low)
    if kind == Q4_0:
        d, m = np.float16(max(abs(low), abs(high)) / 7 or 1.0), np.float16(0)
    first = 8 if kind == Q4_0 else 0
    q = [min(max(int(round((float(v) - float(m)) / float(d))) + first, 0), 15) for v in values]
    packed = bytes(q[j] | q[j + 16] << 4 for j in range(16))
    head = d.tobytes() if kind == Q4_0 else d.tobytes() + m.tobytes()
    return head + packed, [np.float32(d) * np.float32(n - first) + np.float32(m) for n in q]


def ggml_blocks() -> dict[str, tuple[np.ndarray, str]]:
    """Name of a type -> (uint8 cells of 1,024 weights, the sha256 of the float32 that they mean), as ggml 0.9.4 quantised and
    dequantised normal numbers whose magnitude changes every 32."""
    found = json.loads((Path(__file__).parent / "ggml_blocks.json").read_text())
    return {name: (np.frombuffer(b64decode(entry["cells"]), np.uint8), entry["floats"]) for name, entry in found.items()}


def gguf_bytes(
    metadata: dict[str, Any], tensors: dict[str, tuple[np.ndarray, int]], alignment: int = 32, version: int = 3, change: Any = None
) -> tuple[bytes, dict[str, np.ndarray]]:
    """(a file, the floats that its tensors mean); `tensors`: name -> (array, type). `change(infos)` may edit the list of
    [name, axes, type, offset] before it is written."""
    infos, body, meant = [], b"", {}
    for name, (array, kind) in tensors.items():
        body += b"\0" * (-len(body) % alignment)
        data, meant[name] = quantised(array, kind)
        infos.append([name, list(array.shape[::-1]), kind, len(body)])
        body += data
    if change is not None:
        change(infos)
    if alignment != 32:
        metadata = {**metadata, "general.alignment": alignment}
    head = b"GGUF" + struct.pack("<IQQ", version, len(infos), len(metadata))
    head += b"".join(text(key) + metadata_value(value) for key, value in metadata.items())
    for name, axes, kind, offset in infos:
        head += text(name) + struct.pack(f"<I{len(axes)}QIQ", len(axes), *axes, kind, offset)
    return head + b"\0" * (-len(head) % alignment) + body, meant
