"""QLinearAdd, QLinearMul, QLinearSigmoid, QLinearLeakyRelu, QLinearConcat, QLinearSoftmax and pooling, QGemm: the operator
on real numbers between integers."""

from __future__ import annotations

from onnx import TensorProto

from tacit.graph import Node
from tacit.operators.quantised.requantize import quantized, real, requantized, shifted
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("com.microsoft.QLinearAdd", "com.microsoft.QLinearMul")
def binary(e: Expansion, node: Node) -> str:
    """Inputs a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero."""
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale = node.inputs[:7]
    if node.operator == "QLinearMul":
        whole = e.op("Mul", shifted(e, a, a_zero), shifted(e, b, b_zero))
        return requantized(e, whole, [a_scale, b_scale], y_scale, zero_of(e, node, 7, a))
    return quantized(e, e.op("Add", real(e, a, a_scale, a_zero), real(e, b, b_scale, b_zero)), y_scale, zero_of(e, node, 7, a))


@expansion("com.microsoft.QLinearSigmoid", "com.microsoft.QLinearLeakyRelu")
def unary(e: Expansion, node: Node) -> str:
    """Inputs x, x_scale, x_zero, y_scale, y_zero."""
    x, x_scale, x_zero, y_scale = node.inputs[:4]
    operator = node.operator.removeprefix("QLinear")
    return quantized(e, e.op(operator, real(e, x, x_scale, x_zero), **node.attributes), y_scale, zero_of(e, node, 4, x))


@expansion("com.microsoft.QLinearSoftmax")
def softmax(e: Expansion, node: Node) -> str:
    """Inputs x, x_scale, x_zero, y_scale, y_zero; along one axis."""
    x, x_scale, x_zero, y_scale, y_zero = node.inputs
    result = e.op("Softmax", real(e, x, x_scale, x_zero), axis=int(node.attributes.get("axis", -1)))
    return quantized(e, result, y_scale, y_zero)


@expansion("com.microsoft.QLinearConcat")
def concat(e: Expansion, node: Node) -> str:
    """Inputs y_scale, y_zero, then x, x_scale, x_zero of every part."""
    y_scale, y_zero = node.inputs[:2]
    parts = [node.inputs[i : i + 3] for i in range(2, len(node.inputs), 3)]
    reals = [real(e, x, scale, zero) for x, scale, zero in parts]
    return quantized(e, e.op("Concat", *reals, axis=int(node.attributes["axis"])), y_scale, y_zero)


@expansion("com.microsoft.QLinearAveragePool", "com.microsoft.QLinearGlobalAveragePool")
def average_pool(e: Expansion, node: Node) -> str:
    """Inputs x, x_scale, x_zero, y_scale, y_zero; channels first, or last where the attribute says so."""
    x, x_scale, x_zero, y_scale = node.inputs[:4]
    rank = len(e.shape(x))
    last = bool(node.attributes.get("channels_last", 0))
    kept = {k: v for k, v in node.attributes.items() if k != "channels_last"}
    data = real(e, x, x_scale, x_zero)
    if last:
        data = e.op("Transpose", data, perm=[0, rank - 1, *range(1, rank - 1)])
    result = e.op(node.operator.removeprefix("QLinear"), data, **kept)
    if last:
        result = e.op("Transpose", result, perm=[0, *range(2, rank), 1])
    return quantized(e, result, y_scale, zero_of(e, node, 4, x))


@expansion("com.microsoft.QGemm")
def gemm(e: Expansion, node: Node) -> str:
    """Inputs a, a_scale, a_zero, b, b_scale, b_zero, c (int32), y_scale, y_zero; a float without the last two."""
    a, a_scale, a_zero, b, b_scale, b_zero = node.inputs[:6]
    left = e.op("Transpose", a, perm=[1, 0]) if node.attributes.get("transA", 0) else a
    right = e.op("Transpose", b, perm=[1, 0]) if node.attributes.get("transB", 0) else b
    # b may have one zero point a column of the product: a row of what transB turns.
    whole = e.op("MatMul", shifted(e, left, a_zero), shifted(e, right, b_zero))
    if node.input(6):
        whole = e.op("Add", whole, node.inputs[6])
    alpha = e.constant(float(node.attributes.get("alpha", 1.0)), "float32")
    if node.input(7):
        return requantized(e, whole, [a_scale, b_scale, alpha], node.inputs[7], zero_of(e, node, 8, a))
    factor = e.op("Mul", e.op("Mul", a_scale, b_scale), alpha)
    return e.op("Mul", e.op("Cast", whole, to=TensorProto.FLOAT), factor)


def zero_of(e: Expansion, node: Node, position: int, like: str) -> str:
    """The zero point of the result, 0 of the inputs' dtype where it is absent."""
    return node.inputs[position] if node.input(position) else e.constant(0, e.dtype(like))
