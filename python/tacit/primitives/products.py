"""Exact matrix products of integers through BLAS, in blocks that it leaves to the thread that asks for them.

OpenBLAS shares products among threads of its own, which wait for each other, and go on waiting for the next product when there is
none; they are slow where another process, or the proof, wants the same processors. So products are cut here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

import numpy as np

from tacit.primitives.threads import available, pieces, share

EXACT = 2**53
ALONE, ALONE_VECTOR = 2**19 - 1, 9215
"""So many multiplications OpenBLAS (0.3, `interface/gemm.c`, `interface/gemv.c`) leaves to one thread, whatever their number."""
TILE = 32
"""Rows and columns of a block; its products run along as many places as `ALONE` leaves: the fewer sums of parts, the better."""
SHARED = 2**20
"""Multiplications that are worth another thread."""
PIECE = 2**17
"""Cells that are converted to float64 at a time: few enough to stay in cache until they are multiplied."""
DEEP, WIDE = 1024, 256
"""A piece has about so many places of what is summed if these are neighbours in memory, or if those are that it is not."""
SMALL = 2**15
"""Products whose operands and results have no more cells are computed many at a time."""
NARROWEST = 4
"""Wide integers are cut into pieces of at least so many bits."""


@dataclass(frozen=True, slots=True)
class Operand:
    """Integers along the axes of a batch, of what is summed (`inner`), and of the rest (`outer`), in this order or, `turned`, in
    that of batch, outer, inner: the one that is closer to memory."""

    array: np.ndarray
    batch: int
    outer: int
    turned: bool
    reach: int

    @property
    def inner(self) -> int:
        return self.array.ndim - self.batch - self.outer

    @property
    def outer_place(self) -> int:
        """The first axis of `outer`."""
        return self.batch + (0 if self.turned else self.inner)

    @property
    def inner_place(self) -> int:
        """The first axis of `inner`."""
        return self.batch + (self.outer if self.turned else 0)

    @property
    def overlaps(self) -> bool:
        """Whether cells are read more than once, as those of windows are."""
        seen = 1
        for step, size in sorted((abs(step), size) for step, size in zip(self.array.strides, self.array.shape) if size > 1):
            if step < seen:
                return True
            seen = step * size
        return False

    def take(self, places: np.ndarray) -> Operand:
        """At these places of what is summed, which is one axis then."""
        sizes, start = self.array.shape, self.inner_place
        flat = self.array.reshape((*sizes[:start], -1, *sizes[start + self.inner :]))
        return Operand(flat.take(places, axis=start), self.batch, self.outer, self.turned, self.reach)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The lengths of batch, outer and inner, flattened."""
        sizes = self.array.shape
        middle = self.batch + (self.outer if self.turned else self.inner)
        first, second = prod(sizes[self.batch : middle]), prod(sizes[middle:])
        return prod(sizes[: self.batch]), *((first, second) if self.turned else (second, first))

    def cut(self, axis: int, where: slice) -> Operand:
        array = self.array[(slice(None),) * axis + (where,)]
        return Operand(array, self.batch, self.outer, self.turned, self.reach)

    def stretches(self, most: int) -> Iterator[tuple[slice, Operand]]:
        """The places of what is summed, flattened, in slices of about `most`, and the operand at these."""
        start, sizes = self.inner_place, self.array.shape[self.inner_place : self.inner_place + self.inner]
        axis = next(axis for axis in range(self.inner) if axis == self.inner - 1 or prod(sizes[axis + 1 :]) <= most)
        length, rest, done = sizes[axis], prod(sizes[axis + 1 :]), 0
        step = -(-length // -(-length * rest // most))
        for lead in np.ndindex(sizes[:axis]):
            for first in range(0, length, step):
                index = (*(slice(place, place + 1) for place in lead), slice(first, first + step))
                array = self.array[(slice(None),) * start + index]
                count = min(step, length - first) * rest
                yield slice(done, done + count), Operand(array, self.batch, self.outer, self.turned, self.reach)
                done += count

    def at(self, place: tuple[int, ...]) -> Operand:
        """The operand at one place of its batch."""
        return Operand(self.array[place], 0, self.outer, self.turned, self.reach)

    def widened(self) -> Operand:
        """With one more axis, of length 1, behind those outside what is summed."""
        array = np.expand_dims(self.array, self.outer_place + self.outer)
        return Operand(array, self.batch, self.outer + 1, self.turned, self.reach)

    def converted(self, memory: Memory | None = None, purpose: str = "operand") -> np.ndarray:
        """float64 [batch, outer, inner]; in `memory`, until it is used again for the same."""
        size = self.array.size
        found = (np.empty(size) if memory is None else memory.of(size, purpose)).reshape(self.array.shape)
        np.copyto(found, self.array)
        return self.flat(found)

    def flat(self, array: np.ndarray) -> np.ndarray:
        """[batch, outer, inner] of a contiguous array of the operand's shape."""
        batch, outer, inner = self.shape
        return array.reshape(batch, outer, inner) if self.turned else array.reshape(batch, inner, outer).swapaxes(1, 2)


class Memory(threading.local):
    """float64 that stays from one piece to the next, a thread's own."""

    def __init__(self) -> None:
        self.held: dict[str, np.ndarray] = {}

    def of(self, size: int, purpose: str) -> np.ndarray:
        found = self.held.get(purpose)
        if found is None or found.size < size:
            found = self.held[purpose] = np.empty(size)
        return found[:size]


def multiply(left: Operand, right: Operand, result: np.ndarray, exact: bool, memory: Memory) -> None:
    """Sums of products into `result`, int64 with the axes of the batch, of the left and of the right operand, in any strides.
    `exact`: sums of magnitudes stay below 2^53; otherwise the left operand is cut into pieces for which they do, and the results
    fit int64."""
    batch, m, k = left.shape
    n = right.shape[1]
    bits = 0 if exact or 2 * largest_sum(left) * right.reach < EXACT else piece_bits(right, k)
    if bits < 0:
        multiply_slowly(left, right, result)
    elif max(m * n, m * k, n * k) <= SMALL:
        multiply_batch(left, right, result, bits, memory)
    else:

        def at(place: tuple[int, ...]) -> None:
            multiply_one(left.at(place), right.at(place).widened(), result[(*place, ..., None)], bits, memory)

        share(at, list(np.ndindex(left.array.shape[: left.batch])))


def largest_sum(operand: Operand) -> float:
    """Of magnitudes along what is summed, to a few places: an input's integers are far from the ends of their intervals."""
    inner = tuple(range(operand.inner_place, operand.inner_place + operand.inner))
    return float(np.abs(operand.array, dtype=np.float64).sum(axis=inner).max(initial=0))


def piece_bits(right: Operand, k: int) -> int:
    """s > 0 with k 2^s |right| < 2^53: integers of s bits are summed exactly. -1 where that is too few to be worth it."""
    bits = (EXACT // max(right.reach * k, 1)).bit_length() - 1
    if bits < NARROWEST:
        seen = int(np.abs(right.array, dtype=np.int64).max(initial=0))
        bits = (EXACT // max(seen * k, 1)).bit_length() - 1
    return bits if bits >= NARROWEST else -1


def multiply_slowly(left: Operand, right: Operand, result: np.ndarray) -> None:
    rows, columns = (o.flat(np.ascontiguousarray(o.array, dtype=np.int64)) for o in (left, right))
    store(result, np.matmul(rows, columns.swapaxes(1, 2)))


def multiply_batch(left: Operand, right: Operand, result: np.ndarray, bits: int, memory: Memory) -> None:
    """Many small products: along the longest axis of the batch."""
    batch, m, k = left.shape
    n = right.shape[1]
    axis = max(range(left.batch), key=lambda place: left.array.shape[place], default=-1)
    if axis < 0:
        store(result, summed(left, right, bits, memory))
        return
    length = left.array.shape[axis]
    parts = pieces(length, batch // length * (m * n * k + m * k + k * n), SHARED)
    parts = [part for whole in parts for part in shorter(whole, batch // length * max(m * k, k * n, m * n))]

    def work(part: slice) -> None:
        a, b = left.cut(axis, part), right.cut(axis, part)
        store(result[(slice(None),) * axis + (part,)], summed(a, b, bits, memory))

    share(work, parts)


def shorter(part: slice, cells: int) -> Iterator[slice]:
    """A part in slices of about `PIECE` cells, in whole blocks where they are as long."""
    step = max(1, PIECE // max(cells, 1))
    step -= step % TILE if step > TILE else 0
    for start in range(part.start, part.stop, step):
        yield slice(start, min(start + step, part.stop))


def summed(left: Operand, right: Operand, bits: int, memory: Memory) -> np.ndarray:
    """The sums of a batch, float64 or int64 [batch, m, n]; valid until the next call of this thread."""
    batch, m, _ = left.shape
    n = right.shape[1]
    columns = right.converted(memory, "columns").swapaxes(1, 2)
    sums = memory.of(batch * m * n, "sums").reshape(batch, m, n)
    if not bits:
        add_products(left.converted(memory), columns, sums, False, memory)
        return sums
    total = np.zeros(sums.shape, dtype=np.int64)
    for shift, rows in cut_wide(left, bits):
        add_products(rows, columns, sums, False, memory)
        total += sums.astype(np.int64) << shift
    return total


def cut_wide(left: Operand, bits: int) -> Iterator[tuple[int, np.ndarray]]:
    """(shift, float64 [batch, outer, inner]): the integers in pieces of `bits` bits, the lowest first; the last one is signed."""
    rest, shift = left.array.astype(np.int64), 0
    while True:
        last = -(1 << bits) < int(rest.min(initial=0)) and int(rest.max(initial=0)) < 1 << bits
        piece = rest if last else rest & ((1 << bits) - 1)
        yield shift, Operand(piece, left.batch, left.outer, left.turned, left.reach).converted()
        if last:
            return
        rest, shift = rest >> bits, shift + bits


def store(result: np.ndarray, sums: np.ndarray) -> None:
    np.copyto(result, sums.reshape(result.shape), casting="unsafe")


def multiply_one(left: Operand, right: Operand, result: np.ndarray, bits: int, memory: Memory) -> None:
    """One product: the operand with more cells outside what is summed is converted in parts, which threads share, the other one
    before."""
    _, m, k = left.shape
    n = right.shape[1]
    of_left = m > n and not bits
    long, short = (left, right) if of_left else (right, left)
    whole = [(shift, rows[0]) for shift, rows in cut_wide(left, bits)] if bits else [(0, short.converted()[0])]
    depth = DEEP if long.turned else WIDE
    axis = axis_to_cut(long, PIECE // min(k, depth))
    length = long.array.shape[long.outer_place + axis]
    other = max(m, n) // max(length, 1)
    parts = pieces(length, other * k * min(m, n), SHARED)
    parts = [part for larger in parts for part in shorter(larger, other * min(k, depth))]
    at = axis + (0 if of_left else left.outer)  # of the result

    def work(part: slice) -> None:
        where = result[(slice(None),) * at + (part,)]
        cells = other * where.shape[at]
        shape = (cells, n) if of_left else (m, cells)
        sums = memory.of(len(whole) * prod(shape), "sums").reshape(-1, *shape)
        for along, piece in long.cut(long.outer_place + axis, part).stretches(max(depth, PIECE // cells)):
            rows = piece.converted(memory)[0]
            for total, (_, others) in zip(sums, whole):
                a, b = (rows, others[:, along]) if of_left else (others[:, along], rows)
                add_products(a, b.T, total, along.start > 0, memory)
        for total, (shift, _) in zip(sums, whole):
            if not shift:
                store(where, total)
            else:
                where += (total.astype(np.int64) << shift).reshape(where.shape)

    share(work, parts)


def axis_to_cut(operand: Operand, most: int) -> int:
    """Of those outside what is summed: the one that parts farthest in memory, if threads can share it and it parts into no more
    than `most` cells; else the longest."""
    sizes = operand.array.shape[operand.outer_place : operand.outer_place + operand.outer]
    steps = operand.array.strides[operand.outer_place : operand.outer_place + operand.outer]
    fit = [place for place, size in enumerate(sizes) if size >= 4 * available() and prod(sizes) <= most * size]
    return max(fit or range(len(sizes)), key=lambda place: (abs(steps[place]) if fit else 0, sizes[place]))


def add_products(rows: np.ndarray, columns: np.ndarray, total: np.ndarray, more: bool, memory: Memory) -> None:
    """total = rows[.., m, k] times columns[.., k, n], or `more` is added to it; in products that BLAS leaves to one thread."""
    *batch, m, k = rows.shape
    n = columns.shape[-1]
    high, wide = min(m, TILE), min(n, TILE)
    most = max(1, (ALONE if wide > 1 < high else ALONE_VECTOR) // (wide * high))
    step = -(-k // -(-k // most))
    for start in range(0, k, step):
        sums = memory.of(total.size, "more").reshape(total.shape) if more else total
        for top, above, height in tiles(m, high):
            for left, beside, width in tiles(n, wide):
                x = rows[..., top : top + above * height, start : start + step].reshape(*batch, above, 1, height, -1)
                y = columns[..., start : start + step, left : left + beside * width].reshape(*batch, 1, -1, beside, width)
                place = sums[..., top : top + above * height, left : left + beside * width]
                place = place.reshape(*batch, above, height, beside, width)
                np.matmul(x, y.swapaxes(-3, -2), out=place.swapaxes(-3, -2))
        if more:
            total += sums
        more = True


def tiles(length: int, most: int) -> Iterator[tuple[int, int, int]]:
    """(start, count, size): blocks of one size, then one of what is left."""
    size = -(-length // max(1, -(-length // most)))
    count = length // size
    yield 0, count, size
    if count * size < length:
        yield count * size, 1, length - count * size
