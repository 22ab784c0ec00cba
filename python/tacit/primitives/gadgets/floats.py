"""Division as floats do it: a step of a 255th of a range, and quotients by it rounded twice, to a float and to an integer."""

from __future__ import annotations

from math import frexp

import numpy as np

from tacit.errors import ModelError
from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, Rows, Table, gadget, listed
from tacit.primitives.gadgets.comparison import compare
from tacit.primitives.gadgets.digits import digits, once, require_injective
from tacit.primitives.gadgets.nearest import divide_nearest
from tacit.primitives.gadgets.rescale import divide_constant
from tacit.primitives.gadgets.roots import bracket, column_of, product_within
from tacit.primitives.tensor import Tensor, constant

SINGLE = 24
"""Significant bits of a float32."""
STEPS = 255
WIDEST_RANGE = 27
"""A range has at most so many bits: its quotients' bounds then fit in the field, 60 bits and a sign."""


@gadget("float_step")
def float_step(b: Builder, name: str, spread: Tensor) -> tuple[Tensor, Tensor]:
    """(factor, step) of exponent 0 with x / s = x factor / (step 2^excess) for every x of the exponent of `spread`, where s =
    fl(fl(spread) / 255) in float32 and excess = width(spread) - SINGLE: see `excess_of`. 2^23 <= step < 2^24.

    spread >= 1 by its proved interval. Relations: `bracket` gives 2^j with 2^(w - 1) <= 2^j spread < 2^w; r = the nearest
    integer to 2^j spread / 2^excess, halves to even, is the float's significand; step = the nearest to 2^8 r / 255, or to 2^7 r /
    255 from r = 255 2^16 on, where the quotient is a power of two larger (255 is odd: there are no halves); factor = 2^(8 + j) or
    2^(7 + j). Unique: each of them is. Raises ModelError for a spread of 0 and below, or of more than WIDEST_RANGE bits.
    """
    if spread.low < 1 or spread.high >> WIDEST_RANGE:
        raise ModelError(f"{name} has a range of {spread.low} .. {spread.high}, which leaves 1 .. 2^{WIDEST_RANGE}")
    excess = excess_of(spread)
    width = SINGLE + excess
    spread = column_of(b, f"{name}/spread", spread)
    powers, _ = bracket(b, name, spread, width, 1)
    normal = product_within(b, spread, powers, 1 << width - 1, (1 << width) - 1).with_exponent(0)
    mantissa = b.copy(normal, f"{name}/mantissa")
    if excess:
        mantissa = divide_nearest(b, f"{name}/rounded", mantissa, constant(mantissa.shape, 1 << excess))
    last = STEPS << SINGLE - 8
    large = compare(b, f"{name}/large", mantissa, constant(mantissa.shape, last))
    scaled = movement.plus(b, mantissa * 256, arithmetic.multiply(b, mantissa, large) * -128).bounded(128 * last, 256 * (last - 1))
    step = divide_constant(b, f"{name}/step", scaled, STEPS)
    factor = movement.plus(b, powers * 256, arithmetic.multiply(b, powers, large) * -128)
    return b.copy(factor.bounded(128, 256 << width - 1), f"{name}/factor"), step


def excess_of(spread: Tensor) -> int:
    """By how many bits a range is wider than a float's significand."""
    return max(spread.high.bit_length() - SINGLE, 0)


def least_quotients(first: int, last: int, bits: int = SINGLE) -> list[int]:
    """2^(bits + 1) times the least real number that becomes k = first .. last when it is rounded to a float of so many
    significant bits, and that to an integer, both with halves to even.

    Within half a last place of k - 1/2 the float is k - 1/2, which goes to the even one of k - 1 and k. A number in the very middle
    of k - 1/2 and its neighbour counts as k, for both: it has bits + 1 significant bits, so that no quotient of floats is one.
    """

    def least(k: int) -> int:
        if k <= 0:
            return -least(1 - k)
        place = frexp(k - 0.5)[1] - 1
        half = 1 << place + 1
        return ((2 * k - 1) << bits) + (half if k % 2 else -half)

    return [least(k) for k in range(first, last + 1)]


@gadget("float_quotient")
def float_quotient(
    b: Builder, name: str, x: Tensor, factor: Tensor, step: Tensor, excess: int, *, most: int = STEPS, bits: int = SINGLE
) -> Tensor:
    """The integer k of -most .. most that x factor / (step 2^excess) becomes as a float of `bits` significant bits and then as an
    integer, halves to even; exponent 0, from 0 on for an x >= 0 by its proved interval. The quotient stays within 1 / 2 of most.
    factor and step have one element.

    Relation: (k, l, h) in the table of `least_quotients` of k and k + 1; with v = 2^(bits + 1) x factor and d = step 2^excess,
    v - d l and d h - 1 - v in R_w, and step - 1 in R_bits, by digits. Cells k, l, h (and digits), leaves 3 and more, 2 products.
    Unique: step is an integer, so d l <= v < d h holds for integers, the sums of all k staying below p / 4, and l grows with k.
    """
    low = 0 if x.low >= 0 else -most
    least = least_quotients(low, most + 1, bits)
    gap = max(after - before for before, after in zip(least, least[1:]))
    width = ((step.high << excess) * gap).bit_length()
    reach = least[-1] << bits + excess
    require_injective(name, 4 * (reach + (1 << width)))
    digits(b, f"{name}/step", (step - 1).bounded(0, (1 << bits) - 1), bits)
    x = column_of(b, f"{name}/argument", x)
    factor, step = (movement.expand(b, movement.reshape(b, one, ()), x.shape) for one in (factor, step))
    x, factor, step = movement.align_all(b, (x.with_exponent(0), factor.with_exponent(0), step.with_exponent(0)))
    table = np.array(least, dtype=np.int64)

    def place() -> np.ndarray:
        v, d = (b.value(x) * b.value(factor)) << bits + 1, b.value(step) << excess
        k = np.clip(np.rint(v / (d.astype(np.float64) * 2.0 ** (bits + 1))).astype(np.int64), low, most)
        k -= v < d * table[k - low]
        k += v >= d * table[k - low + 1]
        return k

    found = once(place)
    k = b.commit(name, x, low, most, found)
    at_least = b.commit(f"{name}/least", x, least[0], least[-2], lambda: table[found() - low])
    beyond = b.commit(f"{name}/beyond", x, least[1], least[-1], lambda: table[found() - low + 1])
    rows = Rows(len(least) - 1, (listed(range(low, most + 1)), listed(least[:-1]), listed(least[1:])))
    b.lookup(f"{name}/bounds", Table(f"float/{bits}/{low}..{most}", (rows,)), [k, at_least, beyond])
    v = product_within(b, x, factor, 0 if low == 0 else -(reach >> bits + 1), reach >> bits + 1) * (2 << bits)
    for word, bound, sign in (("above", at_least, 1), ("below", beyond, -1)):
        end = product_within(b, step, bound, -(reach >> excess), reach >> excess) * (sign << excess)
        rest = movement.plus(b, v * sign, -end) if sign > 0 else movement.plus(b, -v, -end) - 1
        digits(b, f"{name}/{word}", rest.bounded(0, (1 << width) - 1), width)
    return k
