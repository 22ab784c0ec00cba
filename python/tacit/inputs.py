"""Arrays, names, files and images -> checked arrays of exactly the declared shapes, then integers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tacit.errors import InputError
from tacit.numbers import fixed

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class Declared:
    """What the model says of one input. `batched`: the model's own first axis is 1 or symbolic."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    batched: bool


@dataclass(frozen=True)
class ImageScale:
    """pixel / `divide` in [0, 1] style scaling, then (x - mean) / deviation per channel; channels first unless `last`."""

    divide: float = 255.0
    mean: tuple[float, ...] = (0.0,)
    deviation: tuple[float, ...] = (1.0,)
    last: bool = False

    def apply(self, pixels: np.ndarray) -> np.ndarray:
        """uint8 [H, W, C] -> float32 [C, H, W] (or [H, W, C])."""
        scaled = (pixels.astype(np.float64) / self.divide - np.array(self.mean)) / np.array(self.deviation)
        return (scaled if self.last else np.moveaxis(scaled, -1, 0)).astype(np.float32)


Given = np.ndarray | Sequence[Any] | Mapping[str, Any] | str | os.PathLike[str]


def named(given: Given, declared: Sequence[Declared], image: ImageScale | None = None) -> dict[str, np.ndarray]:
    """{name: array} of what was given: an array, a mapping, or a path. Names are checked, shapes are not."""
    if isinstance(given, (str, os.PathLike)):
        given = read(Path(given), declared, image)
    if isinstance(given, Mapping):
        unknown = [name for name in given if name not in {d.name for d in declared}]
        if unknown:
            raise InputError(f"The model has no input named {unknown[0]!r}; its inputs are {_names(declared)}.")
        missing = [d.name for d in declared if d.name not in given]
        if missing:
            raise InputError(f"The input {missing[0]!r} is missing; the model's inputs are {_names(declared)}.")
        return {d.name: _array(d, given[d.name]) for d in declared}
    if len(declared) != 1:
        raise InputError(f"The model has {len(declared)} inputs ({_names(declared)}): give a mapping from names to arrays.")
    return {declared[0].name: _array(declared[0], given)}


def one(given: Given, declared: Sequence[Declared], image: ImageScale | None = None) -> dict[str, np.ndarray]:
    """One sample: every array in its compiled shape, or without its leading axis of 1."""
    return {d.name: _sample(d, array) for d, array in zip(declared, named(given, declared, image).values())}


def many(given: Given, declared: Sequence[Declared], image: ImageScale | None = None) -> list[dict[str, np.ndarray]]:
    """All samples of an array. Equal to the declared shape: one sample. Else the first axis counts samples, in place of the
    model's own first axis when that is 1 or symbolic, before it otherwise."""
    arrays = named(given, declared, image)
    split = {d.name: _split(d, arrays[d.name]) for d in declared}
    counts = {name: len(parts) for name, parts in split.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"The inputs hold different numbers of samples: {counts}.")
    count = next(iter(counts.values()), 0)
    if count == 0:
        raise InputError("There is no sample: give at least one.")
    return [{name: parts[i] for name, parts in split.items()} for i in range(count)]


def sample_shape(declared: Declared, array: np.ndarray) -> tuple[int, ...]:
    """The shape of one sample of samples given as `array`; the declared shape may hold 0 for a symbolic axis."""
    shape = declared.shape
    if array.ndim == len(shape) + 1:
        return array.shape[1:]
    if array.ndim == len(shape) and declared.batched:
        return (1, *array.shape[1:])
    return array.shape


def integers(array: np.ndarray, exponent: int, lowest: int, highest: int) -> np.ndarray:
    """The integer tensor that is proved: rounded, saturated to the declared interval."""
    if array.dtype.kind in "biu":
        return np.clip(array.astype(np.int64), lowest, highest)
    return fixed.quantise(array, exponent, lowest, highest)


def read(path: Path, declared: Sequence[Declared], image: ImageScale | None = None) -> Any:
    """What a file holds: .npz or .json with names, .npy one array, an image for a model that takes one of that size."""
    if not path.exists():
        raise InputError(f"The input file {path} does not exist.")
    suffix = path.suffix.lower()
    try:
        if suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            single = len(arrays) == 1 and len(declared) == 1 and declared[0].name not in arrays
            return next(iter(arrays.values())) if single else arrays
        if suffix == ".npy":
            return np.load(path, allow_pickle=False)
        if suffix == ".json":
            return json.loads(path.read_text())
    except (OSError, ValueError, EOFError, KeyError, UnicodeDecodeError) as error:
        raise InputError(f"The input file {path} is not a valid {suffix} file ({type(error).__name__}).") from None
    except Exception as error:
        raise InputError(f"The input file {path} cannot be read ({type(error).__name__}).") from None
    if suffix in IMAGE_SUFFIXES:
        return _image(path, declared, image or ImageScale())
    raise InputError(f"The input file {path} has an unknown ending; use .npz, .npy, .json, .png or .jpg.")


def _image(path: Path, declared: Sequence[Declared], scale: ImageScale) -> np.ndarray:
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise InputError("Reading images needs Pillow: pip install 'tacit-zkml[image]'.") from None
    if len(declared) != 1 or len(declared[0].shape) not in (3, 4):
        raise InputError(f"{path} is an image, but the model does not take a single image.")
    shape = declared[0].shape[-3:]
    channels, height, width = (shape[2], *shape[:2]) if scale.last else shape
    if channels not in (1, 3):
        raise InputError(f"{path} is an image, but the model's input {declared[0].name!r} has {channels} channels.")
    try:
        with Image.open(path) as picture:
            pixels = np.asarray(picture.convert("L" if channels == 1 else "RGB"), dtype=np.uint8)
    except (OSError, UnidentifiedImageError, ValueError):
        raise InputError(f"The file {path} is not a readable image.") from None
    if pixels.shape[:2] != (height, width):
        found = f"{pixels.shape[1]}x{pixels.shape[0]}"
        raise InputError(f"The image {path} has {found} pixels, the model takes {width}x{height}: resize it first.")
    return scale.apply(pixels.reshape(height, width, channels))


def _array(declared: Declared, given: Any) -> np.ndarray:
    """An array of the declared dtype, finite; ModelError's sibling for everything else."""
    want = np.dtype(declared.dtype)
    try:
        array = np.asarray(given)
    except ValueError:
        raise InputError(f"The input {declared.name!r} is not a rectangular array.") from None
    listed = not isinstance(given, (np.ndarray, np.generic))
    if want.kind == "f" and (array.dtype.kind == "f" or (listed and array.dtype.kind in "iu")):
        array = array.astype(want)
        if not np.all(np.isfinite(array)):
            raise InputError(f"The input {declared.name!r} contains NaN or infinity; only finite numbers can be proved.")
        return array
    if want.kind in "iu" and array.dtype.kind in "iu":
        limits = np.iinfo(want)
        if array.size and (int(array.min()) < limits.min or int(array.max()) > limits.max):
            raise InputError(f"The input {declared.name!r} has values outside {want.name}.")
        return array.astype(want)
    if want.kind == "b" and array.dtype.kind == "b":
        return array
    raise InputError(f"The input {declared.name!r} has dtype {array.dtype.name}, the model takes {want.name}.")


def _sample(declared: Declared, array: np.ndarray) -> np.ndarray:
    if array.shape == declared.shape:
        return array
    if declared.shape[:1] == (1,) and array.shape == declared.shape[1:]:
        return array.reshape(declared.shape)
    raise InputError(f"The input {declared.name!r} has shape {list(array.shape)}, the model takes {list(declared.shape)}.")


def _split(declared: Declared, array: np.ndarray) -> list[np.ndarray]:
    if array.shape == declared.shape:
        return [array]
    if declared.batched and array.shape[1:] == declared.shape[1:]:
        return [row.reshape(declared.shape) for row in array]
    if array.shape[1:] == declared.shape:
        return list(array)
    raise InputError(
        f"Samples of the input {declared.name!r} have shape {list(array.shape)}; one sample has {list(declared.shape)}."
    )


def _names(declared: Sequence[Declared]) -> str:
    return ", ".join(repr(d.name) for d in declared)
