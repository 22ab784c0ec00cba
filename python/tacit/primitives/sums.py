"""Sums of arrays with coefficients, part by part where they are read."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from tacit.primitives.threads import Index, in_parts, part_of

FEW = 8
"""An array with so many times fewer cells than the sum, which repeats it, is multiplied at once."""


class Sum:
    """int64 (sum of coefficient * array + constant) / denominator, of this shape, which the arrays broadcast to with as many axes.
    ArithmeticError where it is read, if the denominator does not divide."""

    def __init__(
        self, shape: tuple[int, ...], parts: Sequence[tuple[np.ndarray, int]], constant: int = 0, denominator: int = 1
    ) -> None:
        self.shape, self.constant, self.denominator = shape, constant, denominator
        size = prod(shape)
        few = [(array, coefficient) for array, coefficient in parts if FEW * array.size <= size]
        self.parts = [(array, coefficient) for array, coefficient in parts if FEW * array.size > size]
        for array, coefficient in few:
            self.parts.append((np.multiply(array, coefficient, dtype=np.int64), 1))
        if few and constant:
            self.parts[-1] = (self.parts[-1][0] + constant, 1)
            self.constant = 0

    def __getitem__(self, index: Index) -> np.ndarray:
        cut = {place: where for place, where in enumerate(index) if isinstance(where, slice)}
        shape = tuple(len(range(size)[cut.get(place, slice(None))]) for place, size in enumerate(self.shape))
        sums = np.empty(shape, dtype=np.int64)
        self.into(sums, index)
        return sums

    def into(self, sums: np.ndarray, index: Index) -> None:
        """Writes the part at the index."""
        if not self.parts:
            sums[...] = self.constant
        for place, (values, coefficient) in enumerate(self.parts):
            part = part_of(values, index)
            if place == 0:
                multiply(part, coefficient, sums)
            elif coefficient == 1:
                np.add(sums, part, out=sums, dtype=np.int64)
            elif coefficient == -1:
                np.subtract(sums, part, out=sums, dtype=np.int64)
            else:
                sums += np.multiply(part, coefficient, dtype=np.int64)
        if self.parts and self.constant:
            sums += self.constant
        if self.denominator != 1:
            divide_exactly(sums, self.denominator)

    def whole(self) -> np.ndarray:
        sums = np.empty(self.shape, dtype=np.int64)
        in_parts(self.shape, lambda index: self.into(sums[index], index))
        return sums


def multiply(array: np.ndarray, coefficient: int, found: np.ndarray) -> None:
    if coefficient == 1:
        np.copyto(found, array)
    else:
        np.multiply(array, coefficient, out=found, dtype=np.int64)


def divide_exactly(values: np.ndarray, denominator: int) -> None:
    """In place. ArithmeticError when the denominator does not divide every value."""
    bits = denominator.bit_length() - 1
    if denominator == 1 << bits:
        exact = not np.bitwise_or.reduce(values, axis=None) & (denominator - 1)
        values >>= bits
    else:
        exact = not (values % denominator).any()
        values //= denominator
    if not exact:
        raise ArithmeticError(f"a value is not a multiple of {denominator}")
