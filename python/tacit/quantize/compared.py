"""Features that are compared with bounds and nothing else, and their quotients by norms of their row that are.

A tree says the same as long as every comparison does. Bounds lie half-way between numbers that were seen, so that numbers need
all the bits that tell them apart, of small features beside large ones too, and no table reads them.
"""

from __future__ import annotations

from tacit.graph import MOVES, Graph, Node

COMPARISONS = {"Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual"}
COMPARED = 46
"""Bits of features that are compared and nothing else. Public inputs need no range check, so that width costs digits in the
comparisons alone; it holds float32 values of up to 23 bits beside others of 1 exactly, so that every comparison agrees."""
DIVIDED, DIVIDED_BY_ROOTS = 42, 36
"""Of features that are divided by a norm of their row first; products with inverse roots leave them fewer bits."""
DECIDED = 34
"""Of those quotients: one that is small beside others is compared with bounds that are as small."""


def compared_bits(graph: Graph, name: str) -> int:
    """Bits of an input that is only compared, perhaps divided by a norm of its row before; 0 of others."""
    if only_compared(graph, name):
        return COMPARED
    if not only_compared(graph, name, normed=True):
        return 0
    return DIVIDED_BY_ROOTS if any(is_root(node) for node in graph.nodes) else DIVIDED


def decided(graph: Graph) -> set[str]:
    """Quotients of features by norms of their row that are only compared, what carries them there, and those norms."""
    found: set[str] = set()
    for node in graph.nodes:
        if is_quotient(graph, node) and is_features(graph, node.inputs[0]) and only_compared(graph, node.outputs[0]):
            found.update(node.inputs[1:], node.outputs)
        elif node.kind in MOVES and node.inputs[0] in found:
            found.update(node.outputs)
    return found


def only_compared(graph: Graph, name: str, *, normed: bool = False) -> bool:
    """Whether a value is read, and through movement by comparisons alone. `normed`: and through divisions by norms."""
    readers = graph.consumers.get(name, ())
    return bool(readers) and name not in graph.outputs and all(
        not node.domain
        and (
            node.operator in COMPARISONS
            or (
                (node.operator in MOVES or (normed and (is_norm(node) or is_quotient(graph, node))))
                and all(only_compared(graph, output, normed=normed) for output in node.outputs if output)
            )
        )
        for node in readers
    )  # fmt: skip


def is_norm(node: Node | None) -> bool:
    return node is not None and node.kind == "ReduceMax"


def is_root(node: Node) -> bool:
    return node.kind == "LpNormalization" and int(node.attributes.get("p", 2)) == 2


def is_quotient(graph: Graph, node: Node) -> bool:
    """Whether a node divides by a norm of its rows."""
    return node.kind == "LpNormalization" or (node.kind == "Div" and is_norm(graph.producers.get(node.inputs[1])))


def is_features(graph: Graph, name: str) -> bool:
    """Whether a value is one row of a float input, moved, that is compared through norms alone."""
    while (node := graph.producers.get(name)) is not None and node.kind in MOVES and graph.values[node.inputs[0]].is_float:
        name = node.inputs[0]
    value = graph.values[name]
    is_row = bool(value.shape) and value.size == value.shape[-1]
    return name in graph.inputs and value.is_float and is_row and only_compared(graph, name, normed=True)
