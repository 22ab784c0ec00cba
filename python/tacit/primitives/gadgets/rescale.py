"""Rounding: y = f(clamp(round(x / 2^s))) on narrow integers, and q = round(x / 2^s) on as wide ones as their interval
needs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256

import numpy as np

from tacit.circuit import Constant
from tacit.errors import ModelError
from tacit.numbers.fixed import round_shift, signed_range
from tacit.numbers.functions import IDENTITY, Function, tabulate
from tacit.numbers.interval import Interval
from tacit.primitives.axes import product
from tacit.primitives.builder import Builder, Rows, Table, gadget, listed
from tacit.primitives.gadgets.comparison import maximum, minimum
from tacit.primitives.gadgets.digits import CELL, DIGIT, ENTRY, LEAF, digits, interval_check, once, require_injective
from tacit.primitives.gadgets.grids import Leaving, grid_of, on_grid
from tacit.primitives.gadgets.segments import graph_rows, sign_rows
from tacit.primitives.tensor import Tensor, constant
from tacit.primitives.threads import Elementwise, Index, in_parts

WIDE = 32
"""Widest integer that a rounding may leave in the witness, in bits."""
EXCESS = 16
"""Bits beyond the range that a table tells apart."""
WIDEST_TABLE = 18
"""A table over a whole interval has at most 2^18 entries."""


@dataclass(frozen=True)
class Shape:
    """The function that a rounding applies to q = round(x / 2^shift), as integers: y = T(clamp(q 2^gain))."""

    function: Function
    exponent_in: int
    exponent_out: int
    low: int
    high: int
    low_out: int
    high_out: int
    gain: int

    def table(self) -> np.ndarray:
        """T over low .. high."""
        return tabulate(
            self.function, self.low, self.high, self.exponent_in, self.exponent_out, self.low_out, self.high_out
        )

    def at(self, x: np.ndarray, shift: int) -> Elementwise:
        """y for q = round(x / 2^shift)."""
        table = self.table()
        return Elementwise(lambda part: table.take(self.held(round_shift(part, shift)) - self.low, mode="clip"), x)

    def held(self, q: np.ndarray) -> np.ndarray:
        """q 2^gain; outside low .. high only beyond the same end."""
        return np.clip(q, self.low - 1, self.high + 1) << self.gain if self.gain else q

    def over(self, first: int, last: int) -> np.ndarray:
        """y for q = first .. last."""
        return np.asarray(self.at(np.arange(first, last + 1, dtype=np.int64), 0))

    def saturated(self, x: np.ndarray, shift: int) -> int:
        """How many integers q = round(x / 2^shift) the clamping changes the function of, or their results: where a function is flat
        at an end of its table (Relu of negative numbers), leaving the table changes nothing."""
        table, counts = self.table(), []
        same = self.function == IDENTITY and self.exponent_in == self.exponent_out

        def count(index: Index) -> None:
            part = self.held(round_shift(x[index], shift))
            y = table.take(part - self.low, mode="clip")
            ends = np.zeros(part.shape, dtype=bool) if same else (y == self.low_out) | (y == self.high_out)
            for beyond, end, next_to_it in ((part < self.low, 0, 1), (part > self.high, -1, -2)):
                if self.function == IDENTITY or table[end] != table[next_to_it]:
                    ends |= beyond
            counts.append(int(np.count_nonzero(ends)))

        in_parts(x.shape, count)
        return sum(counts)

    @property
    def label(self) -> str:
        return (
            f"{self.function.label}/{self.exponent_in}>{self.exponent_out}/{self.low}..{self.high}"
            f">{self.low_out}..{self.high_out}" + (f"/gain{self.gain}" if self.gain else "")
        )


@lru_cache(maxsize=64)
def tabulated(shape: Shape) -> tuple[str, np.ndarray]:
    """A name and the values over the whole table. The name is that of equal values of one function: exponents do not matter where
    they change no integer."""
    values = shape.over(shape.low, shape.high)
    values.flags.writeable = False
    return f"{shape.function.label}/{sha256(values.astype('<i8').tobytes()).hexdigest()[:12]}", values


def remainder(b: Builder, name: str, tensor: Tensor, value: Callable[[], np.ndarray], offset: int, shift: int) -> Tensor:
    """The cell rem = (x + offset) mod 2^shift with rem in R_shift, `value` giving the integers x."""
    mask = (1 << shift) - 1
    rem = b.commit(f"{name}/remainder", tensor, 0, mask, lambda: Elementwise(lambda part: (part + offset) & mask, value()))
    digits(b, f"{name}/remainder", rem, shift)
    return rem


def rounded(x: np.ndarray, shift: int) -> Elementwise:
    return Elementwise(lambda part: round_shift(part, shift), x)


def half(shift: int) -> int:
    return 1 << (shift - 1) if shift else 0


def choose_form(shape: Shape, q: Interval, size: int, shift: int) -> str:
    """The cheaper of a table over the whole interval and of a sign beside a table of three parts."""
    bits = (shape.high - shape.low).bit_length()
    overflow = (q.high >> bits) - (q.low >> bits) + 1
    rounds = shift > 0
    whole = size * ((1 + rounds) * (CELL + LEAF)) + q.size * ENTRY
    wide = size * ((3 + rounds) * CELL + (2 + rounds) * LEAF) + ((3 << bits) + overflow) * ENTRY
    if q.digits > WIDEST_TABLE:
        return "wide"
    return "whole" if whole <= wide else "wide"


def plain(
    b: Builder, name: str, x: Tensor, shift: int, q: Interval, exponent: int, public: bool, ranged: bool = True
) -> Tensor:
    """q = round(x / 2^shift) as a cell; x + 2^(shift-1) - q 2^shift in R_shift, q - q.low in R_w, both virtual; the latter is left
    to the caller if not `ranged`, and to the verifier if q is public.

    Unique: 2^w 2^shift < p, so that two quotients of one field element would differ by less than p in both parts.
    """
    y = b.commit(name, x, q.low, q.high, lambda: rounded(b.value(x), shift), exponent=exponent, public=public)
    if shift == 0:
        b.contract(f"{name}/equal", y - x)
        return y
    require_injective(name, 1 << (q.digits + shift))
    digits(b, f"{name}/remainder", x + half(shift) - y * (1 << shift), shift)
    if ranged and not public:
        digits(b, f"{name}/quotient", y - q.low, q.digits)
    return y


def clamped(b: Builder, name: str, x: Tensor, shift: int, low: int, bits: int, exponent: int) -> Tensor:
    """q = round(x / 2^shift) held inside the 2^bits integers from `low` on, without a table of that width.

    q - low = g 2^rest + lo with lo in R_rest and (g, z) in a table, z the sign of g div 2^(bits - rest), by which q is below,
    inside or above: y = low, q or high, in one relation of z, z^2 and z^2 q. Cells q, y, g, z (and one a further digit), leaves 1
    and one a digit of remainder and lo. rest = bits, or a digit less where a table of so many rows is cheaper.
    Unique: (g, lo, remainder) are the mixed-radix digits of an integer below p, g fixes z, and z and q fix y. An excess of more
    than EXCESS bits goes through `maximum` and `minimum` instead.
    """
    high = low + (1 << bits) - 1
    interval = Interval(x.low, x.high).rounded(shift)
    excess = max(max(low - interval.low, interval.high - high, 0).bit_length() - bits, 0)
    beyond = excess > EXCESS
    q = plain(b, name, x, shift, interval, exponent, False, ranged=beyond)
    b.saturates(lambda: int(np.count_nonzero((b.value(q) < low) | (b.value(q) > high))))
    if beyond:
        inside = maximum(b, f"{name}/lowest", q, constant(q.shape, low, q.exponent))
        return minimum(b, f"{name}/highest", inside, constant(q.shape, high, q.exponent))
    below = (1 << excess) if q.low < low else 0
    above = (1 << excess) if q.high > high else 0
    require_injective(name, (below + above + 1) << (bits + shift))
    rest = rest_of(bits, below + above + 1, b.elements(q))
    step = bits - rest
    place = once(lambda: (b.value(q) - low) >> rest)
    g = b.commit(f"{name}/excess", q, -below << step, (above + 1 << step) - 1, place)
    z = b.commit(f"{name}/side", q, -(below > 0), int(above > 0), lambda: np.sign(place() >> step))
    label = f"sign/{-below}..{above}" + (f"/{step}" if step else "")
    b.lookup(f"{name}/excess", Table(label, sign_rows(-below, above, step)), [g, z])
    digits(b, f"{name}/inside", q - g * (1 << rest) - low, rest)
    y = b.commit(f"{name}/clamped", q, low, high, lambda: np.clip(b.value(q), low, high), exponent=exponent)
    outside = product(z, z) if below and above else z if above else -z
    b.contract(f"{name}/clamped", (y - q) * 2 + product(outside, q - low) * 2 - (outside + z) * ((1 << bits) - 1))
    return y


def rest_of(bits: int, parts: int, size: int) -> int:
    """The low bits of a number of `bits` bits whose others stand in one table with its `parts` excesses."""
    rest = (bits - 1) // DIGIT * DIGIT or bits
    rows = parts << (bits - rest)
    return rest if rows <= 1 << WIDEST_TABLE and rows * ENTRY <= size * (CELL + LEAF) else bits


def whole_interval(b: Builder, name: str, x: Tensor, shift: int, q: Interval, shape: Shape) -> Tensor:
    """(q, y) in the table of y over the whole interval of q; q = (x + 2^(shift-1) - rem) / 2^shift is virtual.

    Cells y, rem; leaves 2. Unique: rem < 2^shift and q's interval times 2^shift < p fix (q, rem), and q fixes y.
    """
    require_injective(name, q.size << shift)
    values = shape.over(q.low, q.high)
    value = once(lambda: b.value(x))
    y = b.commit(name, x, int(values.min()), int(values.max()), lambda: shape.at(value(), shift), exponent=shape.exponent_out)
    quotient = x
    if shift:
        rem = remainder(b, name, x, value, half(shift), shift)
        quotient = (x + half(shift) - rem).divide_exactly(1 << shift, q.low, q.high)
    table = Table(f"{shape.label}/{q.low}..{q.high}", graph_rows(q.low, values))
    b.lookup(f"{name}/table", table, [quotient, y])
    return y


def sign_and_table(
    b: Builder, name: str, x: Tensor, shift: int, q: Interval, shape: Shape, joined: bool | None = None
) -> Tensor:
    """x + 2^(shift-1) = (hi 2^w + lo + low) 2^shift + rem, with (hi, z = sign hi) in a small table and (lo, z, y) in
    one of three parts: y = T(lo + low) for z = 0, T(low) for z = -1, T(high) for z = 1. lo is virtual.

    Cells y, rem, hi, z; leaves 3. A remainder of more than a digit is rem = top 2^s + rest, and `joined` (None: by price) makes
    one cell g = hi 2^(w + shift - s) + top of two, with (g, z) in a table of all pairs: cells y, rest, g, z; leaves 3, one cell
    and leaf fewer. Unique: (hi, lo, rem) are the mixed-radix digits of one integer below p, and fix z and y; g fixes hi and top.
    """
    bits = (shape.high - shape.low).bit_length()
    high_low, high_high = (q.low - shape.low) >> bits, (q.high - shape.low) >> bits
    split = DIGIT if shift > DIGIT else shift // 2
    if joined is None:
        entries = (high_high - high_low + 1) << (shift - split)
        joined = shift > DIGIT and entries <= 1 << DIGIT and entries * ENTRY <= b.elements(x) * (CELL + LEAF)
    require_injective(name, (high_high - high_low + 1) << (bits + shift))
    if high_high - high_low >= 1 << WIDEST_TABLE:
        raise ModelError(
            f"the values at {name} may leave their calibrated range by more than {WIDEST_TABLE} bits; "
            "check the weights, or give samples that reach the values that matter"
        )
    values = shape.over(shape.low, shape.high)
    value = once(lambda: b.value(x))

    def above(part: np.ndarray) -> np.ndarray:
        return (round_shift(part, shift) - shape.low) >> bits

    y = b.commit(name, x, int(values.min()), int(values.max()), lambda: shape.at(value(), shift), exponent=shape.exponent_out)
    z = b.commit(f"{name}/sign", x, -1, 1, lambda: Elementwise(lambda part: np.sign(above(part)), value()))
    if joined:
        place, top = bits + shift - split, (1 << (shift - split)) - 1

        def ends(part: np.ndarray) -> np.ndarray:
            return (above(part) << place) + (((part + half(shift)) >> split) & top)

        last = (high_high << place) + top
        g = b.commit(f"{name}/ends", x, high_low << place, last, lambda: Elementwise(ends, value()))
        pairs = Table(f"ends/{high_low}..{high_high}/{place}/{top}", end_rows(high_low, high_high, place, top))
        b.lookup(f"{name}/ends", pairs, [g, z])
        rest = remainder(b, name, x, value, half(shift), split)
        inside = x.bounded(0, 0) + half(shift) - g.bounded(0, 0) * (1 << split) - rest
        low = inside.divide_exactly(1 << shift, shape.low, shape.high) - shape.low
    else:
        hi = b.commit(f"{name}/above", x, high_low, high_high, lambda: Elementwise(above, value()))
        b.lookup(f"{name}/sign", Table(f"sign/{high_low}..{high_high}", sign_rows(high_low, high_high)), [hi, z])
        quotient = x
        if shift:
            rem = remainder(b, name, x, value, half(shift), shift)
            quotient = (x + half(shift) - rem).divide_exactly(1 << shift, q.low, q.high)
        low = (quotient - hi * (1 << bits) - shape.low).bounded(0, (1 << bits) - 1)
    b.lookup(f"{name}/table", three_parts(shape, high_low < 0, high_high > 0), [low, z, y])
    return y


def end_rows(high_low: int, high_high: int, place: int, top: int) -> tuple[Rows, ...]:
    """Tuples (hi 2^place + t, sign hi), t = 0 .. top."""
    negative, positive = (-1, high_low, min(high_high, -1)), (1, max(high_low, 1), high_high)
    rows = []
    for sign, first, last in (negative, (0, max(high_low, 0), min(high_high, 0)), positive):
        if first <= last:
            values = (np.arange(first, last + 1, dtype=np.int64)[:, None] << place) + np.arange(top + 1)
            rows.append(Rows(values.size, (listed(values.reshape(-1)), Constant(sign))))
    return tuple(rows)


@lru_cache(maxsize=64)
def three_parts(shape: Shape, below: bool, above: bool) -> Table:
    """Tuples (lo, z, y); the parts of a sign that cannot occur are left out. Layers share few shapes."""
    values = shape.over(shape.low, shape.high)
    rows = graph_rows(0, values, (0,))
    for sign, occurs, end in ((-1, below, values[0]), (1, above, values[-1])):
        if occurs:
            rows += graph_rows(0, np.full(len(values), end), (sign,))
    return Table(f"{shape.label}/signed{below:d}{above:d}", rows)


@gadget("round_saturate")
def round_saturate(
    b: Builder,
    name: str,
    x: Tensor,
    shift: int,
    bits: int,
    function: Function = IDENTITY,
    exponent: int | None = None,
    *,
    bits_out: int | None = None,
    least: int | None = None,
    form: str | None = None,
) -> Tensor:
    """y = f(clamp(round(x / 2^shift))): clamped to signed `bits`-bit integers of exponent x.exponent - shift, or to `least` and
    the 2^bits - 1 integers above it, then through the correctly rounded table of `function`, to signed `bits_out`-bit integers
    (default `bits`) of the given exponent (default: that of the clamped integers). Any x, affine or product; a negative shift
    multiplies by 2^-shift first.

    Forms, chosen by price from the element count and x's interval unless `form` says: "plain" when no value of x's
    interval is changed by f or clamping (1 cell, 2 leaves and more by digits), "whole" (2 cells, 2 leaves), "wide" (4
    cells, 3 leaves; "joined" with a remainder of two digits, where that is cheaper or said; where the program has a grid for it,
    or as "grid" on its own, 3 cells, 2 leaves); see `plain`, `whole_interval`, `sign_and_table` and `grids.on_grid` for relations
    and uniqueness. On demand and for the identity "clamped" (see there), without a table of the
    interval. A remainder of more than 16 bits adds a cell and a leaf a digit. Raises ModelError where the field is too small for
    the widths.
    """
    gain, shift = max(-shift, 0), max(shift, 0)
    exponent_in = x.exponent - shift + gain
    low, high = signed_range(bits) if least is None else (least, least + (1 << bits) - 1)
    low_out, high_out = signed_range(bits_out or bits)
    exponent_out = exponent_in if exponent is None else exponent
    shape = Shape(function, exponent_in, exponent_out, low, high, low_out, high_out, gain)
    q = Interval(x.low, x.high).rounded(shift)
    chosen = form or ("plain" if is_plain(shape, q) else choose_form(shape, q, b.elements(x), shift))
    if chosen == "plain":
        return plain(b, name, x, shift, q, exponent_out, False)
    if chosen == "clamped":
        if function != IDENTITY or gain or exponent_out != exponent_in or bits_out not in (None, bits):
            raise ValueError(f"{name} does more than to round and to saturate")
        inside = q.low >= low and q.high <= high
        return plain(b, name, x, shift, q, exponent_out, False) if inside else clamped(b, name, x, shift, low, bits, exponent_out)
    b.saturates(lambda: shape.saturated(b.value(x), shift))
    if chosen == "whole":
        return whole_interval(b, name, x, shift, q, shape)
    bits_in, offset = (high - low).bit_length(), half(shift) - (low << shift)
    key, values = tabulated(shape)
    leaving = Leaving(key, shift, bits_in, x.low + offset, x.high + offset, b.elements(x))
    own = leaving.grid(shift + min(2, bits_in)) if chosen == "grid" else None
    grid = own or (grid_of(b, leaving) if chosen == "wide" else None)
    if grid is not None:
        return on_grid(b, name, x, low, bits_in, grid, values, shape.at, exponent_out)
    return sign_and_table(b, name, x, shift, q, shape, True if chosen == "joined" else None)


def is_plain(shape: Shape, q: Interval) -> bool:
    """Whether y = q for every q of the interval."""
    if shape.gain or q.low < shape.low or q.high > shape.high or q.digits > WIDEST_TABLE:
        return False
    return bool((shape.over(q.low, q.high) == np.arange(q.low, q.high + 1)).all())


@gadget("round_wide")
def round_wide(b: Builder, name: str, x: Tensor, shift: int, *, public: bool = False) -> Tensor:
    """q = round(x / 2^shift) in as many bits as x's interval needs, so that it cannot saturate; exponent x.exponent -
    shift.

    Relation: x + 2^(shift-1) - q 2^shift in R_shift (virtual) and q - low in R_w, by digits. A public q (a graph
    output) is range-checked by the verifier against its binding's interval instead. shift <= 0 gives a cell equal to x
    2^-shift. Cells 1 (and one a further digit), leaves one a digit. Unique: 2^(w + shift) < p; see `plain`. Raises
    ModelError if q needs more than 32 bits (public: if the field is too small).
    """
    if shift < 0:
        x, shift = (x * (1 << -shift)).with_exponent(x.exponent - shift), 0
    q = Interval(x.low, x.high).rounded(shift)
    if q.digits > WIDE and not public:
        raise ModelError(f"the rounded values at {name} need {q.digits} bits, more than {WIDE}; shift by more")
    return plain(b, name, x, shift, q, x.exponent - shift, public)


@gadget("divide_constant")
def divide_constant(b: Builder, name: str, x: Tensor, divisor: int, *, public: bool = False) -> Tensor:
    """q = round(x / divisor), halves upwards, for a constant divisor >= 1: the mean of `divisor` summed values.
    Exponent kept.

    Relation: x + floor(divisor / 2) - q divisor = rem, a virtual number in 0 .. divisor - 1, and q - low in R_w. Cells
    1, leaves 2 (more by digits). Unique: 2^w divisor < p. Raises ModelError beyond 32 bits and for divisor < 1.
    """
    if divisor < 1:
        raise ModelError(f"{name} divides by {divisor}; a constant divisor is at least 1")
    offset = divisor // 2
    q = Interval((x.low + offset) // divisor, (x.high + offset) // divisor)
    if q.digits > WIDE:
        raise ModelError(f"the quotient at {name} needs {q.digits} bits, more than {WIDE}")
    require_injective(name, divisor << q.digits)
    divided = lambda: Elementwise(lambda part: (part + offset) // divisor, b.value(x))  # noqa: E731
    y = b.commit(name, x, q.low, q.high, divided, exponent=x.exponent, public=public)
    rem = x + offset - y * divisor
    interval_check(b, f"{name}/remainder", rem, 0, divisor - 1)
    if not public:
        digits(b, f"{name}/quotient", y - q.low, q.digits)
    return y
