"""Files of the safetensors format: 8 bytes with the header's length, the header in JSON, the tensors' bytes one after another.

https://github.com/huggingface/safetensors (Format): little-endian, C order; the tensors fill the rest of the file without
holes. Bytes are untrusted: nothing is read before all offsets are checked.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from tacit.errors import ModelError
from tacit.frontends.checkpoint import Checkpoint, Settings, Stored, brain_floats, map_file, require_name

WEIGHTS, INDEX, CONFIG = "model.safetensors", "model.safetensors.index.json", "config.json"
LARGEST_HEADER = 100 << 20
LARGEST_TEXT = 100 << 20
METADATA = "__metadata__"

BYTES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2, "U32": 4, "I32": 4, "F32": 4,
    "U64": 8, "I64": 8, "F64": 8,
}  # fmt: skip
"""Bytes an element; only 16- and 32-bit floats are read."""


def checkpoint(path: Path) -> Checkpoint:
    """The model of a folder, or of one file with `config.json` beside it. Raises ModelError for whatever is wrong with it."""
    folder = path if path.is_dir() else path.parent
    source = str(folder / CONFIG)
    settings = Settings(source, read_object(folder / CONFIG))
    return Checkpoint(str(path), "safetensors", settings.word("model_type"), settings, tensors(path), folder)


def tensors(path: Path) -> dict[str, Stored]:
    """Every tensor of a file, or of a folder with `model.safetensors` or an index of shards."""
    if not path.is_dir():
        return in_file(path)
    if (path / WEIGHTS).exists():
        return in_file(path / WEIGHTS)
    if not (path / INDEX).exists():
        raise ModelError(f"The folder {path} has neither {WEIGHTS} nor {INDEX}; give the folder of a whole model.")
    return in_shards(path)


def in_shards(folder: Path) -> dict[str, Stored]:
    """The tensors that the index names, each from its shard."""
    index = folder / INDEX
    places = Settings(str(index), read_object(index)).within("weight_map").entries
    shards: dict[str, dict[str, Stored]] = {}
    found = {}
    for name, shard in places.items():
        if not isinstance(shard, str) or Path(shard).name != shard:
            raise ModelError(f"{index} puts the tensor {name!r} into {repr(shard)[:60]}, which is not a file beside it.")
        if shard not in shards:
            shards[shard] = in_file(folder / shard)
        if name not in shards[shard]:
            raise ModelError(f"{index} puts the tensor {name!r} into {shard!r}, which does not have it.")
        found[name] = shards[shard][name]
    return found


def in_file(path: Path) -> dict[str, Stored]:
    """The tensors of one file: offsets inside the file, no overlap, no hole, lengths that follow from shape and dtype."""
    data = map_file(path)
    header, start = read_header(path, data)
    entries = {name: _entry(path, require_name(path, name), entry) for name, entry in header.items() if name != METADATA}
    reached, previous = 0, ""
    for name, (_, _, begin, end) in sorted(entries.items(), key=lambda item: item[1][2:]):
        if begin < reached:
            raise ModelError(f"{path} is damaged: its tensors {previous!r} and {name!r} overlap.")
        if begin > reached:
            raise ModelError(f"{path} is damaged: it has {begin - reached} bytes before {name!r} that belong to no tensor.")
        if end > len(data) - start:
            raise ModelError(f"{path} is truncated: its tensor {name!r} ends beyond the file.")
        reached, previous = end, name
    if reached != len(data) - start:
        raise ModelError(f"{path} is damaged: {len(data) - start - reached} bytes at its end belong to no tensor.")
    return {
        name: Stored(shape, partial(_floats, path, name, data, dtype, shape, start + begin, start + end))
        for name, (dtype, shape, begin, end) in entries.items()
    }


def read_header(path: Path, data: np.ndarray) -> tuple[dict[str, Any], int]:
    """(the header, where the tensors' bytes start)."""
    length = int.from_bytes(data[:8].tobytes(), "little")
    if len(data) < 8 or length > len(data) - 8 or length > LARGEST_HEADER:
        raise ModelError(f"{path} is not a safetensors file, or it is truncated: its header does not fit into it.")
    return require_object(path, parse(path, data[8 : 8 + length].tobytes())), 8 + length


def read_json(path: Path) -> Any:
    """What a JSON file beside a model holds."""
    try:
        if path.stat().st_size > LARGEST_TEXT:
            raise ModelError(f"{path} is too long for a description of a model.")
        return parse(path, path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"The file {path} does not exist; it must describe the model beside it.") from None
    except OSError as error:
        raise ModelError(f"The file {path} cannot be read ({error.strerror}).") from None


def read_object(path: Path) -> dict[str, Any]:
    """The object of a JSON file."""
    return require_object(path, read_json(path))


def parse(path: Path, text: bytes) -> Any:
    """JSON in which no object has a key twice."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise ModelError(f"{path} is damaged: it holds no JSON whose objects have every key once.") from None


def require_object(path: Path, found: Any) -> dict[str, Any]:
    if not isinstance(found, dict):
        raise ModelError(f"{path} is damaged: it does not hold a JSON object.")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def _entry(path: Path, name: str, entry: Any) -> tuple[str, tuple[int, ...], int, int]:
    """(dtype, shape, begin, end) of a header's entry, of the length that dtype and shape give."""
    if not isinstance(entry, Mapping):
        raise ModelError(f"{path} is damaged: its header describes no tensor at {name!r}.")
    dtype, shape, offsets = entry.get("dtype"), entry.get("shape"), entry.get("data_offsets")
    if not isinstance(dtype, str) or dtype not in BYTES:
        raise ModelError(f"The tensor {name!r} of {path} has the unknown dtype {repr(dtype)[:40]}; save the model in float32.")
    if not isinstance(shape, list) or not isinstance(offsets, list) or not _whole(shape + offsets) or len(offsets) != 2:
        raise ModelError(f"{path} is damaged: its header gives the tensor {name!r} no shape and place.")
    begin, end = offsets
    size = prod(shape) * BYTES[dtype]
    if end - begin != size:
        raise ModelError(f"{path} is damaged: its tensor {name!r} has {end - begin} bytes, {dtype}{shape} has {size}.")
    return dtype, tuple(shape), begin, end


def _whole(numbers: list[Any]) -> bool:
    return all(type(number) is int and number >= 0 for number in numbers)


def _floats(path: Path, name: str, data: np.ndarray, dtype: str, shape: tuple[int, ...], begin: int, end: int) -> np.ndarray:
    cells = np.frombuffer(data[begin:end].tobytes(), dtype=np.uint8)
    if dtype == "F32":
        return cells.view("<f4").astype(np.float32).reshape(shape)
    if dtype == "F16":
        return cells.view("<f2").astype(np.float32).reshape(shape)
    if dtype == "BF16":
        return brain_floats(cells.view("<u2")).reshape(shape)
    raise ModelError(f"The tensor {name!r} of {path} has dtype {dtype}; save the model in float32, float16 or bfloat16.")
