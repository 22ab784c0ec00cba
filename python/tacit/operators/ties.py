"""Constants that hold the same numbers, as they are or transposed: token embeddings that are also a model's output head."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

SMALLEST = 1 << 16
"""Constants of fewer elements are not compared."""


class Tie(NamedTuple):
    """A constant is `first`, or its transpose."""

    first: str
    turned: bool


def ties(constants: Mapping[str, np.ndarray]) -> dict[str, Tie]:
    """For every large constant that equals an earlier one, that one's name."""
    found: dict[str, Tie] = {}
    alike: dict[tuple, list[str]] = {}
    for name, array in constants.items():
        if array.size < SMALLEST or array.dtype.kind != "f":
            continue
        # The exclusive or of all bits depends on the elements, not on their order.
        bits = array.reshape(-1).view(f"u{array.itemsize}")
        key = (array.dtype.str, *sorted(array.shape), int(np.bitwise_xor.reduce(bits)))
        for first in alike.setdefault(key, []):
            other = constants[first]
            if array.shape == other.shape and np.array_equal(array, other):
                found[name] = Tie(first, False)
            elif array.ndim == 2 and np.array_equal(array.T, other):
                found[name] = Tie(first, True)
            if name in found:
                break
        else:
            alike[key].append(name)
    return found
