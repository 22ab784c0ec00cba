"""Tampered files as short descriptions: a list of operations on the bytes of a file, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Operation = Mapping[str, Any]


def xor(offset: int, byte: int = 1) -> dict[str, Any]:
    """Changes one byte."""
    return {"op": "xor", "offset": offset, "byte": byte}


def truncate(length: int) -> dict[str, Any]:
    """Keeps the first `length` bytes."""
    return {"op": "truncate", "length": length}


def append(data: bytes) -> dict[str, Any]:
    return {"op": "append", "hex": data.hex()}


def splice(start: int, stop: int, data: bytes) -> dict[str, Any]:
    """Puts `data` in the place of the bytes start .. stop."""
    return {"op": "splice", "start": start, "stop": stop, "hex": data.hex()}


def graft(start: int, stop: int, file: str, first: int, last: int) -> dict[str, Any]:
    """Puts the bytes first .. last of another file of the vectors in the place of the bytes start .. stop."""
    return {"op": "graft", "start": start, "stop": stop, "file": file, "first": first, "last": last}


def apply(data: bytes, operations: Sequence[Operation], files: Mapping[str, bytes]) -> bytes:
    """The edited bytes. `files`: the contents of all files of the vectors."""
    for each in operations:
        match each["op"]:
            case "xor":
                at = each["offset"]
                data = data[:at] + bytes([data[at] ^ each["byte"]]) + data[at + 1 :]
            case "truncate":
                data = data[: each["length"]]
            case "append":
                data = data + bytes.fromhex(each["hex"])
            case "splice":
                data = data[: each["start"]] + bytes.fromhex(each["hex"]) + data[each["stop"] :]
            case "graft":
                data = data[: each["start"]] + files[each["file"]][each["first"] : each["last"]] + data[each["stop"] :]
            case unknown:
                raise ValueError(f"unknown operation {unknown}")
    return data
