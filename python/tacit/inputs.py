"""Arrays, names and files -> checked arrays of exactly the declared shapes, then integers."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tacit import images
from tacit.errors import InputError
from tacit.graph.missing import MISSING
from tacit.images import ImageScale
from tacit.numbers import fixed
from tacit.numbers.dtypes import dtype_of, kind_of, largest_of, limits_of, plain

NAMELESS = "arr_0"
"""What numpy.savez calls an array that was given no name."""


@dataclass(frozen=True)
class Declared:
    """What the model says of one input; -1 in `shape` is a symbolic axis, -2 one that is symbolic or of length 0, until compiling
    gives them their lengths. `batched`: the model's own first axis is 1 or symbolic."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    batched: bool


Given = np.ndarray | Sequence[Any] | Mapping[str, Any] | str | os.PathLike[str]


def named(given: Given, declared: Sequence[Declared], image: ImageScale | None = None) -> dict[str, np.ndarray]:
    """{name: array} of what was given: an array, a mapping, or a path. Names and dtypes are checked, shapes are not."""
    if isinstance(given, (str, os.PathLike)):
        given = read(Path(given), declared, image)
    given = parted(given, declared)
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


def whole(samples: Any) -> Any:
    """Samples as arrays: read where a file of arrays is named, None for an image."""
    if not isinstance(samples, (str, os.PathLike)):
        return samples
    return read(Path(samples), ()) if Path(samples).suffix in (".npz", ".npy", ".json") else None


def parted(given: Any, declared: Sequence[Declared]) -> Any:
    """What was given, with the places of NaN as inputs of their own where the model has such inputs: missing values are 0."""
    names = {d.name for d in declared}
    holding = [d.name for d in declared if d.name + MISSING in names]
    if not holding:
        return given
    if not isinstance(given, Mapping):
        if len(declared) != 2:
            return given
        given = {holding[0]: given}
    found = dict(given)
    for name in holding:
        if name in found and name + MISSING not in found:
            array = np.asarray(found[name])
            absent = np.isnan(array) if array.dtype.kind == "f" else np.zeros(array.shape, dtype=bool)
            found[name], found[name + MISSING] = np.where(absent, array.dtype.type(0), array), absent
    return found


def one(given: Given, declared: Sequence[Declared], image: ImageScale | None = None) -> dict[str, np.ndarray]:
    """One sample: every array in its compiled shape, or without its leading axis of 1."""
    return {d.name: _sample(d, array) for d, array in zip(declared, named(given, declared, image).values())}


def many(given: Given, declared: Sequence[Declared], image: ImageScale | None = None) -> list[dict[str, np.ndarray]]:
    """All samples of an array. Equal to the declared shape: one sample. Else the first axis counts samples, in place of the
    model's own first axis when that is 1 or symbolic, before it otherwise. A model without inputs has one sample."""
    arrays = named(given, declared, image)
    split = {d.name: _split(d, arrays[d.name]) for d in declared}
    counts = {name: len(parts) for name, parts in split.items()}
    if len(set(counts.values())) > 1:
        raise InputError(f"The inputs hold different numbers of samples: {_listed(counts)}.")
    count = next(iter(counts.values()), 1)
    return [{name: parts[i] for name, parts in split.items()} for i in range(count)]


def batch(given: Given, declared: Sequence[Declared], image: ImageScale | None, count: int) -> dict[str, np.ndarray]:
    """`count` samples, given as in `many`, along a new first axis of every array."""
    rows = many(given, declared, image)
    if len(rows) != count:
        raise InputError(
            f"The model proves {count} samples at once and got {len(rows)}: give {count}, any repeated where there are fewer, or "
            f"compile it with batch={len(rows)}."
        )
    return {d.name: np.stack([row[d.name] for row in rows]) for d in declared}


def sample(
    given: Given, declared: Sequence[Declared], image: ImageScale | None = None, count: int | None = None
) -> dict[str, np.ndarray]:
    """What one proof takes: one sample, or a batch of `count`."""
    return one(given, declared, image) if count is None else batch(given, declared, image, count)


def sample_shape(declared: Declared, array: np.ndarray) -> tuple[int, ...]:
    """The shape of one sample of samples given as `array`; symbolic axes take the array's lengths (0 as
    well), a batch becomes 1. InputError without a sample."""
    shape, found = declared.shape, array.shape
    if -2 in shape and found == tuple(max(length, 0) if length == -2 else length for length in shape):
        return found
    if len(found) == len(shape) + 1:
        sample = found[1:]
    elif declared.batched:
        sample = (1, *found[1:])
    else:
        sample = found
    fixed_axes = (1, *shape[1:]) if declared.batched else shape
    if len(sample) != len(shape) or len(found) < len(shape) or any(a >= 0 and a != b for a, b in zip(fixed_axes, sample)):
        raise InputError(_samples_fault(declared, array))
    if array.size == 0 and 0 not in sample:
        raise InputError(_empty(declared, array))
    return sample


def constants(given: Mapping[str, Any], declared: Sequence[Declared]) -> dict[str, np.ndarray]:
    """{name: array} of inputs that become constants of the model, in the shapes that it declares; a number stands for a tensor of
    one element. As in a model file, a constant may be infinite, such as a mask's."""
    found = {}
    for name, value in given.items():
        match = next((d for d in declared if d.name == name), None)
        if match is None:
            raise InputError(f"The model has no input named {name!r} to be fixed; its inputs are {_names(declared) or 'none'}.")
        array = _array(match, value, finite=False)
        if array.ndim == 0 and all(length in (-2, -1, 1) for length in match.shape):
            array = array.reshape((1,) * len(match.shape))
        if array.ndim != len(match.shape) or any(a >= 0 and a != b for a, b in zip(match.shape, array.shape)):
            lengths = ", ".join(str(length) if length >= 0 else "any" for length in match.shape)
            raise InputError(f"The input {name!r} is fixed with shape {list(array.shape)}; the model takes [{lengths}].")
        found[name] = array
    return found


def integers(array: np.ndarray, exponent: int, lowest: int, highest: int) -> np.ndarray:
    """The integer tensor that is proved, int64: rounded, saturated to the declared interval."""
    if array.dtype == np.uint64:
        array = np.minimum(array, np.uint64(highest if highest > 0 else 0))
    if kind_of(array.dtype) in "biu":
        return np.clip(array.astype(np.int64), lowest, highest)
    return fixed.quantise(array, exponent, lowest, highest)


def saturated(array: np.ndarray, exponent: int, lowest: int, highest: int) -> int:
    """How many values `integers` holds at an end of the interval that lie beyond it."""
    if kind_of(array.dtype) in "biu":
        array = plain(array)
        return int(np.count_nonzero((array < lowest) | (array > highest)))
    steps = np.floor(np.ldexp(array.astype(np.float64), exponent) + 0.5)
    return int(np.count_nonzero((steps < lowest) | (steps > highest)))


def read(path: Path, declared: Sequence[Declared], image: ImageScale | None = None) -> Any:
    """What a file holds: .npz or .json with names, .npy one array, an image for a model that takes one of that size."""
    suffix = path.suffix.lower()
    if not path.exists():
        raise InputError(f"The input file {path} does not exist.")
    if not path.is_file():
        raise InputError(f"{path} is not a file; give a .npz, .npy, .json, .png or .jpg file.")
    if suffix in images.SUFFIXES:
        if len(declared) != 1:
            raise InputError(f"{path} is an image, but the model does not take a single image.")
        return images.read(path, declared[0].name, declared[0].shape, declared[0].dtype, image)
    if suffix not in (".npz", ".npy", ".json"):
        raise InputError(f"The input file {path} has an unknown ending; use .npz, .npy, .json, .png or .jpg.")
    try:
        if suffix == ".json":
            return json.loads(path.read_text(encoding="utf-8"))
        held = np.load(path, allow_pickle=False)
        if isinstance(held, np.ndarray) == (suffix == ".npz"):
            raise ValueError("an archive with the ending of an array, or an array with that of an archive")
        if suffix == ".npy":
            return held
        with held:
            arrays = {name: held[name] for name in held.files}
    except PermissionError as error:
        raise InputError(f"The input file {path} cannot be read ({error.strerror}).") from None
    except Exception as error:  # numpy and zipfile raise many kinds on damaged bytes
        raise InputError(f"The input file {path} is not a valid {suffix} file ({type(error).__name__}).") from None
    return arrays[NAMELESS] if list(arrays) == [NAMELESS] and NAMELESS not in {d.name for d in declared} else arrays


def _array(declared: Declared, given: Any, finite: bool = True) -> np.ndarray:
    """An array of the declared dtype, finite if that is asked for; float64 beyond the declared dtype's range saturates."""
    want, kind = dtype_of(declared.dtype), kind_of(declared.dtype)
    try:
        array = np.asarray(given)
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"The input {declared.name!r} is not a rectangular array of numbers.") from None
    listed = not isinstance(given, (np.ndarray, np.generic))
    if array.size == 0 and min(declared.shape, default=1) > 0:
        raise InputError(_empty(declared, array))
    if kind == "f" and (kind_of(array.dtype) == "f" or (listed and array.dtype.kind in "iu")):
        if finite and not np.all(np.isfinite(array)):
            raise InputError(
                f"The input {declared.name!r} contains NaN or infinity; only finite numbers can be proved "
                "(missing values: compile with samples that hold NaN)."
            )
        limit = largest_of(want) if finite else np.inf
        return np.clip(array, -limit, limit).astype(want) if array.dtype.itemsize > want.itemsize else array.astype(want)
    if kind in "iu" and kind_of(array.dtype) in "iu":
        whole, (low, high) = plain(array), limits_of(want)
        if array.size and (int(whole.min()) < low or int(whole.max()) > high):
            raise InputError(f"The input {declared.name!r} has values outside {want.name}.")
        return array.astype(want)
    if kind == "b" and array.dtype.kind == "b":
        return array
    raise InputError(f"The input {declared.name!r} has dtype {array.dtype.name}, the model takes {want.name}.")


def _empty(declared: Declared, array: np.ndarray) -> str:
    return f"The input {declared.name!r} is empty (shape {list(array.shape)}); give at least one sample."


def _sample(declared: Declared, array: np.ndarray) -> np.ndarray:
    if array.shape == declared.shape:
        return array
    if declared.shape[:1] == (1,) and array.shape == declared.shape[1:]:
        return array.reshape(declared.shape)
    raise InputError(f"The input {declared.name!r} has shape {list(array.shape)}, the model takes {list(declared.shape)}.")


def _split(declared: Declared, array: np.ndarray) -> list[np.ndarray]:
    if array.shape == declared.shape:
        return [array]
    if array.ndim and declared.batched and array.shape[1:] == declared.shape[1:]:
        return [row.reshape(declared.shape) for row in array]
    if array.ndim and array.shape[1:] == declared.shape:
        return list(array)
    raise InputError(_samples_fault(declared, array))


def _samples_fault(declared: Declared, array: np.ndarray) -> str:
    lengths = (1, *declared.shape[1:]) if declared.batched else declared.shape
    shape = ", ".join(str(length) if length >= 0 else "any" for length in lengths)
    return f"Samples of the input {declared.name!r} have shape {list(array.shape)}; one sample has [{shape}]."


def _names(declared: Sequence[Declared]) -> str:
    return ", ".join(repr(d.name) for d in declared)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name!r} has {count}" for name, count in counts.items())
