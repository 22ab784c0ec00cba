"""Integer square roots, and what scales a number of unknown size to one of known size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import floor, isqrt

import numpy as np

from tacit.errors import ModelError
from tacit.numbers import elementary
from tacit.numbers.functions import Function
from tacit.primitives import arithmetic, movement
from tacit.primitives.axes import product
from tacit.primitives.builder import Builder, Rows, Table, gadget, listed
from tacit.primitives.gadgets.digits import digits, once, require_injective
from tacit.primitives.gadgets.division import divide
from tacit.primitives.gadgets.rescale import round_saturate
from tacit.primitives.tensor import Tensor, constant


def integer_roots(values: np.ndarray) -> np.ndarray:
    """floor(sqrt(values)) of int64 values below 2^62: the float64 root is off by at most one."""
    roots = np.sqrt(values.astype(np.float64)).astype(np.int64)
    roots -= (roots * roots > values).astype(np.int64)
    return roots + ((roots + 1) * (roots + 1) <= values).astype(np.int64)


@gadget("square_root")
def square_root(b: Builder, name: str, x: Tensor) -> Tensor:
    """floor(sqrt(x)) of integers, x >= 0 by its proved interval. The exponent halves, so it must be even.

    Relation: x = r^2 + rest with r in R_w, rest and 2 r - rest in R_(w + 1), by digits. Cells r (and digits), leaves 3
    and more, 1 product. Unique: rest + (2 r - rest) = 2 r holds for integers since 2^(w + 2) < p, so 0 <= rest <= 2 r;
    then x = r^2 + rest < (r + 1)^2 <= 2^(2 w) < p as integers, and r is the root.
    """
    if x.low < 0 or x.exponent % 2:
        raise ModelError(f"{name} takes a root of {x.low} .. {x.high} of exponent {x.exponent}; it needs 0 or more and even")
    low, high = isqrt(x.low), isqrt(x.high)
    width = high.bit_length()
    require_injective(name, 4 << max(2 * width - 2, width))
    r = b.commit(name, x, low, high, lambda: integer_roots(b.value(x)), exponent=x.exponent // 2)
    rest = (x - arithmetic.multiply(b, r, r)).bounded(0, 2 * high)
    digits(b, f"{name}/root", r, width)
    digits(b, f"{name}/rest", rest, width + 1)
    digits(b, f"{name}/below", (2 * r - rest).bounded(0, 2 * high), width + 1)
    return r


def bracket(
    b: Builder, name: str, v: Tensor, steps: int, step: int, columns: Sequence[tuple[str, Sequence[int]]] = ()
) -> tuple[Tensor, list[Tensor]]:
    """2^(step j), j the only number with 2^(step (steps - 1 - j)) <= v < 2^(step (steps - j)), and values that depend on
    j.

    `columns`: (name, a value for each j = 0 .. steps - 1). v is a view with 1 <= v < 2^(step steps) by its proved
    interval. Relation: (2^(step j), h = 2^(step (steps - 1 - j)), values) in a table of `steps` rows; v - h and 2^step h
    - 1 - v in R_w, w = step steps. Unique for every field value of v: the two add up to (2^step - 1) h - 1 < 2^w as
    integers since 2^(w + 1) < p, so v is an integer of the interval that j names, and these are disjoint.
    """
    width = step * steps
    if v.low < 1 or v.high >> width:
        raise ModelError(f"{name} scales {v.low} .. {v.high}, which leaves 1 .. 2^{width}")
    require_injective(name, 2 << width)
    place = once(lambda: np.searchsorted([1 << step * i for i in range(1, steps)], b.value(v), side="right"))

    def chosen(values: Sequence[int]) -> Callable[[], np.ndarray]:
        return lambda: np.array(values, dtype=np.int64)[steps - 1 - place()]

    everything = [
        ("scale", [1 << step * j for j in range(steps)]),
        ("floor", [1 << step * (steps - 1 - j) for j in range(steps)]),
        *columns,
    ]
    cells = [b.commit(f"{name}/{key}", v, min(values), max(values), chosen(values)) for key, values in everything]
    rules = tuple(listed(values) for _, values in everything)
    b.lookup(f"{name}/bracket", Table(f"bracket/{name}", (Rows(steps, rules),)), cells)
    digits(b, f"{name}/above", (v - cells[1]).bounded(0, (1 << width) - 1), width)
    digits(b, f"{name}/below", (cells[1] * (1 << step) - v - 1).bounded(0, (1 << width) - 1), width)
    return cells[0], cells[2:]


def product_within(b: Builder, left: Tensor, right: Tensor, low: int, high: int) -> Tensor:
    """left * right under an interval that the caller has proved, where that of the factors would be far too wide.
    Copies, where the factors need them, keep the factors' own intervals."""
    left, right = movement.align_all(b, arithmetic.factors_of(b, left, right))
    return product(left.bounded(0, 0), right.bounded(0, 0)).bounded(low, high)


def column_of(b: Builder, name: str, v: Tensor) -> Tensor:
    """v as a single view."""
    return v if v.is_affine and len(v.terms) == 1 else b.copy(v, name)


@gadget("inverse_root")
def inverse_root(b: Builder, name: str, v: Tensor, fraction: int, less: int = 0) -> Tensor:
    """h = floor((2^F - less) / r) 2^j, about 2^F / sqrt(v), where 2^(2 m - 2) <= 4^j v < 2^(2 m), r = floor(sqrt(4^j v)), m is half
    of the bits of v's interval, and F = m - 1 + fraction is the exponent. Its relative error is below 2^(1 - fraction) +
    2^(1 - m) + less / 2^F.

    v >= 1 by its proved interval. Relations: `bracket`, `square_root`, `divide`, h = g 2^j. Unique: each of them is.
    Whoever has n^2 <= v has |n h| <= 2^F - less: 4^j v >= (2^j n)^2 gives r >= 2^j |n|, and g r <= 2^F - less.
    """
    m = max(1, -(-v.high.bit_length() // 2))
    v = column_of(b, f"{name}/square", v)
    powers, (doubles,) = bracket(b, name, v, m, 2, [("double", [1 << j for j in range(m)])])
    normal = product_within(b, v, powers, 1 << 2 * m - 2, (1 << 2 * m) - 1).with_exponent(0)
    r = square_root(b, f"{name}/root", normal).bounded(1 << m - 1, (1 << m) - 1)
    exponent = m - 1 + fraction
    g = divide(b, f"{name}/inverse", constant(r.shape, (1 << exponent) - less), r, exponent=exponent)
    scaled = product_within(b, g, doubles, 0, 1 << fraction + m - 1).with_exponent(exponent)
    return b.copy(scaled, f"{name}/scaled")


@gadget("normalised")
def normalised(b: Builder, name: str, v: Tensor, offsets: Sequence[int]) -> tuple[Tensor, Tensor]:
    """(2^j v, offsets[j]) with 2^(w - 1) <= 2^j v < 2^w for the w bits of v's interval, j = 0 .. w - 1; v >= 1 by its proved
    interval. Both have exponent 0.

    Relation: `bracket`; 2^j v is a product. Unique: as `bracket` is.
    """
    width = v.high.bit_length()
    v = column_of(b, f"{name}/argument", v)
    powers, (offset,) = bracket(b, name, v, width, 1, [("offset", offsets)])
    return product_within(b, v, powers, 1 << width - 1, (1 << width) - 1).with_exponent(0), offset


@gadget("logarithm")
def logarithm(b: Builder, name: str, v: Tensor, exponent: int, bits: int = 16) -> Tensor:
    """log(v 2^-v.exponent) of this exponent, with an error of about 2^-bits; v >= 1 by its proved interval.

    Relations: `normalised` gives j with 2^(w - 1) <= 2^j v < 2^w, w the bits of v's interval; the logarithm of the rounded
    mantissa comes from a table, and round((w - v.exponent - j) log 2) with it. Unique: each of them is.
    """
    width = v.high.bit_length()
    offsets = [power_logarithm(width - v.exponent - j, exponent) for j in range(width)]
    normal, offset = normalised(b, name, v, offsets)
    argument, shift = normal.with_exponent(width), max(0, width - bits)
    mantissa = round_saturate(
        b, f"{name}/mantissa", argument, shift, bits + 1, Function("log"), exponent, bits_out=exponent + 2
    )
    return (mantissa + offset).with_exponent(exponent)


def power_logarithm(power: int, exponent: int) -> int:
    """round(log(2^power) 2^exponent)."""
    value = elementary.log(Fraction(2), 60)[0] * power * Fraction(2) ** exponent
    return floor(value + Fraction(1, 2))
