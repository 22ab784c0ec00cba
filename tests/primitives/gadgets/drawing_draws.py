"""How the gadgets that draw a place are drawn (see `drawn`), and plain loops for what they find."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
from drawn import Instance, drawn, intervals, operands, shapes
from hypothesis import strategies as st

from tacit.primitives.gadgets import drawing
from tacit.primitives.gadgets.softmax import Exponentials

UNIFORM = (0, (1 << 24) - 1)
WEIGHTS = st.integers(0, 8).map(lambda bits: (0, (1 << bits)))


def kept_row(weights, level, by_mass, bits=16):
    """The weights of the longest part of the order that ends with the level reached, ties included."""
    total, reached = sum(weights), Fraction(0)
    for threshold in sorted(set(weights), reverse=True):
        reached += sum(w if by_mass else 1 for w in weights if w == threshold)
        if reached >= (Fraction(level * total, 2**bits) if by_mass else level):
            return [w if w >= threshold else 0 for w in weights]
    raise AssertionError("the level is beyond the row")


def drawn_place(weights, uniform, bits=24):
    """The first place up to which more than that share of the weight lies."""
    share, reached = Fraction(uniform * sum(weights), 2**bits), 0
    for place, weight in enumerate(weights):
        reached += weight
        if reached > share:
            return place
    raise AssertionError("a share beyond the row")


def rows_of(x, function):
    """A function of the last axis, row by row."""
    return np.apply_along_axis(lambda row: np.array(function([int(v) for v in row])), -1, x)


def positive(operand):
    """Rows that are not all zero."""
    values = operand.values.copy()
    values[..., -1] = np.where(values.any(axis=-1), values[..., -1], operand.high)
    return replace(operand, values=values)


@drawn("kept")
def kept_counts(draw):
    x = positive(draw(operands(shapes(1), WEIGHTS)))
    level = draw(st.integers(1, x.values.shape[-1]))
    return Instance(
        [x], lambda b, x: drawing.kept(b, "g", x, level), lambda x: rows_of(x, lambda row: kept_row(row, level, False))
    )


@drawn("kept", "mass")
def kept_masses(draw):
    x = positive(draw(operands(shapes(1), WEIGHTS)))
    level = draw(st.one_of(st.sampled_from([1, 1 << 15, (1 << 16) - 1, 1 << 16]), st.integers(1, 1 << 16)))
    return Instance(
        [x], lambda b, x: drawing.kept(b, "g", x, level, True), lambda x: rows_of(x, lambda row: kept_row(row, level, True))
    )


@drawn("drawn")
def drawn_places(draw):
    x = positive(draw(operands(shapes(1), WEIGHTS)))
    u = draw(operands(x.values.shape[:-1], UNIFORM))

    def expected(x, u):
        return np.array([drawn_place(x[at].tolist(), int(u[at])) for at in np.ndindex(*u.shape)]).reshape(u.shape)

    return Instance([x, u], lambda b, x, u: drawing.drawn(b, "g", x, u), expected)


@drawn("sample")
def samples(draw):
    """Scores of fraction bits around those of the exponentials; truncated or not."""
    step = draw(st.integers(-1, 2))
    exponent = draw(st.integers(0, 3))
    x = draw(operands(shapes(1), intervals(4), exponent))
    u = draw(operands(x.values.shape[:-1], UNIFORM))
    factor = draw(st.sampled_from([1, 100, 256, 700]))
    most = draw(st.integers(0, x.values.shape[-1] + 1))
    mass = draw(st.sampled_from([0, 1, 30000, 60000, 1 << 16]))

    def place(row, uniform):
        scaled = [Fraction(v * factor, 2 ** (exponent + 8)) * Fraction(2) ** step for v in row]
        q = np.array([(s + Fraction(1, 2)).__floor__() for s in scaled])
        weights = Exponentials(step).at(q.max() - q).tolist()
        weights = kept_row(weights, most, False) if 0 < most < len(row) else weights
        return drawn_place(kept_row(weights, mass, True) if mass else weights, uniform)

    def expected(x, u):
        return np.array([place(x[at].tolist(), int(u[at])) for at in np.ndindex(*u.shape)]).reshape(u.shape)

    return Instance([x, u], lambda b, x, u: drawing.sample(b, "g", x, u, step, factor, most, mass), expected)
