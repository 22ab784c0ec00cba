"""A value for each of a few integers, from a table that lists them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tacit.primitives.builder import Builder, Table, gadget
from tacit.primitives.gadgets.digits import require_fits
from tacit.primitives.gadgets.segments import graph_rows
from tacit.primitives.tensor import Tensor


@gadget("choice")
def choice(b: Builder, name: str, x: Tensor, first: int, values: Sequence[int], *, exponent: int = 0) -> Tensor:
    """values[x - first] of integers x of first .. first + len(values) - 1 by their proved interval; of this exponent.

    Relation: (x, y) in the table of the values. Cell y, leaf 1. Unique: x fixes its row; a field element beyond the list has
    none. Raises ModelError for an interval that leaves the list.
    """
    require_fits(name, x, first, first + len(values) - 1)
    listed = np.array(values, dtype=np.int64)
    y = b.commit(name, x, int(listed.min()), int(listed.max()), lambda: listed[b.value(x) - first], exponent=exponent)
    b.lookup(name, Table(f"choice/{name}", graph_rows(first, listed)), [x, y])
    return y
