"""A function of one variable, applied to a value rounded and saturated for it: by a table, by pieces, or by digits first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.numbers.functions import Function
from tacit.numbers.interval import Interval
from tacit.operators import domains, forms, pieces
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def apply_function(context: Context, name: str, x: Tensor, shift: int, function: Function, last: int) -> Tensor:
    """function(round(x / 2^shift)), the argument in `bits` bits, the result of exponent `last`; both have a bit more of fraction
    where the function is flat below (`domains.window`) and x may leave every table: one that holds the whole interval would grow.
    """
    builder, bits = context.builder, context.bits(name)
    least, bits_out = None, bits
    if shift and Interval(x.low, x.high).rounded(shift).digits > forms.widest_whole(context, name):
        least = domains.window(function, x.exponent - shift, last, bits)
    if least is not None:  # twice x by the same shift, so that its remainder needs no range table of its own
        x, last, bits_out = movement.shifted(x, x.exponent + 1), last + 1, bits + 1
    found = pieces.applied(context, name, x, shift, bits, function, last, least)
    if found is not None:
        return found
    size = builder.elements(x)
    if forms.saturation_form(x, size, shift, bits) is not None:
        x = gadgets.round_saturate(builder, f"{name}/argument", x, shift, bits, least=least, form="clamped")
        shift = 0
    form = forms.choose_form(x, size, shift, bits, len(forms.peers(context, name)))
    return gadgets.round_saturate(builder, name, x, shift, bits, function, last, bits_out=bits_out, least=least, form=form)
