"""How the gadgets of computed indices are drawn (see `drawn`)."""

from __future__ import annotations

import numpy as np
from drawn import Instance, Operand, drawn, intervals, operands, shapes
from hypothesis import strategies as st

from tacit.primitives.gadgets.compaction import compacted
from tacit.primitives.gadgets.order import ranked, top_k
from tacit.primitives.gadgets.packing import unpacked
from tacit.primitives.gadgets.running import carried
from tacit.primitives.gadgets.scatter import scatter
from tacit.primitives.gadgets.selection import one_hot, position, select
from tacit.primitives.gadgets.survivors import survivors

SIZES = st.integers(1, 4)
EXPONENTS = st.integers(0, 2)


def places(index, size, margin=0):
    """Where indices point: from the end where they are negative, then clamped."""
    return np.clip(np.where(index < 0, index + size, index), -margin, size - 1 + margin)


@drawn("position")
def positions(draw):
    x, size, margin = draw(operands(interval=intervals(4))), draw(SIZES), draw(st.integers(0, 1))
    return Instance([x], lambda b, x: position(b, "g", x, size, margin), lambda x: places(x, size, margin))


@drawn("one_hot")
def one_hots(draw):
    size = draw(SIZES)
    x = draw(operands(shapes(0, 2, 4), (0, size - 1)))
    return Instance([x], lambda b, x: one_hot(b, "g", x, size), lambda x: (x[..., None] == np.arange(size)).astype(np.int64))


@drawn("select")
def selections(draw):
    shared, size = draw(st.lists(st.integers(1, 2), max_size=1)), draw(SIZES)
    own, row = draw(st.lists(st.integers(1, 2), max_size=1)), draw(st.lists(st.integers(1, 2), max_size=1))
    table = draw(operands((*shared, size, *row), intervals(8)))
    index = draw(operands((*shared, *own), intervals(3)))
    batch, digits = len(shared), draw(st.sampled_from([None, 1, 2]))

    def expected(table, index):
        at = places(index, size)
        if not batch:
            return table[at]
        return np.stack([rows[chosen] for rows, chosen in zip(table, at)])

    return Instance([table, index], lambda b, t, i: select(b, "g", t, i, batch, digits), expected)


@drawn("unpacked")
def taken_apart(draw):
    count, bits = draw(st.integers(1, 3)), draw(st.integers(1, 20))
    shape, interval = draw(shapes(1)), (-(1 << bits - 1), (1 << bits - 1) - 1)
    first, last = draw(st.sampled_from([interval, interval[:1] * 2, interval[1:] * 2]))
    parts = [draw(operands(shape, (first, last))).values for _ in range(count)]
    low, high = (sum(end << bits * i for i in range(count)) for end in interval)
    x = draw(st.sampled_from(["input", "weights", "witness", "sum", "product", "transposed", "joined"]))
    whole = Operand(sum(part << bits * i for i, part in enumerate(parts)), low, high, draw(EXPONENTS), x)
    return Instance([whole], lambda b, x: unpacked(b, "g", x, count, bits), lambda x: np.concatenate(parts, axis=-1))


def largest(least):
    def draws(draw):
        x = draw(operands((draw(st.integers(least, 5)),), intervals(draw(st.sampled_from([2, 12])))))
        k, part = draw(st.integers(least, x.values.shape[-1])), draw(st.integers(0, 1))

        def expected(x):
            order = np.argsort(-x, axis=-1, kind="stable")[..., :k]
            return order if part else np.take_along_axis(x, order, -1)

        return Instance([x], lambda b, x: top_k(b, "g", x, k)[part], expected)

    return draws


drawn("top_k")(largest(1))
drawn("top_k", "several")(largest(2))


def scatters(reduction, combine):
    def draws(draw):
        shared, size, count = draw(st.lists(st.integers(1, 2), max_size=1)), draw(SIZES), draw(st.integers(1, 3))
        row = draw(st.lists(st.integers(1, 2), max_size=1))
        data = draw(operands((*shared, size, *row), intervals(6)))
        index = draw(operands((*shared, count), intervals(3)))
        updates = draw(operands((*shared, count, *row), intervals(6)))

        def expected(data, index, updates):
            found, at = data.copy(), places(index, size)
            for lead in np.ndindex(*shared):
                for t in range(count):
                    place = (*lead, at[(*lead, t)])
                    found[place] = combine(found[place], updates[(*lead, t)])
            return found

        call = lambda b, d, i, u: scatter(b, "g", d, i, u, len(shared), reduction)  # noqa: E731
        return Instance([data, index, updates], call, expected)

    return draws


for name, combine in (("none", lambda old, new: new), ("add", np.add), ("max", np.maximum), ("min", np.minimum)):
    drawn("scatter", name)(scatters(name, combine))


def ordered(part):
    def draws(draw):
        x = draw(operands((draw(st.integers(1, 4)),), intervals(3)))
        k = draw(st.integers(1, x.values.shape[-1]))

        def expected(x):
            order = np.argsort(-x, axis=-1, kind="stable")[..., :k]
            return (x[order], order, (order[:, None] == np.arange(len(x))).astype(np.int64))[part]

        return Instance([x], lambda b, x: ranked(b, "g", x, k)[part], expected)

    return draws


for part, form in enumerate(("values", "indices", "hits")):
    drawn("ranked", form)(ordered(part))


@drawn("carried")
def lasting(draw):
    x = draw(operands(shapes(1), intervals(8)))
    starts = draw(operands(x.values.shape, (0, 1)))

    def expected(x, starts):
        y = np.zeros_like(x)
        for t in range(x.shape[-1]):
            y[..., t] = np.where(starts[..., t] == 1, x[..., t], y[..., t - 1] if t else 0)
        return y

    return Instance([x, starts], lambda b, x, s: carried(b, "g", x, s), expected)


@drawn("survivors")
def kept(draw):
    size, lead = draw(st.integers(1, 4)), draw(st.lists(st.integers(1, 2), max_size=1))
    scores = draw(operands((*lead, size), intervals(4), EXPONENTS))
    candidates, overlaps = draw(operands((*lead, size), (0, 1))), draw(operands((size, size), (0, 1)))

    def expected(scores, candidates, overlaps):
        found = np.zeros_like(scores)
        for at in np.ndindex(*lead):
            left = [j for j in np.argsort(-scores[at], kind="stable") if candidates[at][j]]
            while left:
                best, *left = left
                found[(*at, best)] = 1
                left = [j for j in left if not overlaps[best, j]]
        return found

    return Instance([scores, candidates, overlaps], lambda b, s, c, o: survivors(b, "g", s, c, o), expected)


@drawn("compacted")
def compactions(draw):
    size = draw(st.integers(1, 6))
    flags = draw(operands((size,), (0, 1)))
    rows = draw(operands((size, *draw(st.lists(st.integers(1, 2), max_size=1))), intervals(6), EXPONENTS))

    def expected(flags, rows):
        found = np.zeros_like(rows)
        found[: flags.sum()] = rows[flags == 1]
        return found

    return Instance([flags, rows], lambda b, f, x: compacted(b, "g", f, [x])[0], expected)
