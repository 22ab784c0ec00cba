"""Means under weights that are divided by their sum last: once a mean, and not once a weight."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from tacit.circuit import Constant, Iota
from tacit.errors import ModelError
from tacit.numbers.fixed import round_shift
from tacit.primitives import movement
from tacit.primitives.builder import Builder, Rows, Table, gadget, range_table
from tacit.primitives.gadgets.digits import CELL, DIGIT, ENTRY, LEAF, digit_widths, digits, price, require_injective
from tacit.primitives.gadgets.rescale import WIDEST_TABLE
from tacit.primitives.gadgets.roots import column_of, product_within
from tacit.primitives.tensor import Tensor
from tacit.primitives.threads import Elementwise

Part = tuple[str, Tensor, int]
"""Name, tensor and width of a number that digits check."""


@gadget("weighted_mean")
def weighted_mean(
    b: Builder,
    name: str,
    a: Tensor,
    s: Tensor,
    low: int,
    high: int,
    exponent: int,
    peers: int = 1,
    together: bool | None = None,
) -> Tensor:
    """q = round(a / s) at `exponent`, halves upwards: a = sum_j w_j v_j and s = sum_j w_j of weights w_j >= 0, s >= 1, so that
    low <= a / s <= high as integers for the ends of v, which the caller has proved. Shapes broadcast; a may be a sum of products.

    With u, t >= 0 one of which is 0 and u - t = exponent - a.exponent + s.exponent: 2^(u + 1) a + 2^t s = q D + r, D = 2^(t + 1) s;
    q - low' in R_C, r and D - 1 - r in R_W, by digits of each or together (see `digits_together`; None: by price, `peers` means
    of such widths sharing its table), r virtual. Cells q and two or more of digits, leaves 4 and more, 1 product besides those of
    a. Unique for all field values of a and s: r + (D - 1 - r) bounds D below 2^(W + 1) as an integer and r below D, so that
    (q - low') D + r < 2^(C + W + 1) < p is the integer division. Raises ModelError where widths are too large, and for s below 1.
    """
    if s.low < 1:
        raise ModelError(f"{name} divides by {s.low} .. {s.high}; it needs 1 or more")
    finer = exponent - a.exponent + s.exponent
    up, down = max(finer, 0), max(-finer, 0)
    least, greatest = round_shift(low << up, down), round_shift(high << up, down)
    s = column_of(b, f"{name}/sum", s)
    top = (s.high << (down + 1)) - 1
    quotient_bits, divisor_bits = (greatest - least).bit_length(), top.bit_length()
    require_injective(name, 1 << (quotient_bits + divisor_bits + 1))
    a, s = movement.align_all(b, (a.with_exponent(0), s.with_exponent(0)))
    twice = movement.plus(b, a * (2 << up), s * (1 << down))
    divisor = s * (2 << down)
    quotient = lambda: Elementwise(np.floor_divide, b.value(twice), b.value(divisor))  # noqa: E731
    q = b.commit(name, a, least, greatest, quotient, exponent=exponent)
    product = product_within(b, q.with_exponent(0), divisor, twice.low - top, twice.high)
    r = movement.plus(b, twice, -product).bounded(0, top)
    below = movement.plus(b, divisor - 1, -r).bounded(0, top)
    parts = [
        ("quotient", (q - least).bounded(0, greatest - least), quotient_bits),
        ("remainder", r, divisor_bits),
        ("below", below, divisor_bits),
    ]
    size, tops = max(b.elements(tensor) for _, tensor, _ in parts), [max(width - DIGIT, 0) for _, _, width in parts]
    if cheaper_together(size, parts, tops, b.everything, peers) if together is None else together:
        digits_together(b, name, parts, tops)
    else:
        for part, tensor, width in parts:
            digits(b, f"{name}/{part}", tensor, width)
    return q


def cheaper_together(size: int, parts: Sequence[Part], tops: Sequence[int], everything: int, peers: int) -> bool:
    """Whether `digits_together`, whose table `peers` calls share, costs less than `digits` of each part."""
    if sum(top > 0 for top in tops) < 2 or sum(tops) > WIDEST_TABLE:
        return False
    separate = sum(price(size, digit_widths(size, width, everything), everything) for _, _, width in parts)
    lows = sum(price(size, [min(width, DIGIT)], everything) for _, _, width in parts)
    above = size * (sum(top > 0 for top in tops) * CELL + LEAF)
    return lows + above + (ENTRY << sum(tops)) // max(peers, 1) < separate


def digits_together(b: Builder, name: str, parts: Sequence[Part], tops: Sequence[int]) -> None:
    """Proves 0 <= x < 2^w for each part (name, x, w), all of one shape: by a digit of DIGIT bits each, virtual, and what is above
    it, `tops` bits in a cell, in one table of all combinations.

    Unique: a top digit below 2^t and a virtual one fix an integer below 2^w < p.
    """
    above = []
    for (part, tensor, width), top in zip(parts, tops):
        require_injective(name, 1 << width)
        low = tensor
        if top:
            digit = b.commit(f"{name}/{part}/digit1", tensor, 0, (1 << top) - 1, partial(top_digit, b, tensor))
            above.append(digit)
            low = (tensor - digit * (1 << DIGIT)).bounded(0, (1 << DIGIT) - 1)
        b.lookup(f"{name}/{part}/digit0", range_table(1 << min(width, DIGIT)), [low])
    b.lookup(f"{name}/above", box_table(tops), above)


def top_digit(b: Builder, tensor: Tensor) -> Elementwise:
    return Elementwise(lambda value: value >> DIGIT, b.value(tensor))


def box_table(widths: Sequence[int]) -> Table:
    """All tuples of numbers below 2^w, for each width w above 0."""
    *outer, last = (width for width in widths if width)
    firsts: list[tuple[int, ...]] = [()]
    for width in outer:
        firsts = [(*first, number) for first in firsts for number in range(1 << width)]
    rows = tuple(Rows(1 << last, (*(Constant(number) for number in first), Iota(0))) for first in firsts)
    return Table(f"box/{'x'.join(map(str, [*outer, last]))}", rows)
