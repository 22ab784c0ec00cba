"""Work on arrays by a few threads: NumPy lets go of the interpreter's lock inside its loops."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from math import prod
from types import EllipsisType
from typing import Any

import numpy as np

MOST = 8
"""More threads than that wait for the interpreter's lock."""
PART = 2**15
"""Cells of int64 that stay in cache with what is computed of them."""
Index = tuple[slice | EllipsisType, ...]


class Pool:
    """Threads that stay, started when they are first needed; a process that was forked starts its own."""

    def __init__(self) -> None:
        self.executor: ThreadPoolExecutor | None = None

    def forget(self) -> None:
        self.executor = None

    def submit(self, work: Callable[[], None], count: int) -> list[Future[None]]:
        """`work` as many times on other threads as there are; each has the caller's context (`numpy.errstate` is in it)."""
        if count > 0 and self.executor is None:
            self.executor = ThreadPoolExecutor(MOST, thread_name_prefix="tacit-arrays")
        return [self.executor.submit(copy_context().run, work) for _ in range(count)] if self.executor else []


POOL = Pool()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=POOL.forget)


def available() -> int:
    """How many threads share work: as many as this process has processors, and no more than the proof's threads where these are
    limited."""
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("RAYON_NUM_THREADS", "")
    return max(1, min(processors, MOST, int(limit) if limit.isdigit() and int(limit) else MOST))


def share(work: Callable[[Any], None], parts: Sequence[Any]) -> None:
    """`work(part)` for each part, which must write to places of its own. The caller works too, and waits for none that has not
    begun, so that work may share itself. The first part's exception of those that failed is raised, when no thread works any
    more."""
    left = iter(range(len(parts)))  # `next` of a range is one step of the interpreter: no two threads get the same part
    failed: dict[int, BaseException] = {}

    def some() -> None:
        for place in left:
            if failed:
                return
            try:
                work(parts[place])
            except BaseException as error:  # raised below
                failed[place] = error
                return

    futures = POOL.submit(some, min(available(), len(parts)) - 1)
    try:
        some()
    finally:
        wait([future for future in futures if not future.cancel()])
    if failed:
        raise failed[min(failed)]


def in_parts(shape: Sequence[int], work: Callable[[Index], None]) -> None:
    """`work(index)` for indices of the parts of an array of this shape, along an axis: what is computed of a part stays in cache.
    On one thread: steps of microseconds are over before the interpreter's lock has changed hands."""
    count = prod(shape) // PART
    if count < 2:
        work((...,))
        return
    axis = next((place for place, size in enumerate(shape) if size >= count), int(np.argmax(shape)))
    step = -(-shape[axis] // count)
    for start in range(0, shape[axis], step):
        work((slice(None),) * axis + (slice(start, start + step),))


def part_of(array: np.ndarray, index: Index) -> np.ndarray:
    """What an array that broadcasts to the shape has at the index of a part."""
    if index[0] is ...:
        return array
    return array[tuple(slice(None) if size == 1 else where for size, where in zip(array.shape, index))]


class Elementwise:
    """A function of arrays with one number of axes that broadcast to each other, element by element: computed part by part where it
    is read, so that it stays in cache and nothing in between is an array of its own. `function` gives integers."""

    def __init__(self, function: Callable[..., np.ndarray], *arrays: np.ndarray) -> None:
        self.function, self.arrays = function, arrays
        self.shape = arrays[0].shape if len(arrays) == 1 else np.broadcast_shapes(*(array.shape for array in arrays))

    def __getitem__(self, index: Index) -> np.ndarray:
        return self.function(*(part_of(array, index) for array in self.arrays))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        whole = np.empty(self.shape, dtype=np.int64 if dtype is None else dtype)

        def fill(index: Index) -> None:
            whole[index] = self[index]

        in_parts(self.shape, fill)
        return whole


def pieces(length: int, cost: int, least: int) -> list[slice]:
    """0 .. length in slices for threads to share: each costs `least` or more, an item costs `cost`; about four a thread, so that
    none waits long."""
    step = max(-(-length // (4 * available())), -(-least // max(cost, 1)), 1)
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
