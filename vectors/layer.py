"""A circuit written by hand of one relation and no lookup: y = w x + b, x and y being in the receipt unless they are hidden."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from relations import Case

from tacit.circuit import FIELD, Affine, Circuit, Column, Contract, Parameters, Public, Sum, Term, View, encode

ROWS, COLUMNS = 3, 5
W, B, X, Y = range(4)


def skeleton(rows: int = ROWS, columns: int = COLUMNS) -> Circuit:
    """Without parameters. w has rows x columns cells."""
    most = max(2**20, columns * 2**14)
    row, column = (Affine(0, ((axis, 1),)) for axis in (0, 1))
    terms = (
        Term(1, (View(W, (row, column)), View(X, (column,)))),
        Term(1, (View(B, (row,)),)),
        Term(FIELD - 1, (View(Y, (row,)),)),
    )
    return Circuit(
        columns=(
            Column("w", (rows, columns), 1, "weights"),
            Column("b", (rows,), 2, "weights"),
            Column("x", (columns,), 1, "public"),
            Column("y", (rows,), 4, "public"),
        ),
        tables=(),
        contracts=(Contract("layer", Sum((rows, columns), 1, terms)),),
        lookups=(),
        publics=(
            Public("x", False, X, "int8", (columns,), 0, -100, 100),
            Public("y", True, Y, "int32", (rows,), 0, -most, most),
        ),
    )


def hiding_in(openings: int) -> Parameters:
    """The parameters of the vectors that hide in so many proofs, whatever this version of compile chooses."""
    return Parameters(13, 140 * openings + 3, 16, (3, 3), (2, 2, 3), (140, 140, 91))


def case(seed: int, openings: int, rows: int = ROWS, columns: int = COLUMNS) -> Case:
    """Its commitments serve so many hiding proofs; the weights do not depend on the seed."""
    rng = np.random.default_rng(0)
    w, b = rng.integers(-100, 101, (rows, columns)), rng.integers(-1000, 1001, rows)
    x = np.random.default_rng(seed).integers(-100, 101, columns)
    buffers = ((w, "<i1"), (b, "<i2")), ((x, "<i1"), (w @ x + b, "<i4"))
    weights, public = (b"".join(column.astype(kind).tobytes() for column, kind in group) for group in buffers)
    return Case(encode(replace(skeleton(rows, columns), parameters=hiding_in(openings))), weights, public, b"")
