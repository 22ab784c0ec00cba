"""The pointwise functions: of each a float64 estimate, bounds on its error, and an evaluation with rational numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from functools import lru_cache

import numpy as np

Exact = tuple[Fraction, bool]

ROUNDING = 2.0**-50
"""Relative error allowed for a float64 formula of a few correctly rounded operations."""
LIBRARY = 2.0**-36
"""Relative error allowed for one call of the platform's mathematical library (real ones stay below 2^-48)."""


def always(value: float) -> Callable[..., float]:
    """A bound that depends on nothing."""
    return lambda *_: value


@dataclass(frozen=True)
class Step:
    """One function: `estimate(x, *parameters)`; `exact(x, digits, *parameters)` -> (value, whether exact); a bound on
    the slope over arguments of magnitude <= m, `slope(m, value, error, *parameters)`; own error relative * |value| +
    absolute.
    """

    estimate: Callable[..., np.ndarray]
    exact: Callable[..., Exact]
    parameters: int = 0
    slope: Callable[..., np.ndarray | float] = always(1.0)
    relative: float = 0.0
    absolute: Callable[..., float] = always(0.0)


def context(digits: int) -> Context:
    return Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN)


def decimal(x: Fraction, c: Context) -> Decimal:
    return c.divide(Decimal(x.numerator), Decimal(x.denominator))


def exact_exp(x: Fraction, digits: int) -> Exact:
    """exp(x); irrational for every rational x but 0. Beyond |x| = 2000 the ends serve: they saturate or vanish."""
    if x == 0:
        return Fraction(1), True
    c = context(digits + 10)
    return Fraction(c.exp(decimal(min(max(x, Fraction(-2000)), Fraction(2000)), c))), False


def exact_sigmoid(x: Fraction, digits: int) -> Exact:
    if x == 0:
        return Fraction(1, 2), True
    e, _ = exact_exp(-abs(x), digits)
    positive = 1 / (1 + e)
    return (positive if x > 0 else 1 - positive), False


def exact_tanh(x: Fraction, digits: int) -> Exact:
    """tanh(x) = 2 sigmoid(2x) - 1."""
    value, exact = exact_sigmoid(2 * x, digits + 10)
    return 2 * value - 1, exact


def exact_softplus(x: Fraction, digits: int) -> Exact:
    """log(1 + exp(x)) = max(x, 0) + log(1 + exp(-|x|))."""
    c = context(digits + 10)
    e, _ = exact_exp(-abs(x), digits)
    return max(x, Fraction(0)) + Fraction(c.ln(decimal(1 + e, c))), False


@lru_cache(maxsize=8)
def root_of_pi(digits: int) -> Fraction:
    """sqrt(pi) by Machin's formula pi = 16 arctan(1/5) - 4 arctan(1/239)."""
    one = 10 ** (digits + 20)

    def arctan_inverse(n: int) -> int:
        total, power, k = 0, one // n, 0
        while power:
            total += power // (2 * k + 1) * (-1) ** k
            power //= n * n
            k += 1
        return total

    pi = 16 * arctan_inverse(5) - 4 * arctan_inverse(239)
    return Fraction(math.isqrt(pi * one), one)


def exact_erf(x: Fraction, digits: int) -> Exact:
    """erf(x) = 2 / sqrt(pi) * exp(-x^2) * sum_n 2^n x^(2n+1) / (2n+1)!!, whose terms are all of one sign."""
    if x == 0:
        return Fraction(0), True
    if x * x > 5 * digits:
        return Fraction(1 if x > 0 else -1), False
    c = context(digits + 20)
    one = 10 ** (digits + 30)
    square = 2 * x * x
    term = total = int(x * one)
    n = 0
    while term:
        n += 1
        term = term * square.numerator // (square.denominator * (2 * n + 1))
        if abs(term) <= 1:
            break
        total += term
    decay = Fraction(c.exp(decimal(-x * x, c)))
    return 2 * Fraction(total, one) * decay / root_of_pi(digits), False


def clamp(x: Fraction, low: Fraction | int, high: Fraction | int) -> Fraction:
    return Fraction(min(max(x, low), high))


def exact_elu(x: Fraction, digits: int, alpha: Fraction) -> Exact:
    if x >= 0:
        return x, True
    e, exact = exact_exp(x, digits + 10)
    return alpha * (e - 1), exact


def estimate_sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def estimate_erf(x: np.ndarray) -> np.ndarray:
    return np.array([math.erf(v) for v in x.reshape(-1).tolist()]).reshape(x.shape)


def estimate_softplus(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


STEPS: dict[str, Step] = {
    "identity": Step(lambda x: x, lambda x, d: (x, True)),
    "relu": Step(lambda x: np.maximum(x, 0.0), lambda x, d: (max(x, Fraction(0)), True)),
    "absolute": Step(np.abs, lambda x, d: (abs(x), True)),
    "clip": Step(
        lambda x, low, high: np.minimum(np.maximum(x, low), high),
        lambda x, d, low, high: (clamp(x, low, high), True),
        parameters=2,
    ),
    "leaky_relu": Step(
        lambda x, a: np.where(x < 0, a * x, x),
        lambda x, d, a: (a * x if x < 0 else x, True),
        parameters=1,
        slope=lambda m, z, e, a: max(1.0, abs(a)),
        relative=ROUNDING,
    ),
    "affine": Step(
        lambda x, a, b: a * x + b,
        lambda x, d, a, b: (a * x + b, True),
        parameters=2,
        slope=lambda m, z, e, a, b: abs(a),
        relative=ROUNDING,
        absolute=lambda a, b: ROUNDING * abs(b),
    ),
    "square": Step(lambda x: x * x, lambda x, d: (x * x, True), slope=lambda m, z, e: 2.0 * m, relative=ROUNDING),
    "hard_sigmoid": Step(
        lambda x, a, b: np.minimum(np.maximum(a * x + b, 0.0), 1.0),
        lambda x, d, a, b: (clamp(a * x + b, 0, 1), True),
        parameters=2,
        slope=lambda m, z, e, a, b: abs(a),
        absolute=lambda a, b: ROUNDING * (1.0 + 2.0 * abs(b)),
    ),
    "hard_swish": Step(
        lambda x: x * np.minimum(np.maximum(x / 6.0 + 0.5, 0.0), 1.0),
        lambda x, d: (x * clamp(x / 6 + Fraction(1, 2), 0, 1), True),
        slope=always(1.5),
        relative=ROUNDING,
        absolute=always(4 * ROUNDING),
    ),
    "sigmoid": Step(estimate_sigmoid, exact_sigmoid, slope=always(0.25), relative=LIBRARY, absolute=always(1e-280)),
    "tanh": Step(np.tanh, exact_tanh, relative=LIBRARY, absolute=always(1e-280)),
    "exp": Step(
        np.exp, exact_exp, slope=lambda m, z, e: np.abs(z) * np.exp(e), relative=LIBRARY, absolute=always(1e-280)
    ),
    "erf": Step(estimate_erf, exact_erf, slope=always(1.13), relative=LIBRARY, absolute=always(1e-280)),
    "softplus": Step(estimate_softplus, exact_softplus, relative=LIBRARY, absolute=always(1e-280)),
    "elu": Step(
        lambda x, a: np.where(x < 0, a * np.expm1(np.minimum(x, 0.0)), x),
        exact_elu,
        parameters=1,
        slope=lambda m, z, e, a: max(1.0, abs(a)),
        relative=LIBRARY,
        absolute=always(1e-280),
    ),
}
