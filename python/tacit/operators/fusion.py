"""Pointwise subgraphs of one value become one function: x * sigmoid(x), x * clip(x + 3, 0, 6) / 6, a GELU of nine nodes.

A node whose operands are functions of one common value, elementwise and with constants of one element, is such a function
itself; nodes that only it reads disappear into it. What is left is one rounding and one table instead of one for each.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import Graph, Node
from tacit.numbers.functions import IDENTITY, Function
from tacit.operators.registry import LOWERINGS, OWN_DOMAIN

if TYPE_CHECKING:
    from tacit.operators.context import Context

OPERATOR = "Pointwise"
FUSED = f"{OWN_DOMAIN}.{OPERATOR}"
"""The kind of a node that applies the function of its attribute `function`, in JSON."""
EXACT = frozenset({"identity", "affine", "square", "times", "plus"})
"""Functions that products compute without a table: putting only these together gains nothing."""

STEEP = frozenset({"sqrt", "reciprocal", "log", "power", "tan", "atanh"})
"""Functions whose slope near a pole wants an argument finer than a table's, where it is the common value itself."""


@dataclass(frozen=True)
class Step:
    """A value as function(source); `inside`: the values between the two, each computed by a node of its own."""

    source: str
    function: Function
    inside: frozenset[str] = frozenset()


def fuse(context: Context) -> Graph:
    """The context's graph with its pointwise subgraphs put together; `context` only answers what constants are."""
    graph = context.graph
    steps: dict[str, Step] = {}
    joined: dict[str, Step] = {}
    for node in graph.nodes:
        if len(node.outputs) != 1 or not context.is_float(node.outputs[0]):
            continue
        output = node.outputs[0]
        step = unary(context, node)
        if step is None:
            step = joined_step(graph, node, steps)
            if step is not None and worth_a_table(step.function):
                joined[output] = step
        if step is not None:
            steps[output] = step
    return replaced(graph, joined)


def worth_a_table(function: Function) -> bool:
    """Whether some part needs a table anyway, and a table of the common value is fine enough for all parts."""
    return not function.steps <= EXACT and not function.first_beyond(EXACT) & STEEP


def unary(context: Context, node: Node) -> Step | None:
    """A node as a function of its only computed input, of its output's shape."""
    entry = LOWERINGS.get(node.kind)
    computed = [name for name in node.inputs if name and context.constant(name) is None]
    if entry is None or len(computed) != 1 or not same_shape(context, computed[0], node.outputs[0]):
        return None
    if entry.function is not None:
        try:
            return Step(node.inputs[0], entry.function(context, node))
        except UnsupportedOperator:  # its lowering will say so
            return None
    function = by_constant(context, node, node.inputs.index(computed[0]))
    return None if function is None else Step(computed[0], function)


def same_shape(context: Context, source: str, output: str) -> bool:
    return context.is_float(source) and context.shape(source) == context.shape(output)


def by_constant(context: Context, node: Node, place: int) -> Function | None:
    """The function of an arithmetic node with one constant operand of one element; `place` is that of the other."""
    if node.domain or node.operator in ("Neg", "Sqrt", "Reciprocal"):
        found = {"Neg": Function("affine", (-1.0, 0.0)), "Sqrt": Function("sqrt"), "Reciprocal": Function("reciprocal")}
        return None if node.domain else found[node.operator]
    array = context.constant(node.inputs[1 - place]) if len(node.inputs) == 2 else None
    if array is None or array.size != 1 or not np.isfinite(array).all():
        return None
    number = float(array.reshape(-1)[0])
    first = place == 0
    match node.operator:
        case "Add":
            return Function("affine", (1.0, number))
        case "Sub":
            return Function("affine", (1.0, -number) if first else (-1.0, number))
        case "Mul":
            return Function("affine", (number, 0.0))
        case "Div" if first and number:
            return Function("affine", (1.0 / number, 0.0))
        case "Div" if not first:
            return Function("reciprocal").then(Function("affine", (number, 0.0)))
        case "Pow" if first:
            whole = {1.0: IDENTITY, 2.0: Function("square"), 3.0: Function("square").combined("times", IDENTITY)}
            return whole.get(number, Function("power", (number,)))
    return None


def joined_step(graph: Graph, node: Node, steps: dict[str, Step]) -> Step | None:
    """A product, sum, difference or quotient of two functions of one value, if nothing else reads what lies between."""
    if node.domain or node.operator not in ("Mul", "Add", "Sub", "Div") or any(graph.constant(i) is not None for i in node.inputs):
        return None
    left, right = (list(ancestors(name, steps)) for name in node.inputs)
    shape = graph.values[node.outputs[0]].shape
    for source, function, inside in left:
        for other, second, beside in right:
            if source == other:
                between = (inside | beside) - {source}
                if graph.values[source].shape != shape or not enclosed(graph, between, node):
                    return None
                return Step(source, combined(node.operator, function, second), between)
    return None


def ancestors(name: str, steps: dict[str, Step]) -> Iterator[tuple[str, Function, frozenset[str]]]:
    """(value, the function of it that `name` is, what lies between and `name` itself), the nearest first."""
    function, inside = IDENTITY, frozenset[str]()
    yield name, function, inside
    while name in steps:
        step = steps[name]
        function = step.function.then(function)
        inside |= step.inside | {name}
        name = step.source
        yield name, function, inside


def combined(operator: str, left: Function, right: Function) -> Function:
    if operator == "Sub":
        right = right.then(Function("affine", (-1.0, 0.0)))
    if operator == "Div":
        right = right.then(Function("reciprocal"))
    return left.combined("times" if operator in ("Mul", "Div") else "plus", right)


def enclosed(graph: Graph, between: frozenset[str], last: Node) -> bool:
    """Whether only nodes that compute these values, and the last one, read them."""
    return not any(
        name in graph.outputs or any(reader is not last and reader.outputs[0] not in between for reader in graph.consumers[name])
        for name in between
    )


def replaced(graph: Graph, joined: dict[str, Step]) -> Graph:
    """The graph with a node of kind FUSED in the place of each step that lies in no other."""
    gone = frozenset[str]().union(*(step.inside for step in joined.values()))
    nodes = []
    for node in graph.nodes:
        output = node.outputs[0]
        if output in gone:
            continue
        step = joined.get(output)
        if step is not None:
            function = json.dumps(step.function.to_json())
            node = Node(OPERATOR, OWN_DOMAIN, node.name, (step.source,), (output,), {"function": function})
        nodes.append(node)
    return graph.rebuild(nodes) if joined else graph
