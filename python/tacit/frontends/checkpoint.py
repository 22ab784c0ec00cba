"""Weights by name and the settings of the model around them: what files of weights hold, whatever their format."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tacit.errors import ModelError

LARGEST_COUNT = 1 << 24
"""No length, width or number of layers is larger: a setting beyond it is damage."""
LONGEST_NAME = 256


@dataclass(frozen=True)
class Stored:
    """A tensor in a file: `read` gives it as float32 of `shape`, or raises ModelError for a type that is not read."""

    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


@dataclass(frozen=True)
class Settings:
    """Named numbers and words of an untrusted description. Every getter raises ModelError naming `source` and the key."""

    source: str
    entries: Mapping[str, Any]

    def count(self, key: str, default: int | None = None) -> int:
        """A positive integer. null counts as absent, here and below."""
        found = self.given(key, default)
        if type(found) is not int or not 0 < found <= LARGEST_COUNT:
            raise self.wrong(key, found, "a positive whole number")
        return found

    def number(self, key: str, default: float | None = None) -> float:
        """A positive number."""
        found = self.given(key, default)
        if type(found) not in (int, float) or not 0 < found < float("inf"):
            raise self.wrong(key, found, "a positive number")
        return float(found)

    def flag(self, key: str, default: bool) -> bool:
        found = self.given(key, default)
        if not isinstance(found, bool):
            raise self.wrong(key, found, "true or false")
        return found

    def word(self, key: str, default: str | None = None) -> str:
        found = self.given(key, default)
        if not isinstance(found, str):
            raise self.wrong(key, found, "a text")
        return found

    def within(self, key: str) -> Settings:
        """The settings under a key; none when it is absent."""
        found = self.given(key, {})
        if not isinstance(found, Mapping):
            raise self.wrong(key, found, "a group of settings")
        return Settings(self.source, found)

    def given(self, key: str, default: Any = None) -> Any:
        """Whatever stands under a key. Raises ModelError when nothing does and there is no default."""
        found = self.entries.get(key)
        if found is None:
            found = default
        if found is None:
            raise ModelError(f"{self.source} says nothing of {key!r}; it describes no model of this kind, or it is damaged.")
        return found

    def wrong(self, key: str, found: Any, wanted: str) -> ModelError:
        return ModelError(f"{self.source} gives {key!r} as {repr(found)[:60]}, which is not {wanted}.")

    def require(self, key: str, allowed: Sequence[Any], default: Any) -> Any:
        """The setting, where a builder knows what it means. Raises ModelError naming the values that can be used."""
        found = self.entries.get(key)
        found = default if found is None else found
        if found not in allowed:
            raise ModelError(
                f"{self.source} gives {key!r} as {repr(found)[:60]}, which cannot be built; "
                f"{' or '.join(map(repr, allowed))} can: export the model to ONNX instead."
            )
        return found


@dataclass(frozen=True)
class Checkpoint:
    """`format`: 'safetensors' or 'gguf', which decides how families name their tensors. `family`: what the file calls its
    architecture. `folder`: where files beside it lie."""

    name: str
    format: str
    family: str
    settings: Settings
    tensors: Mapping[str, Stored]
    folder: Path


@dataclass
class Weights:
    """The tensors of a checkpoint under a family's own names: `names` maps them to patterns with {} for the layer."""

    checkpoint: Checkpoint
    names: Mapping[str, str]
    prefix: str = ""
    _read: set[str] = field(default_factory=set)

    def key(self, name: str, layer: int | None) -> str:
        stem, dot, suffix = name.partition(".")
        return self.prefix + self.names[stem].format(layer) + dot + suffix

    def has(self, name: str, layer: int | None = None) -> bool:
        return self.key(name, layer) in self.checkpoint.tensors

    def shape(self, name: str, layer: int | None = None) -> tuple[int, ...]:
        return self._stored(self.key(name, layer)).shape

    def take(self, name: str, shape: Sequence[int], layer: int | None = None) -> np.ndarray:
        """float32 of exactly `shape`. Raises ModelError when the tensor is missing or has another shape."""
        key = self.key(name, layer)
        stored = self._stored(key)
        if stored.shape != tuple(shape):
            raise ModelError(
                f"The tensor {key!r} of {self.checkpoint.name} has shape {list(stored.shape)}, its description says "
                f"{list(shape)}; the file and its description do not belong together."
            )
        self._read.add(key)
        return stored.read()

    def require_all_read(self, known: Callable[[str], bool]) -> None:
        """Raises ModelError when the file has weights that nobody took: the model is not the one that was built. `known`
        says of a tensor's name that it may be left."""
        left = sorted(key for key in set(self.checkpoint.tensors) - self._read if not known(key))
        if left:
            more = f" and {len(left) - 1} more" if len(left) > 1 else ""
            raise ModelError(
                f"{self.checkpoint.name} has the tensor {left[0]!r}{more}, which a model of its kind "
                f"({self.checkpoint.family}) does not have; export the model to ONNX instead."
            )

    def _stored(self, key: str) -> Stored:
        stored = self.checkpoint.tensors.get(key)
        if stored is None:
            raise ModelError(f"{self.checkpoint.name} has no tensor {key!r}; give the whole model.")
        return stored


def map_file(path: str | os.PathLike[str]) -> np.ndarray:
    """The bytes of a file, uint8, read as they are used. Raises ModelError when there is nothing to read."""
    try:
        if Path(path).stat().st_size == 0:
            raise ModelError(f"The model file {path} is empty.")
        return np.memmap(path, dtype=np.uint8, mode="r")
    except OSError as error:
        raise ModelError(f"The model file {path} cannot be read ({error.strerror}).") from None


def require_name(path: Path, name: str) -> str:
    """A key or a tensor's name out of a file. Raises ModelError when it is no text to show."""
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise ModelError(f"{path} is damaged: it has a name that is not a text of at most {LONGEST_NAME} characters.")
    return name


def brain_floats(cells: np.ndarray) -> np.ndarray:
    """bfloat16 as uint16 -> float32: the upper half of its bits."""
    return (cells.astype(np.uint32) << np.uint32(16)).view(np.float32)
