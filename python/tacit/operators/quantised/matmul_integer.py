"""MatMulInteger and QLinearMatMul: products of integers, exact."""

from __future__ import annotations

from onnx import TensorProto

from tacit.graph import Node
from tacit.operators.quantised.requantize import requantized, shifted
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


def product(e: Expansion, a: str, a_zero: str, b: str, b_zero: str) -> str:
    """(a - a_zero) (b - b_zero) as int32. A zero point of a has one number a row, one of b one a column."""
    if a_zero and len(e.shape(a_zero)) == 1 and len(e.shape(a)) > 1:
        a_zero = e.op("Unsqueeze", a_zero, e.integers(1))
    return e.op("MatMul", shifted(e, a, a_zero), shifted(e, b, b_zero))


@expansion("MatMulInteger")
def matmul_integer(e: Expansion, node: Node) -> str:
    return product(e, node.inputs[0], node.input(2), node.inputs[1], node.input(3))


@expansion("QLinearMatMul")
def qlinear_matmul(e: Expansion, node: Node) -> str:
    """Inputs a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero. A scale of a has one number a row."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = node.inputs
    if len(e.shape(a_scale)) == 1 and len(e.shape(a)) > 1:
        a_scale = e.op("Unsqueeze", a_scale, e.integers(1))
    return requantized(e, product(e, a, a_zero, b, b_zero), [a_scale, b_scale], y_scale, y_zero)


@expansion("com.microsoft.MatMulIntegerToFloat")
def matmul_integer_to_float(e: Expansion, node: Node) -> str:
    """Inputs a, b, a_scale, b_scale, a_zero, b_zero, bias: a product of integers, scaled."""
    whole = product(e, node.inputs[0], node.input(4), node.inputs[1], node.input(5))
    scaled = e.op("Mul", e.op("Cast", whole, to=TensorProto.FLOAT), e.op("Mul", node.inputs[2], node.inputs[3]))
    return e.op("Add", scaled, node.inputs[6]) if node.input(6) else scaled


@expansion("com.microsoft.DynamicQuantizeMatMul")
def dynamic_quantize_matmul(e: Expansion, node: Node) -> str:
    """Inputs a (float), b, b_scale, b_zero, bias: a is quantised over its own range."""
    a, scale, zero = e.ops("DynamicQuantizeLinear", node.inputs[0], count=3)
    whole = product(e, a, zero, node.inputs[1], node.input(3))
    scaled = e.op("Mul", e.op("Cast", whole, to=TensorProto.FLOAT), e.op("Mul", scale, node.inputs[2]))
    return e.op("Add", scaled, node.inputs[4]) if node.input(4) else scaled
