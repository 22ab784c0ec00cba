"""A circuit written by hand that uses what small models do not: three factors, lists, strides, windows, constant positions, absent
output axes, a scalar relation, virtual columns with products and with affine parts, equal factors, reserved rows, halved blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tacit.circuit import (
    FIELD,
    Affine,
    Circuit,
    Column,
    Constant,
    Contract,
    Iota,
    Listed,
    Lookup,
    Parameters,
    Positions,
    Public,
    Segment,
    Sum,
    Table,
    Term,
    View,
    encode,
)

N, K, LONG = 13, 3, 300
PERMUTATION = tuple(5 * i % N for i in range(N))
COLUMNS = {
    # name: (shape, bytes, home)
    "w": ((N, K), 1, "weights"),
    "f": ((K,), 1, "weights"),
    "x": ((N,), 4, "public"),
    "m": ((N,), 1, "witness"),
    "t": ((K,), 4, "public"),
    "s": ((N,), 2, "witness"),
    "v": ((7,), 2, "witness"),
    "b": ((N, K), 4, "witness"),
    "p": ((LONG,), 2, "witness"),
    "r": ((LONG,), 2, "witness"),
    "squares count": ((16,), 8, "count"),
    "single count": ((1,), 8, "count"),
    "range count": ((150,), 8, "count"),
}
NAMES = (*COLUMNS, "square", "shifted")


@dataclass(frozen=True)
class Case:
    """A finished circuit, and buffers that satisfy it."""

    circuit: bytes
    weights: bytes
    public: bytes
    witness: bytes


def axis(number: int, offset: int = 0, stride: int = 1) -> Affine[int]:
    return Affine(offset, ((number, stride),))


def view(name: str, *maps: Affine[int] | Positions[int]) -> View:
    return View(NAMES.index(name), maps)


def term(coefficient: int, *views: View) -> Term:
    return Term(coefficient % FIELD, views)


def sums() -> dict[str, Sum]:
    """The contracts' sums."""
    window = Affine(-1, ((0, 2), (1, 1)))
    return {
        # t[j] = sum_k w[k, j] x[k] m[k]
        "three factors": Sum(
            (K, N), 1, (term(1, view("t", axis(0))), term(-1, view("w", axis(1), axis(0)), view("x", axis(1)), view("m", axis(1))))
        ),
        # s[i] = x[permutation i] m[i]
        "list": Sum((N,), 1, (term(1, view("s", axis(0))), term(-1, view("x", Positions(0, PERMUTATION)), view("m", axis(0))))),
        # v[y] = sum_k f[k] x[2 y + k - 1] + 3 m[12]
        "window": Sum(
            (7, K),
            1,
            (
                term(1, view("v", axis(0))),
                term(-1, view("f", axis(1)), view("x", window)),
                term(-3, view("m", Affine(N - 1))),
            ),
        ),
        # b[i, j] = m[i] + 5 + sum_k x[k] m[k]
        "absent axes": Sum(
            (N, K, N),
            2,
            (
                term(1, view("b", axis(0), axis(1))),
                term(-1, view("m", axis(0))),
                term(-5),
                term(-1, view("x", axis(2)), view("m", axis(2))),
            ),
        ),
        # r[i] = p[299 - i]
        "mirror": Sum((LONG,), 1, (term(1, view("r", axis(0))), term(-1, view("p", axis(0, LONG - 1, -1))))),
    }


def lookups() -> tuple[Lookup, ...]:
    here = axis(0)
    return (
        # (x, x^2): the second component is virtual.
        Lookup("squares", 0, (Sum((N,), 1, (term(1, view("x", here)),)), Sum((N,), 1, (term(1, view("square", here)),)))),
        # sum_k m[k] + 70: no output axis.
        Lookup("scalar", 1, (Sum((N,), 0, (term(1, view("m", here)), term(70))),)),
        # m[i] + 2 f[k] + 40
        Lookup("broadcast", 1, (Sum((N, K), 2, (term(1, view("m", here)), term(2, view("f", axis(1))), term(40))),)),
        # 2 (x[i] m[i] + m[i]) + 3 w[i, 1] - 2 (x m + m) + 50, half of it through a virtual column
        Lookup(
            "shifted",
            1,
            (
                Sum((N,), 1, (term(1, view("shifted", here)), term(3, view("w", here, Affine(1))), term(50))),
            ),
        ),
    )


def skeleton() -> Circuit:
    """Without parameters."""
    here = axis(0)
    square = Sum((N,), 1, (term(1, view("x", here), view("x", here)),))
    shifted = Sum((N,), 1, (term(1, view("x", here), view("m", here)), term(1, view("m", here)), term(1)))
    columns = tuple(Column(name, shape, size, home) for name, (shape, size, home) in COLUMNS.items())
    virtual = (Column("square", (N,), 2, "virtual", square), Column("shifted", (N,), 2, "virtual", shifted))
    listed = np.array([i * i for i in range(-8, 8)], dtype="<i2").tobytes()
    count = NAMES.index
    squares = (
        Segment(16, count("squares count"), (Iota(-8), Listed(2, listed))),
        Segment(1, count("single count"), (Constant(50), Constant(-1))),
    )
    return Circuit(
        columns=columns + virtual,
        tables=(Table("squares", 2, squares), Table("range", 1, (Segment(150, count("range count"), (Iota(-20),)),))),
        contracts=tuple(Contract(name, zero) for name, zero in sums().items()),
        lookups=lookups(),
        publics=(
            Public("x", False, NAMES.index("x"), "int32", (N,), 0, -8, 7),
            Public("t", True, NAMES.index("t"), "int32", (1, K), 2, -(2**20), 2**20),
        ),
    )


def case(seed: int) -> Case:
    """The circuit with reserved rows, and random cells; the weights do not depend on the seed."""
    rng = np.random.default_rng(0)
    cells = {"w": rng.integers(-9, 10, (N, K)), "f": rng.integers(-9, 10, K)}
    rng = np.random.default_rng(seed)
    cells |= {"x": rng.integers(-8, 8, N), "m": rng.integers(-4, 5, N), "p": rng.integers(-2000, 2001, LONG)}
    x, m, f = cells["x"], cells["m"], cells["f"]
    padded = np.concatenate([[0], x, [0, 0]])
    cells["t"] = (cells["w"] * (x * m)[:, None]).sum(axis=0)
    cells["s"] = x[list(PERMUTATION)] * m
    cells["v"] = np.array([f @ padded[2 * y : 2 * y + K] for y in range(7)]) + 3 * m[N - 1]
    cells["b"] = np.broadcast_to(m[:, None] + 5 + x @ m, (N, K))
    cells["r"] = cells["p"][::-1]
    cells |= {"square": x * x, "shifted": x * m + m + 1}
    circuit = replace(skeleton(), parameters=Parameters(8, 3, 0, (), (2,), (138,)))

    def buffer(*homes: str) -> bytes:
        columns = (column for column in circuit.columns if column.home in homes)
        return b"".join(cells[column.name].astype(f"<i{column.bytes}").tobytes() for column in columns)

    return Case(encode(circuit), buffer("weights"), buffer("public"), buffer("witness", "virtual"))
