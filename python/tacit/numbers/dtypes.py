"""Element types by name, NumPy's own and those that it lacks: bfloat16, floats and integers of 8 bits and fewer.

NumPy gives the kind 'V' to types of other packages; here every type is of the kind 'f', 'i', 'u' or 'b' that its numbers are of.
"""

from __future__ import annotations

from functools import cache

import numpy as np

PACKED_FLOATS = {
    "bfloat16": "float32",
    "float8_e4m3fn": "float32",
    "float8_e4m3fnuz": "float32",
    "float8_e5m2": "float32",
    "float8_e5m2fnuz": "float32",
    "float8_e8m0fnu": "float32",
    "float4_e2m1fn": "float32",
}
PACKED_INTEGERS = {"int2": "int8", "uint2": "uint8", "int4": "int8", "uint4": "uint8"}
PLAIN = {**PACKED_FLOATS, **PACKED_INTEGERS}
"""Types that NumPy lacks -> the smallest of its own that holds all their numbers."""

LARGEST = {
    "bfloat16": float.fromhex("0x1.fep127"),
    "float8_e4m3fn": 448.0,
    "float8_e4m3fnuz": 240.0,
    "float8_e5m2": 57344.0,
    "float8_e5m2fnuz": 57344.0,
    "float8_e8m0fnu": 2.0**127,
    "float4_e2m1fn": 6.0,
}


@cache
def dtype_of(name: str) -> np.dtype:
    """The NumPy dtype; of a type that NumPy lacks the one of `ml_dtypes`, or where that is not installed the plain one."""
    if name not in PLAIN:
        return np.dtype(name)
    try:
        import ml_dtypes
    except ImportError:
        return np.dtype(PLAIN[name])
    return np.dtype(getattr(ml_dtypes, name))


def kind_of(dtype: str | np.dtype) -> str:
    """'f', 'i', 'u' or 'b'."""
    name = dtype if isinstance(dtype, str) else dtype.name
    return np.dtype(PLAIN.get(name, dtype)).kind


def bits_of(dtype: str | np.dtype) -> int:
    """Bits of an integer type."""
    name = dtype if isinstance(dtype, str) else dtype.name
    return int(name.lstrip("uint")) if name in PACKED_INTEGERS else int(np.iinfo(dtype).bits)


def limits_of(dtype: str | np.dtype) -> tuple[int, int]:
    """The least and the greatest number of an integer type or of bool."""
    kind = kind_of(dtype)
    if kind == "b":
        return 0, 1
    bits = bits_of(dtype)
    return (0, (1 << bits) - 1) if kind == "u" else (-(1 << bits - 1), (1 << bits - 1) - 1)


def largest_of(dtype: str | np.dtype) -> float:
    """The largest finite number of a float type."""
    name = dtype if isinstance(dtype, str) else dtype.name
    return LARGEST[name] if name in LARGEST else float(np.finfo(dtype).max)


def plain(array: np.ndarray) -> np.ndarray:
    """The same numbers in a dtype of NumPy's own."""
    return array.astype(PLAIN[array.dtype.name]) if array.dtype.name in PLAIN else array
