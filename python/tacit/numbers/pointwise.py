"""The pointwise functions: of each a float64 estimate, bounds on its error, and an evaluation with rational numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from tacit.numbers import elementary
from tacit.numbers.elementary import POLE, Exact, context, decimal
from tacit.numbers.elementary import exp as exact_exp

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
    the slope over arguments of magnitude m - 2 error .. m, `slope(m, value, error, *parameters)`; own error relative *
    |value| + absolute. `jumps(x, error, *parameters)`: where a jump lies within x - error .. x + error.
    """

    estimate: Callable[..., np.ndarray]
    exact: Callable[..., Exact]
    parameters: int = 0
    slope: Callable[..., np.ndarray | float] = always(1.0)
    relative: float = 0.0
    absolute: Callable[..., float] = always(0.0)
    jumps: Callable[..., np.ndarray] | None = None


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
    return 2 * Fraction(total, one) * decay / elementary.root(elementary.pi(digits), digits)[0], False


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


def exact_scaled_elu(x: Fraction, digits: int, alpha: Fraction, gamma: Fraction) -> Exact:
    value, exact = exact_elu(x, digits, alpha)
    return gamma * value, exact


def exact_celu(x: Fraction, digits: int, alpha: Fraction) -> Exact:
    if x >= 0:
        return x, True
    e, exact = exact_exp(x / alpha, digits + 10)
    return alpha * (e - 1), exact


def exact_gelu(x: Fraction, digits: int) -> Exact:
    """x (1 + erf(x / sqrt 2)) / 2."""
    value, exact = exact_erf(x * elementary.root(Fraction(1, 2), digits + 20)[0], digits + 10)
    return x * (1 + value) / 2, exact


def exact_gelu_tanh(x: Fraction, digits: int) -> Exact:
    """x sigmoid(2 u), u = sqrt(2 / pi) (x + 0.044715 x^3)."""
    slope = elementary.root(2 / elementary.pi(digits + 20), digits + 20)[0]
    value, exact = exact_sigmoid(2 * slope * (x + Fraction(44715, 1000000) * x**3), digits + 10)
    return x * value, exact


def exact_swish(x: Fraction, digits: int, alpha: Fraction) -> Exact:
    value, exact = exact_sigmoid(alpha * x, digits + 10)
    return x * value, exact or x == 0


def exact_mish(x: Fraction, digits: int) -> Exact:
    """x tanh(log(1 + e^x)) = x n / (n + 2), n = e^x (e^x + 2)."""
    e, exact = exact_exp(x, digits + 10)
    n = e * (e + 2)
    return x * n / (n + 2), exact


def exact_shrink(x: Fraction, digits: int, bias: Fraction, threshold: Fraction) -> Exact:
    if x < -threshold:
        return x + bias, True
    return (x - bias if x > threshold else Fraction(0)), True


def estimate_gelu(x: np.ndarray) -> np.ndarray:
    halves = np.array([math.erfc(v) for v in (x * -math.sqrt(0.5)).reshape(-1).tolist()]).reshape(x.shape)
    return 0.5 * x * halves


def estimate_gelu_tanh(x: np.ndarray) -> np.ndarray:
    return x * estimate_sigmoid(2.0 * math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))


def estimate_mish(x: np.ndarray) -> np.ndarray:
    e = np.exp(np.minimum(x, 40.0))
    n = e * (e + 2.0)
    return x * (n / (n + 2.0))


def estimate_shrink(x: np.ndarray, bias: float, threshold: float) -> np.ndarray:
    return np.where(x < -threshold, x + bias, np.where(x > threshold, x - bias, 0.0))


def estimate_power(x: np.ndarray, exponent: float) -> np.ndarray:
    base = x if exponent == int(exponent) else np.maximum(x, 0.0)
    with np.errstate(divide="ignore"):
        y = np.power(base, exponent)
    return y if exponent >= 0 else np.where(base == 0, float(POLE), y)


def estimate_log(x: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore"):
        return np.where(x > 0, np.log(np.where(x > 0, x, 1.0)), -float(POLE))


def estimate_reciprocal(x: np.ndarray) -> np.ndarray:
    return np.where(x == 0, float(POLE), 1.0 / np.where(x == 0, 1.0, x))


def estimate_atanh(x: np.ndarray) -> np.ndarray:
    inside = np.abs(x) < 1
    return np.where(inside, np.arctanh(np.where(inside, x, 0.0)), np.where(x > 0, float(POLE), -float(POLE)))


def inverse(values: np.ndarray) -> np.ndarray:
    """1 / values where that is positive, else infinity: slopes."""
    return np.where(values > 0, 1.0 / np.where(values > 0, values, 1.0), np.inf)


def tangent_slope(m: np.ndarray, z: np.ndarray, error: np.ndarray) -> np.ndarray:
    """1 + tan^2 grows by less than 4 times while error (1 + |tan|) <= 1/8; infinite beyond."""
    return np.where(error * (1.0 + np.abs(z)) <= 0.125, 4.0 * (1.0 + z * z), np.inf)


def power_slope(m: np.ndarray, z: np.ndarray, error: np.ndarray, exponent: float) -> np.ndarray:
    """|c x^(c-1)| is largest at an end of the interval."""
    least = np.maximum(m - 2.0 * error, 0.0)
    with np.errstate(divide="ignore"):
        steepest = np.maximum(np.power(m, exponent - 1.0), np.power(least, exponent - 1.0))
    return np.nan_to_num(abs(exponent) * steepest, nan=np.inf, posinf=np.inf)


def jumps_at(*places: float) -> Callable[..., np.ndarray]:
    """Jumps at these arguments."""
    return lambda x, error, *_: np.any([np.abs(x - place) <= error for place in places], axis=0)


def jumps_at_whole(offset: float) -> Callable[..., np.ndarray]:
    """Jumps at every whole number plus `offset`."""
    return lambda x, error: np.abs(x - offset - np.rint(x - offset)) <= error


def short_float_step(size: np.ndarray, mantissa: float, least: float) -> np.ndarray:
    """The distance of neighbours around numbers of this size, for floats of so many mantissa bits and this least exponent."""
    return np.ldexp(1.0, np.maximum(np.frexp(size)[1] - 1, int(least)) - int(mantissa))


def estimate_short_float(x: np.ndarray, mantissa: float, least: float, largest: float) -> np.ndarray:
    """Exact in float64: a product with a power of two, rounded."""
    step = short_float_step(np.abs(x), mantissa, least)
    return np.clip(np.rint(x / step) * step, -largest, largest)


def exact_short_float(x: Fraction, digits: int, mantissa: Fraction, least: Fraction, largest: Fraction) -> Exact:
    """The nearest float of so many mantissa bits, halves to even; the nearer end beyond -largest .. largest."""
    place = max(floor_log2(abs(x)), int(least)) if x else int(least)
    step = Fraction(2) ** (place - int(mantissa))
    return clamp(round(x / step) * step, -largest, largest), True


def floor_log2(x: Fraction) -> int:
    """The greatest k with 2^k <= x, for x > 0."""
    k = x.numerator.bit_length() - x.denominator.bit_length()
    return k if Fraction(2) ** k <= x else k - 1


def short_float_jumps(x: np.ndarray, error: np.ndarray, mantissa: float, least: float, largest: float) -> np.ndarray:
    """In the middle of two neighbours."""
    step = short_float_step(np.abs(x), mantissa, least)
    return np.abs(np.abs(x / step - np.floor(x / step)) - 0.5) * step <= error


def estimate_power_of_two(x: np.ndarray, least: float) -> np.ndarray:
    fraction, place = np.frexp(x)
    return np.where(x > 0, np.ldexp(1.0, np.maximum(place - (fraction == 0.5), int(least))), np.ldexp(1.0, int(least)))


def exact_power_of_two(x: Fraction, digits: int, least: Fraction) -> Exact:
    """The least power of two, of an exponent of `least` or more, that is not below x."""
    below = floor_log2(x) if x > 0 else int(least)
    place = below if x <= 0 or Fraction(2) ** below == x else below + 1
    return Fraction(2) ** max(place, int(least)), True


def power_of_two_jumps(x: np.ndarray, error: np.ndarray, least: float) -> np.ndarray:
    fraction, place = np.frexp(np.abs(x))
    return np.minimum(fraction - 0.5, 1.0 - fraction) * np.ldexp(1.0, place) <= error


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
    "log": Step(
        estimate_log,
        elementary.log,
        slope=lambda m, z, e: inverse(m - 2 * e),
        relative=LIBRARY,
        absolute=always(1e-280),
    ),
    "sqrt": Step(
        lambda x: np.sqrt(np.maximum(x, 0.0)),
        elementary.root,
        slope=lambda m, z, e: 0.5 * np.sqrt(inverse(m - 2 * e)),
        relative=ROUNDING,
    ),
    "reciprocal": Step(
        estimate_reciprocal,
        elementary.reciprocal,
        slope=lambda m, z, e: inverse(m - 2 * e) ** 2,
        relative=ROUNDING,
        jumps=jumps_at(0.0),
    ),
    "power": Step(estimate_power, elementary.power, parameters=1, slope=power_slope, relative=LIBRARY),
    "sin": Step(np.sin, elementary.sin, absolute=always(LIBRARY)),
    "cos": Step(np.cos, elementary.cos, absolute=always(LIBRARY)),
    "tan": Step(np.tan, elementary.tan, slope=tangent_slope, relative=LIBRARY, absolute=always(1e-280)),
    "asin": Step(
        lambda x: np.arcsin(np.clip(x, -1.0, 1.0)),
        elementary.asin,
        slope=lambda m, z, e: np.sqrt(inverse(1.0 - m * m)),
        relative=LIBRARY,
    ),
    "acos": Step(
        lambda x: np.arccos(np.clip(x, -1.0, 1.0)),
        elementary.acos,
        slope=lambda m, z, e: np.sqrt(inverse(1.0 - m * m)),
        relative=LIBRARY,
    ),
    "atan": Step(np.arctan, elementary.atan, relative=LIBRARY),
    "sinh": Step(np.sinh, elementary.sinh, slope=lambda m, z, e: np.cosh(m), relative=LIBRARY),
    "cosh": Step(np.cosh, elementary.cosh, slope=lambda m, z, e: np.sinh(m), relative=LIBRARY),
    "asinh": Step(np.arcsinh, elementary.asinh, relative=LIBRARY),
    "acosh": Step(
        lambda x: np.arccosh(np.maximum(x, 1.0)),
        elementary.acosh,
        slope=lambda m, z, e: np.sqrt(inverse(np.maximum(m - 2 * e, 0.0) ** 2 - 1.0)),
        relative=LIBRARY,
    ),
    "atanh": Step(
        estimate_atanh,
        elementary.atanh,
        slope=lambda m, z, e: inverse(1.0 - m * m),
        relative=LIBRARY,
        jumps=jumps_at(-1.0, 1.0),
    ),
    "selu": Step(
        lambda x, a, g: g * np.where(x < 0, a * np.expm1(np.minimum(x, 0.0)), x),
        exact_scaled_elu,
        parameters=2,
        slope=lambda m, z, e, a, g: abs(g) * max(1.0, abs(a)),
        relative=LIBRARY,
        absolute=always(1e-280),
    ),
    "celu": Step(
        lambda x, a: np.where(x < 0, a * np.expm1(np.minimum(x, 0.0) / a), x),
        exact_celu,
        parameters=1,
        relative=LIBRARY,
        absolute=always(1e-280),
    ),
    "gelu": Step(estimate_gelu, exact_gelu, slope=always(1.2), relative=LIBRARY, absolute=always(1e-250)),
    "gelu_tanh": Step(
        estimate_gelu_tanh, exact_gelu_tanh, slope=always(1.2), relative=LIBRARY, absolute=always(1e-250)
    ),
    "mish": Step(estimate_mish, exact_mish, slope=always(1.2), relative=LIBRARY, absolute=always(1e-250)),
    "swish": Step(
        lambda x, a: x * estimate_sigmoid(a * x),
        exact_swish,
        parameters=1,
        slope=always(1.2),
        relative=LIBRARY,
        absolute=always(1e-250),
    ),
    "softsign": Step(lambda x: x / (1.0 + np.abs(x)), lambda x, d: (x / (1 + abs(x)), True), relative=ROUNDING),
    "thresholded_relu": Step(
        lambda x, a: np.where(x > a, x, 0.0),
        lambda x, d, a: (x if x > a else Fraction(0), True),
        parameters=1,
        jumps=lambda x, error, a: np.abs(x - a) <= error,
    ),
    "shrink": Step(
        estimate_shrink,
        exact_shrink,
        parameters=2,
        relative=ROUNDING,
        absolute=lambda bias, threshold: ROUNDING * (abs(bias) + abs(threshold)),
        jumps=lambda x, error, bias, threshold: np.abs(np.abs(x) - threshold) <= error,
    ),
    "sign": Step(
        np.sign, lambda x, d: (Fraction((x > 0) - (x < 0)), True), slope=always(0.0), jumps=jumps_at(0.0)
    ),
    "floor": Step(
        np.floor, lambda x, d: (Fraction(math.floor(x)), True), slope=always(0.0), jumps=jumps_at_whole(0.0)
    ),
    "ceil": Step(np.ceil, lambda x, d: (Fraction(math.ceil(x)), True), slope=always(0.0), jumps=jumps_at_whole(0.0)),
    "truncate": Step(np.trunc, lambda x, d: (Fraction(int(x)), True), slope=always(0.0), jumps=jumps_at_whole(0.0)),
    "short_float": Step(
        estimate_short_float, exact_short_float, parameters=3, slope=always(0.0), jumps=short_float_jumps
    ),
    "power_of_two": Step(
        estimate_power_of_two, exact_power_of_two, parameters=1, slope=always(0.0), jumps=power_of_two_jumps
    ),
    "round": Step(np.rint, lambda x, d: (Fraction(round(x)), True), slope=always(0.0), jumps=jumps_at_whole(0.5)),
}
