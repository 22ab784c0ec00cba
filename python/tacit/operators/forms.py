"""Which form of rounding a node takes, when several nodes of a model apply the same function and could share its table."""

from __future__ import annotations

from tacit.numbers.fixed import signed_range
from tacit.numbers.interval import Interval
from tacit.primitives.gadgets.digits import CELL, ENTRY, LEAF
from tacit.primitives.tensor import Tensor

WIDEST_TABLE = 18
"""The widest interval, in bits, that a table may cover whole."""


def choose_form(x: Tensor, shift: int, bits: int, peers: int) -> str | None:
    """'whole' or 'wide' for round_saturate of x; None leaves it to the gadget (nothing saturates, or nobody shares).

    The table of the wide form depends on the function alone, so `peers` nodes share its price; the table over a whole interval
    is a node's own. The wide form costs two cells and a leaf more for each element.
    """
    low, high = signed_range(bits)
    q = Interval(x.low, x.high).rounded(shift)
    if peers < 2 or q.inside(Interval(low, high)) or q.digits > WIDEST_TABLE:
        return None
    whole = q.size * ENTRY
    wide = (3 << bits) * ENTRY // peers + x.size * (2 * CELL + LEAF)
    return "whole" if whole <= wide else "wide"
