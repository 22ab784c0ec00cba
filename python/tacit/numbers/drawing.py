"""How a model that writes draws tokens: the settings as integers, and the uniform numbers that a seed gives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from math import isfinite

import numpy as np

from tacit.errors import InputError

PROMPT, LENGTH, GENERATED, UNIFORM = "prompt", "prompt_length", "generated", "uniform"
"""The inputs, and the output, of a model that writes."""
FIRST, NEXT = "first", "next"
"""Of a chunk of a sequence: the token at its first place, an input of chunks behind others, and, an output, the one that the model
chose behind its last place: where a text goes on, the next chunk's first."""
CACHE = "cache"
"""Keys and values of a chunk of a sequence, as an output; those of the j-th chunk, as an input, are `cache_j`."""

UNIFORM_BITS = 24
"""A uniform number is an integer below 2^24: no probability is off by more than 2^-24."""
FACTOR_BITS = 8
"""1 / temperature is a multiple of 2^-8."""
MASS_BITS = 16
"""top_p is a multiple of 2^-16."""
LABEL = b"tacit/uniform/1"


@dataclass(frozen=True)
class Sampling:
    """How a token is drawn. Scores are divided by `temperature`; `top_k` keeps tokens whose weight is at least the k-th largest
    one; `top_p` keeps, of those, the fewest heaviest whose weights are at least that share of all. Among equals all stay.

    Raises InputError for settings that mean nothing.
    """

    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None

    def __post_init__(self) -> None:
        if not (isfinite(self.temperature) and 2.0**-FACTOR_BITS <= self.temperature <= 2.0**FACTOR_BITS):
            raise InputError(f"temperature={self.temperature} cannot be used: give 1/256 to 256, or no sampling for the likeliest.")
        if self.top_k is not None and self.top_k < 1:
            raise InputError(f"top_k={self.top_k} keeps no token; give 1 or more.")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise InputError(f"top_p={self.top_p} is no share; give a number above 0, at most 1.")

    @property
    def factor(self) -> int:
        """2^FACTOR_BITS / temperature, rounded."""
        return max(round(2**FACTOR_BITS / self.temperature), 1)

    @property
    def mass(self) -> int:
        """2^MASS_BITS top_p, rounded; 2^MASS_BITS where everything stays."""
        return 1 << MASS_BITS if self.top_p is None else max(round(self.top_p * 2**MASS_BITS), 1)


def uniforms(seed: bytes, count: int) -> np.ndarray:
    """int64 [count]: the i-th is the first UNIFORM_BITS bits (bytes 3 i to 3 i + 2, the first the highest) of SHAKE-256 (FIPS 202)
    over LABEL and the seed. Any seed of any length, so that several parties can join theirs."""
    size = UNIFORM_BITS // 8
    data = np.frombuffer(hashlib.shake_256(LABEL + seed).digest(size * count), dtype=np.uint8).reshape(count, size)
    return data.astype(np.int64) @ (1 << 8 * np.arange(size - 1, -1, -1, dtype=np.int64))
