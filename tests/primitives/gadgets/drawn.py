"""Random instances of every gadget and primitive: what `test_walk.py` builds, checks, proves and tampers with.

A gadget's own test file registers how it is drawn, in a few lines; `test_walk.py` imports every test file of this folder
and fails, naming it, for a gadget that no function draws and for a line of a gadget that no drawn instance reaches:

    @drawn("my_gadget", "its form")  # the second name tells several forms of one gadget apart; leave it out for one
    def my_gadgets(draw):
        x = draw(operands(interval=intervals(12)))
        shift = draw(st.integers(0, 3))
        return Instance([x], lambda b, x: my_gadget(b, "g", x, shift), lambda x: x >> shift)

`Instance.call` runs the gadget on the operands' tensors; `expected`, which may be left out, gives its integers by NumPy.
Operands prefer the ends of their interval, zero and ties, and come as columns of every home and as views, sums and
products of columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from tacit.primitives import movement
from tacit.primitives.builder import Builder
from tacit.primitives.tensor import Tensor

Part = tuple[np.ndarray, int, int]
"""Integers of a stored column and their interval."""


@dataclass(frozen=True)
class Operand:
    """A gadget's operand: its integers, their interval, and how the gadget meets them (a key of VIEWS)."""

    values: np.ndarray
    low: int
    high: int
    exponent: int = 0
    view: str = "input"


@dataclass(frozen=True)
class Instance:
    operands: Sequence[Operand]
    call: Callable[..., Tensor]
    expected: Callable[..., np.ndarray] | None = None


DRAWN: dict[tuple[str, str], st.SearchStrategy[Instance]] = {}


def drawn(key: str, form: str = "") -> Callable[[Callable[..., Instance]], Callable[..., Instance]]:
    """Registers `function(draw) -> Instance` as what draws one form of a gadget or primitive."""

    def register(function: Callable[..., Instance]) -> Callable[..., Instance]:
        if (key, form) in DRAWN:
            raise ValueError(f"two functions draw {key} {form}")
        DRAWN[key, form] = st.composite(function)()
        return function

    return register


# how an operand is stored and read


def whole(v: np.ndarray, low: int, high: int) -> list[Part]:
    return [(v, low, high)]


def strided_parts(v: np.ndarray, low: int, high: int) -> list[Part]:
    longer = np.full(v.shape[:-1] + (2 * v.shape[-1],), high)
    longer[..., ::-2] = v
    return [(longer, low, high)]


def joined_parts(v: np.ndarray, low: int, high: int) -> list[Part]:
    cut = v.shape[0] // 2
    return [(piece, low, high) for piece in (v[:cut], v[cut:]) if len(piece)]



def listed_parts(v: np.ndarray, low: int, high: int) -> list[Part]:
    order = [0, *range(1, v.shape[0])]
    longer = np.full((2 * len(order) + 1,) + v.shape[1:], low)
    longer[positions(v.shape[0])] = v
    return [(longer, low, high)]


def positions(size: int) -> list[int]:
    """Places in 2 size + 1 that are no arithmetic progression when there are three or more."""
    return [2 * i + (i > 1) for i in range(size)]


VIEWS: dict[str, tuple[Callable[[np.ndarray, int, int], list[Part]], Callable[..., Tensor], int]] = {
    "input": (whole, lambda b, t: t, 0),
    "weights": (whole, lambda b, t: t, 0),
    "witness": (whole, lambda b, t: b.copy(t, "operand"), 0),
    "sum": (
        lambda v, low, high: [(v >> 1, low >> 1, high >> 1), (v - (v >> 1), low - (low >> 1), high - (high >> 1))],
        lambda b, t, u: t + u,
        0,
    ),
    "product": (lambda v, low, high: [(v, low, high), (np.ones_like(v), 1, 1)], lambda b, t, u: t * u.with_exponent(0), 0),
    "divided": (lambda v, low, high: [(3 * v, 3 * low, 3 * high)], lambda b, t: t.divide_exactly(3), 0),
    "transposed": (lambda v, low, high: [(v.T, low, high)], lambda b, t: movement.transpose(b, t), 1),
    "strided": (strided_parts, lambda b, t: movement.slice_(b, t, -1, -1, None, -2), 1),
    "joined": (joined_parts, lambda b, *parts: movement.concat(b, parts, 0), 1),
    "listed": (listed_parts, lambda b, t: movement.take(b, t, 0, positions((t.shape[0] - 1) // 2)), 1),
}
"""name -> (the stored columns, the tensor made of them, the least rank)."""


def arrays_of(number: int, operand: Operand) -> dict[str, np.ndarray]:
    """The stored columns of an operand by name."""
    parts = VIEWS[operand.view][0](operand.values, operand.low, operand.high)
    return {f"x{number}.{place}": np.array(array, dtype=np.int64, order="C") for place, (array, _, _) in enumerate(parts)}


def tensor_of(b: Builder, number: int, operand: Operand) -> Tensor:
    """Declares the columns and gives the operand as the gadget meets it."""
    parts, make, _ = VIEWS[operand.view]
    tensors = []
    for place, (array, low, high) in enumerate(parts(operand.values, operand.low, operand.high)):
        name = f"x{number}.{place}"
        if operand.view == "weights":
            tensors.append(b.weight(name, array, operand.exponent))
        else:
            tensors.append(b.input(name, array.shape, low, high, operand.exponent))
    return make(b, *tensors).bounded(operand.low, operand.high)


# strategies


def shapes(least: int = 0, most: int = 3, size: int = 12) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of `least` to `most` dimensions and at most `size` elements."""
    lengths = st.lists(st.integers(1, 4), min_size=least, max_size=most).map(tuple)
    return lengths.filter(lambda shape: np.prod(shape, dtype=int) <= size)


@st.composite
def intervals(draw: Any, bits: int, least: int | None = None) -> tuple[int, int]:
    """low .. high of at most `bits` bits: of whole powers of two, of one sign, of one integer, or any; low >= least."""
    reach = 1 << draw(st.integers(0, bits))
    ends = st.integers(-reach, reach - 1)
    low, high = draw(
        st.one_of(
            st.sampled_from([(-reach, reach - 1), (0, reach - 1), (-reach, -1), (1 - reach, reach - 1)]),
            st.tuples(ends, ends).map(lambda pair: (min(pair), max(pair))),
            ends.map(lambda end: (end, end)),
        )
    )
    if least is not None and low < least:
        low, high = least, least + high - low
    return low, high


def integers_of(low: int, high: int) -> st.SearchStrategy[int]:
    """Integers of low .. high that prefer its ends and zero."""
    ends = [v for v in (0, low, high) if low <= v <= high]
    near = sorted({v for v in (low + 1, -1, 1, high - 1) if low <= v <= high})
    return st.one_of(st.sampled_from(ends), st.sampled_from(near or ends), st.integers(low, high))


@st.composite
def integer_arrays(draw: Any, shape: tuple[int, ...], low: int, high: int) -> np.ndarray:
    """Integers of low .. high drawn from a few, so that many are equal."""
    size = int(np.prod(shape, dtype=int))
    few = draw(st.lists(integers_of(low, high), min_size=1, max_size=size))
    values = draw(st.lists(st.sampled_from(few), min_size=size, max_size=size))
    return np.array(values, dtype=np.int64).reshape(shape)


@st.composite
def operands(
    draw: Any,
    shape: st.SearchStrategy[tuple[int, ...]] | tuple[int, ...] | None = None,
    interval: st.SearchStrategy[tuple[int, int]] | tuple[int, int] | None = None,
    exponent: st.SearchStrategy[int] | int = 0,
    views: Sequence[str] = tuple(VIEWS),
) -> Operand:
    shape = shapes() if shape is None else shape
    shape = shape if isinstance(shape, tuple) else draw(shape)
    interval = intervals(10) if interval is None else interval
    low, high = interval if isinstance(interval, tuple) else draw(interval)
    view = draw(st.sampled_from([view for view in views if VIEWS[view][2] <= len(shape)]))
    exponent = exponent if isinstance(exponent, int) else draw(exponent)
    return Operand(draw(integer_arrays(shape, low, high)), low, high, exponent, view)


@st.composite
def broadcast_pairs(draw: Any, left: Any, right: Any, exponent: Any = 0, same: bool = False) -> tuple[Operand, Operand]:
    """Two operands of intervals `left` and `right` whose shapes broadcast, each with a draw of `exponent`."""
    shape = draw(shapes())
    other = tuple(size if same or draw(st.booleans()) else 1 for size in shape)
    pair = [draw(operands(shape, left, exponent)), draw(operands(other, right, exponent))]
    if draw(st.booleans()):  # the other way round, and one operand's integers in the other where they fit: ties
        a, d = pair
        if a.values.shape == d.values.shape and a.low >= d.low and a.high <= d.high:
            pair[1] = replace(d, values=a.values)
    return pair[0], pair[1]
