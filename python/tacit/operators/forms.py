"""Which gadgets round a value and apply its function, by the price of the whole model.

A table costs its rows whether many elements use it or few. Several nodes that apply the same function can share one;
where all of them together are few, Relu does without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.numbers.fixed import FLOAT_BITS, signed_range
from tacit.numbers.functions import RELU, Function
from tacit.numbers.interval import Interval
from tacit.operators.registry import LOWERINGS
from tacit.primitives import gadgets
from tacit.primitives.gadgets.digits import CELL, ENTRY, LEAF
from tacit.primitives.gadgets.rescale import EXCESS
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

WIDEST_TABLE = 18
"""The widest interval, in bits, that a table may cover whole."""
WIDEST_RECTIFIED, MOST_RECTIFIED = 21, 3
"""Relu without a table does not saturate: intervals grow from layer to layer. It is for integers of at most so many
bits, and for models with so few of them that the last still fits (else the table is there anyway)."""
RECTIFIED = 2 * CELL + 3 * LEAF + 25
"""What Relu without a table costs more than with one, for each element (one product included)."""
WIDEST_SATURATED = 16
"""A value of more bits that no function was applied to is a wide tensor: digits of its proved interval, no table."""
WIDEST_ROUNDED = 62
"""Rounded integers and their remainders have fewer bits."""
WIDE_BITS = 28
WIDE_FRACTION = 8
"""A wide tensor has so many fraction bits more than a narrow one."""
FORGONE = 2
"""So many of them it loses where its interval is too wide, before it saturates instead."""
WIDEST_SUM = 60
"""Integers of more bits are not rounded and saturated at once."""
TABULATED = {"Pointwise", "Softmax"}
"""Operators that look their results up, besides functions of one variable."""
FEW = 1024
"""A node of at most so many results costs next to nothing."""
DECIDING, NORMALISING = frozenset({"ArgMax", "ArgMin", "Hardmax", "TopK"}), frozenset({"LogSoftmax", "Softmax"})
CLAMPED = 5 * CELL + 3 * LEAF
"""What saturation by digits costs for each element."""
SPARE = 1
"""A factor of a product may have so many bits more than a narrow tensor, instead of saturating. Each of them spreads the scores of
a softmax, and the sums of a residual stream, which then have fewer fraction bits."""
MANY = 8
"""So many nodes with one function share a table, instead of one of 2^17 integers of their own."""
SHARED = 8
"""So many values may share a table: saturation does without where its own elements cost less than such a share of it."""


def saturation_form(x: Tensor, size: int, shift: int, bits: int, shared: bool = False) -> str | None:
    """'clamped' for rounding and saturating few elements (`size` of all samples), whose table would cost more than they do; 'wide'
    where its table is one of the whole program, `shared`, and a table over the interval would cost more than it saves; None leaves
    it to the gadget."""
    low, high = signed_range(bits)
    q = Interval(x.low, x.high).rounded(shift)
    if q.inside(Interval(low, high)) or q.digits + shift >= WIDEST_ROUNDED:
        return None
    table = min(q.size, 3 << bits) * ENTRY
    if SHARED * size * CLAMPED <= table:
        return "clamped"
    return "wide" if shared and q.size * ENTRY > size * (2 * CELL + LEAF) else None


def peers(context: Context, name: str) -> list[str]:
    """The results of the nodes that have the operator and the attributes of the one that computes a value."""
    own = context.graph.producers[name]
    return [node.outputs[0] for node in context.graph.nodes if node.kind == own.kind and node.attributes == own.attributes]


def widest_whole(context: Context, name: str) -> int:
    """Bits of the widest interval of an argument that gets a table of its own, whatever the number of elements, which must not
    decide integers: see `keeps_interval`. MANY nodes share a wide one at next to no cost."""
    return WIDEST_TABLE - (2 if len(peers(context, name)) >= MANY else 0)


def choose_form(x: Tensor, size: int, shift: int, bits: int, peers: int) -> str | None:
    """'whole' or 'wide' for round_saturate of x, of `size` elements over all samples; None leaves it to the gadget (nothing
    saturates, or nobody shares).

    The table of the wide form depends on the function alone, so `peers` nodes share its price; the table over a whole
    interval is a node's own. The wide form costs two cells and a leaf more for each element.
    """
    low, high = signed_range(bits)
    q = Interval(x.low, x.high).rounded(shift)
    if peers < 2 or q.inside(Interval(low, high)) or q.digits > WIDEST_TABLE:
        return None
    whole = q.size * ENTRY
    wide = (3 << bits) * ENTRY // peers + size * (2 * CELL + LEAF)
    return "whole" if whole <= wide else "wide"


def keeps_interval(context: Context, name: str, x: Tensor) -> bool:
    """Whether a float that is a factor of a product, rounded to the exponent of its narrow form, stays as wide as its proved
    interval: digits of a bit more cost less than the saturation would. It must not depend on how many elements there are: circuits
    of other lengths and batches compute with the same integers."""
    bits, shift = context.bits(name), max(0, x.exponent - context.exponent(name))
    q = Interval(x.low, x.high).rounded(shift)
    fits = bits < q.bits <= bits + SPARE and q.digits + shift < WIDEST_ROUNDED
    return fits and bits <= WIDEST_SATURATED and context.is_float(name)


def rounded(context: Context, name: str, x: Tensor) -> Tensor:
    """x at the exponent of its narrow form, or its own where that is coarser, as wide as its interval."""
    return gadgets.round_wide(context.builder, f"{name}/factor", x, max(0, x.exponent - context.exponent(name)))


def without_table(context: Context, x: Tensor, shift: int, function: Function, last: int) -> bool:
    """Whether Relu of x is cheaper by sign and product: few elements in all, and an interval that is not much too
    wide. It does not saturate, as a table does: a batch, whose integers are those of single samples, does not count here."""
    if function != RELU or last != x.exponent - shift:
        return False
    if Interval(x.low, x.high).rounded(shift).bits > WIDEST_RECTIFIED:
        return False
    graph = context.graph
    rectified = [graph.values[node.outputs[0]].size for node in graph.nodes if node.operator in ("Relu", "Clip")]
    if len(rectified) > MOST_RECTIFIED:
        return False
    return sum(rectified) * RECTIFIED < (3 << context.scales.bits) * ENTRY


def rectify(context: Context, name: str, x: Tensor, shift: int) -> Tensor:
    """max(round(x / 2^shift), 0), as wide as the proved interval."""
    builder = context.builder
    rounded = x if shift == 0 and x.is_affine else gadgets.round_wide(builder, f"{name}/rounded", x, shift)
    return gadgets.maximum(builder, name, rounded, constant(x.shape, 0, rounded.exponent))


def finest(context: Context, name: str, x: Tensor) -> Tensor:
    """x rounded to the exponent of `name`, and held in its bits by digits where its interval leaves them: no table has so many."""
    shift = max(0, x.exponent - context.exponent(name))
    bits = context.bits(name) + min(0, x.exponent - context.exponent(name))
    if Interval(x.low, x.high).rounded(shift).inside(Interval(*signed_range(bits))):
        return gadgets.round_wide(context.builder, f"{name}/fine", x, shift)
    return gadgets.round_saturate(context.builder, f"{name}/fine", x, shift, bits, form="clamped")


def is_fine(context: Context, name: str) -> bool:
    """Whether a value is held in more bits than float32 has: a quotient that is only compared."""
    return context.scales.bits_of(name) > FLOAT_BITS


def is_decisive(context: Context, name: str) -> bool:
    """Whether a value is few scores of which the largest decide, and which nothing else reads: classes may be as close as float32
    tells them apart, beside scores that are all large, and bits of few numbers cost next to nothing."""
    readers = {node.kind for node in context.graph.consumers.get(name, ())}
    few = context.graph.values[name].size <= FEW
    return few and name not in context.graph.outputs and bool(readers & DECIDING) and readers <= DECIDING | NORMALISING


def widest(context: Context, name: str) -> int:
    """Bits of a wide tensor that none of its readers rounds again."""
    found = [WIDE_BITS]
    for node in context.graph.consumers.get(name, ()):
        entry = LOWERINGS.get(node.kind)
        if entry is not None and entry.widest is not None and node.inputs[0] == name:
            found.append(entry.widest(context, node))
    return min(found)


def rounded_wide(context: Context, name: str, x: Tensor) -> Tensor:
    """x as a wide tensor: see `Context.wide`."""
    fraction = min(WIDE_FRACTION, WIDE_BITS - context.bits(name))
    shift = max(x.exponent - context.exponent(name) - fraction, 0)
    if is_decisive(context, name):
        shift = min(shift, max(signed_bits(x) - WIDE_BITS, 0))
    excess = signed_bits(x) - shift - widest(context, name)
    bits = context.bits(name) + fraction + 1
    fits = signed_bits(x) <= WIDEST_SUM and signed_bits(x) - shift <= bits + EXCESS
    if excess > FORGONE and name in context.scales.largest and fits:
        return gadgets.round_saturate(context.builder, f"{name}/wide", x, shift, bits, form="clamped")
    return gadgets.round_wide(context.builder, f"{name}/wide", x, shift + max(excess, 0))


def signed_bits(tensor: Tensor) -> int:
    """The width of the smallest signed type that holds the tensor's proved interval."""
    return max((~bound if bound < 0 else bound).bit_length() for bound in (tensor.low, tensor.high)) + 1


def is_tabulated(node: Node | None) -> bool:
    """Whether the result of a node comes out of a table, other than Relu's."""
    if node is None or node.operator == "Relu":
        return False
    return node.operator in TABULATED or LOWERINGS[node.kind].function is not None
