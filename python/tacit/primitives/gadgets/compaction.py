"""Rows that are kept, moved to the front in order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.circuit import Iota
from tacit.primitives import arithmetic, movement
from tacit.primitives.builder import Builder, Rows, Table, gadget, listed
from tacit.primitives.gadgets.digits import require_fits
from tacit.primitives.gadgets.running import running_sum
from tacit.primitives.tensor import Tensor


def bit_table(entries: int) -> Table:
    """(r, r mod 2, floor(r / 2)) for r = 0 .. entries - 1."""
    numbers = np.arange(entries)
    return Table(f"bits/{entries}", (Rows(entries, (Iota(0), listed(numbers & 1), listed(numbers >> 1))),))


@gadget("compacted")
def compacted(b: Builder, name: str, flags: Tensor, rows: Sequence[Tensor]) -> list[Tensor]:
    """Each of `rows` [n, *row] with the rows where flags [n] is 1 in front, in order, and zeros after them; exact.

    Row j has to move by r = flag_j (number of zeros before j) places: one bit of r after the other, the lowest first, when no
    two kept rows meet (their distance exceeds the difference of their r). Stage k: (r, bit, half) in `bit_table`, and for y = half
    and every row y'_i = y_i - bit_i y_i + bit_(i + 2^k) y_(i + 2^k). Cells n (2 + width) and, for each of log2 n stages,
    n (3 + width); leaves n a stage. Unique: by induction, a table row or a contract gives every column from those before it.
    """
    require_fits(name, flags, 0, 1)
    size = flags.shape[0]
    flags = flags if flags.is_affine and len(flags.terms) <= 2 else b.copy(flags, f"{name}/flags")
    kept = [keep(b, f"{name}/kept", flags, row) for row in rows]
    if size == 1:
        return kept
    skipped = running_sum(b, f"{name}/skipped", 1 - flags, 0).bounded(0, size)
    rest = arithmetic.multiply(b, flags, skipped).bounded(0, size - 1)
    rest = b.copy(rest.with_exponent(0), f"{name}/rest")
    table = bit_table(size)
    stages = (size - 1).bit_length()
    for stage in range(stages):
        part = f"{name}/stage{stage}"
        bit = b.commit(f"{part}/bit", rest, 0, 1, lambda r=rest: b.value(r) & 1)  # type: ignore[misc]
        half = b.commit(f"{part}/half", rest, 0, rest.high >> 1, lambda r=rest: b.value(r) >> 1)  # type: ignore[misc]
        b.lookup(f"{part}/bits", table, [rest, bit, half])
        kept = [moved(b, f"{part}/row", bit, row, 1 << stage) for row in kept]
        rest = moved(b, f"{part}/rest", bit, half, 1 << stage) if stage + 1 < stages else half
    return kept


def keep(b: Builder, name: str, flags: Tensor, row: Tensor) -> Tensor:
    """flag * row as a column."""
    flags = movement.unsqueeze(b, flags, range(1, len(row.shape)))
    product = arithmetic.multiply(b, flags, row).bounded(min(row.low, 0), max(row.high, 0))
    return b.copy(product.with_exponent(row.exponent), name)


def moved(b: Builder, name: str, bit: Tensor, y: Tensor, distance: int) -> Tensor:
    """y'_i = y_i - bit_i y_i + bit_(i + distance) y_(i + distance), zeros from beyond the end, as a column."""
    gone = arithmetic.multiply(b, movement.unsqueeze(b, bit, range(1, len(y.shape))), y)
    come = movement.pad(b, gone, [(-distance, distance)] + [(0, 0)] * (len(y.shape) - 1))
    total = movement.plus(b, movement.plus(b, y, -gone), come)
    return b.copy(total.bounded(y.low, y.high).with_exponent(y.exponent), name)
