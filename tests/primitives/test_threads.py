"""Work that threads share: all of it is done, in any number of threads, and what fails reaches the caller."""

from __future__ import annotations

import multiprocessing
import threading

import numpy as np
import pytest

from tacit.errors import ModelError
from tacit.primitives import products, reading, threads
from tacit.primitives.arithmetic import einsum
from tacit.primitives.evaluate import Evaluate


@pytest.fixture(params=[1, 2, 5])
def count(request, monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: request.param)
    return request.param


def test_every_part_is_worked_on_once(count):
    seen = np.zeros(1000, dtype=np.int64)
    who = set()

    def work(part):
        seen[part] += 1
        who.add(threading.current_thread())

    parts = threads.pieces(1000, 1, 7)
    threads.share(work, parts)
    assert (seen == 1).all() and all(part.stop - part.start >= 7 for part in parts[:-1])
    assert len(who) <= count


@pytest.mark.parametrize("failing", [0, 3, 9])
def test_what_fails_reaches_the_caller(count, failing):
    def work(part):
        if part >= failing:
            raise ArithmeticError(part)

    with pytest.raises(ArithmeticError):
        threads.share(work, range(10))
    threads.share(lambda part: None, range(10))


def test_the_caller_s_context_holds_in_every_thread(count):
    everywhere = threading.Barrier(min(count, 2))

    def work(part):
        everywhere.wait(10)
        with pytest.raises(FloatingPointError):
            np.ones(1) / np.zeros(1)

    with np.errstate(divide="raise"):
        threads.share(work, range(min(count, 2)))


def test_work_may_share_itself(count):
    seen = np.zeros((8, 8), dtype=np.int64)
    threads.share(lambda i: threads.share(lambda j: seen[i].__setitem__(j, 1), range(8)), range(8))
    assert seen.all()


def _sum_in_child(queue):
    found = []
    threads.share(found.append, range(10))
    queue.put(sorted(found))


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="this system cannot fork")
def test_a_forked_process_has_threads_of_its_own(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 2)
    threads.share(lambda part: None, range(4))
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_sum_in_child, args=(queue,))
    child.start()
    assert queue.get(timeout=20) == list(range(10))
    child.join(20)


@pytest.mark.parametrize("limit, most", [("1", 1), ("0", threads.MOST), ("", threads.MOST), ("many", threads.MOST)])
def test_no_more_threads_than_the_proof_may_have(monkeypatch, limit, most):
    monkeypatch.setenv("RAYON_NUM_THREADS", limit)
    assert 1 <= threads.available() <= most


def test_values_do_not_depend_on_threads(monkeypatch):
    rng = np.random.default_rng(5)
    a, w = rng.integers(-(1 << 20), 1 << 20, (70, 90)), rng.integers(-(1 << 12), 1 << 12, (90, 130))
    monkeypatch.setattr(products, "SHARED", 1)
    found = []
    for count in (1, 2, 3, 7):
        monkeypatch.setattr(threads, "available", lambda count=count: count)
        b = Evaluate({"a": a})
        product = einsum(b, "mk,kn->nm", b.input("a", a.shape, -(1 << 20), 1 << 20, 0), b.weight("w", w, 0))
        found.append(b.value(product))
    assert all(np.array_equal(value, (a @ w).T) for value in found)


def test_products_fail_where_they_are_asked_for(monkeypatch):
    monkeypatch.setattr(threads, "available", lambda: 2)
    monkeypatch.setattr(products, "SHARED", 1)

    def fails(*given):
        raise MemoryError("no room")

    monkeypatch.setattr(products, "add_products", fails)
    b = Evaluate({"a": np.ones((80, 100), dtype=np.int64)})
    product = einsum(b, "mk,kn->mn", b.input("a", (80, 100), 0, 1, 0), b.weight("w", np.ones((100, 90), dtype=np.int64), 0))
    with pytest.raises(MemoryError, match="no room"):
        b.value(product)
    assert reading.multiply is products.multiply


@pytest.mark.parametrize("shape", [(3,), (5, 3, 2**15)])
def test_a_function_by_elements_is_that_of_the_whole(shape):
    """In parts no larger than needed; as an array, as a column, and at an index."""
    x, rows = np.arange(np.prod(shape)).reshape(shape), np.arange(shape[0]).reshape(-1, *(1,) * (len(shape) - 1))
    sizes = []

    def compute(part, row):
        sizes.append(part.size)
        return (part - 7 * row) >> 1

    found = threads.Elementwise(compute, x, rows)
    expected = (x - 7 * rows) >> 1
    assert found.shape == shape and not sizes
    whole = np.asarray(found)
    assert whole.dtype == np.int64 and (whole == expected).all()
    assert sum(sizes) == x.size and max(sizes) <= max(2 * threads.PART, 3)
    assert (found[(slice(1, 2),)] == expected[1:2]).all()
    builder = Evaluate({}, values_only=True)
    column = builder.commit("y", shape, int(expected.min()), int(expected.max()), lambda: found)
    assert (builder.value(column) == expected).all()
    with pytest.raises(ModelError, match="outside"):
        builder.commit("z", shape, 0, 0, lambda: found)
    wider = builder.commit("w", (2, *shape), int(expected.min()), int(expected.max()), lambda: found)
    assert (builder.value(wider) == expected).all()
