"""Range checks by digits: a number of w bits is cut into digits, each looked up in a range table that a whole program shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, lru_cache
from typing import TypeVar

from tacit.circuit import FIELD
from tacit.errors import ModelError
from tacit.primitives.builder import Builder, gadget, range_table
from tacit.primitives.tensor import Tensor
from tacit.primitives.threads import Elementwise

DIGIT = 16
"""Widest digit, unless a whole program is cheaper with wider ones: a range table has at most 2^16 entries."""
CELL, LEAF, ENTRY = 80, 130, 210
"""Prover's price of a witness cell, of a lookup, and of a table entry (a leaf and a multiplicity), in nanoseconds."""

Result = TypeVar("Result")
_FORGOTTEN: ContextVar[list[Callable[[], None]] | None] = ContextVar("forgotten", default=None)


def once(compute: Callable[[], Result]) -> Callable[[], Result]:
    """`compute`, run at most once: columns of one gadget share what their values are made of. Inside `forgetting` once between
    any two calls of what that gives."""
    kept = cache(compute)
    forgotten = _FORGOTTEN.get()
    if forgotten is not None:
        forgotten.append(kept.cache_clear)
    return kept


@contextmanager
def forgetting() -> Iterator[Callable[[], None]]:
    """For who computes columns more than once, on other inputs: what makes the gadgets called inside forget their values."""
    forgotten: list[Callable[[], None]] = []

    def forget() -> None:
        for clear in forgotten:
            clear()

    token = _FORGOTTEN.set(forgotten)
    try:
        yield forget
    finally:
        _FORGOTTEN.reset(token)


def require_injective(name: str, values: int) -> None:
    """Refuses a gadget whose relation separates fewer than `values` integers modulo p, for rule U would fail.

    Raises ModelError naming the node.
    """
    if values > FIELD:
        raise ModelError(
            f"the widths at {name} need {values.bit_length()} bits, more than the field separates; lower them"
        )


def require_fits(name: str, tensor: Tensor, low: int, high: int) -> None:
    """Refuses a tensor whose proved interval leaves low .. high: an honest prover could fail. Raises ModelError."""
    if tensor.low < low or tensor.high > high:
        raise ModelError(f"values at {name} reach {tensor.low} .. {tensor.high}, outside {low} .. {high}")


def digit_widths(size: int, width: int, everything: int = 0, ranges: Sequence[int] = ()) -> list[int]:
    """Widths of the digits, the lowest first, that check `size` numbers of `width` bits: the fewest of `ranges` that add up to
    it, or where there are none or none do, those of the lowest `price`."""
    given = cuts(tuple(ranges), width)[width] if ranges else None
    if given is not None:
        return list(given)

    def cut(count: int) -> list[int]:
        low = -(-width // count)
        return [low] * (count - 1) + [width - low * (count - 1)]

    fewest = max(1, -(-width // DIGIT))
    choices = [cut(count) for count in range(fewest, max(fewest, width) + 1)]
    return min((c for c in choices if c[-1] > 0 or width == 0), key=lambda widths: price(size, widths, everything))


@lru_cache(maxsize=512)
def cuts(ranges: tuple[int, ...], most: int) -> tuple[tuple[int, ...] | None, ...]:
    """For each number up to `most` the fewest of `ranges` that add up to it, the widest first; None where none do."""
    found: list[tuple[int, ...] | None] = [()]
    for total in range(1, most + 1):
        rests = ((width, found[total - width]) for width in sorted(ranges, reverse=True) if width <= total)
        found.append(min(((width, *rest) for width, rest in rests if rest is not None), key=len, default=None))
    return tuple(found)


def price(size: int, widths: Sequence[int], everything: int = 0) -> int:
    """Of checking `size` numbers by digits of these widths, in nanoseconds. Range tables serve a whole program: of `everything`
    that it computes, these numbers bear their share of a table."""
    count = len(widths)
    tables = sum(ENTRY << w for w in set(widths))
    return size * (count * LEAF + (count - 1) * CELL) + tables * size // max(size, everything, 1)


def digits(b: Builder, name: str, tensor: Tensor, width: int) -> None:
    """Proves 0 <= tensor < 2^width. Cells: one a digit but the lowest, which is virtual; leaves: one a digit.

    Unique: the digits of an integer are; a field element outside the range has none, for sums of digits stay below
    2^width < p.
    """
    require_injective(name, 1 << width)
    if width == 0:
        b.contract(name, tensor)
        return
    rest = tensor.bounded(0, (1 << width) - 1)
    whole = once(lambda: b.value(tensor))
    b.checks(b.elements(tensor), width)
    widths = digit_widths(b.elements(tensor), width, b.everything, b.ranges)

    def part(start: int, mask: int) -> Callable[[], Elementwise]:
        return lambda: Elementwise(lambda value: (value >> start) & mask, whole())

    for place in reversed(range(1, len(widths))):
        start, bits = sum(widths[:place]), widths[place]
        mask = (1 << bits) - 1
        digit = b.commit(f"{name}/digit{place}", tensor, 0, mask, part(start, mask))
        b.lookup(f"{name}/digit{place}", range_table(1 << bits), [digit])
        rest = rest - digit * (1 << start)
    b.lookup(f"{name}/digit0", range_table(1 << widths[0]), [rest.bounded(0, (1 << widths[0]) - 1)])


def interval_check(b: Builder, name: str, tensor: Tensor, low: int, high: int) -> None:
    """Proves low <= tensor <= high exactly. One leaf for up to 2^16 values, else two checks by digits."""
    count = high - low + 1
    width = (count - 1).bit_length()
    if count == 1 << width:
        digits(b, name, tensor - low, width)
    elif width <= DIGIT and (b.elements(tensor) * LEAF >= count * ENTRY or width <= 8):
        b.lookup(name, range_table(count), [(tensor - low).bounded(0, count - 1)])
    else:
        require_injective(name, 2 << width)
        digits(b, f"{name}/above", tensor - low, width)
        digits(b, f"{name}/below", high - tensor, width)


@gadget("range_check")
def range_check(b: Builder, name: str, tensor: Tensor, low: int, high: int) -> Tensor:
    """Proves low <= tensor <= high for every element and returns the tensor under that interval.

    Relation: tensor - low (and high - tensor, unless the interval has 2^w integers) lie in digits.
    Raises ModelError if the tensor's proved interval leaves low .. high, for then an honest prover could fail.
    """
    require_fits(name, tensor, low, high)
    interval_check(b, name, tensor, low, high)
    return tensor.bounded(low, high)
