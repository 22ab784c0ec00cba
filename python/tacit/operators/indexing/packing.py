"""Results of a size that depends on data: what counts comes first, zeros fill up, and a count says how much it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.graph.padded import count_of, is_padded
from tacit.operators.elementwise.comparison import equality
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.builder import Builder
from tacit.primitives.gadgets.digits import CELL, ENTRY, LEAF
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


def in_front(builder: Builder, name: str, flags: Tensor, rows: Sequence[Tensor]) -> tuple[list[Tensor], Tensor]:
    """(each of `rows` [n, *row] with those where flags [n] is 1 in front and zeros after them, the sums of flags up to each).

    By `compacted`, or, for rows so long that n^2 cells are cheaper, as the sum over j of z_jt rows_j, with z_jt = 1 where flag j is
    the t-th 1: the one-hot row of flag_j (flag_0 + .. + flag_j), which is 0 where j is dropped.
    """
    size = flags.shape[0]
    flags = flags if flags.is_affine and len(flags.terms) == 1 else builder.copy(flags, f"{name}/flags")
    sums = gadgets.running_sum(builder, f"{name}/sums", flags, 0).bounded(0, size).with_exponent(0)
    width = sum(row.size // size for row in rows)
    stages = (size - 1).bit_length()
    moves = CELL * (2 + width + stages * (3 + width)) + LEAF * stages + ENTRY
    if moves <= (size + 1) * (CELL + LEAF):
        return gadgets.compacted(builder, f"{name}/front", flags, list(rows)), sums
    place = arithmetic.multiply(builder, flags, sums).bounded(0, size)
    z = gadgets.one_hot(builder, f"{name}/places", place.with_exponent(0), size + 1)
    z = movement.slice_(builder, z, 1, 1, size + 1)
    return [chosen(builder, z, row) for row in rows], sums


def chosen(builder: Builder, z: Tensor, rows: Tensor) -> Tensor:
    """sum_j z_jt rows_j; columns of z hold at most one 1."""
    letters = "abcdefgh"[: len(rows.shape) - 1]
    found = arithmetic.einsum(builder, f"YZ,Y{letters}->Z{letters}", z, rows)
    return found.bounded(min(rows.low, 0), max(rows.high, 0))


def put_count(context: Context, node: Node, sums: Tensor) -> None:
    """Sets the count of a padded node: the last of the sums."""
    if is_padded(node):
        last = movement.slice_(context.builder, sums, 0, sums.shape[0] - 1, sums.shape[0])
        context.put(count_of(node), movement.squeeze(context.builder, last, [0]))


def is_not_zero(context: Context, name: str, x: Tensor) -> Tensor:
    """[x != 0] of exponent 0."""
    if (x.low, x.high, x.exponent) == (0, 1, 0):
        return x
    if x.low >= 0:
        return gadgets.compare(context.builder, name, x, constant(x.shape, 1, x.exponent))
    return (1 - equality(context, name, x, constant(x.shape, 0, x.exponent))).bounded(0, 1)
