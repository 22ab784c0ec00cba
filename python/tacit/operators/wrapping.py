"""Integers that leave their dtype wrap, as the model's arithmetic does."""

from __future__ import annotations

from tacit.graph import MOVES, Graph, Node
from tacit.numbers.dtypes import kind_of
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.builder import Builder
from tacit.primitives.tensor import Tensor

WIDEST = 32
"""Wider dtypes would need a modulus that the field does not hold: see `read_as_residue`."""
LIMB, WIDEST_PRODUCT = 16, 61
RING = frozenset({"Add", "Sub", "Mul", "Neg", "Sum", "Identity"})
"""Operators whose result modulo 2^64 depends on nothing but their operands modulo 2^64."""


def wrap(b: Builder, name: str, x: Tensor, low: int, bits: int) -> Tensor:
    """x - 2^bits q in low .. low + 2^bits - 1, exponent 0: q is x - low, divided by 2^bits and rounded down.

    Cells and lookups: those of `round_wide`, which forces q and puts the result, its remainder, into its range. Raises
    ModelError where x reaches so far that the field cannot hold it.
    """
    half = 1 << (bits - 1)
    wraps = gadgets.round_wide(b, f"{name}/wraps", x - (low + half), bits).with_exponent(0)
    return movement.plus(b, x, -(wraps * (1 << bits))).bounded(low, low + (1 << bits) - 1)


def product(b: Builder, name: str, x: Tensor, y: Tensor, low: int, bits: int) -> Tensor:
    """x y - 2^bits q in low .. low + 2^bits - 1 of integers of at most 32 bits; where the field could not hold x y, x limb by
    limb: (h 2^16 + l) y = (h y) 2^16 + l y, where h y counts modulo what is left of 2^bits."""
    if max(x.high, -x.low).bit_length() + max(y.high, -y.low).bit_length() <= WIDEST_PRODUCT:
        whole = arithmetic.multiply(b, x, y)
        return whole if low <= whole.low and whole.high < low + (1 << bits) else wrap(b, name, whole, low, bits)
    half = 1 << (LIMB - 1)
    upper = gadgets.round_wide(b, f"{name}/upper", x - half, LIMB).with_exponent(0)
    lower = b.copy(movement.plus(b, x, upper * -(1 << LIMB)).bounded(0, (1 << LIMB) - 1), f"{name}/lower")
    carried = wrap(b, f"{name}/carried", arithmetic.multiply(b, upper, y), 0, bits - LIMB)
    return wrap(b, name, movement.plus(b, carried * (1 << LIMB), arithmetic.multiply(b, lower, y)), low, bits)


def read_as_residue(graph: Graph, name: str) -> bool:
    """Whether everybody who reads a value of 64 bits asks for it modulo 2^64 only, so that any integer of the class of its
    value stands for it: what wraps it again (sums, products, casts to integers), what moves it, and the receipt, whose
    integers are read in the dtype that the model declares."""
    return all(_takes_residue(graph, node, name) for node in graph.consumers.get(name, ()))


def _takes_residue(graph: Graph, node: Node, name: str) -> bool:
    if node.domain or (node.kind not in RING and (node.kind not in MOVES or name in node.inputs[1:] and node.kind != "Concat")):
        return False
    results = [graph.values[output].dtype for output in node.outputs if output]
    return all(kind_of(dtype) in "iu" for dtype in results)
