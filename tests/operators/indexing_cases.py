"""Tiny models with computed indices for whole proofs. Importing this module adds them to `cases.CASES`."""

from __future__ import annotations

import numpy as np
from cases import CUBE, PRODUCT, ROWS, SQUARE, case, indices, node
from onnx import TensorProto
from oracle import random

PLACES = np.array([[1, -1, 0], [2, 2, 1]], dtype=np.int64)

case("gather_computed", node("Gather", "x i", axis=1), {"x": CUBE, "i": PLACES}, fast=True)
case("gather_rows_of_weights", node("Gather", "w i"), {"i": indices(4, 0, 5)}, SQUARE)
case("gather_elements", [PRODUCT, node("ArgMax", "a", "i", axis=1), node("GatherElements", "a i", axis=1)], ROWS, SQUARE)
case("gather_tuples", node("GatherND", "x i"), {"x": CUBE, "i": np.array([[0, 1], [1, -1]])})
case("scatter", node("ScatterElements", "x i u", axis=1), {"x": ROWS, "i": PLACES, "u": random(4, 2, 3)}, fast=True, opset=18)
for reduction in ("add", "mul", "max", "min"):
    case(f"scatter_{reduction}", node("ScatterElements", "x i u", axis=1, reduction=reduction),
         {"x": ROWS, "i": PLACES, "u": random(4, 2, 3)}, opset=18)  # fmt: skip
case("scatter_constant", node("ScatterElements", "x i u", axis=1, reduction="mul"), {"x": ROWS, "u": random(4, 2, 3)},
     {"i": PLACES}, opset=18)  # fmt: skip
case("scatter_tuples", node("ScatterND", "x i u"), {"x": CUBE, "i": np.array([[0, 1], [1, -1]]), "u": random(4, 2, 4)}, opset=18)
case("top_k", [PRODUCT, node("TopK", "a k", "y i")], ROWS, {**SQUARE, "k": indices(2)}, fast=True)
case("order", node("TopK", "x k", "v y", largest=0), np.float32([[1, 0, 2, 1, 0]]), {"k": indices(5)},
     output_type=TensorProto.INT64)  # fmt: skip
case("one_hot", node("OneHot", "i d v"), {"i": indices(0, 3, -1, 5)}, {"d": np.array(4), "v": np.float32([-1, 2])})
case("reverse_computed", node("ReverseSequence", "x n", batch_axis=0, time_axis=1), {"x": ROWS, "n": indices(2, 6, 1)})
case("trilu_computed", [PRODUCT, node("Trilu", "a k")], {"x": ROWS, "k": np.array(1)}, SQUARE)
case("non_zero", node("NonZero", "x"), np.float32([[0, 2, 0], [-1, 0, 3]]), output_type=TensorProto.INT64, fast=True)
case("compress", node("Compress", "x c", axis=1), {"x": ROWS, "c": np.array([True, False, True, True, False, False])}, fast=True)
case("compress_constant", node("Compress", "x c", axis=1), ROWS, {"c": np.array([True, False, True])})
MANY = np.int64([2, 1, 1, 3, 4, 3])
case("unique", node("Unique", "x", "v i y n"), MANY, outputs=("i", "y", "n"), output_type=TensorProto.INT64, fast=True)
case("unique_values", node("Unique", "x"), MANY, output_type=TensorProto.INT64)
case("unique_unsorted", node("Unique", "x", "v i y n", sorted=0), MANY, outputs=("i", "y", "n"), output_type=TensorProto.INT64)
case("unique_rows", node("Unique", "x", axis=0), np.int64([[7, 1], [0, 1], [7, 1]]), output_type=TensorProto.INT64)
BOXES = np.float32([[[0, 0, 2, 2], [0, 0.5, 2, 2.5], [2, 2, 4, 4]]])
SCORES = np.float32([[[0.5, 0.75, 0.25], [0.5, 0.5, 0]]])
case("non_max_suppression", node("NonMaxSuppression", "b s m i t"), {"b": BOXES, "s": SCORES},
     {"m": indices(2), "i": np.float32([0.5]), "t": np.float32([0.125])}, output_type=TensorProto.INT64)  # fmt: skip

SMALL = random(5, 1, 2, 3, 4)
PLANE = np.float32([[[[-0.9, 0.3], [0.2, 1.4]], [[0.1, -0.6], [-1.3, 0.8]]]])
case("grid_sample", node("GridSample", "x g", align_corners=1), {"x": SMALL, "g": PLANE}, opset=20, fast=True)
for mode, padding in (("nearest", "reflection"), ("cubic", "border"), ("linear", "reflection")):
    case(f"grid_sample_{mode}_{padding}", node("GridSample", "x g", mode=mode, padding_mode=padding), {"x": SMALL, "g": PLANE},
         opset=20, widths="lean")  # fmt: skip
case("grid_sample_constant", node("GridSample", "x g", mode="cubic"), SMALL, {"g": PLANE}, opset=20)
REGIONS = {"r": np.float32([[0, 0, 2, 1.5], [1, -1, 3, 2]]), "b": indices(0, 0)}
for mode in ("avg", "max"):
    case(f"roi_align_{mode}", node("RoiAlign", "x r b", mode=mode, output_height=2, output_width=2, sampling_ratio=2), SMALL,
         REGIONS, opset=16)  # fmt: skip
case("max_roi_pool", node("MaxRoiPool", "x r", pooled_shape=[2, 2]), SMALL, {"r": np.float32([[0, 0, 0, 2, 1], [0, 5, 5, 9, 9]])})
UNPOOLED = {"x": random(6, 1, 1, 1, 2), "i": np.array([[[[5, 2]]]])}
case("max_unpool", node("MaxUnpool", "x i", kernel_shape=[2, 2], strides=[2, 2]), UNPOOLED)
case("compress_many", node("Compress", "x c"), {"x": random(7, 20), "c": np.arange(20) % 3 > 0})
case("roi_align_computed", node("RoiAlign", "x r b", output_height=2, output_width=1, sampling_ratio=2),
     {"x": random(8, 2, 1, 3, 3), "r": np.float32([[0, 0, 2, 1.5], [1, -3, 5, 2]]), "b": indices(1, 0)}, opset=16)  # fmt: skip
case("max_pool_places", node("MaxPool", "x", "v i", kernel_shape=[2, 2], pads=[1, 0, 0, 1]), SMALL, outputs=("i",),
     output_type=TensorProto.INT64)  # fmt: skip
