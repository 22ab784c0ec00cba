"""Softmax along the last dimension: exact subtraction of the maximum, one table of exponentials, one division a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from tacit.circuit import Constant, Iota
from tacit.errors import ModelError
from tacit.numbers.fixed import round_shift
from tacit.numbers.functions import Function, tabulate
from tacit.numbers.interval import Interval
from tacit.numbers.pieces import Curve
from tacit.primitives import arithmetic
from tacit.primitives.builder import Builder, Rows, Table, gadget, listed
from tacit.primitives.gadgets.comparison import sign_by_digits
from tacit.primitives.gadgets.digits import CELL, ENTRY, LEAF, digits, once, require_injective
from tacit.primitives.gadgets.division import divide
from tacit.primitives.gadgets.grids import Grid, Leaving, grid_of, placed
from tacit.primitives.gadgets.pieces import Choice, cheapest_pieces, polynomial
from tacit.primitives.gadgets.rescale import WIDEST_TABLE, half, remainder, rounded
from tacit.primitives.tensor import Tensor
from tacit.primitives.threads import Elementwise

DECAY = Function("affine", (-1.0, 0.0)).then(Function("exp"))
DOMAIN = 4
"""exp(-d) has its table over 0 <= d < 2^DOMAIN and is zero beyond."""
MANTISSA = 16
"""Exponent of the exponentials: exp(0) is 2^16."""
SHARED = 8
"""Scores of so many layers may share a table of exponentials."""
FAR = 1 << 13
"""What says that a score has no exponential, in rows of up to 2^12 scores; it is larger in longer ones."""
GUARD = 2
"""Bits of the reciprocal beyond the probabilities' exponent."""


@dataclass(frozen=True)
class Exponentials:
    """e = round(exp(-d 2^-step) 2^MANTISSA) for 0 <= d < 2^(DOMAIN + step), zero beyond."""

    step: int

    @property
    def bits(self) -> int:
        return DOMAIN + self.step

    def values(self) -> np.ndarray:
        return tabulate(DECAY, 0, (1 << self.bits) - 1, self.step, MANTISSA, 0, 1 << MANTISSA)

    @property
    def curve(self) -> Curve:
        return Curve(DECAY, 0, (1 << self.bits) - 1, self.step, MANTISSA, 0, 1 << MANTISSA)

    def at(self, d: np.ndarray) -> np.ndarray:
        """For d >= 0."""
        return with_zero(self.curve).take(d, mode="clip")

    def table(self, count: int) -> list[Rows]:
        """Rows (d, e, [d = 0]) for d = 0 .. count - 1; those of d = 0 apart."""
        values = self.values()[:count]
        rows = [Rows(1, (Constant(0), Constant(int(values[0])), Constant(1)))]
        if len(values) > 1:
            rows.append(Rows(len(values) - 1, (Iota(1), listed(values[1:]), Constant(0))))
        if count > len(values):
            rows.append(Rows(count - len(values), (Iota(len(values)), Constant(0), Constant(0))))
        return rows

    def marked(self) -> list[Rows]:
        """Rows (d, mark, e) for d = 0 .. 2^bits - 1: a mark of 1 where d = 0, else 0."""
        values = self.values()
        first = Rows(1, (Constant(0), Constant(1), Constant(int(values[0]))))
        return [first, Rows(len(values) - 1, (Iota(1), Constant(0), listed(values[1:])))]


@lru_cache(maxsize=16)
def with_zero(curve: Curve) -> np.ndarray:
    """The curve's values and what is beyond them."""
    return np.append(curve.table(), 0)


@gadget("softmax")
def softmax(b: Builder, name: str, x: Tensor, bits: int = 16, step: int | None = None, longest: int = 0) -> Tensor:
    """Probabilities along the last dimension, of exponent bits - 1 (1.0 is the integer 2^(bits-1)):

    p = round(e_j floor(2^F / S) / 2^(F - bits + 1)), e_j = exp(-(max_k x_k - x_j)) from a table of 2^(DOMAIN + step)
    entries and more, x rounded to `step` bits after the point (default bits - 4), S = sum_j e_j. 2^F is so large that a row of
    `longest` elements is as precise, where that is more than the row has: rows that others of no weight were left out of give the
    same.

    Element: exponentials (see `exponentials`) and p, rounded: p in R and its remainder in R_s by digits, 1 product.
    Row: the maximum with its range check, the number of maxima, a division. Unique: see `exponentials` and `divide`; p
    is the rounding of an integer that 2^(bits + s) < p tells apart. Raises ModelError where the scores' interval is too
    wide.
    """
    size, exponent = x.shape[-1], bits - 1
    e = exponentials(b, name, x, Exponentials(bits - DOMAIN if step is None else step))
    total = arithmetic.reduce_sum(b, e, [-1], keepdims=True).bounded(1 << MANTISSA, size << MANTISSA)
    scale = MANTISSA + (max(size, longest) - 1).bit_length() + exponent + GUARD
    shift = scale - exponent
    numerator = total * 0 + (1 << scale)
    inverse = divide(b, f"{name}/inverse", numerator, total)
    product = arithmetic.multiply(b, e, inverse).bounded(0, 1 << scale)
    highest = 1 << exponent
    p = b.commit(name, e, 0, highest, lambda: rounded(b.value(product), shift), exponent=exponent)
    require_injective(name, 1 << (bits + shift))
    rest = product + half(shift) - p * (1 << shift)
    digits(b, f"{name}/rounding", rest.bounded(0, (1 << shift) - 1), shift)
    digits(b, f"{name}/probability", p, bits)
    return p


@gadget("softmax_weights")
def softmax_weights(b: Builder, name: str, x: Tensor, step: int) -> Tensor:
    """e = exp(x - max x) along the last dimension, of exponent MANTISSA: a softmax that is not divided yet; see `exponentials`."""
    return exponentials(b, name, x, Exponentials(step))


def exponentials(b: Builder, name: str, x: Tensor, table: Exponentials) -> Tensor:
    """e = exp(x - max x) along the last dimension, with q = round(x 2^(step - exponent)) and d = m - q, m the row's
    maximum.

    Relation: x + 2^(s-1) = (m - d) 2^s + rem, rem in R_s, (d, e, z = [d = 0]) in the table over the scores' whole
    spread, or d = hi 2^w + lo with (hi, mark) and (lo, mark, e) in tables, see `marked`; row: sum_j z_j - 1 in R (a
    maximum exists) and m - low in R by digits. d, or lo, is virtual. Cells rem, e, z (or mark, and hi); leaves 2 (3). Where there
    are few scores, lo has no table: see `by_polynomials`; where the program has a grid for the distances, see `by_grid`.
    Unique: were m + t another maximum, |t| < 2^(w'), w' the width of m's check, then every d would grow by t (2^s times
    the widths stays below p), while z demands an element with d = 0 before and after, so t = 0; then rem and d are
    mixed-radix digits.
    """
    shift = x.exponent - table.step
    if shift < 0:
        x, shift = (x * (1 << -shift)).with_exponent(table.step), 0
    q = Interval(x.low, x.high).rounded(shift)
    spread = q.high - q.low
    if spread.bit_length() > table.bits + 16:
        raise ModelError(
            f"scores at {name} spread over {spread} steps, too wide for a softmax; check the model's ranges"
        )
    value = once(lambda: b.value(x))
    highest = once(lambda: round_shift(value().max(axis=-1, keepdims=True), shift))
    distance = once(lambda: np.asarray(Elementwise(lambda most, part: most - round_shift(part, shift), highest(), value())))
    whole = look_up_whole(b.elements(x), spread, table)
    few = pieces_for_few(b, x, table, spread + 1 if whole else 2 << table.bits)
    row = x.shape[:-1] + (1,)
    m = b.commit(f"{name}/maximum", row, q.low, q.high, highest)
    digits(b, f"{name}/maximum", m - q.low, q.digits)
    if not whole and few is None:
        most = ((spread + 1) << shift) - 1
        grid = grid_of(b, Leaving(f"exp/{table.step}", shift, table.bits, 0, most, b.elements(x), parts=2))
        if grid is not None:
            require_injective(name, ((grid.high + 1) << grid.cell) + (1 << (q.digits + shift)))
            offset = (1 << shift) - 1 - half(shift)
            t = m * (1 << shift) + offset - x
            exact = once(lambda: np.asarray(Elementwise(lambda most, part: (most << shift) + offset - part, highest(), value())))
            return by_grid(b, name, t, most, (exact, distance), table, grid)
    rounded = x
    if shift:
        rem = remainder(b, name, x, value, half(shift), shift)
        rounded = (x + half(shift) - rem).divide_exactly(1 << shift, q.low, q.high)
    d = (m - rounded).bounded(0, spread)
    require_injective(name, ((1 << q.digits) + spread + (1 << table.bits) + 2) << shift)
    if few is not None:
        e, z = by_polynomials(b, name, d, distance, spread, table, (few.degree, few.bits, few.shift))
    else:
        e = b.commit(f"{name}/exponential", d, 0, 1 << MANTISSA, lambda: Elementwise(table.at, distance()), exponent=MANTISSA)
        if not whole:
            cut_distance(b, name, d, distance, spread, e, table)
            return e
        z = b.commit(f"{name}/is_maximum", d, 0, 1, lambda: Elementwise(lambda part: part == 0, distance()))
        rows = tuple(table.table(spread + 1))
        b.lookup(f"{name}/exponential", Table(f"exp/{table.step}/{spread}", rows), [d, e, z])
    maxima = arithmetic.reduce_sum(b, z, [-1], keepdims=True)
    digits(b, f"{name}/exists", (maxima - 1).bounded(0, x.shape[-1] - 1), (x.shape[-1] - 1).bit_length())
    return e


def by_grid(
    b: Builder,
    name: str,
    t: Tensor,
    most: int,
    integers: tuple[Callable[[], np.ndarray], Callable[[], np.ndarray]],
    table: Exponentials,
    grid: Grid,
) -> Tensor:
    """e for t = d 2^s + 2^s - 1 - rem, whose `integers` are those of t and of d, by `placed`, with marks as in `marked`.

    (place, mark, e) in one table. Cells e, place, mark; leaves 2. Unique: as `exponentials` without a grid; t and what a maximum
    may be moved by are together less than p.
    """
    exact, distance = integers
    place, rest, _ = placed(b, name, t, 0, table.bits, grid, exact, (0, most))
    e = b.commit(f"{name}/exponential", t, 0, 1 << MANTISSA, lambda: Elementwise(table.at, distance()), exponent=MANTISSA)
    mark, far = marked(b, name, t, distance, table.bits)
    first, *others = table.marked()
    rows = (first, *grid.outside(table.bits, far, 0, 0), *others)
    b.lookup(f"{name}/rest", grid.rests((0, 1), far), [rest, mark])
    b.lookup(f"{name}/exponential", Table(f"{grid.key}/{grid.cell}/{grid.high}/{far}", rows), [place, mark, e])
    return e


def marked(b: Builder, name: str, x: Tensor, distance: Callable[[], np.ndarray], bits: int) -> tuple[Tensor, int]:
    """(mark, FAR): a cell for each score, 1 where its distance is 0, FAR where it is 2^bits or more, else 0, if a table says so;
    and that a row has a maximum.

    Row: sum_j mark_j = 1 + a + n FAR with a and n in R, FAR larger than any a. Unique: the sum is the number of maxima and
    FAR times another number, so that there are a + 1 of them, which is at least one.
    """
    size = x.shape[-1]
    width = (size - 1).bit_length()
    far = max(FAR, 2 << width)
    marks = lambda part: np.where(part >> bits > 0, far, part == 0)  # noqa: E731
    mark = b.commit(f"{name}/mark", x, 0, far, lambda: Elementwise(marks, distance()))
    row = x.shape[:-1] + (1,)
    beyond = b.commit(f"{name}/far", row, 0, size, lambda: (distance() >> bits > 0).sum(axis=-1, keepdims=True))
    digits(b, f"{name}/far", beyond, size.bit_length())
    maxima = arithmetic.reduce_sum(b, mark, [-1], keepdims=True) - beyond * far
    digits(b, f"{name}/exists", (maxima - 1).bounded(0, size - 1), width)
    return mark, far


def pieces_for_few(b: Builder, d: Tensor, table: Exponentials, entries: int) -> Choice | None:
    """Pieces of the exponential, where a program may have SHARED times these scores and pay less for them than for a table of so
    many entries."""
    size = SHARED * b.elements(d)
    rows, beyond = entries * ENTRY, size * (5 * CELL + 3 * LEAF)
    if beyond >= rows or int(table.values()[1]) == 1 << MANTISSA:
        return None
    found = cheapest_pieces(size, table.curve, b.everything)
    return found if found is not None and found.price + beyond < rows else None


def by_polynomials(
    b: Builder,
    name: str,
    d: Tensor,
    distance: Callable[[], np.ndarray],
    spread: int,
    table: Exponentials,
    parameters: tuple[int, int, int],
) -> tuple[Tensor, Tensor]:
    """(e, z): the exponential of lo, for d = hi 2^w + lo, by `polynomial`, times 1 - [hi > 0], and z = [e >= 2^MANTISSA], which is
    [d = 0], for e is less elsewhere. Unique: hi is in a table, lo in pieces; e is fixed by both, and z by e."""
    bits = table.bits
    hi, far = near_and_far(b, name, d, distance, spread, bits)
    low = (d - hi * (1 << bits)).bounded(0, (1 << bits) - 1)
    near = polynomial(b, f"{name}/near", low, table.curve, parameters)
    e = b.commit(f"{name}/exponential", d, 0, 1 << MANTISSA, lambda: Elementwise(table.at, distance()), exponent=MANTISSA)
    b.contract(f"{name}/exponential", arithmetic.multiply(b, far, near) + e - near)
    return e, sign_by_digits(b, f"{name}/is_maximum", e.with_exponent(0) - (1 << MANTISSA), MANTISSA)


def look_up_whole(size: int, spread: int, table: Exponentials) -> bool:
    """Whether one table over the whole spread is cheaper than cutting distances into two digits."""
    if spread >> table.bits == 0:
        return True
    cut = size * (CELL + LEAF) + ((2 << table.bits) + (spread >> table.bits)) * ENTRY
    return spread.bit_length() <= WIDEST_TABLE and spread * ENTRY <= cut


def cut_distance(
    b: Builder,
    name: str,
    d: Tensor,
    distance: Callable[[], np.ndarray],
    spread: int,
    e: Tensor,
    table: Exponentials,
) -> None:
    """d = hi 2^w + lo: (hi, mark), and (lo, mark, e), in tables, the second one zero for far ones."""
    bits, highest = table.bits, spread >> table.bits
    hi = b.commit(f"{name}/distance", d, 0, highest, lambda: Elementwise(lambda part: part >> bits, distance()))
    mark, far = marked(b, name, d, distance, bits)
    near = [Rows(1, (Constant(0), Constant(value))) for value in (0, 1)]
    beyond = [Rows(highest, (Iota(1), Constant(far)))] if highest else []
    b.lookup(f"{name}/distance", Table(f"marks/{highest}/{far}", (*near, *beyond)), [hi, mark])
    rows = (*table.marked(), Rows(1 << bits, (Iota(0), Constant(far), Constant(0))))
    low = (d - hi * (1 << bits)).bounded(0, (1 << bits) - 1)
    b.lookup(f"{name}/exponential", Table(f"exp/{table.step}/cut/{far}", rows), [low, mark, e])


def near_and_far(
    b: Builder, name: str, d: Tensor, distance: Callable[[], np.ndarray], spread: int, bits: int
) -> tuple[Tensor, Tensor]:
    """(hi, [hi > 0]) in a table, hi = d >> bits."""
    highest = spread >> bits
    hi = b.commit(f"{name}/distance", d, 0, highest, lambda: Elementwise(lambda part: part >> bits, distance()))
    far = b.commit(f"{name}/far", d, 0, 1, lambda: Elementwise(lambda part: part >> bits > 0, distance()))
    rows = [Rows(1, (Constant(0), Constant(0)))]
    if highest:
        rows.append(Rows(highest, (Iota(1), Constant(1))))
    b.lookup(f"{name}/distance", Table(f"far/{highest}", tuple(rows)), [hi, far])
    return hi, far
