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
from tacit.numbers.pointwise import ROUNDING, STEPS

PRECISIONS = (50, 100, 200, 400)
"""Decimal digits tried in turn for an entry that lies close to a rounding boundary."""
LARGEST = 1e300
"""Stands for an infinity in float64."""
GUARD = 30
"""More digits than that for the functions of a chain, whose slopes multiply errors."""


COMBINED = {"times": " * ", "plus": " + "}
"""Functions put together from two functions of the same variable."""


@dataclass(frozen=True)
class Function:
    """A named function of one real variable, applied to the result of `after` (a chain is one function, one table).

    `times` and `plus` combine two functions of the variable, `after` and `beside`: x * sigmoid(x) is one function too.

    Names and parameters: identity, relu, leaky_relu(alpha), elu(alpha), clip(low, high), absolute, affine(a, b) = a x +
    b, hard_sigmoid(a, b), hard_swish, sigmoid, tanh, exp, erf, softplus, square; log, sqrt, reciprocal, power(c), sin,
    cos, tan, asin, acos, atan, sinh, cosh, asinh, acosh, atanh; selu(alpha, gamma), celu(alpha), gelu, gelu_tanh, mish,
    swish(alpha), softsign, thresholded_relu(alpha), shrink(bias, lambda), sign, floor, ceil, truncate (towards zero),
    round (halves to even), short_float(mantissa bits, least exponent, largest): the nearest float of a short format, halves to
    even, and power_of_two(least exponent): the next one upwards.
    Functions are total: at a pole they are an infinity, which saturates, and outside its domain a function has the value
    at the nearer end (sqrt, power, asin, acos, acosh) or the pole there (log, atanh). Raises ValueError for any other.
    """

    name: str
    parameters: tuple[float, ...] = ()
    after: Function | None = None
    beside: Function | None = None

    def __post_init__(self) -> None:
        if self.is_combined:
            if self.beside is None or self.parameters:
                raise ValueError(f"{self.name} combines two functions and takes no parameters")
            return
        step = STEPS.get(self.name)
        if step is None:
            known = ", ".join(sorted([*STEPS, *COMBINED]))
            raise ValueError(f"no function is called {self.name!r}; there are {known}")
        object.__setattr__(self, "parameters", tuple(float(p) for p in self.parameters))
        if len(self.parameters) != step.parameters:
            raise ValueError(f"{self.name} takes {step.parameters} parameters, got {len(self.parameters)}")

    @property
    def is_combined(self) -> bool:
        return self.name in COMBINED

    @property
    def parts(self) -> tuple[Function, Function]:
        """The two functions that a combined one combines."""
        assert self.beside is not None
        return self.after or IDENTITY, self.beside

    def then(self, outer: Function) -> Function:
        """The chain outer(self(x))."""
        if outer.name == "identity":
            return self
        if outer.is_combined:
            left, right = (self.then(part) for part in outer.parts)
            return left.combined(outer.name, right)
        inner = self if outer.after is None else self.then(outer.after)
        return Function(outer.name, outer.parameters, None if inner == IDENTITY else inner)

    def combined(self, name: str, other: Function) -> Function:
        """self(x) * other(x) or self(x) + other(x), by the name of a combination."""
        return Function(name, (), None if self == IDENTITY else self, other)

    @property
    def chain(self) -> tuple[Function, ...]:
        """The functions of the chain, the first applied first; a combined one can only be the first."""
        if self.is_combined:
            return (self,)
        return (*(self.after.chain if self.after else ()), Function(self.name, self.parameters))

    @property
    def steps(self) -> frozenset[str]:
        """Names of all functions inside, those of both parts of a combined one included."""
        names = {self.name}
        for inner in (self.after, self.beside):
            names |= inner.steps if inner is not None else set()
        return frozenset(names)

    def first_beyond(self, simple: frozenset[str]) -> frozenset[str]:
        """On every way from the variable to the value: the first function that is not among the simple ones."""
        inner = [part.first_beyond(simple) for part in (self.after, self.beside) if part is not None]
        found = frozenset[str]().union(*inner)
        return found if found or self.name in simple or self.is_combined else frozenset({self.name})

    @property
    def label(self) -> str:
        """A name that is different for different functions."""
        if self.is_combined:
            left, right = self.parts
            return f"({left.label}{COMBINED[self.name]}{right.label})"
        own = self.name + (repr(self.parameters) if self.parameters else "")
        return own if self.after is None else f"{self.after.label};{own}"

    def to_json(self) -> list[Any]:
        """The chain as [[name, parameter in hexadecimal, ..], ..]; [name, left, right] for a combination."""
        if self.is_combined:
            left, right = self.parts
            return [[self.name, left.to_json(), right.to_json()]]
        return [*(self.after.to_json() if self.after else []), [self.name, *(p.hex() for p in self.parameters)]]

    @staticmethod
    def from_json(data: list[Any]) -> Function:
        """The inverse of to_json."""
        result = IDENTITY
        for name, *parameters in data:
            if name in COMBINED:
                left, right = (Function.from_json(part) for part in parameters)
                result = left.combined(name, right)
            else:
                result = result.then(Function(name, tuple(float.fromhex(p) for p in parameters)))
        return result

    def estimate(self, x: np.ndarray) -> np.ndarray:
        """f(x) in float64, elementwise; not correctly rounded."""
        return self.bounded(np.asarray(x, dtype=np.float64))[0]

    def bounded(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """f(x) in float64 and a bound on the distance from the real value; x is taken as exact."""
        with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
            if self.is_combined:
                return self._combination(x)
            y, error = self.after.bounded(x) if self.after else (x, np.zeros_like(x))
            step = STEPS[self.name]
            z = np.clip(step.estimate(y, *self.parameters), -LARGEST, LARGEST)
            slope = step.slope(np.abs(y) + error, z, error, *self.parameters)
            if step.jumps is not None:
                slope = np.where(step.jumps(y, error, *self.parameters), np.inf, slope)
            inherited = np.where(error > 0, slope * error, 0.0)
            return z, inherited + step.relative * np.abs(z) + step.absolute(*self.parameters)

    def _combination(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        (a, a_error), (b, b_error) = (part.bounded(x) for part in self.parts)
        if self.name == "plus":
            return a + b, a_error + b_error + ROUNDING * np.abs(a + b)
        inherited = np.where(b_error > 0, np.abs(a) * b_error, 0.0) + np.where(a_error > 0, np.abs(b) * a_error, 0.0)
        product = np.clip(a * b, -LARGEST, LARGEST)
        return product, inherited + np.where(a_error * b_error > 0, a_error * b_error, 0.0) + ROUNDING * np.abs(product)

    def exact(self, x: Fraction, digits: int) -> tuple[Fraction, bool]:
        """f(x) to about `digits` decimal digits, and whether that is exact."""
        if self.is_combined:
            (a, a_exact), (b, b_exact) = (part.exact(x, digits) for part in self.parts)
            return (a * b if self.name == "times" else a + b), a_exact and b_exact
        inner, is_inner_exact = self.after.exact(x, digits) if self.after else (x, True)
        value, is_exact = STEPS[self.name].exact(inner, digits, *(Fraction(p) for p in self.parameters))
        return value, is_exact and is_inner_exact


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
    entries = rounded_at(function, np.arange(first, last + 1, dtype=np.int64), exponent_in, exponent_out, low, high)
    entries.setflags(write=False)
    return entries


def rounded_at(function: Function, integers: np.ndarray, exponent_in: int, exponent_out: int, low: int, high: int) -> np.ndarray:
    """The entries of `tabulate` at these integers, int64 of one dimension."""
    value, error = function.bounded(np.ldexp(integers.astype(np.float64), -exponent_in))
    with np.errstate(over="ignore"):
        value = np.clip(np.ldexp(value, exponent_out), -LARGEST, LARGEST)
        error = np.minimum(np.ldexp(error, exponent_out), LARGEST)
    below = np.clip(round_half_up(value - error), low, high)
    above = np.clip(round_half_up(value + error), low, high)
    entries = below.astype(np.int64)
    step = Fraction(2) ** -exponent_in
    for index in np.flatnonzero(below != above):
        entries[index] = rounded_entry(function, int(integers[index]) * step, exponent_out, low, high)
    return entries
