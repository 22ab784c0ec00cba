"""MatMulNBits: weights of 2, 4 or 8 bits in blocks along the inputs, each with a scale and a zero point."""

from __future__ import annotations

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("com.microsoft.MatMulNBits")
def matmul_bits(e: Expansion, node: Node) -> str:
    """Inputs A [.., K], B [N, blocks, bytes], scales [N, blocks], zero points (packed like B, or floats), order, bias [N]."""
    packed, scales = e.known(node.inputs[1]), e.known(node.inputs[2])
    zeros = e.known(node.inputs[3]) if node.input(3) else None
    if packed is None or scales is None or (node.input(3) and zeros is None):
        raise UnsupportedOperator(f"Node {node} cannot be proved: its weights are computed by the model.")
    if node.input(4):
        raise UnsupportedOperator(f"Node {node} cannot be proved: its weights are reordered (g_idx); export them in order.")
    inputs, outputs = int(node.attributes["K"]), int(node.attributes["N"])
    block, bits = int(node.attributes["block_size"]), int(node.attributes.get("bits", 4))
    blocks = -(-inputs // block)
    weights = unpacked(packed.reshape(outputs * blocks, -1), bits)[:, :block].reshape(outputs, blocks, block)
    if zeros is None:
        offsets = np.full((outputs, blocks, 1), 1 << (bits - 1), np.float32)
    elif zeros.dtype.kind == "f":
        offsets = zeros.astype(np.float32).reshape(outputs, blocks, 1)
    else:
        offsets = unpacked(zeros.reshape(outputs, -1), bits)[:, :blocks, None].astype(np.float32)
    real = (weights.astype(np.float32) - offsets) * scales.astype(np.float32).reshape(outputs, blocks, 1)
    matrix = real.reshape(outputs, -1)[:, :inputs].T
    product = e.op("MatMul", node.inputs[0], e.constant(np.ascontiguousarray(matrix), e.dtype(node.inputs[0])))
    return e.op("Add", product, node.inputs[5]) if node.input(5) else product


def unpacked(rows: np.ndarray, bits: int) -> np.ndarray:
    """The numbers of `bits` bits in rows of bytes, the lowest bits first."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    return ((rows[:, :, None] >> shifts) & ((1 << bits) - 1)).reshape(len(rows), -1)
