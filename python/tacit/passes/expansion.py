"""Operators that are other operators put together: each such node is replaced by its parts before anything is observed, so
that every intermediate value gets a range and a scale of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from tacit.errors import ModelError
from tacit.graph import Graph, Node, Value, check
from tacit.graph.writer import Writer

DEEPEST = 16
"""Parts may have parts; deeper nesting is a fault of an expansion."""

Expand = Callable[["Expansion", Node], "str | Sequence[str]"]


class Expansion(Writer):
    """The parts of one node while they are written down."""

    def __init__(
        self, graph: Graph, node: Node, values: dict[str, Value], constants: dict[str, np.ndarray], shared: dict[Any, Any]
    ) -> None:
        super().__init__(node.name, graph.opset, values, constants)
        self.graph = graph
        self.node = node
        self.shared = shared
        """What expansions of earlier nodes of this graph leave to those of later ones; keys begin with the operator's name."""

    @property
    def place(self) -> str:
        return f"Node {self.node}"


def expand(graph: Graph, expansions: Mapping[str, Expand]) -> Graph:
    """The graph with every node whose kind has an expansion replaced by its parts, until none is left.

    Raises ModelError when parts have another shape or dtype than the node's outputs, and whatever an expansion raises.
    """
    if not any(node.kind in expansions for node in graph.nodes):
        return graph
    values, constants = dict(graph.values), dict(graph.constants)
    shared: dict[Any, Any] = {}

    def parts(nodes: Sequence[Node], depth: int) -> list[Node]:
        found: list[Node] = []
        for node in nodes:
            expansion = expansions.get(node.kind)
            if expansion is None:
                found.append(node)
                continue
            if depth == DEEPEST:
                raise ModelError(f"Node {node} expands into itself.")
            made = Expansion(graph, node, values, constants, shared)
            results = expansion(made, node)
            results = [results] if isinstance(results, str) else list(results)
            found.extend(parts([*made.nodes, *_named(node, results, values)], depth + 1))
        return found

    return check(graph.rebuild(parts(graph.nodes, 0), constants, values), "loaded")


def _named(node: Node, results: Sequence[str], values: Mapping[str, Value]) -> list[Node]:
    """The node's outputs as other names of its parts' results; an output that nobody wants may lack a result."""
    named: list[Node] = []
    for i, output in enumerate(node.outputs):
        if not output:
            continue
        result = results[i] if i < len(results) else ""
        if not result:
            raise ModelError(f"Node {node}: its output {output!r} cannot be computed.")
        want, have = values[output], values[result]
        if want.shape != have.shape or want.dtype != have.dtype:
            raise ModelError(
                f"Node {node}: its output {output!r} is {want.dtype}{list(want.shape)}, its parts give "
                f"{have.dtype}{list(have.shape)}."
            )
        named.append(Node("Identity", "", f"{node.name}/output_{i}", (result,), (output,), {}))
    return named
