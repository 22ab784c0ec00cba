"""Where a function is computed by polynomials on pieces: where the elements of all nodes that would share its table are few."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.numbers.fixed import signed_range
from tacit.numbers.functions import Function
from tacit.numbers.interval import Interval
from tacit.numbers.pieces import Curve
from tacit.operators import forms
from tacit.operators.domains import BOUNDED
from tacit.primitives import gadgets
from tacit.primitives.gadgets.digits import CELL, ENTRY, LEAF
from tacit.primitives.gadgets.pieces import cheapest_pieces
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context

HOMOGENEOUS = frozenset({"absolute", "leaky_relu", "relu"})
"""Functions whose integers do not depend on a common exponent of argument and result."""
LEAST = 500
"""No pieces cost less than this more than a table, in nanoseconds an element."""
TABLE, ROUNDED = 2 * CELL + 2 * LEAF, CELL + 2 * LEAF
"""What an element costs that is rounded and looked up in a table, and one that is only rounded."""


def sharing(context: Context, name: str, function: Function) -> int:
    """How many elements may share a value's table: those of the peers of the same exponents, as far as these decide, and as few or
    as many as to saturate in the same way."""
    graph, samples = context.graph, context.builder.batch or 1

    def kind(peer: str) -> tuple[int, bool]:
        few = forms.SHARED * samples * graph.values[peer].size * forms.CLAMPED <= (3 << context.bits(peer)) * ENTRY
        return 0 if alike else context.exponent(peer), few

    alike = function.chain[-1].name in BOUNDED or (len(function.chain) == 1 and function.name in HOMOGENEOUS)
    own = kind(name)
    return samples * sum(graph.values[peer].size for peer in forms.peers(context, name) if kind(peer) == own)


def applied(
    context: Context, name: str, x: Tensor, shift: int, bits: int, function: Function, last: int, least: int | None
) -> Tensor | None:
    """function(clamp(round(x / 2^shift))) by pieces, the same integers as a table gives: of signed ones of `bits` bits, or from
    `least` on, whose results have a bit more. None where a table costs less."""
    builder, bits_out = context.builder, bits if least is None else bits + 1
    low, high = signed_range(bits) if least is None else (least, least + (1 << bits) - 1)
    q = Interval(x.low, x.high).rounded(shift)
    if q.digits + shift >= forms.WIDEST_ROUNDED or q.digits < 2:
        return None
    many = sharing(context, name, function)
    rows = min(q.size if q.digits <= forms.WIDEST_TABLE else 3 << bits, 3 << bits) * ENTRY
    if many * LEAST >= rows:
        return None
    inside = q.inside(Interval(low, high))
    curve = Curve(function, max(q.low, low), min(q.high, high), x.exponent - shift, last, *signed_range(bits_out))
    found = cheapest_pieces(many, curve, builder.everything)
    if found is None or found.price + many * ((ROUNDED if inside else forms.CLAMPED) - TABLE) >= rows:
        return None
    if not inside:
        x = gadgets.round_saturate(builder, f"{name}/argument", x, shift, bits, least=least, form="clamped")
    elif shift or not x.is_affine or len(x.terms) > 1:
        x = gadgets.round_wide(builder, f"{name}/argument", x, shift)
    x = x.bounded(curve.low, curve.high)
    return gadgets.by_pieces(builder, name, x, function, last, bits_out, found.degree, found.bits, found.shift)
