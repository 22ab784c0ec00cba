"""Layer and root-mean-square normalisation as exporters write them out, put together again: (x - mean) / sqrt(variance + e).

As one node the rows are divided by an integer root of an exact sum of squares; as eight nodes each step is rounded to a
scale of its own, and a small variance loses most of its digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tacit.graph import Graph, Node
from tacit.passes.dead_code import remove_dead_code

CLOSE = 1e-4
"""A constant counts as 1 / length within so much of it: exporters write it in float32."""


@dataclass(frozen=True)
class Norm:
    """Rows of `source`, which are its dimensions from `axis` on, less their mean if `centred`, by their deviation."""

    source: str
    axis: int
    epsilon: float
    centred: bool


def recognise(graph: Graph) -> Graph:
    """The graph with a LayerNormalization or RMSNormalization for each such pattern; slope and offset join it if only it
    reads the quotient."""
    nodes, found = list(graph.nodes), False
    for node in graph.nodes:
        norm = normalised(graph, node)
        if norm is None:
            continue
        found = True
        last, slope = absorbed(graph, node, "Mul", norm)
        offset = ""
        if slope:
            last, offset = absorbed(graph, last, "Add", norm)
        operator = "LayerNormalization" if norm.centred else "RMSNormalization"
        inputs = (norm.source, slope, offset) if offset else (norm.source, slope) if slope else (norm.source,)
        whole = Node(operator, "", node.name, inputs, last.outputs, {"axis": norm.axis, "epsilon": norm.epsilon})
        nodes[nodes.index(last)] = whole
    return remove_dead_code(graph.rebuild(nodes)) if found else graph


def normalised(graph: Graph, node: Node) -> Norm | None:
    """What the result of a Div or Mul is, if its operands are a row and the (inverse) deviation of the same row."""
    for value, deviation in divisions(graph, node):
        inside = radicand(graph, deviation)
        if inside is None:
            continue
        variance, epsilon = with_epsilon(graph, inside)
        norm = of_variance(graph, value, variance, epsilon)
        if norm is not None:
            return norm
    return None


def divisions(graph: Graph, node: Node) -> Iterator[tuple[str, str]]:
    """(numerator, the value under whose root it is divided), for a / b and for a * (1 / b)."""
    if made_by(graph, node.outputs[0], "Div"):
        yield node.inputs[0], node.inputs[1]
    if made_by(graph, node.outputs[0], "Mul"):
        for value, factor in (node.inputs, node.inputs[::-1]):
            inverse = made_by(graph, factor, "Reciprocal", "Div", "Pow")
            if inverse is None:
                continue
            if inverse.operator == "Pow" and scalar(graph, inverse.inputs[1]) == -0.5:
                yield value, factor
            elif inverse.operator == "Reciprocal":
                yield value, inverse.inputs[0]
            elif inverse.operator == "Div" and scalar(graph, inverse.inputs[0]) == 1:
                yield value, inverse.inputs[1]


def radicand(graph: Graph, name: str) -> str | None:
    root = made_by(graph, name, "Sqrt", "Pow")
    if root is None or (root.operator == "Pow" and scalar(graph, root.inputs[1]) not in (0.5, -0.5)):
        return None
    return root.inputs[0]


def with_epsilon(graph: Graph, name: str) -> tuple[str, float]:
    total = made_by(graph, name, "Add")
    if total is not None:
        for value, other in (total.inputs, total.inputs[::-1]):
            number = scalar(graph, other)
            if number is not None and 0 <= number < 1:
                return value, number
    return name, 0.0


def of_variance(graph: Graph, value: str, variance: str, epsilon: float) -> Norm | None:
    """The norm of a numerator whose mean square, or the variance of whose source, is `variance`."""
    centre = made_by(graph, value, "Sub")
    averaged = mean(graph, centre.inputs[1]) if centre is not None else None
    squared = mean(graph, variance)
    if squared is not None and same(graph, square(graph, squared[0]), value):
        if centre is not None and averaged == (centre.inputs[0], squared[1]):
            return Norm(centre.inputs[0], squared[1], epsilon, True)
        return Norm(value, squared[1], epsilon, False)
    if centre is None or averaged is None or averaged[0] != centre.inputs[0]:
        return None
    return Norm(*averaged, epsilon, True) if is_difference_of_squares(graph, variance, *averaged) else None


def is_difference_of_squares(graph: Graph, variance: str, source: str, axis: int) -> bool:
    """mean(x^2) - mean(x)^2, perhaps the larger of it and 0."""
    bounded = made_by(graph, variance, "Max", "Relu")
    if bounded is not None:
        computed = [name for name in bounded.inputs if scalar(graph, name) != 0]
        variance = computed[0] if len(computed) == 1 else variance
    difference = made_by(graph, variance, "Sub")
    if difference is None:
        return False
    squares, mean_squared = mean(graph, difference.inputs[0]), square(graph, difference.inputs[1])
    if squares is None or mean_squared is None or square(graph, squares[0]) != source or squares[1] != axis:
        return False
    return mean(graph, mean_squared) == (source, axis)


def mean(graph: Graph, name: str) -> tuple[str, int] | None:
    """(what is averaged, from which dimension on), for a mean over all last dimensions that keeps them."""
    node = made_by(graph, name, "ReduceMean", "Mul", "Div")
    if node is None:
        return None
    reduced = node
    if node.operator != "ReduceMean":
        number, total = scalar(graph, node.inputs[1]), made_by(graph, node.inputs[0], "ReduceSum")
        if total is None or not number:
            return None
        reduced = total
        length = graph.values[reduced.inputs[0]].size // graph.values[reduced.outputs[0]].size
        if abs(length * (number if node.operator == "Mul" else 1 / number) - 1) > CLOSE:
            return None
    before, after = (graph.values[name].shape for name in (reduced.inputs[0], reduced.outputs[0]))
    axes = graph.constant(reduced.input(1)) if reduced.input(1) else reduced.attributes.get("axes")
    if axes is None or len(before) != len(after):
        return None
    chosen = sorted(int(axis) % len(before) for axis in np.asarray(axes).reshape(-1))
    return (reduced.inputs[0], chosen[0]) if chosen and chosen == list(range(chosen[0], len(before))) else None


def square(graph: Graph, name: str) -> str | None:
    node = made_by(graph, name, "Mul", "Pow")
    if node is None:
        return None
    if node.operator == "Pow":
        return node.inputs[0] if scalar(graph, node.inputs[1]) == 2 else None
    return node.inputs[0] if same(graph, node.inputs[0], node.inputs[1]) else None


def same(graph: Graph, one: str | None, other: str) -> bool:
    """Whether two names are one value, or the same difference written twice."""
    if one is None or one == other:
        return one == other
    first, second = made_by(graph, one, "Sub"), made_by(graph, other, "Sub")
    return first is not None and second is not None and first.inputs == second.inputs


def absorbed(graph: Graph, node: Node, operator: str, norm: Norm) -> tuple[Node, str]:
    """(the node that reads only this one's result and combines it with a constant of a row's shape, that constant), or
    the node itself and ''."""
    readers = graph.consumers.get(node.outputs[0], ())
    if len(readers) == 1 and node.outputs[0] not in graph.outputs and made_by(graph, readers[0].outputs[0], operator):
        row = graph.values[norm.source].shape[norm.axis :]
        for name in readers[0].inputs:
            array = graph.constant(name)
            if array is not None and array.size > 1 and array.shape == (1,) * (array.ndim - len(row)) + row:
                return readers[0], name
    return node, ""


def made_by(graph: Graph, name: str, *operators: str) -> Node | None:
    """The node that computes a value, if it is one of ONNX's own operators named here."""
    node = graph.producers.get(name)
    return node if node is not None and not node.domain and node.operator in operators else None


def scalar(graph: Graph, name: str) -> float | None:
    array = graph.constant(name)
    return float(array.reshape(-1)[0]) if array is not None and array.size == 1 and array.dtype.kind == "f" else None
