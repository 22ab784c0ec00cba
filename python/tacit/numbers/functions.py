"""Correctly rounded tables of functions of one variable.

A table entry is y = saturate(round(f(x 2^-fx) 2^fy)), halves upwards, of the *real* number f(..): the same integers on
every platform. Each entry is first estimated in float64 together with a bound on the error, many orders above the error
of any platform's mathematical library; where both ends of the bound round to one integer, that integer is the answer.
The few entries left are computed with rational numbers and decimals of growing precision.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import floor
from typing import Any

import numpy as np

from tacit.numbers.fixed import round_half_up, saturate
from tacit.numbers.pointwise import STEPS

PRECISIONS = (50, 100, 200, 400)
"""Decimal digits tried in turn for an entry that lies close to a rounding boundary."""
GUARD = 30
"""More digits than that for the functions of a chain, whose slopes multiply errors."""


@dataclass(frozen=True)
class Function:
    """A named function of one real variable, applied to the result of `after` (a chain is one function, one table).

    Names and parameters: identity, relu, leaky_relu(alpha), elu(alpha), clip(low, high), absolute, affine(a, b) = a x +
    b, hard_sigmoid(a, b), hard_swish, sigmoid, tanh, exp, erf, softplus, square; log, sqrt, reciprocal, power(c), sin,
    cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh; selu(alpha, gamma), celu(alpha), gelu, gelu_tanh, mish,
    swish(alpha), softsign, thresholded_relu(alpha), shrink(bias, lambda), sign, floor, ceil, truncate (towards zero),
    round (halves to even).
    Functions are total: at a pole they are an infinity, which saturates, and outside its domain a function has the value
    at the nearer end (sqrt, power, asin, acos, acosh) or the pole there (log, atanh). Raises ValueError for any other.
    """

    name: str
    parameters: tuple[float, ...] = ()
    after: Function | None = None

    def __post_init__(self) -> None:
        step = STEPS.get(self.name)
        if step is None:
            raise ValueError(f"no function is called {self.name!r}; there are {', '.join(sorted(STEPS))}")
        object.__setattr__(self, "parameters", tuple(float(p) for p in self.parameters))
        if len(self.parameters) != step.parameters:
            raise ValueError(f"{self.name} takes {step.parameters} parameters, got {len(self.parameters)}")

    def then(self, outer: Function) -> Function:
        """The chain outer(self(x))."""
        inner = self if outer.after is None else self.then(outer.after)
        if outer.name == "identity":
            return inner
        return Function(outer.name, outer.parameters, None if inner == IDENTITY else inner)

    @property
    def chain(self) -> tuple[Function, ...]:
        """The functions of the chain, the first applied first."""
        return (*(self.after.chain if self.after else ()), Function(self.name, self.parameters))

    @property
    def label(self) -> str:
        """A name that is different for different functions."""
        return ";".join(f.name + (repr(f.parameters) if f.parameters else "") for f in self.chain)

    def to_json(self) -> list[Any]:
        """The chain as [[name, parameter, ..], ..]."""
        return [[f.name, *f.parameters] for f in self.chain]

    @staticmethod
    def from_json(data: list[Any]) -> Function:
        """The inverse of to_json."""
        result = IDENTITY
        for name, *parameters in data:
            result = result.then(Function(name, tuple(parameters)))
        return result

    def estimate(self, x: np.ndarray) -> np.ndarray:
        """f(x) in float64, elementwise; not correctly rounded."""
        return self.bounded(np.asarray(x, dtype=np.float64))[0]

    def bounded(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f(x) in float64 and a bound on the distance from the real value; x is taken as exact."""
        y, error = x, np.zeros_like(x)
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            for f in self.chain:
                step = STEPS[f.name]
                z = np.clip(step.estimate(y, *f.parameters), -1e300, 1e300)
                slope = step.slope(np.abs(y) + error, z, error, *f.parameters)
                if step.jumps is not None:
                    slope = np.where(step.jumps(y, error, *f.parameters), np.inf, slope)
                inherited = np.where(error > 0, slope * error, 0.0)
                y, error = z, inherited + step.relative * np.abs(z) + step.absolute(*f.parameters)
        return y, error

    def exact(self, x: Fraction, digits: int) -> tuple[Fraction, bool]:
        """f(x) to about `digits` decimal digits, and whether that is exact."""
        exact = True
        for f in self.chain:
            x, is_exact = STEPS[f.name].exact(x, digits, *(Fraction(p) for p in f.parameters))
            exact = exact and is_exact
        return x, exact


IDENTITY = Function("identity")
RELU = Function("relu")


def rounded_entry(function: Function, x: Fraction, exponent: int, low: int, high: int) -> int:
    """saturate(round(f(x) 2^exponent), low, high), halves upwards, proved correct by growing precision."""
    scale = Fraction(2) ** exponent
    for digits in PRECISIONS:
        value, exact = function.exact(x, digits + GUARD)
        scaled = value * scale
        slack = 0 if exact else (1 + abs(scaled)) / Fraction(10) ** (digits - 20)
        below, above = (saturate(floor(scaled + side + Fraction(1, 2)), low, high) for side in (-slack, slack))
        if below == above:
            return below
    raise ArithmeticError(f"{function.label} at {x} lies too close to a rounding boundary to decide")


@lru_cache(maxsize=64)
def tabulate(
    function: Function, first: int, last: int, exponent_in: int, exponent_out: int, low: int, high: int
) -> np.ndarray:
    """Entries y = saturate(round(f(x 2^-exponent_in) 2^exponent_out), low, high) for x = first .. last, halves upwards.

    Returns a read-only int64 array of shape [last - first + 1]. |low| and |high| are below 2^52.
    """
    integers = np.arange(first, last + 1, dtype=np.int64)
    value, error = function.bounded(np.ldexp(integers.astype(np.float64), -exponent_in))
    with np.errstate(over="ignore"):
        value = np.clip(np.ldexp(value, exponent_out), -1e300, 1e300)
        error = np.minimum(np.ldexp(error, exponent_out), 1e300)
    below = np.clip(round_half_up(value - error), low, high)
    above = np.clip(round_half_up(value + error), low, high)
    entries = below.astype(np.int64)
    step = Fraction(2) ** -exponent_in
    for index in np.flatnonzero(below != above):
        entries[index] = rounded_entry(function, int(integers[index]) * step, exponent_out, low, high)
    entries.setflags(write=False)
    return entries
