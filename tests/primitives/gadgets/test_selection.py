"""Selection, order and scatter: NumPy's results for random integers, and rule U by exhaustion."""

import itertools
import random

import numpy as np
import pytest
from exhaustion import Search

from tacit.errors import ModelError
from tacit.primitives import movement
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets import carried, compacted, one_hot, position, running_sum, scatter, select, survivors, top_k
from tacit.primitives.gadgets.packing import unpacked
from tacit.primitives.gadgets.selection import two_digits

RANDOM = np.random.default_rng(0)
COMBINE = {"none": lambda old, new: new, "add": np.add, "max": np.maximum, "min": np.minimum}


def meant(index, size):
    return np.clip(np.where(index < 0, index + size, index), 0, size - 1)


def inputs(**arrays):
    b = Evaluate(arrays, check=True)
    return b, *(b.input(name, array.shape, int(array.min()), int(array.max()), 0) for name, array in arrays.items())


@pytest.mark.parametrize("low, high", [(0, 4), (-5, 4), (-5, -1), (-9, 12), (0, 70), (-40, -7)])
def test_positions_count_from_the_end_and_are_clamped(low, high):
    index = np.arange(low, high + 1)
    b, i = inputs(i=index)
    place = position(b, "p", i, 5)
    np.testing.assert_array_equal(b.value(place), meant(index, 5))
    assert place.low >= 0 and place.high <= 4
    wide = position(b, "w", i, 5, margin=1)
    np.testing.assert_array_equal(b.value(wide), np.clip(np.where(index < 0, index + 5, index), -1, 5))


@pytest.mark.parametrize("digits", [1, 2])
@pytest.mark.parametrize("batch", [0, 1, 2])
def test_select(batch, digits):
    table, index = RANDOM.integers(-50, 50, (2, 3, 4, 2)), RANDOM.integers(-6, 7, (2, 3, 5)[:batch] + (2, 3))
    b, t, i = inputs(t=table, i=index)
    found = b.value(select(b, "s", t, i, batch, digits))
    places = meant(index, table.shape[batch])
    for where in np.ndindex(places.shape):
        np.testing.assert_array_equal(found[where], table[where[:batch]][places[where]])


def test_an_axis_of_one_place():
    b, t, i = inputs(t=np.array([[3, 4]]), i=np.array([-2, 0, 5]))
    np.testing.assert_array_equal(b.value(select(b, "s", t, i)), [[3, 4]] * 3)


@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_top_k(k):
    x = RANDOM.integers(-2, 3, (4, 3, 6))
    b, t = inputs(x=x)
    values, indices = top_k(b, "k", t, k)
    order = np.argsort(-x, axis=-1, kind="stable")[..., :k]
    np.testing.assert_array_equal(b.value(indices), order)
    np.testing.assert_array_equal(b.value(values), np.take_along_axis(x, order, -1))


@pytest.mark.parametrize("reduction", COMBINE)
@pytest.mark.parametrize("batch", [0, 1])
@pytest.mark.parametrize("count", [1, 7])
def test_scatter_in_order(reduction, batch, count):
    data = RANDOM.integers(-50, 50, (2, 4, 3))
    index = RANDOM.integers(-3, 4, (2, 4)[:batch] + (count,))
    updates = RANDOM.integers(-90, 90, index.shape + data.shape[batch + 1 :])
    b, d, i, u = inputs(d=data, i=index, u=updates)
    found = b.value(scatter(b, "s", d, i, u, batch, reduction))
    want = data.copy()
    for where in np.ndindex(index.shape):
        place = (*where[:batch], meant(index[where], data.shape[batch]))
        want[place] = COMBINE[reduction](want[place], updates[where])
    np.testing.assert_array_equal(found, want)


def points(prime, names, seed=0, count=400, near=2):
    """Field values for cells: some from the honest interval and its neighbourhood, the rest from anywhere."""
    choose = random.Random(seed)
    for number in range(count):
        values = [choose.randrange(-near, near + 1) if number % 2 else choose.randrange(prime) for _ in names]
        yield [v % prime for v in values]


def test_one_hot_has_one_witness_for_every_field_value():
    prime = 17
    search = Search(lambda b: one_hot(b, "z", b.input("i", (), 0, 3, 0), 4), prime)
    for i in range(prime):
        found = search.outputs({"i": [i]})
        assert found == ({tuple(int(j == i) for j in range(4))} if i < 4 else set())


@pytest.mark.parametrize("k, prime", [(1, 67), (2, 97), (3, 131)])
def test_top_k_is_unique_for_every_field_value(k, prime):
    """Keys of three elements in -1 .. 1 differ by up to 2^4: the bound is (k + 1) 2^5."""

    def make(b):
        values, indices = top_k(b, "k", b.input("x", (3,), -1, 1, 0), k)
        return indices

    search = Search(make, prime)
    for point in points(prime, range(3), near=1, count=120):
        found = search.outputs({"x": point})
        assert len(found) <= 1, point
        x = np.array([v - prime if v > prime // 2 else v for v in point])
        if np.abs(x).max() <= 1:
            assert found == {tuple(np.argsort(-x, kind="stable")[:k].tolist())}


def test_the_largest_are_among_the_values():
    search = Search(lambda b: top_k(b, "k", b.input("x", (2,), -1, 1, 0), 1)[0], 37)
    for x in itertools.product((-1, 0, 1), repeat=2):
        assert search.outputs({"x": list(x)}) == {(max(x) % 37,)}


def test_top_k_is_ambiguous_in_a_field_that_is_too_small():
    search = Search(lambda b: top_k(b, "k", b.input("x", (3,), -1, 1, 0), 2)[1], 11)
    assert any(len(search.outputs({"x": list(x)})) > 1 for x in itertools.product(range(11), repeat=3))


@pytest.mark.parametrize("reduction", COMBINE)
def test_scatter_is_unique_for_every_field_value(reduction):
    prime = 37

    def make(b):
        data, index = b.input("d", (2,), -2, 2, 0), b.input("i", (2,), 0, 1, 0)
        return scatter(b, "s", data, index, b.input("u", (2,), -2, 2, 0), 0, reduction)

    search = Search(make, prime)
    for d0, d1, u0, u1 in points(prime, range(4), count=60):
        for index in itertools.product((0, 1, 5, prime - 1), repeat=2):
            found = search.outputs({"d": [d0, d1], "u": [u0, u1], "i": list(index)})
            assert len(found) <= 1
            small = [v - prime if v > prime // 2 else v for v in (d0, d1, u0, u1)]
            if max(index) > 1:
                assert not found
            elif max(map(abs, small)) <= 2:
                want = small[:2]
                for place, new in zip(index, small[2:]):
                    want[place] = int(COMBINE[reduction](want[place], new))
                assert found == {tuple(v % prime for v in want)}


def greedy(scores, overlaps):
    """Flags of who is left when the best in turn removes those that it overlaps."""
    left, found = sorted(range(len(scores)), key=lambda j: (-scores[j], j)), [0] * len(scores)
    while left:
        best, *left = left
        found[best] = 1
        left = [j for j in left if not overlaps[best][j]]
    return tuple(found)


@pytest.mark.parametrize("size, prime", [(2, 37), (3, 67)])
def test_survivors_are_unique_for_every_field_value(size, prime):
    """Keys of scores in -1 .. 1 differ by at most 10; three differences of less than a quarter of the prime add up to an order."""

    def make(b):
        scores, overlaps = b.input("s", (size,), -1, 1, 0), b.input("o", (size, size), 0, 1, 0)
        return survivors(b, "k", scores, b.input("c", (size,), 0, 1, 0), overlaps)

    search, choose = Search(make, prime), random.Random(0)
    for number, point in enumerate(points(prime, range(size), near=1, count=160)):
        candidates = [choose.randrange(2) for _ in range(size)]
        overlaps = [[choose.randrange(2) for _ in range(size)] for _ in range(size)]
        if number % 4 == 3:
            candidates[0] = overlaps[0][1] = choose.randrange(prime)
        found = search.outputs({"s": point, "c": candidates, "o": sum(overlaps, [])})
        assert len(found) <= 1, point
        scores = [v - prime if v > prime // 2 else v for v in point]
        if number % 4 != 3 and max(map(abs, scores)) <= 1 and all(candidates):
            assert found == {greedy(scores, overlaps)}


def test_what_is_carried_is_unique_for_every_field_value():
    prime = 17
    search = Search(lambda b: carried(b, "y", b.input("x", (3,), -2, 2, 0), b.input("s", (3,), 0, 1, 0)), prime)
    for x, starts in itertools.product(points(prime, range(3), count=12), itertools.product((0, 1, 5), repeat=3)):
        found, last = [], 0
        for value, start in zip(x, starts):
            last = (last + start * (value - last)) % prime
            found.append(last)
        assert search.outputs({"x": x, "s": list(starts)}) == {tuple(found)}


def test_no_candidate_no_survivor():
    def make(b):
        return survivors(b, "k", b.input("s", (2,), -1, 1, 0), b.input("c", (2,), 0, 1, 0), b.input("o", (2, 2), 0, 1, 0))

    search = Search(make, 37)
    for candidates in itertools.product((0, 1), repeat=2):
        assert search.outputs({"s": [1, 0], "c": list(candidates), "o": [0] * 4}) == {candidates}


def test_the_only_place():
    prime = 11
    search = Search(lambda b: one_hot(b, "z", b.input("i", (), 0, 0, 0), 1), prime)
    assert [search.outputs({"i": [i]}) for i in range(prime)] == [{(1,)}] + [set()] * (prime - 1)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_one_hot_digits_have_one_witness_for_every_field_value(size):
    """Two places a digit, except that the high digit of 2 is always 0."""
    prime = 13
    search = Search(lambda b: movement.concat(b, two_digits(b, "z", b.input("i", (), 0, size - 1, 0), size), 0), prime)
    length = 2
    for i in range(prime):
        high, low = divmod(i, length)
        count = -(-size // length)
        hits = [int(j == high) for j in range(count)], [int(j == low) for j in range(length)]
        found = search.outputs({"i": [i]})
        assert found == ({(*hits[0], *hits[1])} if i < count * length else set())


def test_a_long_table_is_read_by_two_digits():
    rows, indices = 300, 60
    table, index = RANDOM.integers(-50, 50, (rows, 2)), RANDOM.integers(0, rows, indices)
    b, t, i = inputs(t=table, i=index)
    np.testing.assert_array_equal(b.value(select(b, "s", t, i)), table[index])
    assert sum(np.prod(c.shape) for c in b.columns.values() if c.home == "witness") == indices * 2 * (10 + 32)


def test_wide_integers_are_selected_exactly():
    """Rows of a weight's 2^61, of which few are summed."""
    rows, indices = 300, 9
    table, index = RANDOM.integers(-(2**61), 2**61, (rows, 40)), RANDOM.integers(0, rows, indices)
    b, i = inputs(i=index)
    np.testing.assert_array_equal(b.value(select(b, "s", b.weight("t", table, 0), i, digits=2)), table[index])


@pytest.mark.parametrize("count, bits", [(1, 3), (2, 5), (3, 20), (4, 15)])
def test_what_is_packed_is_taken_apart(count, bits):
    ends = np.array([-(1 << bits - 1), (1 << bits - 1) - 1, 0, -1])
    numbers = np.stack(np.meshgrid(*[ends] * count, indexing="ij"), axis=-1).reshape(-1, count)
    b, x = inputs(x=(numbers << bits * np.arange(count)).sum(axis=1, keepdims=True))
    np.testing.assert_array_equal(b.value(unpacked(b, "u", x, count, bits)), numbers)


@pytest.mark.parametrize("count, bits", [(2, 2), (3, 1), (2, 3)])
def test_what_is_taken_apart_is_unique_for_every_field_value(count, bits):
    prime, half = {4: 17, 3: 11, 6: 67}[count * bits], 1 << bits - 1
    search = Search(lambda b: unpacked(b, "u", b.input("x", (1,), 0, 0, 0), count, bits), prime)
    places = 1 << bits * np.arange(count)
    meant = {int(places @ np.array(y)) % prime: y for y in itertools.product(range(-half, half), repeat=count)}
    for x in range(prime):
        assert search.outputs({"x": [x]}) == ({tuple(v % prime for v in meant[x])} if x in meant else set())


def test_what_is_taken_apart_is_ambiguous_in_a_field_that_is_too_small():
    search = Search(lambda b: unpacked(b, "u", b.input("x", (1,), 0, 0, 0), 2, 2), 13)
    assert any(len(search.outputs({"x": [x]})) > 1 for x in range(13))


def test_packed_numbers_need_a_field_that_tells_them_apart():
    b, x = inputs(x=np.array([1]))
    with pytest.raises(ModelError, match="more than the field separates"):
        unpacked(b, "u", x, 4, 16)


def test_running_sums_are_unique():
    prime = 11
    search = Search(lambda b: running_sum(b, "y", b.input("x", (2,), -1, 1, 0), 0), prime)
    for x, y in itertools.product(range(prime), repeat=2):
        assert search.outputs({"x": [x, y]}) == {(x, (x + y) % prime)}


@pytest.mark.parametrize("size", [1, 2, 3])
def test_compaction_is_unique_for_every_field_value(size):
    prime = 23
    search = Search(lambda b: compacted(b, "c", b.input("f", (size,), 0, 1, 0), [b.input("x", (size,), -3, 3, 0)])[0], prime)
    for x in points(prime, range(size), count=6):
        for flags in itertools.product((0, 1, 2, prime - 1), repeat=size):
            found = search.outputs({"f": list(flags), "x": x})
            assert len(found) <= 1
            if max(flags) <= 1:
                front = [v for v, flag in zip(x, flags) if flag]
                assert found == {(*front, *[0] * (size - len(front)))}


def test_rows_move_by_the_zeros_before_them():
    search = Search(lambda b: compacted(b, "c", b.input("f", (2,), 0, 1, 0), [b.input("x", (2,), 1, 2, 0)])[0], 11)
    assert search.outputs({"f": [0, 1], "x": [2, 1]}) == {(1, 0)}
    assert search.outputs({"f": [1, 1], "x": [2, 1]}) == {(2, 1)}
