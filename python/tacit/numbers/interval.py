"""Closed intervals of Python integers: proved bounds of every element of a tensor."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tacit.numbers.fixed import round_shift, saturate


@dataclass(frozen=True)
class Interval:
    """All integers low <= x <= high."""

    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError(f"empty interval [{self.low}, {self.high}]")

    def __contains__(self, x: int) -> bool:
        return self.low <= x <= self.high

    def __add__(self, other: Interval) -> Interval:
        return Interval(self.low + other.low, self.high + other.high)

    def __neg__(self) -> Interval:
        return Interval(-self.high, -self.low)

    def __sub__(self, other: Interval) -> Interval:
        return self + -other

    def __mul__(self, other: Interval | int) -> Interval:
        if isinstance(other, int):
            other = Interval(other, other)
        products = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Interval(min(products), max(products))

    @property
    def size(self) -> int:
        """The number of integers inside."""
        return self.high - self.low + 1

    @property
    def magnitude(self) -> int:
        """The largest |x| inside."""
        return max(abs(self.low), abs(self.high))

    @property
    def digits(self) -> int:
        """Bits of x - low: the smallest w with size <= 2^w."""
        return (self.size - 1).bit_length()

    @property
    def bits(self) -> int:
        """Width of the smallest signed type that holds every x."""
        return max(max(self.low, ~self.low).bit_length(), max(self.high, ~self.high).bit_length()) + 1

    def rounded(self, shift: int) -> Interval:
        """The interval of round(x / 2^shift)."""
        return Interval(round_shift(self.low, shift), round_shift(self.high, shift))

    def saturated(self, low: int, high: int) -> Interval:
        """The interval of x held inside [low, high]."""
        return Interval(saturate(self.low, low, high), saturate(self.high, low, high))

    def union(self, other: Interval) -> Interval:
        """The smallest interval that contains both."""
        return Interval(min(self.low, other.low), max(self.high, other.high))

    def inside(self, other: Interval) -> bool:
        """Whether every x lies in `other`."""
        return other.low <= self.low and self.high <= other.high


def hull(intervals: Iterable[Interval]) -> Interval:
    """The smallest interval that contains all; at least one is needed."""
    items = list(intervals)
    return Interval(min(i.low for i in items), max(i.high for i in items))
