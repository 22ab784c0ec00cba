"""Blocks among zeros: the same values as of the whole, from the blocks alone."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.circuit import Affine, Positions
from tacit.primitives import movement, reading
from tacit.primitives.arithmetic import einsum, reduce_sum
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.inside import common, inside, within
from tacit.primitives.tensor import Axis, Column, Factor, Term

RNG = np.random.default_rng(31)


@pytest.mark.parametrize("stride", [-3, -2, -1, 1, 2, 3])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_places_inside_a_column(stride, length):
    for offset in range(-9, 10):
        expected = [i for i in range(12) if 0 <= offset + stride * i < length]
        assert list(common(within(offset, stride, length), range(12))) == expected


def test_an_axis_is_cut_in_every_map_that_reads_it():
    """Where another map reads it beside others, too, and where a list does."""
    i, j = Axis(7), Axis(3)
    column = Column("c", (4, 20), "witness", 0, 9)
    listed = Column("d", (9,), "witness", 0, 9)
    block = Factor(column, (Affine(-2, ((i, 1),)), Affine(1, ((i, 2), (j, 1)))))
    positions = Factor(listed, (Positions(i, (8, 7, 6, 5, 4, 3, 2)),))
    found = inside((Term(5, (block, positions), 1),), (j, i))
    assert found is not None
    (cut,) = found.axes[1:]
    assert found.where == (slice(None), slice(2, 6)) and found.axes[0] is j and cut.size == 4
    assert found.terms[0].factors[0].maps == (Affine(0, ((cut, 1),)), Affine(5, ((cut, 2), (j, 1))))
    assert found.terms[0].factors[1].maps == (Positions(cut, (6, 5, 4, 3)),)
    nowhere = Factor(column, (Affine(-9, ((i, 1),)), Affine(0)))
    whole = Factor(column, (Affine(0, ((Axis(4), 1),)), Affine(0)))
    for factors in ((nowhere,), (whole,), ()):
        assert inside((Term(1, factors, 1),), (i,)) is None
    assert inside((Term(1, (block,), 1), Term(1, (block,), 1)), (j, i)) is None


def test_blocks_are_multiplied_and_summed_by_themselves(monkeypatch):
    """Rows of scores that end at the diagonal: no product reads the zeros around its block, nor does a sum along the rows."""
    shapes = []
    multiply = reading.multiply
    monkeypatch.setattr(reading, "multiply", lambda left, *given: shapes.append(left.shape) or multiply(left, *given))
    sizes = []
    summed = reading.summed
    monkeypatch.setattr(reading, "summed", lambda array, *given: sizes.append(array.size) or summed(array, *given))
    blocks = [RNG.integers(1, 9, (2, 4, 4 * (i + 1))) for i in range(3)]
    values = RNG.integers(-9, 9, (2, 12, 5))
    b = Evaluate({f"a{i}": block for i, block in enumerate(blocks)} | {"v": values})
    rows = [b.input(f"a{i}", block.shape, 0, 9, 0) for i, block in enumerate(blocks)]
    scores = movement.concat(b, [movement.pad(b, row, [(0, 0), (0, 0), (0, 12 - row.shape[2])]) for row in rows], 1)
    expected = np.concatenate([np.pad(block, [(0, 0), (0, 0), (0, 12 - block.shape[2])]) for block in blocks], 1)
    np.testing.assert_array_equal(b.value(scores), expected)
    np.testing.assert_array_equal(b.value(reduce_sum(b, scores, [-1])), expected.sum(-1))
    assert max(sizes) == 2 * 4 * 12
    found = b.value(einsum(b, "bmk,bkn->bmn", scores, b.input("v", values.shape, -9, 9, 0)))
    np.testing.assert_array_equal(found, expected @ values)
    assert [shape[1:] for shape in shapes] == [(4, 4), (4, 8), (4, 12)]
