"""Values that nobody sees: a constant and a linear combination of committed variables (docs/transcript.md, Receipts that hide)."""

from __future__ import annotations

from collections.abc import Iterable

from .field import ONE, ZERO, K

Variable = tuple[int, int]
"""(PAD, the message's number), (PRODUCT, its number) or (DUMMY, 0 .. 5). Variables are compared as these pairs."""

PAD, PRODUCT, DUMMY = range(3)


class Affine:
    """constant + sum of coefficient * variable. A variable with the coefficient zero stays: the circuit says which there are."""

    def __init__(self, constant: K, terms: Iterable[tuple[Variable, K]] = ()) -> None:
        self.constant = constant
        self.terms: dict[Variable, K] = {}
        for variable, coefficient in terms:
            self.terms[variable] = self.terms.get(variable, ZERO) + coefficient

    def _plus(self, other: Affine | K, scale: K) -> Affine:
        if isinstance(other, K):
            return Affine(self.constant + other * scale, self.terms.items())
        scaled = ((variable, coefficient * scale) for variable, coefficient in other.terms.items())
        return Affine(self.constant + other.constant * scale, (*self.terms.items(), *scaled))

    def __add__(self, other: Affine | K) -> Affine:
        return self._plus(other, ONE)

    def __sub__(self, other: Affine | K) -> Affine:
        return self._plus(other, -ONE)

    def __mul__(self, scale: K | int) -> Affine:
        return Affine(self.constant * scale, ((variable, coefficient * scale) for variable, coefficient in self.terms.items()))


Value = K | Affine
"""What the verifier computes with: an element of K, or, in a receipt that hides, an affine expression. Two values are added and
subtracted, and multiplied by elements of K from the right; a product of two is the reading's (`multiply`)."""
