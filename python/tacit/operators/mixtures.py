"""Softmaxes that only products read which sum over what they share out: their rows are divided by the sum last.

sum_j (e_j / s) v_j = (sum_j e_j v_j) / s: one division and rounding a result instead of one a weight, and the weights keep the
precision of their exponentials. Recognised with whatever moves the weights on their way, before values are fused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any

import numpy as np

from tacit.graph import Graph, Node, Value
from tacit.operators.registry import OWN_DOMAIN
from tacit.operators.shares import Product, cuts_of, place_of, product_of
from tacit.operators.spans import Span, spans, whole
from tacit.passes.dead_code import remove_dead_code

WEIGHTS, MEAN = "SoftmaxWeights", "SoftmaxMean"
"""Operators of the compiler's own. SoftmaxWeights: x -> exp(x - max x) along `axis`, their sums, of length 1 there; `shares` names
what the softmax itself gave, and of x it reads rows and keys of `span`, if that is there. SoftmaxMean -> means of all blocks of
rows, each of which has its sums and then weights and values in turns, as `pairs` counts; `equation` is an einsum of weights and
values, `axis` the weights' dimension that is summed, `rows` that of the result which blocks are cut from; of each values `keys`
(first, last + 1) are read."""
SOFTMAXES = frozenset({"Softmax", f"{OWN_DOMAIN}.{WEIGHTS}"})
STILL = frozenset({"Cast", "Dropout", "Identity"})
RESHAPES = frozenset({"Flatten", "Reshape", "Squeeze", "Unsqueeze"})



@dataclass(frozen=True)
class Held:
    """A value that holds shares of a softmax: of each block of rows the names of its weights ('' where it sees none of these keys)
    and of their sums, the dimension that is shared out and that of the rows, and which of all keys stand there."""

    weights: tuple[str, ...]
    sums: tuple[str, ...]
    axis: int
    rows: int
    keys: tuple[int, int]


@dataclass(frozen=True)
class Mixed:
    """A value that is a sum of such products of one softmax, all of one equation and of weights with the same sums."""

    product: Product
    pairs: tuple[tuple[Held, str], ...]


@dataclass
class Division:
    """What becomes of one softmax and of all that reads it. `moved`: by a node's first output, what stands in its place."""

    graph: Graph
    softmax: Node
    blocks: tuple[Span, ...]
    moved: dict[str, list[Node]] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    mixed: dict[str, Mixed] = field(default_factory=dict)
    values: dict[str, Value] = field(default_factory=dict)
    constants: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def is_cut(self) -> bool:
        """Whether blocks read parts of the scores."""
        return self.blocks != (whole(self.graph, self.softmax),)

    def fresh(self, like: str, part: str, shape: tuple[int, ...]) -> str:
        """A new value of a shape, of the dtype of another one."""
        name, count = f"{like}/{part}", 1
        while name in self.values or name in self.graph.values:
            count += 1
            name = f"{like}/{part}{count}"
        self.values[name] = replace(self.graph.values[like], name=name, shape=shape)
        return name

    def integers(self, like: str, numbers: Iterable[int]) -> str:
        name = self.graph.fresh(f"{like}/integers{len(self.constants)}")
        self.constants[name] = np.array(list(numbers), np.int64)
        return name

    def shape(self, name: str) -> tuple[int, ...]:
        found = self.values.get(name)
        return tuple(self.graph.values[name].shape if found is None else found.shape)

    def run(self) -> bool:
        """Whether every reader is one that takes weights and sums for shares."""
        name, source = self.softmax.outputs[0], self.softmax.inputs[0]
        shape = self.shape(name)
        axis = int(self.softmax.attributes.get("axis", -1)) % len(shape)
        rows = len(shape) - 2 if axis == len(shape) - 1 else axis - 1
        self.moved[name], weights, sums = [], [], []
        for block in self.blocks:
            attributes: dict[str, Any] = {"axis": axis, "shares": name}
            size = shape
            if self.is_cut:
                size = (*shape[:-2], block.rows, block.keys)
                attributes["span"] = (block.first, block.last, block.start, block.stop)
            weights.append(self.fresh(name, "weights", size))
            sums.append(self.fresh(name, "sums", changed(size, {axis: 1})))
            outputs = (weights[-1], sums[-1])
            self.moved[name].append(Node(WEIGHTS, OWN_DOMAIN, self.softmax.name, (source,), outputs, attributes))
        if not self.follow(name, Held(tuple(weights), tuple(sums), axis, rows, (0, shape[axis]))) or not self.mixed:
            return False
        others = [value for mixed in self.mixed.values() for _, value in mixed.pairs]
        if any(value in self.held for value in others):
            return False
        self.join()
        return all(all(node.attributes["pairs"]) for output in self.mixed for node in self.moved[output])

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
        product = product_of(self.graph, node, name, held.axis, held.rows)
        if product is None:
            return False
        self.moved[node.outputs[0]] = []
        self.mixed[node.outputs[0]] = Mixed(product, ((held, product.values),))
        return True

    def still(self, node: Node, held: Held) -> bool:
        self.moved[node.outputs[0]] = []
        return self.follow(node.outputs[0], held)

    def moved_by(self, node: Node, held: Held, sizes: Callable[[int, int], tuple[int, ...]]) -> tuple[list[str], list[str]]:
        """Weights and sums of each block, moved as the node moves all; `sizes(rows, keys)` is the shape of what it gives."""
        output, found = node.outputs[0], (list[str](), list[str]())
        for block, weights, sums in zip(self.blocks, held.weights, held.sums, strict=True):
            for names, source, part in zip(found, (weights, sums), ("weights", "sums")):
                keys = self.shape(source)[held.axis] if source else 0
                names.append(self.fresh(output, part, sizes(block.rows, keys)) if source else "")
                if source:
                    self.moved[output].append(replace(node, inputs=(source, *node.inputs[1:]), outputs=(names[-1],)))
        return found

    def reshaped(self, node: Node, held: Held) -> bool:
        """An axis that stays one of its own keeps its length and what stands before it."""
        before, after = self.shape(node.inputs[0]), self.shape(node.outputs[0])
        axis, rows = place_of(before, held.axis, after), place_of(before, held.rows, after)
        if axis is None or (self.is_cut and rows is None):
            return False
        place = -1 if rows is None else rows
        output = node.outputs[0]
        self.moved[output] = []
        sizes = lambda count, keys: changed(after, {axis: keys, **({place: count} if self.is_cut else {})})  # noqa: E731
        weights, sums = self.moved_by(replace(node, operator="Reshape", attributes={}), held, sizes)
        self.moved[output] = [
            part.with_inputs((part.inputs[0], self.integers(output, self.shape(part.outputs[0])))) for part in self.moved[output]
        ]
        return self.follow(output, Held(tuple(weights), tuple(sums), axis, place, held.keys))

    def transposed(self, node: Node, held: Held) -> bool:
        before = self.shape(node.inputs[0])
        order = [int(i) for i in node.attributes.get("perm", range(len(before))[::-1])]
        self.moved[node.outputs[0]] = []

        def sizes(count: int, keys: int) -> tuple[int, ...]:
            size = changed(before, {held.axis: keys, **({held.rows: count} if self.is_cut else {})})
            return tuple(size[i] for i in order)

        weights, sums = self.moved_by(node, held, sizes)
        axis, rows = order.index(held.axis), order.index(held.rows) if held.rows >= 0 else -1
        return self.follow(node.outputs[0], Held(tuple(weights), tuple(sums), axis, rows, held.keys))

    def cut(self, node: Node, held: Held) -> bool:
        """A part of the keys has the sums of all; a part of the rows those of these rows."""
        found = cuts_of(self.graph, node)
        if found is None:
            return False
        axis, starts = found
        if axis != held.axis:
            return not self.is_cut and self.cut_rows(node, held, axis)
        self.moved[node.outputs[0]] = []
        for output, start in zip(node.outputs, starts, strict=True):
            low, high = held.keys[0] + start, held.keys[0] + start + self.shape(output)[axis]
            weights = []
            for block, source in zip(self.blocks, held.weights, strict=True):
                ahead, behind = seen(block, held.keys)
                first, last = max(low, ahead) - ahead, max(min(high, behind) - ahead, 0)
                name = ""
                if source and first < last:
                    name = self.fresh(output, "weights", changed(self.shape(source), {axis: last - first}))
                    ends = [self.integers(output, [number]) for number in (first, last, axis)]
                    self.moved[node.outputs[0]].append(Node("Slice", "", f"{node.name}/weights", (source, *ends), (name,), {}))
                weights.append(name)
            if not self.follow(output, replace(held, weights=tuple(weights), keys=(low, high))):
                return False
        return True

    def cut_rows(self, node: Node, held: Held, axis: int) -> bool:
        """Where there is one block of all."""
        nodes: list[Node] = []
        parts: list[list[str]] = []
        for source, part in ((held.weights[0], "weights"), (held.sums[0], "sums")):
            sizes = [self.shape(output) for output in node.outputs]
            if part == "sums":
                sizes = [changed(size, {held.axis: 1}) for size in sizes]
            parts.append([self.fresh(output, part, size) for output, size in zip(node.outputs, sizes, strict=True)])
            nodes.append(replace(node, inputs=(source, *node.inputs[1:]), outputs=tuple(parts[-1])))
        self.moved[node.outputs[0]] = nodes
        return all(
            self.follow(output, replace(held, weights=(weights,), sums=(sums,)))
            for output, weights, sums in zip(node.outputs, *parts, strict=True)
        )

    def join(self) -> None:
        """Sums of two mixtures that nothing else reads are one mixture; then each has its division."""
        for node in self.graph.nodes:
            if node.kind != "Add" or not all(name in self.mixed and self.graph.uses(name) == 1 for name in node.inputs):
                continue
            left, right = (self.mixed[name] for name in node.inputs)
            alike = (left.product.equation, left.pairs[0][0].sums) == (right.product.equation, right.pairs[0][0].sums)
            same = len({self.shape(name) for name in (*node.inputs, node.outputs[0])}) == 1
            if alike and same and node.inputs[0] != node.inputs[1]:
                for name in node.inputs:
                    del self.mixed[name]
                self.moved[node.outputs[0]] = []
                self.mixed[node.outputs[0]] = replace(left, pairs=left.pairs + right.pairs)
        for output, mixed in self.mixed.items():
            self.moved[output] = [self.mean(output, mixed)]

    def mean(self, output: str, mixed: Mixed) -> Node:
        inputs: list[str] = []
        keys: list[int] = []
        pairs: list[int] = []
        for i, block in enumerate(self.blocks):
            inputs.append(mixed.pairs[0][0].sums[i])
            shown = [(held, values) for held, values in mixed.pairs if held.weights[i]]
            for held, values in shown:
                inputs += [held.weights[i], values]
                low, high = seen(block, held.keys)
                keys += [low - held.keys[0], high - held.keys[0]]
            pairs.append(len(shown))
        product = mixed.product
        attributes = {"equation": product.equation, "axis": product.axis, "rows": product.rows, "pairs": pairs, "keys": keys}
        return Node(MEAN, OWN_DOMAIN, self.graph.producers[output].name, tuple(inputs), (output,), attributes)

    def result(self) -> Graph:
        nodes: list[Node] = []
        for node in self.graph.nodes:
            nodes.extend(self.moved.get(node.outputs[0], [node]))
        return remove_dead_code(self.graph.rebuild(nodes, self.constants, self.values))


def divide_last(graph: Graph, samples: int = 1) -> Graph:
    """The graph with SoftmaxWeights and SoftmaxMean wherever a softmax is read by nothing but such products; by blocks of rows, for
    so many samples, where constants hide keys from them."""
    for softmax in [node for node in graph.nodes if node.kind == "Softmax"]:
        shape = graph.values[softmax.outputs[0]].shape
        if len(shape) < 2 or not prod(shape) or shape[int(softmax.attributes.get("axis", -1))] < 2:
            continue
        for blocks in dict.fromkeys((spans(graph, softmax, samples), (whole(graph, softmax),))):
            division = Division(graph, softmax, blocks)
            if division.run():
                graph = division.result()
                break
    return graph


def changed(shape: tuple[int, ...], sizes: Mapping[int, int]) -> tuple[int, ...]:
    return tuple(sizes.get(i, size) for i, size in enumerate(shape))


def seen(block: Span, keys: tuple[int, int]) -> tuple[int, int]:
    """Which of these keys a block reads: first and last + 1."""
    return max(block.start, keys[0]), min(block.stop, keys[1])


def blocks_of(node: Node) -> Iterator[tuple[str, list[tuple[str, str, tuple[int, int]]]]]:
    """Of each block of a SoftmaxMean the sums, and weights, values and which of them are read, pair by pair."""
    names, keys = iter(node.inputs), iter(node.attributes["keys"])
    for count in node.attributes["pairs"]:
        sums = next(names)
        yield sums, [(next(names), next(names), (next(keys), next(keys))) for _ in range(count)]
