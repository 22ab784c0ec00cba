"""Seeded ONNX models of well-known shapes with He-initialised weights, and seeded samples for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

NAMES = ("mlp", "mlp4x512", "lenet5", "encoder4", "encoder16", "cifar_cnn", "vgg16", "resnet50")
VGG16 = (64, 64, "pool", 128, 128, "pool", 256, 256, 256, "pool", 512, 512, 512, "pool", 512, 512, 512, "pool")
RESNET50 = ((64, 3), (128, 4), (256, 6), (512, 3))
"""Channels inside the blocks of each stage, and its blocks (He et al. 2015, table 1); strides in the 3x3 convolution."""
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

    def convolution(self, channels: int, kernel: int, padding: int, stride: int = 1, gain: float = 1.0) -> Builder:
        inputs = self.shape[1]
        weight = self._weight("weight", (channels, inputs, kernel, kernel), gain * (2.0 / (inputs * kernel * kernel)) ** 0.5)
        height, width = ((size + 2 * padding - kernel) // stride + 1 for size in self.shape[2:])
        shape = (1, channels, height, width)
        bias = self._weight("bias", (channels,), 0.05)
        self._append("Conv", shape, weight, bias, kernel_shape=[kernel, kernel], pads=[padding] * 4, strides=[stride, stride])
        return self

    def bottleneck(self, inner: int, stride: int) -> Builder:
        """relu(x + three convolutions of x); where the shape changes, a convolution of x instead of x. The last one is small, as
        normalised residual branches are, so that activations keep their size through all blocks."""
        before = self.value, self.shape
        self.convolution(inner, 1, 0).relu().convolution(inner, 3, 1, stride).relu().convolution(4 * inner, 1, 0, gain=0.3)
        branch = self.value, self.shape
        self.value, self.shape = before
        if self.shape != branch[1]:
            self.convolution(4 * inner, 1, 0, stride)
        self._append("Add", self.shape, branch[0])
        return self.relu()

    def _constant(self, stem: str, values: Any, dtype: type) -> str:
        name = f"{stem}_{len(self.nodes)}"
        self.initializers.append(numpy_helper.from_array(np.asarray(values, dtype=dtype), name))
        return name

    def project(self, width: int) -> Builder:
        weight = self._weight("weight", (self.shape[-1], width), self.shape[-1] ** -0.5)
        shape = (*self.shape[:-1], width)
        self._append("MatMul", shape, weight)
        self._append("Add", shape, self._weight("bias", (width,), 0.05))
        return self

    def normalise(self) -> Builder:
        """Layer normalisation, written out, as exporters below opset 17 do."""
        shape, row = self.shape, (*self.shape[:-1], 1)
        given = self.value
        self._append("ReduceMean", row, axes=[-1])
        mean = self.value
        self.value = given
        self._append("Sub", shape, mean)
        centred = self.value
        self._append("Mul", shape, centred)
        self._append("ReduceMean", row, axes=[-1])
        self._append("Add", row, self._constant("epsilon", 1e-5, np.float32))
        self._append("Sqrt", row)
        deviation = self.value
        self.value = centred
        self._append("Div", shape, deviation)
        self._append("Mul", shape, self._constant("gain", np.ones(shape[-1]), np.float32))
        self._append("Add", shape, self._constant("shift", np.zeros(shape[-1]), np.float32))
        return self

    def attention(self, heads: int) -> Builder:
        """Scaled dot products of all tokens with all (Vaswani et al. 2017), without a mask."""
        given, (one, tokens, width) = self.value, self.shape
        size = width // heads
        split = self._constant("split", [one, tokens, heads, size], np.int64)
        join = self._constant("join", [one, tokens, width], np.int64)

        def part(order: tuple[int, ...]) -> str:
            self.value, self.shape = given, (one, tokens, width)
            self.project(width)._append("Reshape", (one, tokens, heads, size), split)
            self._append("Transpose", tuple((one, tokens, heads, size)[axis] for axis in order), perm=list(order))
            return self.value

        query, key, value = part((0, 2, 1, 3)), part((0, 2, 3, 1)), part((0, 2, 1, 3))
        self.value = query
        self._append("MatMul", (one, heads, tokens, tokens), key)
        self._append("Mul", self.shape, self._constant("scale", size**-0.5, np.float32))
        self._append("Softmax", self.shape, axis=-1)
        self._append("MatMul", (one, heads, tokens, size), value)
        self._append("Transpose", (one, tokens, heads, size), perm=[0, 2, 1, 3])
        self._append("Reshape", (one, tokens, width), join)
        return self.project(width)

    def encoder(self, heads: int, inner: int) -> Builder:
        """Attention and two dense layers, each added to what it is given and normalised."""
        given, width = self.value, self.shape[-1]
        self.attention(heads)._append("Add", self.shape, given)
        given = self.normalise().value
        self.project(inner).relu().project(width)._append("Add", self.shape, given)
        return self.normalise()

    def relu(self) -> Builder:
        self._append("Relu", self.shape)
        return self

    def pool(self, kernel: int = 2) -> Builder:
        """The maximum of windows that overlap by kernel - 2, half as many along each axis."""
        _, channels, height, width = self.shape
        pads = {"pads": [(kernel - 1) // 2] * 4} if kernel > 2 else {}
        self._append("MaxPool", (1, channels, height // 2, width // 2), kernel_shape=[kernel] * 2, strides=[2, 2], **pads)
        return self

    def mean(self) -> Builder:
        self._append("GlobalAveragePool", (*self.shape[:2], 1, 1))
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
    if family(name) is not None:
        kind, size = family(name)
        return {"layers": (1, 64), "dense": (1, size), "cnn": (1, 8, size, size)}[kind]
    return {
        "mlp": (1, 784),
        "mlp4x512": (1, 784),
        "lenet5": (1, 1, 28, 28),
        "encoder4": (1, 4, 64),
        "encoder16": (1, 16, 64),
        "cifar_cnn": (1, 3, 32, 32),
        "vgg16": (1, 3, 32, 32),
        "resnet50": (1, 3, 224, 224),
    }[name]


def build(name: str) -> onnx.ModelProto:
    """A model by name: one of NAMES, layers(n) for n dense 64-64 layers with relu, dense(n) for four n-n ones, or cnn(n) for four
    3x3 convolutions of 8 channels with relu on n x n, a mean and a dense layer. The same bytes at every call."""
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
    elif name in ("encoder4", "encoder16"):
        builder.encoder(4, 256)
    elif name == "cifar_cnn":
        builder.convolution(32, 3, 1).relu().convolution(32, 3, 1).relu().pool()
        builder.convolution(64, 3, 1).relu().convolution(64, 3, 1).relu().pool().flatten().dense(128).relu().dense(10)
    elif name == "vgg16":
        for step in VGG16:
            builder = builder.pool() if step == "pool" else builder.convolution(int(step), 3, 1).relu()
        builder.flatten().dense(512).relu().dense(512).relu().dense(10)
    elif name == "resnet50":
        builder.convolution(64, 7, 3, 2).relu().pool(3)
        for stage, (inner, blocks) in enumerate(RESNET50):
            for block in range(blocks):
                builder.bottleneck(inner, 2 if stage and not block else 1)
        builder.mean().flatten().dense(1000)
    else:
        kind, size = family(name)
        for _ in range(size if kind == "layers" else 4):
            builder = builder.convolution(8, 3, 1).relu() if kind == "cnn" else builder.dense(builder.shape[1]).relu()
        if kind == "cnn":
            builder.mean().flatten().dense(10)
    return builder.finish(re.sub(r"\W", "_", name))


def samples(name: str, count: int) -> np.ndarray:
    """float32 [count, ...], uniform in [0, 1)."""
    return np.random.default_rng(2024).random((count, *input_shape(name)[1:]), dtype=np.float32)


def family(name: str) -> tuple[str, int] | None:
    """('cnn', 32) of 'cnn(32)'; None for a model with a name of its own."""
    found = re.fullmatch(r"(layers|dense|cnn)\((\d+)\)", name)
    return (found[1], int(found[2])) if found else None
