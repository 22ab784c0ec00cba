"""Operators of com.microsoft, one at a time."""

from __future__ import annotations

import numpy as np
from cases import CUBE, IMAGE, ROWS, case, node, random
from onnx import TensorProto
from quantised_cases import I8, U8, F, bytes_of, weights

MICROSOFT = "com.microsoft"


def contrib(operator: str, inputs: str, outputs: str = "y", **attributes):
    return node(operator, inputs, outputs, domain=MICROSOFT, **attributes)


case("ms_gelu", contrib("Gelu", "x"), ROWS, widths="faithful", fast=True)
case("ms_bias_gelu", contrib("BiasGelu", "x b"), ROWS, {"b": random(31, 6)}, widths="faithful")
case("ms_fast_gelu", contrib("FastGelu", "x b"), ROWS, {"b": random(31, 6)}, widths="faithful")
case("ms_quick_gelu", contrib("QuickGelu", "x"), ROWS, widths="faithful")
case("ms_fused_matmul", contrib("FusedMatMul", "x w", transB=1, alpha=0.5), ROWS, {"w": random(32, 4, 6)})
case("ms_fused_matmul_computed", contrib("FusedMatMul", "x z", transA=1), {"x": CUBE, "z": random(33, 2, 3, 5)})
case("ms_fused_gemm", contrib("FusedGemm", "x w b", activation="Relu"), ROWS, {"w": random(32, 6, 4), "b": random(33, 4)})
case("ms_fused_conv", contrib("FusedConv", "x w b", activation="Relu"), IMAGE, {"w": random(34, 3, 2, 3, 3), "b": random(35, 3)})
NORM = {"s": random(36, 4), "g": random(37, 4) + 1, "b": random(38, 4)}
case("ms_skip_norm", contrib("SkipLayerNormalization", "x z g b", epsilon=1e-5), {"x": CUBE, "z": random(39, 2, 3, 4)}, NORM)
case(
    "ms_skip_simplified",
    contrib("SkipSimplifiedLayerNormalization", "x z g", epsilon=1e-5),
    {"x": CUBE, "z": random(39, 2, 3, 4)},
    NORM,
    fast=True,
)
case("ms_simplified", node("SimplifiedLayerNormalization", "x g", epsilon=1e-5), CUBE, NORM)

PACKED = bytes_of(U8, 5, 2, 8)
BITS = {"w": PACKED, "s": np.abs(random(40, 10)) * 0.1, "z": bytes_of(U8, 5, 1).reshape(-1)}
case("ms_matmul_bits", contrib("MatMulNBits", "x w s", K=32, N=5, bits=4, block_size=16), random(41, 3, 32), BITS, fast=True)
case("ms_matmul_bits_zeros", contrib("MatMulNBits", "x w s z", K=32, N=5, bits=4, block_size=16), random(41, 3, 32), BITS)

POINTS = {"as": F(0.02), "az": U8(120), "bs": F(0.031), "bz": U8(3), "ys": F(0.045), "yz": U8(77)}
TWO = {"x": bytes_of(U8, 3, 5), "z": bytes_of(U8, 3, 5)}
for operator in ("QLinearAdd", "QLinearMul"):
    case(f"ms_{operator.lower()}", contrib(operator, "x as az z bs bz ys yz"), TWO, POINTS, output_type=TensorProto.UINT8)
case("ms_qlinear_leaky", contrib("QLinearLeakyRelu", "x as az ys yz", alpha=0.2), TWO["x"], POINTS, output_type=TensorProto.UINT8)
case("ms_qlinear_concat", contrib("QLinearConcat", "ys yz x as az z bs bz", axis=1), TWO, POINTS, output_type=TensorProto.UINT8)
case(
    "ms_qlinear_average_pool",
    contrib("QLinearGlobalAveragePool", "x as az ys yz"),
    bytes_of(U8, 1, 3, 4, 4),
    POINTS,
    output_type=TensorProto.UINT8,
)
case(
    "ms_qgemm",
    contrib("QGemm", "x as az w ws wz b ys yz", transB=1),
    bytes_of(U8, 3, 6),
    POINTS | {"w": weights(4, 6), "ws": F(0.01), "wz": I8(0), "b": np.array([5, -70, 900, 3], np.int32), "ys": F(0.3)},
    output_type=TensorProto.UINT8,
    fast=True,
)
case(
    "ms_integer_to_float",
    contrib("MatMulIntegerToFloat", "x w as ws az wz"),
    bytes_of(U8, 3, 6),
    POINTS | {"w": weights(6, 4), "ws": F(0.01), "wz": I8(0)},
)
case(
    "ms_dynamic_matmul",
    contrib("DynamicQuantizeMatMul", "x w ws wz"),
    random(44, 3, 6),
    {"w": weights(6, 4), "ws": F(0.01), "wz": I8(0)},
    widths="faithful",
)
