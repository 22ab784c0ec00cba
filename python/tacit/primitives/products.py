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

from tacit.primitives.threads import pieces, share

EXACT = 2**53
ALONE, ALONE_VECTOR = 2**19 - 1, 9215
"""So many multiplications OpenBLAS (0.3, `interface/gemm.c`, `interface/gemv.c`) leaves to one thread, whatever their number."""
TILE = 64
"""Rows and columns of a block; its products run along as many places as `ALONE` leaves."""
SHARED = 2**20
"""Multiplications that are worth another thread."""
PIECE = 2**16
"""Cells that are converted to float64 at a time: few enough to stay in cache until they are multiplied."""
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

    def at(self, place: tuple[int, ...]) -> Operand:
        """The operand at one place of its batch."""
        return Operand(self.array[place], 0, self.outer, self.turned, self.reach)

    def widened(self) -> Operand:
        """With one more axis, of length 1, behind those outside what is summed."""
        array = np.expand_dims(self.array, self.outer_place + self.outer)
        return Operand(array, self.batch, self.outer + 1, self.turned, self.reach)

    def converted(self, memory: Memory | None = None) -> np.ndarray:
        """float64 [batch, outer, inner]; in `memory`, until it is used again."""
        size = self.array.size
        found = (np.empty(size) if memory is None else memory.of(size, "operand")).reshape(self.array.shape)
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
    bits = 0 if exact else piece_bits(right, k)
    if bits < 0:
        multiply_slowly(left, right, result)
    elif m * n * k <= ALONE and m > 1 < n or m * k * n <= ALONE_VECTOR:
        multiply_batch(left, right, result, bits, memory)
    else:

        def at(place: tuple[int, ...]) -> None:
            multiply_one(left.at(place), right.at(place).widened(), result[(*place, ..., None)], bits, memory)

        share(at, list(np.ndindex(left.array.shape[: left.batch])))


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
    """Many products, each small enough for one thread: along the longest axis of the batch."""
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
    """The sums of a batch, float64 or int64 [batch, m, n]."""
    columns = right.converted().swapaxes(1, 2)
    if not bits:
        return np.matmul(left.converted(memory), columns)
    total = np.zeros((left.shape[0], left.shape[1], right.shape[1]), dtype=np.int64)
    for shift, rows in cut_wide(left, bits):
        total += np.matmul(rows, columns).astype(np.int64) << shift
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
    parts_of_left = m > n and not bits
    cut = [] if parts_of_left else [(s, rows[0]) for s, rows in cut_wide(left, bits)] if bits else [(0, left.converted()[0])]
    whole = right.converted()[0].T if parts_of_left else None
    long = left if parts_of_left else right
    axis = max(range(long.outer), key=lambda place: long.array.shape[long.outer_place + place])
    length = long.array.shape[long.outer_place + axis]
    other = max(m, n) // max(length, 1)
    parts = pieces(length, other * k * min(m, n), SHARED)
    parts = [part for larger in parts for part in shorter(larger, other * k)]
    at = axis + (0 if parts_of_left else left.outer)  # of the result

    def work(part: slice) -> None:
        piece = long.cut(long.outer_place + axis, part).converted(memory)[0]
        where = result[(slice(None),) * at + (part,)]
        if whole is not None:
            store(where, blocks(piece, whole, memory))
            return
        for shift, rows in cut:
            sums = blocks(rows, piece.T, memory)
            if not shift:
                store(where, sums)
            else:
                where += (sums.astype(np.int64) << shift).reshape(where.shape)

    share(work, parts)


def blocks(rows: np.ndarray, columns: np.ndarray, memory: Memory) -> np.ndarray:
    """rows[m, k] times columns[k, n], in products that BLAS leaves to one thread; valid until the next call of this thread."""
    (m, k), n = rows.shape, columns.shape[1]
    wide, high = min(n, TILE), min(m, TILE)
    along = list(tiles(k, max(1, (ALONE if wide > 1 < high else ALONE_VECTOR) // (wide * high))))
    parts = memory.of(sum(count for _, count, _ in along) * m * n, "parts").reshape(-1, m, n)
    done = 0
    for start, count, deep in along:
        for top, above, height in tiles(m, high):
            for left, beside, width in tiles(n, wide):
                x = rows[top : top + above * height, start : start + count * deep].reshape(above, 1, height, count, deep)
                y = columns[start : start + count * deep, left : left + beside * width].reshape(count, 1, deep, beside, width)
                sums = parts[done : done + count, top : top + above * height, left : left + beside * width]
                place = sums.reshape(count, above, height, beside, width).swapaxes(2, 3)
                np.matmul(x.transpose(3, 0, 1, 2, 4), y.transpose(0, 1, 3, 2, 4), out=place)
        done += count
    return parts[0] if done == 1 else np.add.reduce(parts, axis=0, out=memory.of(m * n, "sums").reshape(m, n))


def tiles(length: int, most: int) -> Iterator[tuple[int, int, int]]:
    """(start, count, size): blocks of one size, then one of what is left."""
    size = -(-length // max(1, -(-length // most)))
    count = length // size
    yield 0, count, size
    if count * size < length:
        yield count * size, 1, length - count * size
