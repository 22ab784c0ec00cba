"""FusedMatMul, FusedGemm, FusedConv: a product, then a scale or an activation."""

from __future__ import annotations

from typing import Any

from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion

PARAMETERS = {"LeakyRelu": ("alpha",), "HardSigmoid": ("alpha", "beta"), "Elu": ("alpha",)}


@expansion("com.microsoft.FusedMatMul", "com.microsoft.TransposeMatMul")
def fused_matmul(e: Expansion, node: Node) -> str:
    """alpha A' B', each operand transposed in its last two axes (trans) or with its first axis brought next to the last
    (transBatch)."""
    a, b = (operand(e, node, i, side) for i, side in ((0, "A"), (1, "B")))
    product, alpha = e.op("MatMul", a, b), float(node.attributes.get("alpha", 1.0))
    return product if alpha == 1.0 else e.op("Mul", product, e.constant(alpha, e.dtype(product)))


def operand(e: Expansion, node: Node, position: int, side: str) -> str:
    name = node.inputs[position]
    order = list(range(len(e.shape(name))))
    if node.attributes.get(f"transBatch{side}", 0):
        order = [*order[1:-1], order[0], order[-1]]
    if node.attributes.get(f"trans{side}", 0) and len(order) > 1:
        order[-1], order[-2] = order[-2], order[-1]
    return name if order == sorted(order) else e.op("Transpose", name, perm=order)


@expansion("com.microsoft.FusedGemm")
def fused_gemm(e: Expansion, node: Node) -> str:
    kept = {k: v for k, v in node.attributes.items() if not k.startswith("activation")}
    parameters = {k.removeprefix("activation_"): v for k, v in node.attributes.items() if k.startswith("activation_")}
    return activated(e, e.op("Gemm", *node.inputs, **kept), str(node.attributes.get("activation", "")), parameters)


@expansion("com.microsoft.FusedConv")
def fused_conv(e: Expansion, node: Node) -> str:
    """Convolution, plus the fourth input, through the activation."""
    kept = {k: v for k, v in node.attributes.items() if not k.startswith("activation")}
    result = e.op("Conv", *node.inputs[:3], **kept)
    if node.input(3):
        result = e.op("Add", result, node.inputs[3])
    kind = str(node.attributes.get("activation", ""))
    values = list(node.attributes.get("activation_params", ()))
    if kind == "Clip":
        low, high = (e.constant(value, e.dtype(result)) for value in values)
        return e.op("Clip", result, low, high)
    return activated(e, result, kind, dict(zip(PARAMETERS.get(kind, ()), values)))


def activated(e: Expansion, x: str, kind: str, parameters: dict[str, Any]) -> str:
    return e.op(kind, x, **parameters) if kind else x
