"""Quantised operators, one at a time: integers come out exactly as onnxruntime computes them.

Weights have 7 bits: with 8, onnxruntime's sums of uint8 x int8 pairs saturate at 16 bits on some machines.
"""

from __future__ import annotations

import numpy as np
from cases import case, node, random
from onnx import TensorProto

F, U8, I8 = np.float32, np.uint8, np.int8
GENERATOR = np.random.default_rng(11)


def bytes_of(dtype, *shape: int) -> np.ndarray:
    limits = np.iinfo(dtype)
    return GENERATOR.integers(limits.min, limits.max + 1, shape).astype(dtype)


def weights(*shape: int) -> np.ndarray:
    return GENERATOR.integers(-64, 64, shape).astype(np.int8)


SCALES = {"xs": F(0.021), "xz": U8(130), "ws": F(0.0039), "wz": I8(0), "ys": F(0.17), "yz": U8(118)}
CHANNELS = SCALES | {"ws": np.array([0.0039, 0.0051, 0.25], F), "wz": np.zeros(3, I8), "ys": F(0.9)}
PIXELS, KERNEL = bytes_of(U8, 1, 2, 5, 5), weights(3, 2, 3, 3)
HALVES = np.arange(-12, 12, dtype=F).reshape(4, 6) / 4

case("quantize", node("QuantizeLinear", "x s z"), HALVES * 1.5, {"s": F(0.031), "z": U8(100)}, output_type=TensorProto.UINT8)
case(
    "quantize_ties",
    node("QuantizeLinear", "x s z"),
    HALVES,
    {"s": F(0.5), "z": I8(1)},
    output_type=TensorProto.INT8,
    fast=True,
)
case("quantize_saturating", node("QuantizeLinear", "x s z"), HALVES, {"s": F(0.01), "z": I8(9)}, output_type=TensorProto.INT8)
case(
    "quantize_channels",
    node("QuantizeLinear", "x s z", axis=1),
    random(4, 2, 3, 4),
    {"s": np.array([0.02, 0.5, 0.011], F), "z": np.array([0, 128, 255], U8)},
    output_type=TensorProto.UINT8,
)
case(
    "quantize_there_and_back",
    [node("QuantizeLinear", "x s z", "q"), node("DequantizeLinear", "q s z", "r"), node("MatMul", "r w")],
    random(5, 3, 6),
    {"s": F(0.02), "z": I8(-3), "w": random(6, 6, 4)},
    fast=True,
)
case("dequantize", node("DequantizeLinear", "x s z"), bytes_of(U8, 3, 5), {"s": F(0.3), "z": U8(7)})
case(
    "dequantize_channels",
    node("DequantizeLinear", "x s z", axis=0),
    bytes_of(I8, 3, 5),
    {"s": np.array([0.3, 1.5, 0.01], F), "z": np.array([0, 5, -9], I8)},
)
case(
    "quantize_dynamic",
    node("DynamicQuantizeLinear", "x", "y s z"),
    HALVES * 1.25,
    output_type=TensorProto.UINT8,
    widths="faithful",
    fast=True,
)
case(
    "matmul_integer",
    node("MatMulInteger", "x w xz wz"),
    bytes_of(U8, 3, 6),
    {"w": weights(6, 4), "xz": U8(12), "wz": I8(-3)},
    output_type=TensorProto.INT32,
    fast=True,
)
case(
    "qlinear_matmul",
    node("QLinearMatMul", "x xs xz w ws wz ys yz"),
    bytes_of(U8, 3, 6),
    SCALES | {"w": weights(6, 4)},
    output_type=TensorProto.UINT8,
)
case(
    "conv_integer",
    node("ConvInteger", "x w xz", pads=[1, 1, 1, 1]),
    PIXELS,
    {"w": bytes_of(U8, 3, 2, 3, 3), "xz": U8(130)},
    output_type=TensorProto.INT32,
)
case(
    "qlinear_conv",
    node("QLinearConv", "x xs xz w ws wz ys yz b", pads=[1, 1, 1, 1], strides=[2, 2]),
    PIXELS,
    SCALES | {"w": KERNEL, "b": np.array([900, -4000, 77], np.int32)},
    output_type=TensorProto.UINT8,
    fast=True,
)
case(
    "qlinear_conv_channels",
    node("QLinearConv", "x xs xz w ws wz ys yz", pads=[1, 0, 1, 0]),
    PIXELS,
    CHANNELS | {"w": KERNEL},
    output_type=TensorProto.UINT8,
)
