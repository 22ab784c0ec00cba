"""BitCast: the same bits as another dtype of that width, between integers and between float32 and integers of 32 bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tacit.graph import Node
from tacit.operators import tables
from tacit.operators.forms import signed_bits
from tacit.operators.registry import lowering
from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.tensor import Tensor, constant

if TYPE_CHECKING:
    from tacit.operators.context import Context

MANTISSA, BIAS, EXPONENTS, SIGN = 23, 127, 256, 1 << 31
"""Of float32 (IEEE 754): bits of the mantissa, bias and number of exponents, the bit of the sign."""


@lowering("BitCast")
def bit_cast(context: Context, node: Node) -> None:
    """Integers stay what they are, modulo 2^bits. The bits of a float are those of the number as it was quantised, and bits
    that mean an infinity, no number, or more than the result's range count as its end."""
    source, target = (context.graph.values[name] for name in (node.inputs[0], node.outputs[0]))
    output = node.outputs[0]
    if source.dtype == target.dtype or not (source.is_float or target.is_float):
        context.put(output, context.addend(node.inputs[0]))
    elif source.is_float and source.dtype == "float32":
        context.put(output, bits_of(context, node.inputs[0], output))
    elif target.dtype == "float32":
        context.put(output, float_of(context, output, context.exact(node.inputs[0]), context.rounding(output)))
    else:
        raise context.unsupported(node, f"it reads {source.dtype} as {target.dtype}; only float32 and integers of 32 bits can")


def bits_of(context: Context, source: str, name: str) -> Tensor:
    """sign 2^31 + (exponent + bias) 2^23 + mantissa of a number, 0 of zero: x = 2^e (1 + mantissa / 2^23)."""
    builder, x = context.builder, context.tensor(source)
    if signed_bits(x) > MANTISSA + 2:
        x = context.narrow(source)
    x = context.builder.copy(x, f"{name}/number") if not x.is_affine or len(x.terms) != 1 else x
    negative = 1 - gadgets.compare(builder, f"{name}/positive", x, constant(x.shape, 0, x.exponent))
    size = gadgets.maximum(builder, f"{name}/size", x, -x)
    steps = max(size.high.bit_length(), 1)
    least = gadgets.maximum(builder, f"{name}/least", size, constant(x.shape, 1, x.exponent))
    places = [steps - 1 - j - x.exponent + BIAS for j in range(steps)]
    normal, place = gadgets.normalised(builder, f"{name}/exponent", least, places)
    mantissa = (normal - (1 << (steps - 1))) * (1 << (MANTISSA + 1 - steps))
    whole = movement.plus(builder, place * (1 << MANTISSA), mantissa).with_exponent(0)
    some = movement.plus(builder, size, 1 - least).bounded(0, 1).with_exponent(0)
    found = arithmetic.multiply(builder, builder.copy(whole, f"{name}/whole"), some)
    return movement.plus(builder, found, negative * SIGN)


def float_of(context: Context, name: str, bits: Tensor, exponent: int) -> Tensor:
    """(-1)^sign 2^(e - bias) (1 + mantissa / 2^23) from bits, of about this exponent."""
    builder = context.builder
    half = 1 << (MANTISSA - 1)
    if bits.low < 0:
        negative = 1 - gadgets.compare(builder, f"{name}/positive", bits, constant(bits.shape, 0))
    else:
        negative = gadgets.compare(builder, f"{name}/negative", bits, constant(bits.shape, SIGN))
    size = movement.plus(builder, bits, negative * (SIGN if bits.low < 0 else -SIGN)).bounded(0, SIGN - 1)
    place = gadgets.round_wide(builder, f"{name}/exponent", size - half, MANTISSA).with_exponent(0)
    place = place.bounded(0, EXPONENTS - 1)
    mantissa = movement.plus(builder, size, place * -(1 << MANTISSA)).bounded(0, (1 << MANTISSA) - 1)
    first = [e - BIAS - MANTISSA + exponent for e in range(EXPONENTS)]
    number = builder.copy(mantissa + (1 << MANTISSA), f"{name}/number")
    magnitude = tables.times_power(context, name, number, place, [-EXPONENTS, *first[1:]], exponent)
    return arithmetic.multiply(builder, magnitude, 1 - 2 * negative).bounded(-magnitude.high, magnitude.high)
