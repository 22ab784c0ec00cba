"""Files of the GGUF format: metadata, a list of tensors, the tensors' bytes, each at a multiple of the alignment.

https://github.com/ggml-org/ggml/blob/master/docs/gguf.md, versions 2 and 3, little-endian. Bytes are untrusted: nothing is
read before all offsets are checked, and no number in the file makes memory grow beyond the file's length.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tacit.errors import ModelError
from tacit.frontends.checkpoint import Checkpoint, Settings, Stored, map_file, require_name
from tacit.frontends.gguf_blocks import TYPES, Blocks

MAGIC = b"GGUF"
VERSIONS = (2, 3)
NUMBERS = {0: "u1", 1: "i1", 2: "<u2", 3: "<i2", 4: "<u4", 5: "<i4", 6: "<f4", 7: "?", 10: "<u8", 11: "<i8", 12: "<f8"}
"""The metadata's numeric types."""
TEXT, ARRAY = 8, 9
MOST_AXES = 4
ALIGNMENT = "general.alignment"
ARCHITECTURE = "general.architecture"


@dataclass
class Reader:
    """A place in the bytes of a file that moves forward. Every step is checked against the file's end."""

    path: Path
    data: memoryview
    at: int = 0

    def take(self, count: int) -> bytes:
        if count > len(self.data) - self.at:
            raise ModelError(f"{self.path} is truncated or damaged: what it announces does not fit into it.")
        self.at += count
        return bytes(self.data[self.at - count : self.at])

    def whole(self, size: int) -> int:
        return int.from_bytes(self.take(size), "little")

    def text(self) -> str:
        return self.take(self.whole(8)).decode("utf-8", "replace")

    def name(self) -> str:
        return require_name(self.path, self.text())

    def value(self) -> Any:
        """A number, a text, an array of numbers (NumPy) or a list of texts, after its type."""
        kind = self.whole(4)
        if kind != ARRAY:
            return self.text() if kind == TEXT else self.numbers(kind, 1)[0].item()
        inner, count = self.whole(4), self.whole(8)
        return [self.text() for _ in range(count)] if inner == TEXT else self.numbers(inner, count)

    def numbers(self, kind: int, count: int) -> np.ndarray:
        if kind not in NUMBERS:
            raise ModelError(f"{self.path} is damaged, or newer than this version: it has metadata of type {kind}.")
        dtype = np.dtype(NUMBERS[kind])
        if count > len(self.data):
            raise ModelError(f"{self.path} is truncated or damaged: what it announces does not fit into it.")
        return np.frombuffer(self.take(count * dtype.itemsize), dtype=dtype)


@dataclass(frozen=True)
class Entry:
    """A tensor of the list: `begin` counts from the start of the tensors' bytes."""

    name: str
    shape: tuple[int, ...]
    blocks: Blocks
    begin: int

    @property
    def bytes(self) -> int:
        return prod(self.shape) // self.blocks.elements * self.blocks.bytes


def is_gguf(path: Path) -> bool:
    """Whether a file starts as this format does."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def checkpoint(path: Path) -> Checkpoint:
    """The model of a file. Raises ModelError for whatever is wrong with it."""
    metadata, tensors = read(path)
    settings = Settings(str(path), metadata)
    return Checkpoint(str(path), "gguf", settings.word(ARCHITECTURE), settings, tensors, path.parent)


def read(path: Path) -> tuple[dict[str, Any], dict[str, Stored]]:
    """(metadata, tensors) of a file."""
    data = map_file(path)
    reader = Reader(path, memoryview(data.data))
    if reader.take(min(4, len(reader.data))) != MAGIC:
        raise ModelError(f"{path} is not a GGUF file.")
    version = reader.whole(4)
    if version not in VERSIONS:
        known = " and ".join(map(str, VERSIONS))
        raise ModelError(f"{path} has GGUF version {version}, this version reads {known}: convert the model again.")
    count, pairs = reader.whole(8), reader.whole(8)
    metadata: dict[str, Any] = {}
    for _ in range(pairs):
        key = reader.name()
        if key in metadata:
            raise ModelError(f"{path} is damaged: it says {key!r} twice.")
        metadata[key] = reader.value()
    entries = [_entry(reader) for _ in range(count)]
    step = Settings(str(path), metadata).count(ALIGNMENT, 32)
    start = -(-reader.at // step) * step
    _require_apart(path, entries, len(reader.data) - start, step)
    stored = {e.name: Stored(e.shape, partial(_floats, path, data, start, e)) for e in entries}
    if len(stored) != len(entries):
        raise ModelError(f"{path} is damaged: it lists a tensor twice.")
    return metadata, stored


def _entry(reader: Reader) -> Entry:
    """One of the list: axes stand with the fastest one first."""
    name, axes = reader.name(), reader.whole(4)
    if axes > MOST_AXES:
        raise ModelError(f"{reader.path} is damaged: its tensor {name!r} has {axes} axes.")
    shape = tuple(reader.whole(8) for _ in range(axes))[::-1]
    kind, begin = reader.whole(4), reader.whole(8)
    if kind not in TYPES:
        raise ModelError(f"The tensor {name!r} of {reader.path} has type {kind}, which is not read; {WAY_OUT}.")
    blocks = TYPES[kind]
    if (shape[-1] if shape else 1) % blocks.elements:
        raise ModelError(f"{reader.path} is damaged: rows of its tensor {name!r} are no whole number of {blocks.name} blocks.")
    return Entry(name, shape, blocks, begin)


def _require_apart(path: Path, entries: list[Entry], size: int, step: int) -> None:
    """Raises ModelError unless tensors stand at multiples of the alignment, inside the file, without overlap."""
    reached, previous = 0, ""
    for entry in sorted(entries, key=lambda e: (e.begin, e.bytes)):
        if entry.begin % step:
            raise ModelError(f"{path} is damaged: its tensor {entry.name!r} is not aligned to {step} bytes.")
        if entry.begin < reached:
            raise ModelError(f"{path} is damaged: its tensors {previous!r} and {entry.name!r} overlap.")
        reached, previous = entry.begin + entry.bytes, entry.name
        if reached > size:
            raise ModelError(f"{path} is truncated: its tensor {entry.name!r} ends beyond the file.")


def _floats(path: Path, data: np.ndarray, start: int, entry: Entry) -> np.ndarray:
    begin = start + entry.begin
    cells = np.frombuffer(data[begin : begin + entry.bytes].tobytes(), dtype=np.uint8)
    return entry.blocks.floats(cells.reshape(-1, entry.blocks.bytes)).reshape(entry.shape)


WAY_OUT = f"quantise the model to {', '.join(blocks.name for blocks in TYPES.values())}"
