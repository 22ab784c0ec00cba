"""Seeded ONNX models of well-known shapes with He-initialised weights, and seeded samples for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

NAMES = ("mlp", "mlp4x512", "lenet5", "cifar_cnn", "vgg16")
VGG16 = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512, 512, "pool")
OPSET = 17


@dataclass
class Builder:
    """Appends layers one after another; every weight is drawn from one generator."""

    shape: tuple[int, ...]
    seed: int
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    initializers: list[onnx.TensorProto] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.input_shape = self.shape
        self.value = "input"
        self.generator = np.random.default_rng(self.seed)

    def _append(self, operator: str, shape: tuple[int, ...], *parameters: str, **attributes: Any) -> None:
        name = f"{operator.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, [self.value, *parameters], [name], name=name, **attributes))
        self.value, self.shape = name, shape

    def _weight(self, stem: str, shape: tuple[int, ...], deviation: float) -> str:
        name = f"{stem}_{len(self.nodes)}"
        array = (self.generator.standard_normal(shape, dtype=np.float32) * np.float32(deviation)).astype(np.float32)
        self.initializers.append(numpy_helper.from_array(array, name))
        return name

    def dense(self, outputs: int) -> Builder:
        inputs = self.shape[1]
        weight = self._weight("weight", (outputs, inputs), (2.0 / inputs) ** 0.5)
        self._append("Gemm", (1, outputs), weight, self._weight("bias", (outputs,), 0.05), transB=1)
        return self

    def convolution(self, channels: int, kernel: int, padding: int) -> Builder:
        inputs, height, width = self.shape[1:]
        weight = self._weight("weight", (channels, inputs, kernel, kernel), (2.0 / (inputs * kernel * kernel)) ** 0.5)
        grown = 2 * padding - kernel + 1
        shape = (1, channels, height + grown, width + grown)
        bias = self._weight("bias", (channels,), 0.05)
        self._append("Conv", shape, weight, bias, kernel_shape=[kernel, kernel], pads=[padding] * 4, strides=[1, 1])
        return self

    def relu(self) -> Builder:
        self._append("Relu", self.shape)
        return self

    def pool(self) -> Builder:
        _, channels, height, width = self.shape
        self._append("MaxPool", (1, channels, height // 2, width // 2), kernel_shape=[2, 2], strides=[2, 2])
        return self

    def flatten(self) -> Builder:
        self._append("Flatten", (1, int(np.prod(self.shape[1:]))))
        return self

    def finish(self, name: str) -> onnx.ModelProto:
        self.nodes[-1].output[0] = "output"
        graph = helper.make_graph(
            self.nodes,
            name,
            [helper.make_tensor_value_info("input", onnx.TensorProto.FLOAT, self.input_shape)],
            [helper.make_tensor_value_info("output", onnx.TensorProto.FLOAT, self.shape)],
            self.initializers,
        )
        return helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8, producer_name="tacit"
        )


def input_shape(name: str) -> tuple[int, ...]:
    """The shape of one sample with its leading axis of 1. Raises KeyError for an unknown name."""
    if _equal_layers(name):
        return (1, 64)
    return {
        "mlp": (1, 784),
        "mlp4x512": (1, 784),
        "lenet5": (1, 1, 28, 28),
        "cifar_cnn": (1, 3, 32, 32),
        "vgg16": (1, 3, 32, 32),
    }[name]


def build(name: str) -> onnx.ModelProto:
    """A model by name: one of NAMES, or layers(n) for n dense 64-64 layers with relu. The same bytes at every call."""
    builder = Builder(input_shape(name), seed=sum(name.encode()))
    if name == "mlp":
        builder.dense(128).relu().dense(64).relu().dense(10)
    elif name == "mlp4x512":
        for _ in range(4):
            builder.dense(512).relu()
        builder.dense(10)
    elif name == "lenet5":
        builder.convolution(6, 5, 2).relu().pool().convolution(16, 5, 0).relu().pool().flatten()
        builder.dense(120).relu().dense(84).relu().dense(10)
    elif name == "cifar_cnn":
        builder.convolution(32, 3, 1).relu().convolution(32, 3, 1).relu().pool()
        builder.convolution(64, 3, 1).relu().convolution(64, 3, 1).relu().pool().flatten().dense(128).relu().dense(10)
    elif name == "vgg16":
        for step in VGG16:
            builder = builder.pool() if step == "pool" else builder.convolution(int(step), 3, 1).relu()
        builder.flatten().dense(512).relu().dense(512).relu().dense(10)
    else:
        for _ in range(_equal_layers(name)):
            builder.dense(64).relu()
    return builder.finish(re.sub(r"\W", "_", name))


def samples(name: str, count: int) -> np.ndarray:
    """float32 [count, ...], uniform in [0, 1)."""
    return np.random.default_rng(2024).random((count, *input_shape(name)[1:]), dtype=np.float32)


def _equal_layers(name: str) -> int:
    found = re.fullmatch(r"layers\((\d+)\)", name)
    return int(found.group(1)) if found else 0
