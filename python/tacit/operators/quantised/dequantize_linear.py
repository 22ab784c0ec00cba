"""DequantizeLinear: y = (x - zero point) scale, by tensor, by axis or by blocks of an axis."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto

from tacit.graph import Node
from tacit.numbers.dtypes import kind_of
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("DequantizeLinear", "com.microsoft.DequantizeLinear")
def dequantize_linear(e: Expansion, node: Node) -> str:
    x, scale = node.inputs[0], node.inputs[1]
    dtype = e.dtype(node.outputs[0]) if node.outputs[0] else e.dtype(scale)
    between = TensorProto.FLOAT if kind_of(e.dtype(x)) == "f" else TensorProto.INT32
    whole = e.op("Cast", x, to=between)
    if node.input(2):
        whole = e.op("Sub", whole, aligned(e, node, e.op("Cast", node.inputs[2], to=between)))
    kind = {"float16": TensorProto.FLOAT16, "float64": TensorProto.DOUBLE}.get(dtype.name, TensorProto.FLOAT)
    factor = scale if e.dtype(scale) == dtype else e.op("Cast", scale, to=kind)
    return e.op("Mul", e.op("Cast", whole, to=kind), aligned(e, node, factor))


def aligned(e: Expansion, node: Node, name: str) -> str:
    """One number a tensor, a slice of `axis`, or a block of `block_size` along it, so that it broadcasts to the input."""
    shape, found = e.shape(node.inputs[0]), e.shape(name)
    if int(np.prod(found, dtype=np.int64)) == 1:
        return e.op("Reshape", name, e.integers()) if found else name
    axis = int(node.attributes.get("axis", 1)) % len(shape)
    if len(found) == 1:
        return e.op("Reshape", name, e.integers(*(found[0] if i == axis else 1 for i in range(len(shape)))))
    block = int(node.attributes.get("block_size", 0)) or -(-shape[axis] // found[axis])
    return e.op("Gather", name, e.integers(*(i // block for i in range(shape[axis]))), axis=axis)
