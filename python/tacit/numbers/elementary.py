"""Elementary functions of rational numbers to any precision, with integers and decimals.

Every function returns (value, whether that is exact); an inexact value is within 10^-digits (1 + |value|) of the real
one. POLE stands for infinity: a function has the value +POLE or -POLE at a pole, and what the comment of each function
says outside its domain, so that every argument has a value and tables are total.
"""

from __future__ import annotations

from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import isqrt

Exact = tuple[Fraction, bool]

POLE = Fraction(10) ** 300
FARTHEST = 2000
"""Arguments of exp beyond this saturate or vanish in every table."""
LARGEST_POWER = 64
"""Whole exponents up to this size are raised exactly."""
DEEPEST_ROOT = 6
"""Exponents p / 2^k with k up to this are searched for rational results."""


def context(digits: int) -> Context:
    return Context(prec=digits, Emax=MAX_EMAX, Emin=MIN_EMIN)


def decimal(x: Fraction, c: Context) -> Decimal:
    return c.divide(Decimal(x.numerator), Decimal(x.denominator))


@lru_cache(maxsize=8)
def pi(digits: int) -> Fraction:
    """By Machin's formula pi = 16 arctan(1/5) - 4 arctan(1/239)."""
    one = 10 ** (digits + 20)

    def arctan_inverse(n: int) -> int:
        total, power, k = 0, one // n, 0
        while power:
            total += power // (2 * k + 1) * (-1) ** k
            power //= n * n
            k += 1
        return total

    return Fraction(16 * arctan_inverse(5) - 4 * arctan_inverse(239), one)


def root(x: Fraction, digits: int) -> Exact:
    """The square root; 0 for negative x."""
    if x <= 0:
        return Fraction(0), True
    top, bottom = isqrt(x.numerator), isqrt(x.denominator)
    if top * top == x.numerator and bottom * bottom == x.denominator:
        return Fraction(top, bottom), True
    one = 10 ** (digits + 10 + max(0, len(str(x.denominator)) - len(str(x.numerator))))
    return Fraction(isqrt(x.numerator * one * one // x.denominator), one), False


def exp(x: Fraction, digits: int) -> Exact:
    """exp(x); irrational for every rational x but 0. Beyond |x| = FARTHEST the ends serve."""
    if x == 0:
        return Fraction(1), True
    c = context(digits + 10)
    return Fraction(c.exp(decimal(min(max(x, Fraction(-FARTHEST)), Fraction(FARTHEST)), c))), False


def log(x: Fraction, digits: int) -> Exact:
    """The natural logarithm; -POLE for x <= 0."""
    if x <= 0:
        return -POLE, True
    if x == 1:
        return Fraction(0), True
    c = context(digits + 20)
    return Fraction(c.ln(decimal(x, c))), False


def reciprocal(x: Fraction, digits: int) -> Exact:
    """1 / x; POLE for 0."""
    return (POLE if x == 0 else 1 / x), True


def sine_and_cosine(x: Fraction, digits: int) -> tuple[Fraction, Fraction]:
    """By Taylor's series after x is brought to |r| <= pi / 4 by multiples of pi / 2."""
    places = digits + 15 + len(str(abs(int(x))))
    quarter = pi(places) / 2
    turns = round(x / quarter)
    one = 10**places
    rest = x - turns * quarter
    r = rest.numerator * one // rest.denominator
    series, term, k = [0, 0], one, 0
    while abs(term) > 1:
        series[k % 2] += term if k % 4 < 2 else -term
        k += 1
        term = term * r // (one * k)
    cosine, sine = Fraction(series[0], one), Fraction(series[1], one)
    return [(sine, cosine), (cosine, -sine), (-sine, -cosine), (-cosine, sine)][turns % 4]


def sin(x: Fraction, digits: int) -> Exact:
    return sine_and_cosine(x, digits)[0], x == 0


def cos(x: Fraction, digits: int) -> Exact:
    return sine_and_cosine(x, digits)[1], x == 0


def tan(x: Fraction, digits: int) -> Exact:
    """No rational number but 0 is a multiple of pi / 2: there is no pole."""
    if x == 0:
        return Fraction(0), True
    sine, cosine = sine_and_cosine(x, 2 * digits)
    return (sine / cosine if cosine else POLE), False


def atan(x: Fraction, digits: int) -> Exact:
    """By Taylor's series after three halvings atan x = 2 atan(x / (1 + sqrt(1 + x^2)))."""
    if x == 0:
        return Fraction(0), True
    if abs(x) > 1:
        rest, _ = atan(1 / abs(x), digits)
        value = pi(digits) / 2 - rest
        return (value if x > 0 else -value), False
    one = 10 ** (digits + 15)
    t = abs(x.numerator) * one // x.denominator
    for _ in range(3):
        t = t * one // (one + isqrt(one * one + t * t))
    total, power, k = 0, t, 0
    while power:
        total += power // (2 * k + 1) * (-1) ** k
        power = power * t // one * t // one
        k += 1
    value = Fraction(8 * total, one)
    return (value if x > 0 else -value), False


def asin(x: Fraction, digits: int) -> Exact:
    """Arguments outside -1 .. 1 count as the nearer end."""
    if x == 0:
        return Fraction(0), True
    if abs(x) >= 1:
        return (pi(digits) / 2 if x > 0 else -pi(digits) / 2), False
    return atan(x / root(1 - x * x, 2 * digits)[0], digits)


def acos(x: Fraction, digits: int) -> Exact:
    """Arguments outside -1 .. 1 count as the nearer end."""
    if x >= 1:
        return Fraction(0), True
    return pi(digits) / 2 - asin(x, digits)[0], False


def sinh(x: Fraction, digits: int) -> Exact:
    e, exact = exp(x, digits)
    return (e - 1 / e) / 2, exact


def cosh(x: Fraction, digits: int) -> Exact:
    e, exact = exp(x, digits)
    return (e + 1 / e) / 2, exact


def asinh(x: Fraction, digits: int) -> Exact:
    """log(|x| + sqrt(x^2 + 1)), with the sign of x."""
    value, exact = log(abs(x) + root(x * x + 1, digits + 5)[0], digits)
    return (value if x >= 0 else -value), exact and x == 0


def acosh(x: Fraction, digits: int) -> Exact:
    """log(x + sqrt(x^2 - 1)); 0 for x < 1."""
    if x <= 1:
        return Fraction(0), True
    return log(x + root(x * x - 1, digits + 5)[0], digits)[0], False


def atanh(x: Fraction, digits: int) -> Exact:
    """log((1 + x) / (1 - x)) / 2; POLE for x >= 1 and -POLE for x <= -1."""
    if abs(x) >= 1:
        return (POLE if x > 0 else -POLE), True
    value, exact = log((1 + x) / (1 - x), digits)
    return value / 2, exact


def power(x: Fraction, digits: int, exponent: Fraction) -> Exact:
    """x^exponent; for an exponent that is not whole 0^exponent stands in for negative x. POLE for 0 to a negative
    power."""
    if exponent == 0 or x == 1:
        return Fraction(1), True
    whole = exponent.denominator == 1
    if x == 0 or (x < 0 and not whole):
        return (Fraction(0) if exponent > 0 else POLE), True
    if whole and abs(exponent) <= LARGEST_POWER:
        return x ** int(exponent), True
    depth = exponent.denominator.bit_length() - 1
    if depth <= DEEPEST_ROOT and abs(exponent.numerator) <= LARGEST_POWER and x > 0:
        value, exact = x ** abs(exponent.numerator), True
        for _ in range(depth):
            value, rational = root(value, 2 * digits)
            exact = exact and rational
        return (value if exponent > 0 else 1 / value), exact
    logarithm, _ = log(abs(x), digits + 20)
    value, _ = exp(logarithm * exponent, digits)
    return (-value if x < 0 and exponent % 2 == 1 else value), False
