"""Products of integers under one scale, as models that are quantised already write them: (s x) (t k) = s t (x k).

Exporters dequantise what goes into a product and quantise what comes out of it. Here the product is one of integers, exact, its
scale stands behind it, and a quantisation after that divides by one number instead of rounding twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tacit.graph import Graph, Node
from tacit.passes.constants import fold_constants

CARRIED = frozenset({"Flatten", "Identity", "MaxPool", "Reshape", "Squeeze", "Transpose", "Unsqueeze"})
"""Operators that a positive scale passes through."""
MOST_STEPS = 8
"""The smallest weight of a grid is at most so many steps."""
WIDEST = 255.5
"""A grid has at most so many steps on either side: 8 bits, with a zero point 9."""
FLOAT_ERROR = 2.0**-21
"""Relative to a weight: a float32 product and the step that it is divided by."""
OFFSET_ERROR = 1e-2
"""A bias counts as a multiple of the product's scale within so much of a step."""


@dataclass(frozen=True)
class Scaled:
    """A value is `scale` (one number, or one a channel of a product) times integers that `whole` names."""

    whole: str
    scale: np.ndarray


@dataclass(frozen=True)
class Grid:
    """Weights are `scale` (one number, or one a slice) times `integers`, float64 of the weights' shape."""

    integers: np.ndarray
    scale: np.ndarray


def integer_products(graph: Graph) -> Graph:
    """The graph with its constants folded, with scales behind products of integers, and joined to the quantisations that read them.

    Folding belongs here, for it forgets which weights were integers.
    """
    factors = constant_products(graph)
    operands = dict.fromkeys(name for pair in factors.values() for name in pair)
    whole = fold_constants(replace(graph, outputs=(*graph.outputs, *(name for name in operands if name not in graph.outputs))))
    known = {name: whole.constants[name] for name in operands if name in whole.constants}
    folded = replace(whole, outputs=graph.outputs).rebuild(whole.nodes)
    rewriter = Rewriter(folded, {name: (known[a], known[b]) for name, (a, b) in factors.items() if a in known and b in known})
    for node in folded.nodes:
        rewriter.visit(node)
    return rewriter.result()


def constant_products(graph: Graph) -> dict[str, tuple[str, str]]:
    """The operands of products that depend on no input."""
    constant, found = set(graph.constants), dict[str, tuple[str, str]]()
    for node in graph.nodes:
        if all(not name or name in constant for name in node.inputs):
            constant.update(node.outputs)
            if node.kind == "Mul":
                found[node.outputs[0]] = (node.inputs[0], node.inputs[1])
            elif node.kind == "Identity" and node.inputs[0] in found:
                found[node.outputs[0]] = found[node.inputs[0]]
    return found


class Rewriter:
    """Visits nodes in order; `scaled` holds what is known of values so far. `factors`: operands of products that were folded."""

    def __init__(self, graph: Graph, factors: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> None:
        self.graph, self.factors = graph, factors
        self.nodes: list[Node] = []
        self.constants: dict[str, np.ndarray] = {}
        self.values = dict(graph.values)
        self.scaled: dict[str, Scaled] = {}
        self.products: set[str] = set()

    def result(self) -> Graph:
        return self.graph.rebuild(self.nodes, self.constants, self.values) if self.products else self.graph

    def visit(self, node: Node) -> None:
        """Keeps the node, or writes what it becomes."""
        if self.product(node) or self.quantisation(node):
            return
        self.nodes.append(node)
        if node.kind == "Mul":
            self.dequantised(node)
        elif node.kind in CARRIED and len(node.outputs) == 1:
            self.carried(node)

    def dequantised(self, node: Node) -> None:
        """integers, cast to floats, times one constant."""
        for value, other in (node.inputs, node.inputs[::-1]):
            scale, cast = self.graph.constant(other), self.graph.producers.get(value)
            if scale is None or scale.size != 1 or scale.dtype != np.float32 or not scale.reshape(-1)[0] > 0:
                continue
            kept = self.graph.values[node.outputs[0]].shape == self.graph.values[value].shape
            if kept and cast is not None and cast.kind == "Cast" and not self.graph.values[cast.inputs[0]].is_float:
                self.scaled[node.outputs[0]] = Scaled(value, scale.astype(np.float64).reshape(()))

    def carried(self, node: Node) -> None:
        """The integers, moved as their multiples are; dead code if nobody wants them."""
        found = self.scaled.get(node.inputs[0])
        if found is not None and found.scale.size == 1:
            name = self.fresh(node.outputs[0], "whole")
            self.nodes.append(replace(node, name=f"{node.name}/whole", inputs=(found.whole, *node.inputs[1:]), outputs=(name,)))
            self.scaled[node.outputs[0]] = Scaled(name, found.scale)

    def product(self, node: Node) -> bool:
        """A product with weights on a grid of one step, or of one a column (an output channel)."""
        axis = channel_axis(node)
        found = self.scaled.get(node.inputs[0]) if axis is not None and len(node.inputs) > 1 else None
        weights = self.graph.constant(node.inputs[1]) if found is not None else None
        if found is None or weights is None or axis is None or found.scale.size != 1:
            return False
        grid = self.written(node.inputs[1], weights, axis % weights.ndim) or grid_of(weights, axis % weights.ndim)
        if grid is None:
            return False
        scale = found.scale * grid.scale
        bias = self.graph.constant(node.input(2)) if node.input(2) else None
        if node.input(2) and (bias is None or bias.size not in (1, grid.scale.size, self.channels(node, axis, weights))):
            return False
        output, rank = node.outputs[0], len(self.graph.values[node.outputs[0]].shape)
        shape = (-1,) + (1,) * (rank - 2) if node.operator == "Conv" else (-1,)
        inputs = [found.whole, self.constant(node.inputs[1], "integers", grid.integers)]
        rest = None
        if bias is not None:
            steps = bias.astype(np.float64).reshape(-1) / scale
            if np.all(np.abs(steps - np.rint(steps)) <= OFFSET_ERROR):
                spread = np.broadcast_to(np.rint(steps), (self.channels(node, axis, weights),))
                inputs.append(self.constant(node.input(2), "integers", spread))
            else:
                rest = bias
        whole, times = self.fresh(output, "whole"), output if rest is None else self.fresh(output, "scaled")
        factor = scale.reshape(()) if scale.size == 1 else scale.reshape(shape)
        self.nodes.append(replace(node, inputs=tuple(inputs), outputs=(whole,)))
        self.nodes.append(Node("Mul", "", f"{node.name}/scale", (whole, self.constant(output, "scale", factor)), (times,), {}))
        if rest is None:
            self.scaled[output] = Scaled(whole, scale)
        else:
            offset = rest.reshape(-1).astype(np.float64).reshape(shape if rest.size > 1 else ())
            self.nodes.append(Node("Add", "", f"{node.name}/bias", (times, self.constant(output, "bias", offset)), (output,), {}))
        self.products.add(output)
        return True

    def written(self, name: str, weights: np.ndarray, axis: int) -> Grid | None:
        """Weights that the model writes as whole numbers times one scale, or one a slice along an axis."""
        pair = self.factors.get(name)
        for whole, scale in (pair, pair[::-1]) if pair is not None else ():
            if whole.shape != weights.shape or not np.all(scale > 0):
                continue
            by_slice = [size if i == axis else 1 for i, size in enumerate(weights.shape)]
            aligned = np.broadcast_shapes(scale.shape, (1,) * weights.ndim) == tuple(by_slice) or scale.size == 1
            if aligned and np.abs(whole).max(initial=0) < WIDEST and np.array_equal(whole, np.rint(whole)):
                return Grid(whole.astype(np.float64), scale.astype(np.float64).reshape(() if scale.size == 1 else -1))
        return None

    def channels(self, node: Node, axis: int, weights: np.ndarray) -> int:
        return weights.shape[axis % weights.ndim]

    def quantisation(self, node: Node) -> bool:
        """saturate(round(c y / s) + z) = saturate(round(y / (s / c)) + z)."""
        if node.kind != "QuantizeLinear" or node.inputs[0] not in self.products:
            return False
        found, scale = self.scaled.get(node.inputs[0]), self.graph.constant(node.inputs[1])
        zero = self.graph.constant(node.input(2)) if node.input(2) else None
        if found is None or scale is None or scale.size != 1 or (node.input(2) and (zero is None or zero.size != 1)):
            return False
        divisor = float(scale.reshape(-1)[0]) / found.scale
        shape = self.graph.values[node.inputs[0]].shape
        attributes = dict(node.attributes)
        inputs = [found.whole, self.constant(node.outputs[0], "scale", divisor)]
        if divisor.size > 1:
            attributes["axis"] = 1 if self.producer_is_convolution(found.whole) else len(shape) - 1
        if zero is not None:
            inputs.append(self.constant(node.outputs[0], "zero", np.broadcast_to(zero.reshape(-1)[0], divisor.shape), zero.dtype))
        self.nodes.append(replace(node, inputs=tuple(inputs), attributes=attributes))
        return True

    def producer_is_convolution(self, name: str) -> bool:
        return any(node.operator == "Conv" and name in node.outputs for node in reversed(self.nodes))

    def fresh(self, stem: str, part: str) -> str:
        """A new value like `stem`."""
        name = self.graph.fresh(f"{stem}/{part}")
        self.values[name] = replace(self.graph.values[stem], name=name)
        return name

    def constant(self, stem: str, part: str, array: np.ndarray, dtype: np.dtype | type = np.float32) -> str:
        name = self.graph.fresh(f"{stem}/{part}")
        while name in self.constants:
            name += "'"
        self.constants[name] = np.ascontiguousarray(array, dtype=dtype).reshape(np.shape(array))
        return name


def channel_axis(node: Node) -> int | None:
    """The weights' axis that counts output channels, of products that a scale passes through."""
    if node.domain:
        return None
    plain = all(float(node.attributes.get(name, 1.0)) == 1.0 for name in ("alpha", "beta"))
    if node.operator == "Gemm" and plain and not node.attributes.get("transA", 0):
        return 0 if node.attributes.get("transB", 0) else 1
    return {"Conv": 0, "MatMul": -1}.get(node.operator)


def grid_of(weights: np.ndarray, axis: int) -> Grid | None:
    """Float32 weights as steps times integers of at most 8 bits: one step, or one a slice along an axis."""
    if weights.dtype != np.float32 or weights.ndim < 2:
        return None
    array = weights.astype(np.float64)
    step = slice_step(array)
    if step:
        return Grid(np.rint(array / step), np.array(step))
    slices = np.moveaxis(array, axis, 0)
    steps = []
    for part in slices:
        steps.append(slice_step(part))
        if not steps[-1]:
            return None
    shape = [1] * array.ndim
    shape[axis] = len(steps)
    return Grid(np.rint(array / np.reshape(steps, shape)), np.array(steps))


def slice_step(part: np.ndarray) -> float:
    """The step of which all numbers are multiples, 0 if there is none; zeros are multiples of 1."""
    magnitude = np.abs(part[part != 0])
    if magnitude.size == 0:
        return 1.0
    least, largest = float(magnitude.min()), float(magnitude.max())
    for count in range(1, MOST_STEPS + 1):
        step = least / count
        if largest > WIDEST * step:
            continue
        places = np.rint(magnitude / step)
        if np.all(np.abs(magnitude - places * step) <= FLOAT_ERROR * magnitude):
            return step
    return 0.0
