"""More tiny models for whole proofs: roots, quotients, comparisons, logarithms, normalisations, interpolation. Importing
this module adds them to `cases.CASES`."""

from __future__ import annotations

import numpy as np
from cases import CUBE, IMAGE, PRODUCT, ROWS, SQUARE, case, indices, node
from onnx import TensorProto
from oracle import random

POSITIVE = np.abs(ROWS) + np.float32(0.5)
AFTER = {"w": np.abs(SQUARE["w"])}

# functions by table
for operator in ("Exp", "Sin", "Atan", "Asinh", "Selu", "Celu", "Mish", "Softsign"):
    case(f"table_{operator.lower()}", [PRODUCT, node(operator, "a")], ROWS, SQUARE, opset=18)
for operator in ("Floor", "Round", "Sign"):
    case(f"table_{operator.lower()}", node(operator, "x"), ROWS)
case("gelu", [PRODUCT, node("Gelu", "a", approximate="tanh")], ROWS, SQUARE, opset=20)
case("log_and_power", [PRODUCT, node("Log", "a", "l"), node("Sigmoid", "l", "s"), node("Pow", "s c")], POSITIVE,
     {**AFTER, "c": np.float32(1.5)})  # fmt: skip

# roots and quotients
case("square_root", [PRODUCT, node("Sqrt", "a")], POSITIVE, AFTER, fast=True)
case("square_root_signed", node("Sqrt", "x"), POSITIVE)
case("reciprocal", [PRODUCT, node("Reciprocal", "a")], POSITIVE, AFTER)
case("quotient", [PRODUCT, node("Div", "a x")], ROWS + np.sign(ROWS), SQUARE, fast=True)
case("quotient_of_integers", node("Div", "x z"), {"x": np.array([7, -7, 8, 0], np.int32), "z": np.array([2, 2, -3, -5], np.int32)},
     output_type=TensorProto.INT32)  # fmt: skip

# integers that wrap, remainders, shifts
SHORT = {"x": np.array([100, -128, 127, 3], np.int8), "z": np.array([100, -1, 127, -5], np.int8)}
case("sum_that_wraps", node("Add", "x z"), SHORT, output_type=TensorProto.INT8)
case("remainder", node("Mod", "x z"), SHORT, output_type=TensorProto.INT8)
case("remainder_towards_zero", node("Mod", "x z", fmod=1), SHORT, output_type=TensorProto.INT8)
case("shift_right", node("BitShift", "x k", direction="RIGHT"), np.array([255, 128, 7, 1], np.uint8),
     {"k": np.array([1, 7, 2, 3], np.uint8)}, output_type=TensorProto.UINT8)  # fmt: skip
case("shift_left", node("BitShift", "x k", direction="LEFT"), np.array([255, 128, 7, 1], np.uint8),
     {"k": np.array([1, 7, 2, 3], np.uint8)}, output_type=TensorProto.UINT8, fast=True)  # fmt: skip
case("complement", node("BitwiseNot", "x"), np.array([255, 128, 7, 1], np.uint8), output_type=TensorProto.UINT8, opset=18)

case("truth_of_integers", node("Cast", "x", to=TensorProto.BOOL), np.array([9, -128, 0], np.int8), output_type=TensorProto.BOOL)
case("identity_matrix", [node("EyeLike", "x", "e", k=1), node("Add", "x e")], ROWS)

# comparisons and choices
case("comparison", [PRODUCT, node("Less", "a x")], ROWS, SQUARE, output_type=TensorProto.BOOL, fast=True)
case("equality", node("Equal", "x c"), np.float32([0.5, 0.25, -1, 0]), {"c": np.float32(0.25)}, output_type=TensorProto.BOOL)
case("logic", [node("Greater", "x c", "g"), node("Not", "g", "n"), node("Xor", "g n", "r"), node("And", "g r")], ROWS,
     {"c": np.float32(0.1)}, output_type=TensorProto.BOOL)  # fmt: skip
case("where", [PRODUCT, node("Greater", "x c", "g"), node("Where", "g a x")], ROWS, {**SQUARE, "c": np.float32(0)}, fast=True)
case("extremes", [PRODUCT, node("Max", "a x k", "m"), node("Min", "m x")], ROWS, {**SQUARE, "k": random(4, 6)})
case("parametric_relu", [PRODUCT, node("PRelu", "a s")], ROWS, {**SQUARE, "s": random(4, 6)})
case("mean_of_three", node("Mean", "x z v"), {"x": ROWS, "z": random(4, 6), "v": random(5, 3, 1)})

# reductions
case("reduce_min", [PRODUCT, node("ReduceMin", "a", axes=[1])], ROWS, SQUARE)
case("reduce_l1", [PRODUCT, node("ReduceL1", "a", axes=[1])], ROWS, SQUARE)
case("reduce_l2", [PRODUCT, node("ReduceL2", "a", axes=[1])], ROWS, SQUARE, fast=True)
case("reduce_product", node("ReduceProd", "x", axes=[1]), random(4, 3, 3))
case("log_sum_exp", [PRODUCT, node("ReduceLogSumExp", "a", axes=[1])], ROWS, SQUARE)
case("log_sum", [PRODUCT, node("ReduceLogSum", "a", axes=[1])], POSITIVE, AFTER)
case("log_softmax", [PRODUCT, node("LogSoftmax", "a", axis=-1)], ROWS, SQUARE, fast=True)
case("hardmax", [PRODUCT, node("Hardmax", "a", axis=1)], ROWS, SQUARE)
case("argmin", [PRODUCT, node("ArgMin", "a", axis=1)], ROWS, SQUARE, output_type=TensorProto.INT64)
case("cumsum", [PRODUCT, node("CumSum", "a k", exclusive=1, reverse=1)], ROWS, {**SQUARE, "k": np.array(1)}, fast=True)
case("trilu", [PRODUCT, node("Trilu", "a")], ROWS, SQUARE)
case("einsum", node("Einsum", "x z", equation="bij,bkj->bik"), {"x": CUBE, "z": random(4, 2, 5, 4)})

# normalisations
LINE = {"s": random(6, 6), "b": random(7, 6)}
case("layer_normalization", [PRODUCT, node("LayerNormalization", "a s b")], ROWS, {**SQUARE, **LINE}, fast=True)
case("layer_statistics", node("LayerNormalization", "x s b", "y m d"), ROWS, LINE, outputs=("y", "m", "d"))
case("instance_normalization", node("InstanceNormalization", "x s b"), IMAGE, {"s": random(6, 2), "b": random(7, 2)})
case("lp_normalization", node("LpNormalization", "x", axis=1, p=1), ROWS)
case("lp_normalization_of_squares", node("LpNormalization", "x", axis=1, p=2), ROWS)
case("lrn", node("LRN", "x", size=3, alpha=0.5), random(4, 1, 4, 3, 3))

# movement, windows
case("tile", [PRODUCT, node("Tile", "a r")], ROWS, {**SQUARE, "r": indices(2, 3)})
case("depth_to_space", node("DepthToSpace", "x", blocksize=2), random(4, 1, 8, 2, 3))
case("space_to_depth", node("SpaceToDepth", "x", blocksize=2), random(4, 1, 2, 4, 6))
case("reverse_sequence", node("ReverseSequence", "x l", batch_axis=0, time_axis=1), ROWS, {"l": indices(2, 6, 1)})
case("resize_linear", node("Resize", "x - s", mode="linear"), IMAGE, {"s": np.float32([1, 1, 2, 1.5])}, fast=True)
case("resize_nearest", node("Resize", "x - s", mode="nearest"), IMAGE, {"s": np.float32([1, 1, 2, 3])})
case("conv_transpose", node("ConvTranspose", "x w b", strides=[2, 2], pads=[1, 1, 1, 1]), IMAGE,
     {"w": random(4, 2, 3, 4, 4), "b": random(5, 3)}, fast=True)  # fmt: skip
case("lp_pool", node("LpPool", "x", kernel_shape=[2, 2], p=2), IMAGE)
