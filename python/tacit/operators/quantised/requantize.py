"""What quantised operators share: zero points subtracted, and accumulators brought back to few bits."""

from __future__ import annotations

from collections.abc import Sequence

from onnx import TensorProto

from tacit.passes.expansion import Expansion


def shifted(e: Expansion, x: str, zero: str) -> str:
    """x - zero point as int32; '' is zero."""
    whole = e.op("Cast", x, to=TensorProto.INT32)
    return e.op("Sub", whole, e.op("Cast", zero, to=TensorProto.INT32)) if zero else whole


def real(e: Expansion, x: str, scale: str, zero: str) -> str:
    """(x - zero point) scale as float32, by tensor."""
    return e.op("Mul", e.op("Cast", shifted(e, x, zero), to=TensorProto.FLOAT), scale)


def quantized(e: Expansion, x: str, scale: str, zero: str) -> str:
    """saturate(round(x / scale) + zero point) of a float."""
    return e.op("QuantizeLinear", x, one(e, scale), one(e, zero))


def requantized(e: Expansion, whole: str, scales: Sequence[str], scale: str, zero: str) -> str:
    """saturate(round(integers * product of scales / scale) + zero point): one product, one rounding."""
    if e.dtype(scale) != "float32":
        scale = e.op("Cast", scale, to=TensorProto.FLOAT)
    factor = ""
    for name in scales:
        name = name if e.dtype(name) == "float32" else e.op("Cast", name, to=TensorProto.FLOAT)
        factor = name if not factor else e.op("Mul", factor, name)
    scaled = e.op("Mul", e.op("Cast", whole, to=TensorProto.FLOAT), e.op("Div", factor, scale))
    return e.op("QuantizeLinear", scaled, e.constant(1.0, "float32"), one(e, zero))


def one(e: Expansion, name: str) -> str:
    """A list of one number as a number."""
    return e.op("Reshape", name, e.integers()) if name and e.shape(name) == (1,) else name
