"""Small ONNX models for the golden vectors. All numbers are multiples of powers of two, so float32 is exact on every machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WEIGHT, BIAS, INPUT = 2.0**-10, 2.0**-10, 2.0**-7
Declared = Sequence[tuple[str, list[int]]]


def grid(rng: np.random.Generator, shape: Sequence[int], step: float, most: int) -> np.ndarray:
    """float32 multiples of `step` in -most * step .. most * step."""
    return (rng.integers(-most, most + 1, shape) * step).astype(np.float32)


def build(nodes: list, constants: Mapping[str, np.ndarray], inputs: Declared, outputs: Declared) -> onnx.ModelProto:
    """A model of one graph; outputs called `label` are int64, everything else is float32."""

    def declared(name: str, shape: list[int]):
        return helper.make_tensor_value_info(name, TensorProto.INT64 if name == "label" else TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "vector",
        [declared(*each) for each in inputs],
        [declared(*each) for each in outputs],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def gemm(source: str, weight: str, bias: str, target: str):
    return helper.make_node("Gemm", [source, weight, bias], [target], transB=1)


def linear() -> onnx.ModelProto:
    rng = np.random.default_rng(1)
    constants = {"w": grid(rng, (3, 5), WEIGHT, 900), "b": grid(rng, (3,), BIAS, 900)}
    return build([gemm("x", "w", "b", "y")], constants, [("x", [1, 5])], [("y", [1, 3])])


def perceptron() -> onnx.ModelProto:
    """Wide enough that the opening folds twice."""
    rng = np.random.default_rng(2)
    constants = {
        "w": grid(rng, (530, 500), WEIGHT / 16, 900),
        "b": grid(rng, (530,), BIAS, 900),
        "v": grid(rng, (3, 530), WEIGHT / 16, 900),
        "c": grid(rng, (3,), BIAS, 900),
    }
    nodes = [gemm("x", "w", "b", "h"), helper.make_node("Relu", ["h"], ["a"]), gemm("a", "v", "c", "y")]
    return build(nodes, constants, [("x", [1, 500])], [("y", [1, 3])])


def convolution() -> onnx.ModelProto:
    rng = np.random.default_rng(3)
    constants = {
        "w": grid(rng, (3, 1, 3, 3), WEIGHT, 900),
        "b": grid(rng, (3,), BIAS, 900),
        "v": grid(rng, (4, 27), WEIGHT, 900),
        "c": grid(rng, (4,), BIAS, 900),
    }
    nodes = [
        helper.make_node("Conv", ["x", "w", "b"], ["h"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["h"], ["a"]),
        helper.make_node("MaxPool", ["a"], ["p"], kernel_shape=[2, 2], strides=[2, 2], pads=[1, 1, 0, 0]),
        helper.make_node("Flatten", ["p"], ["f"]),
        gemm("f", "v", "c", "y"),
    ]
    return build(nodes, constants, [("x", [1, 1, 5, 5])], [("y", [1, 4])])


def softmax() -> onnx.ModelProto:
    """Softmax and ArgMax: division, wide digits, virtual columns, two outputs."""
    rng = np.random.default_rng(4)
    constants = {"w": grid(rng, (4, 5), WEIGHT, 900), "b": grid(rng, (4,), BIAS, 900)}
    nodes = [
        gemm("x", "w", "b", "h"),
        helper.make_node("Softmax", ["h"], ["p"], axis=-1),
        helper.make_node("ArgMax", ["h"], ["label"], axis=-1, keepdims=0),
    ]
    return build(nodes, constants, [("x", [1, 5])], [("p", [1, 4]), ("label", [1])])


MODELS = {"linear": linear, "perceptron": perceptron, "convolution": convolution, "softmax": softmax}


def samples(model: onnx.ModelProto, count: int = 16) -> np.ndarray:
    """Inputs with the model's input shape, the first axis counting samples."""
    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    return grid(np.random.default_rng(5), (count, *dims[1:]), INPUT, 127)
