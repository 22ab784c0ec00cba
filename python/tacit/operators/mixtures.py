"""Softmaxes that only products read which sum over what they share out: their rows are divided by the sum last.

sum_j (e_j / s) v_j = (sum_j e_j v_j) / s: one division and rounding a result instead of one a weight, and the weights keep the
precision of their exponentials. Recognised with whatever moves the weights on their way, before values are fused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import prod

import numpy as np

from tacit.graph import Graph, Node, Value
from tacit.operators.registry import OWN_DOMAIN
from tacit.passes.dead_code import remove_dead_code

WEIGHTS, MEAN = "SoftmaxWeights", "SoftmaxMean"
"""Operators of the compiler's own. SoftmaxWeights: x -> exp(x - max x) along `axis`, their sums, of length 1 there; `shares` names
what the softmax itself gave. SoftmaxMean: sums, then weights and values in turns -> the means; `equation` is an einsum of weights
and values, `axis` is the weights' dimension that is summed, `part` whether some of the weights may be missing."""
SOFTMAXES = frozenset({"Softmax", f"{OWN_DOMAIN}.{WEIGHTS}"})
STILL = frozenset({"Cast", "Dropout", "Identity"})
RESHAPES = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Held:
    """A value that holds shares of a softmax: the names of its weights and of their sums, and the dimension that is shared out."""

    weights: str
    sums: str
    axis: int


@dataclass(frozen=True)
class Product:
    """An einsum of weights and values, the weights first; `axis`: their dimension that is summed."""

    equation: str
    axis: int
    values: str


@dataclass(frozen=True)
class Mixed:
    """A value that is a sum of such products of one softmax, all of one equation and of weights with the same sums."""

    product: Product
    sums: str
    pairs: tuple[tuple[str, str], ...]


@dataclass
class Division:
    """What becomes of one softmax and of all that reads it. `moved`: by a node's first output, what stands in its place."""

    graph: Graph
    softmax: Node
    moved: dict[str, list[Node]] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    mixed: dict[str, Mixed] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    def fresh(self, stem: str, like: str, shape: tuple[int, ...]) -> str:
        """A new value of a shape, of the dtype of another one."""
        name = self.graph.fresh(stem)
        self.values[name] = replace(self.graph.values[like], name=name, shape=shape)
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        found = self.values.get(name)
        return tuple(self.graph.values[name].shape if found is None else found.shape)

    def run(self) -> bool:
        """Whether every reader is one that takes weights and sums for shares."""
        name, source = self.softmax.outputs[0], self.softmax.inputs[0]
        shape = self.shape(name)
        axis = int(self.softmax.attributes.get("axis", -1)) % max(len(shape), 1)
        if len(shape) < 2 or shape[axis] < 2 or not prod(shape):
            return False
        weights = self.fresh(f"{name}/weights", name, shape)
        sums = self.fresh(f"{name}/sums", name, without(shape, axis))
        attributes = {"axis": axis, "shares": name}
        self.moved[name] = [Node(WEIGHTS, OWN_DOMAIN, self.softmax.name, (source,), (weights, sums), attributes)]
        if not self.follow(name, Held(weights, sums, axis)) or not self.mixed:
            return False
        others = [value for mixed in self.mixed.values() for _, value in mixed.pairs]
        if any(value in self.held for value in others):
            return False
        self.join()
        return True

    def follow(self, name: str, held: Held) -> bool:
        """Sets what a value holds, and follows it to all who read it; whether all do with that."""
        self.held[name] = held
        if name in self.graph.outputs:
            return False
        return all(self.read(node, name, held) for node in self.graph.consumers.get(name, ()))

    def read(self, node: Node, name: str, held: Held) -> bool:
        if node.domain or node.inputs.count(name) != 1:
            return False
        if node.operator == "IsNaN":  # guards of rows that see nothing: shares are numbers
            readers = self.graph.consumers.get(node.outputs[0], ())
            guarded = all(reader.operator == "Where" and reader.inputs[2] == name for reader in readers)
            return guarded and node.outputs[0] not in self.graph.outputs
        if node.operator == "Where":
            guard = self.graph.producers.get(node.inputs[0])
            guarded = guard is not None and guard.kind == "IsNaN" and guard.inputs[0] == name == node.inputs[2]
            return guarded and self.shape(node.outputs[0]) == self.shape(name) and self.still(node, held)
        if node.inputs[0] == name and node.operator in STILL:
            other = any(self.graph.uses(output) for output in node.outputs[1:] if output)
            return not other and self.graph.values[node.outputs[0]].is_float and self.still(node, held)
        if node.inputs[0] == name and node.operator in RESHAPES:
            return self.reshaped(node, held)
        if node.operator == "Transpose":
            return self.transposed(node, held)
        if node.inputs[0] == name and node.operator in ("Slice", "Split"):
            return self.cut(node, held)
        product = product_of(self.graph, node, name, held.axis)
        if product is None:
            return False
        self.moved[node.outputs[0]] = []
        self.mixed[node.outputs[0]] = Mixed(product, held.sums, ((held.weights, product.values),))
        return True

    def still(self, node: Node, held: Held) -> bool:
        self.moved[node.outputs[0]] = []
        return self.follow(node.outputs[0], held)

    def weights_of(self, node: Node, held: Held) -> tuple[Node, list[str]]:
        """The node with weights for its first input."""
        outputs = [self.fresh(f"{name}/weights", name, self.shape(name)) for name in node.outputs]
        return replace(node, inputs=(held.weights, *node.inputs[1:]), outputs=tuple(outputs)), outputs

    def sums_of(self, node: Node, held: Held, axis: int) -> tuple[Node, list[str]]:
        """The node with sums for its first input, its results of length 1 along an axis."""
        outputs = [self.fresh(f"{name}/sums", name, without(self.shape(name), axis)) for name in node.outputs]
        moved = replace(node, name=f"{node.name}/sums", inputs=(held.sums, *node.inputs[1:]), outputs=tuple(outputs))
        return moved, outputs

    def reshaped(self, node: Node, held: Held) -> bool:
        """An axis that stays one of its own keeps its length and what stands before it."""
        before, after = self.shape(node.inputs[0]), self.shape(node.outputs[0])
        length, ahead = before[held.axis], prod(before[: held.axis])
        places = [i for i, size in enumerate(after) if size == length and prod(after[:i]) == ahead]
        if len(places) != 1 or length < 2:
            return False
        weights, (name,) = self.weights_of(node, held)
        shape = without(after, places[0])
        sums = self.fresh(f"{node.outputs[0]}/sums", node.outputs[0], shape)
        target = self.graph.fresh(f"{node.outputs[0]}/sums_shape")
        self.constants[target] = np.array(shape, np.int64)
        whole = Node("Reshape", "", f"{node.name}/sums", (held.sums, target), (sums,), {})
        self.moved[node.outputs[0]] = [weights, whole]
        return self.follow(node.outputs[0], Held(name, sums, places[0]))

    def transposed(self, node: Node, held: Held) -> bool:
        rank = len(self.shape(node.inputs[0]))
        order = [int(i) for i in node.attributes.get("perm", range(rank)[::-1])]
        axis = order.index(held.axis)
        (weights, (name,)), (whole, (sums,)) = self.weights_of(node, held), self.sums_of(node, held, axis)
        self.moved[node.outputs[0]] = [weights, whole]
        return self.follow(node.outputs[0], Held(name, sums, axis))

    def cut(self, node: Node, held: Held) -> bool:
        """A part of the weights along the axis has the sums of all; a part of the rows those of these rows."""
        rank = len(self.shape(node.inputs[0]))
        axes = cut_axes(self.graph, node, rank)
        if axes is None or (held.axis in axes and len(axes) > 1):
            return False
        weights, names = self.weights_of(node, held)
        self.moved[node.outputs[0]] = [weights]
        sums = [held.sums] * len(names)
        if held.axis not in axes:
            whole, sums = self.sums_of(node, held, held.axis)
            self.moved[node.outputs[0]].append(whole)
        return all(self.follow(o, Held(w, s, held.axis)) for o, w, s in zip(node.outputs, names, sums, strict=True))

    def join(self) -> None:
        """Sums of two mixtures that nothing else reads are one mixture; then each has its division."""
        for node in self.graph.nodes:
            if node.kind != "Add" or not all(name in self.mixed and self.graph.uses(name) == 1 for name in node.inputs):
                continue
            left, right = (self.mixed[name] for name in node.inputs)
            alike = (left.product.equation, left.sums) == (right.product.equation, right.sums)
            same = len({self.shape(name) for name in (*node.inputs, node.outputs[0])}) == 1
            if alike and same and node.inputs[0] != node.inputs[1]:
                for name in node.inputs:
                    del self.mixed[name]
                self.moved[node.outputs[0]] = []
                self.mixed[node.outputs[0]] = replace(left, pairs=left.pairs + right.pairs)
        for output, mixed in self.mixed.items():
            inputs = (mixed.sums, *(name for pair in mixed.pairs for name in pair))
            attributes = {"equation": mixed.product.equation, "axis": mixed.product.axis}
            self.moved[output] = [Node(MEAN, OWN_DOMAIN, self.graph.producers[output].name, inputs, (output,), attributes)]

    def result(self) -> Graph:
        nodes: list[Node] = []
        for node in self.graph.nodes:
            nodes.extend(self.moved.get(node.outputs[0], [node]))
        return remove_dead_code(self.graph.rebuild(nodes, self.constants, self.values))


def divide_last(graph: Graph) -> Graph:
    """The graph with SoftmaxWeights and SoftmaxMean wherever a softmax is read by nothing but such products."""
    for softmax in [node for node in graph.nodes if node.kind == "Softmax"]:
        division = Division(graph, softmax)
        if division.run():
            graph = division.result()
    return graph


def without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return (*shape[:axis], 1, *shape[axis + 1 :])


def cut_axes(graph: Graph, node: Node, rank: int) -> set[int] | None:
    """The dimensions that a Slice or a Split cuts; None where they are computed."""
    if node.operator == "Split":
        return {int(node.attributes.get("axis", 0)) % rank}
    starts = graph.constant(node.input(1))
    axes = graph.constant(node.input(3)) if node.input(3) else None if starts is None else np.arange(starts.size)
    return None if axes is None else {int(axis) % rank for axis in axes.reshape(-1)}


def product_of(graph: Graph, node: Node, name: str, axis: int) -> Product | None:
    """The product of a node that reads weights as `name` and sums over this dimension of them, and over no other."""
    if node.operator == "MatMul":
        ranks = [len(graph.values[i].shape) for i in node.inputs]
        if min(ranks) < 2:
            return None
        batch = LETTERS[: max(ranks) - 2]
        parts = [batch[len(batch) - rank + 2 :] for rank in ranks]
        parts, result = [f"{parts[0]}XY", f"{parts[1]}YZ"], f"{batch}XZ"
    elif node.operator == "Einsum" and len(node.inputs) == 2:
        equation = str(node.attributes["equation"]).replace(" ", "")
        if "..." in equation or "->" not in equation:
            return None
        left, result = equation.split("->")
        parts = left.split(",")
    elif node.operator == "Gemm" and is_plain(node):
        parts = [part[::-1] if node.attributes.get(flag, 0) else part for flag, part in (("transA", "XY"), ("transB", "YZ"))]
        result = "XZ"
    else:
        return None
    place = node.inputs.index(name)
    weights, values = parts[place], parts[1 - place]
    summed = [letter for letter in weights if letter not in result]
    if summed != [weights[axis]] or summed[0] not in values or any(len(set(part)) < len(part) for part in parts):
        return None
    if any(letter not in result and letter not in weights for letter in values):
        return None
    if graph.values[node.inputs[1 - place]].shape[values.index(summed[0])] != graph.values[name].shape[axis]:
        return None
    return Product(f"{weights},{values}->{result}", axis, node.inputs[1 - place])


def is_plain(node: Node) -> bool:
    factors = (float(node.attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    return len([name for name in node.inputs if name]) == 2 and all(factor == 1.0 for factor in factors)


def parts_of(node: Node) -> Iterator[tuple[str, str]]:
    """Weights and values of a SoftmaxMean, pair by pair."""
    yield from zip(node.inputs[1::2], node.inputs[2::2], strict=True)
