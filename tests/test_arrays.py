"""NumPy's arrays in the core's memory: which ones, and that their contents stay."""

import threading

import numpy as np
import pytest

from tacit import _core, arrays

LARGE = 1 << 21
name_of = np._core.multiarray.get_handler_name

pytestmark = pytest.mark.skipif(not _core.array_memory_handler(), reason="the core keeps no memory here")


def test_arrays_made_meanwhile_are_the_cores_and_no_others():
    before = np.zeros(4)
    with arrays.kept():
        small, large = np.ones(4), np.zeros(LARGE)
        with arrays.kept():
            inner = small + 1
        copied = large.astype(np.int8)
    after = large + before[0]
    assert [name_of(each) for each in (small, large, inner, copied)] == ["tacit"] * 4
    assert [name_of(each) for each in (before, after)] == ["default_allocator"] * 2


def test_an_error_ends_it():
    with pytest.raises(ZeroDivisionError), arrays.kept():
        raise ZeroDivisionError
    assert name_of(np.zeros(1)) == "default_allocator"


def test_other_threads_keep_their_own():
    found = []
    with arrays.kept():
        thread = threading.Thread(target=lambda: found.append(name_of(np.zeros(1))))
        thread.start()
        thread.join()
    assert found == ["default_allocator"]


def test_contents_stay_while_blocks_come_and_go():
    rng, held = np.random.default_rng(0), {}
    for step in range(200):
        with arrays.kept():
            if step % 3 == 2 and held:
                key = sorted(held)[rng.integers(len(held))]
                array = held.pop(key)
                assert (array == key).all()
            else:
                held[step] = np.full(int(rng.integers(1, LARGE)), step, np.int16)
        assert not np.zeros(LARGE // 2).any()
    assert all((array == key).all() for key, array in held.items())


@pytest.mark.parametrize("sizes", [(10, LARGE), (LARGE, 10), (LARGE, 2 * LARGE), (2 * LARGE, LARGE), (0, LARGE), (10, 20)])
def test_resized_in_place(sizes):
    old, new = sizes
    with arrays.kept():
        array = np.arange(old)
    array.resize(new, refcheck=False)
    kept = min(old, new)
    assert (array[:kept] == np.arange(kept)).all() and not array[kept:].any()


def test_pages_that_held_something_give_arrays_of_zeros():
    with arrays.kept():
        for count in (LARGE, 4 * LARGE):
            full = np.full(count, 7)
            del full
            assert not np.zeros(count).any()
