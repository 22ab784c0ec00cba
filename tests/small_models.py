"""ONNX models that many tests build."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

ROOT = Path(__file__).resolve().parents[1]


def dense_model(sizes: tuple[int, ...] = (6, 5, 3), seed: int = 0, relu: bool = True, batch: int | str = "N") -> onnx.ModelProto:
    """Dense layers with biases, Relu between them."""
    rng = np.random.default_rng(seed)
    nodes, constants, current = [], [], "x"
    for i, (before, after) in enumerate(zip(sizes, sizes[1:])):
        w = (rng.standard_normal((after, before)) / np.sqrt(before)).astype(np.float32)
        b = (0.1 * rng.standard_normal(after)).astype(np.float32)
        constants += [numpy_helper.from_array(w, f"w{i}"), numpy_helper.from_array(b, f"b{i}")]
        last = i == len(sizes) - 2
        name = "y" if last else f"h{i}"
        nodes.append(helper.make_node("Gemm", [current, f"w{i}", f"b{i}"], [name], name=f"dense{i}", transB=1))
        if relu and not last:
            nodes.append(helper.make_node("Relu", [name], [f"a{i}"], name=f"relu{i}"))
            name = f"a{i}"
        current = name
    graph = helper.make_graph(
        nodes,
        "dense",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, sizes[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, sizes[-1]])],
        constants,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
