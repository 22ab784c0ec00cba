"""Tiny models, one operator at a time in several variants: name -> Case."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper
from oracle import model, random

INDEX = np.int64


@dataclass(frozen=True)
class Case:
    nodes: tuple[onnx.NodeProto, ...]
    feeds: dict[str, np.ndarray]
    constants: dict[str, np.ndarray] = field(default_factory=dict)
    outputs: tuple[str, ...] = ("y",)
    output_type: int = TensorProto.FLOAT
    opset: int = 17
    widths: str = "standard"
    tolerance: float = 0.01

    def proto(self) -> onnx.ModelProto:
        return model(
            self.nodes, self.feeds, self.outputs, self.constants, opset=self.opset, output_type=self.output_type
        )


CASES: dict[str, Case] = {}
FAST: list[str] = []


def node(operator: str, inputs: str, outputs: str = "y", **attributes: Any) -> onnx.NodeProto:
    names = ["" if name == "-" else name for name in inputs.split()]
    return helper.make_node(operator, names, outputs.split(), name=f"{operator}_{outputs.split()[0]}", **attributes)


def case(name: str, nodes: Any, feeds: Any, constants: Any = None, *, fast: bool = False, **options: Any) -> None:
    nodes = (nodes,) if isinstance(nodes, onnx.NodeProto) else tuple(nodes)
    feeds = feeds if isinstance(feeds, dict) else {"x": feeds}
    assert name not in CASES
    CASES[name] = Case(nodes, feeds, constants or {}, **options)
    if fast:
        FAST.append(name)


def indices(*values: int) -> np.ndarray:
    return np.array(values, dtype=INDEX)


IMAGE = random(0, 1, 2, 5, 6)
ROWS = random(1, 3, 6)
CUBE = random(2, 2, 3, 4)
PRODUCT = node("MatMul", "x w", "a")
"""In front of a function: its argument is then an accumulator, which is rounded."""
SQUARE = {"w": random(3, 6, 6, scale=0.5)}

# products
case("gemm", node("Gemm", "x w b", transB=1), ROWS, {"w": random(4, 5, 6), "b": random(5, 5)}, fast=True)
case("gemm_scaled", node("Gemm", "x w b", alpha=0.3, beta=2.5), ROWS, {"w": random(4, 6, 5), "b": random(5, 3, 1)})
case("gemm_computed", node("Gemm", "x z c", transA=1, alpha=0.5, beta=-1.0), {"x": ROWS, "z": random(4, 3, 2), "c": random(5, 2)})
case("matmul", node("MatMul", "x w"), ROWS, SQUARE, fast=True)
case("matmul_left", node("MatMul", "w x"), random(6, 2, 6, 3), SQUARE)
case("matmul_vector", node("MatMul", "x w"), random(7, 6), SQUARE)
case("matmul_computed", [node("Transpose", "x", "t", perm=[0, 2, 1]), node("MatMul", "x t")], CUBE, fast=True)
case("conv", node("Conv", "x w b", pads=[1, 1, 1, 1]), IMAGE, {"w": random(4, 3, 2, 3, 3), "b": random(5, 3)}, fast=True)
case("conv_strided", node("Conv", "x w", strides=[2, 3], pads=[0, 1, 2, 1]), IMAGE, {"w": random(4, 3, 2, 3, 2)})
case("conv_dilated", node("Conv", "x w", dilations=[2, 2], pads=[2, 1, 1, 2]), IMAGE, {"w": random(4, 2, 2, 2, 3)})
case("conv_groups", node("Conv", "x w", group=2, auto_pad="SAME_LOWER"), IMAGE, {"w": random(4, 4, 1, 2, 2)})
case("conv_line", node("Conv", "x w", strides=[2], auto_pad="SAME_UPPER"), CUBE, {"w": random(4, 2, 3, 3)}, fast=True)
case("conv_valid", node("Conv", "x w", auto_pad="VALID"), IMAGE, {"w": random(4, 2, 2, 2, 2)})
STATISTICS = {"s": random(4, 2), "b": random(5, 2), "m": random(6, 2), "v": np.abs(random(7, 2)) + 0.5}
case("batch_normalization", node("BatchNormalization", "x s b m v"), IMAGE, STATISTICS, fast=True)
case(
    "batch_normalization_folded",
    [node("Conv", "x w", "a"), node("BatchNormalization", "a s b m v")],
    IMAGE,
    STATISTICS | {"w": random(8, 2, 2, 2, 2)},
)

# elementwise
case("add", node("Add", "x z"), {"x": CUBE, "z": random(4, 3, 1)}, fast=True)
case("add_constant", [PRODUCT, node("Add", "a c")], ROWS, SQUARE | {"c": random(4, 6)})
case("sub", node("Sub", "x z"), {"x": random(4, 4), "z": CUBE}, fast=True)
case("sub_from_constant", [node("Sigmoid", "x", "s"), node("Sub", "one s")], ROWS, {"one": np.float32(1)})
case("sub_mean", [node("ReduceMean", "x", "m", axes=[-1]), node("Sub", "x m")], CUBE, fast=True)
case(
    "layer_normalised",
    [node("ReduceMean", "x", "m", axes=[-1]), node("Sub", "x m", "d"), node("Mul", "d d", "q"), node("ReduceMean", "q", axes=[-1])],
    CUBE,
)
case("mul", node("Mul", "x z"), {"x": CUBE, "z": random(4, 3, 1)}, fast=True)
case("mul_row", node("Mul", "x c"), CUBE, {"c": random(4, 4)})
case("mul_number", [PRODUCT, node("Mul", "a c")], ROWS, SQUARE | {"c": np.float32(0.3)})
case("mul_cubed", [node("Mul", "x x", "q"), node("Mul", "q x")], ROWS)
case("mul_sum", [node("ReduceSum", "x axes", "s"), node("Mul", "x s")], CUBE, {"axes": indices(1)})
case("neg", [PRODUCT, node("Neg", "a")], ROWS, SQUARE, fast=True)
case("div", node("Div", "x c"), CUBE, {"c": random(4, 4) + 3})

# functions of one variable
case("relu", [PRODUCT, node("Relu", "a", "r"), node("MatMul", "r w")], ROWS, SQUARE, fast=True)
case("relu_of_input", node("Relu", "x"), ROWS)
case("relu_saturating", [PRODUCT, node("Relu", "a", "r"), node("MatMul", "r w", "c"), node("Relu", "c")], random(4, 40, 6), SQUARE)
case("leaky_relu", [PRODUCT, node("LeakyRelu", "a", alpha=0.2)], ROWS, SQUARE, fast=True)
case("clip", [PRODUCT, node("Clip", "a low high")], ROWS, SQUARE | {"low": np.float32(-0.5), "high": np.float32(0.7)}, fast=True)
case("clip_above", [PRODUCT, node("Clip", "a - high")], ROWS, SQUARE | {"high": np.float32(0.25)})
case("relu6", [PRODUCT, node("Clip", "a low high")], ROWS, SQUARE | {"low": np.float32(0), "high": np.float32(6)})
for operator in ("Sigmoid", "Tanh", "HardSigmoid", "HardSwish"):
    case(operator.lower(), [PRODUCT, node(operator, "a")], ROWS, SQUARE, fast=True)
case("hard_sigmoid_wide", [PRODUCT, node("HardSigmoid", "a", alpha=0.05, beta=0.3)], ROWS, SQUARE)
case("silu", [PRODUCT, node("Sigmoid", "a", "s"), node("Mul", "a s")], ROWS, SQUARE)
case("tanh_twice", [PRODUCT, node("Tanh", "a", "t"), node("Tanh", "t")], ROWS, SQUARE)

# windows
case("max_pool", node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 2]), IMAGE, fast=True)
case("max_pool_padded", node("MaxPool", "x", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1]), IMAGE - 3)
case("max_pool_ceiling", node("MaxPool", "x", kernel_shape=[2, 2], strides=[2, 4], ceil_mode=1), IMAGE - 3)
case("max_pool_dilated", node("MaxPool", "x", kernel_shape=[2, 2], dilations=[2, 3]), IMAGE)
case("max_pool_same", node("MaxPool", "x", kernel_shape=[3], strides=[2], auto_pad="SAME_UPPER"), CUBE)
case("average_pool", node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 2]), IMAGE, fast=True)
case("average_pool_padded", node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1]), IMAGE)
case("average_pool_counting", node("AveragePool", "x", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1), IMAGE)
case("average_pool_ceiling", node("AveragePool", "x", kernel_shape=[2, 2], strides=[2, 4], ceil_mode=1), IMAGE)
case("global_average_pool", node("GlobalAveragePool", "x"), IMAGE, fast=True)
case("global_max_pool", node("GlobalMaxPool", "x"), IMAGE, fast=True)

# reductions
case("reduce_sum", node("ReduceSum", "x axes", keepdims=0), CUBE, {"axes": indices(1)}, fast=True)
case("reduce_sum_all", node("ReduceSum", "x"), CUBE)
case("reduce_mean", node("ReduceMean", "x", axes=[0, -1]), CUBE, fast=True)
case("reduce_mean_of_product", [PRODUCT, node("ReduceMean", "a", axes=[1], keepdims=0)], ROWS, SQUARE)
case("reduce_max", node("ReduceMax", "x", axes=[1], keepdims=0), CUBE, fast=True)
case("reduce_max_of_product", [PRODUCT, node("ReduceMax", "a")], ROWS, SQUARE)
case("softmax", [PRODUCT, node("Softmax", "a")], ROWS, SQUARE, fast=True)
case("softmax_first", node("Softmax", "x", axis=0), ROWS)
case("softmax_old", node("Softmax", "x", axis=1), CUBE, opset=11)
case("softmax_inside", [node("Softmax", "x", "p"), node("MatMul", "p w")], ROWS, SQUARE)
case("softmax_wide", node("Softmax", "x"), ROWS * 30)
case("argmax", [PRODUCT, node("ArgMax", "a", axis=-1)], ROWS, SQUARE, output_type=TensorProto.INT64, fast=True)
TIES = np.array([[3, 7, 7, 1], [5, 5, 5, 5]], np.float32)
for last in (0, 1):
    case(
        f"argmax_ties{last}",
        node("ArgMax", "x", axis=1, keepdims=0, select_last_index=last),
        TIES,
        output_type=TensorProto.INT64,
    )
case(
    "argmax_subtracted",
    [node("ArgMax", "x", "i", axis=1), node("Cast", "i", "f", to=TensorProto.FLOAT), node("Sub", "x f")],
    ROWS,
)
HALVES = np.array([[-2.75, -1.25, -0.25, 0.0, 0.25], [0.75, 1.25, 1.75, 2.25, 3.75]], np.float32)
case("cast_int", node("Cast", "x", to=TensorProto.INT64), HALVES, output_type=TensorProto.INT64, fast=True)
case("cast_bool", node("Cast", "x", to=TensorProto.BOOL), HALVES, output_type=TensorProto.BOOL)
case(
    "cast_there_and_back",
    [node("Cast", "x", "i", to=TensorProto.INT32), node("Cast", "i", "f", to=TensorProto.FLOAT), node("MatMul", "f w")],
    HALVES,
    {"w": random(7, 5, 3)},
)

# movement
case("flatten", node("Flatten", "x", axis=2), CUBE)
case("reshape", node("Reshape", "x shape"), CUBE, {"shape": indices(0, -1, 2)}, fast=True)
case("reshape_across", [node("Transpose", "x", "t"), node("Reshape", "t shape")], CUBE, {"shape": indices(6, 4)})
case("transpose", [node("Transpose", "x", "t", perm=[2, 0, 1]), node("Relu", "t")], CUBE, fast=True)
case("squeeze", [node("ReduceSum", "x axes", "s"), node("Squeeze", "s axes")], CUBE, {"axes": indices(1)})
case("unsqueeze", node("Unsqueeze", "x axes"), ROWS, {"axes": indices(0, 3)})
case("concat", node("Concat", "x z", axis=1), {"x": CUBE, "z": random(4, 2, 2, 4) * 9}, fast=True)
case("split", [node("Split", "x sizes", "a b", axis=-1), node("Mul", "a b")], CUBE, {"sizes": indices(2, 2)}, fast=True)
case(
    "slice",
    node("Slice", "x starts ends axes steps"),
    CUBE,
    {"starts": indices(-1, 0), "ends": indices(-(2**63), 3), "axes": indices(2, 1), "steps": indices(-2, 2)},
    fast=True,
)
case("gather", node("Gather", "x i", axis=1), CUBE, {"i": indices(2, -3, 2)})
case("expand", node("Expand", "x shape"), random(4, 3, 1), {"shape": indices(2, 3, 4)})
case("pad", node("Pad", "x pads value"), CUBE, {"pads": indices(0, 1, 2, 0, 1, 0), "value": np.float32(1.5)}, fast=True)
case("pad_reflect", node("Pad", "x pads", mode="reflect"), CUBE, {"pads": indices(0, 1, 2, 0, 1, 1)})
case("pad_cropping", node("Pad", "x pads"), CUBE, {"pads": indices(0, -1, 2, 0, 1, -1)})
case("pad_edge", node("Pad", "x pads", mode="edge"), CUBE, {"pads": indices(1, 0, 2, 0, 1, 1)})
case(
    "pad_then_conv",
    [
        node("Pad", "x pads", "p"),
        node("Slice", "p starts ends axes", "s"),
        node("Conv", "s w", pads=[1, 1, 1, 1]),
    ],
    IMAGE,
    {
        "pads": indices(0, 0, 2, 2, 0, 0, 2, 2),
        "starts": indices(1, 3),
        "ends": indices(8, 8),
        "axes": indices(2, 3),
        "w": random(4, 2, 2, 3, 3),
    },
)

# integers
WHOLE = np.random.default_rng(9).integers(-90_000, 90_000, (2, 3)).astype(np.int64)
for operator in ("ReduceMax", "ReduceSum", "Neg"):
    case(f"integer_{operator.lower()}", node(operator, "x"), WHOLE, output_type=TensorProto.INT64)
for factor in ([4], [1, -7, 300]):
    case(f"integer_mul{len(factor)}", node("Mul", "x c"), WHOLE, {"c": indices(*factor)}, output_type=TensorProto.INT64)
