"""What a graph must satisfy at each stage of the pipeline."""

from __future__ import annotations

from collections.abc import Set

from tacit.errors import ModelError, UnsupportedOperator
from tacit.graph.model import Graph

STAGES = ("loaded", "simplified")


def check(graph: Graph, stage: str = "loaded") -> Graph:
    """Returns the graph when it is legal at `stage`, else raises ModelError naming the node and the fault.

    loaded: nodes in topological order, each value written once, every value described, constants of the described shape
    and dtype. simplified: besides, every node is needed for an output.
    """
    if stage not in STAGES:
        raise ValueError(f"unknown stage {stage!r}")
    _check_order(graph)
    _check_values(graph)
    if stage == "simplified":
        _check_simplified(graph)
    return graph


def require_supported(graph: Graph, supported: Set[str]) -> None:
    """Raises one UnsupportedOperator listing every node whose operator is not in `supported` (names as `Node.kind`)."""
    missing: dict[str, list[str]] = {}
    for node in graph.nodes:
        if node.kind not in supported:
            missing.setdefault(node.kind, []).append(repr(node.name))
    if missing:
        listed = "; ".join(
            f"{kind} (node{'s' if len(names) > 1 else ''} {', '.join(names)})" for kind, names in missing.items()
        )
        count = sum(len(names) for names in missing.values())
        raise UnsupportedOperator(
            f"The model has {count} node{'s' if count > 1 else ''} that cannot be proved yet: {listed}; "
            "replace these operators and export the model again."
        )


def _check_order(graph: Graph) -> None:
    known = set(graph.inputs) | set(graph.constants)
    if len(known) != len(graph.inputs) + len(graph.constants):
        raise ModelError("The graph names a value both as an input and as a constant, or an input twice.")
    for node in graph.nodes:
        for name in node.inputs:
            if name and name not in known:
                raise ModelError(
                    f"Node {node} reads {name!r} before anything computes it; the graph is not in topological order."
                )
        for name in node.outputs:
            if name and name in known:
                raise ModelError(
                    f"Node {node} writes {name!r}, which already has a value; every value is written once."
                )
            if name:
                known.add(name)
    for name in graph.outputs:
        if name not in known:
            raise ModelError(f"The graph's output {name!r} is computed by no node.")


def _check_values(graph: Graph) -> None:
    named = set(graph.inputs) | set(graph.constants) | set(graph.producers)
    unknown = sorted(named - set(graph.values))
    if unknown:
        raise ModelError(f"The shape of {unknown[0]!r} is unknown; the model needs static shapes.")
    for name, array in graph.constants.items():
        value = graph.values[name]
        if value.shape != array.shape or value.dtype != array.dtype.name:
            raise ModelError(
                f"The constant {name!r} is {array.dtype.name}{list(array.shape)}, but is described as "
                f"{value.dtype}{list(value.shape)}."
            )


def _check_simplified(graph: Graph) -> None:
    needed = set(graph.outputs)
    for node in reversed(graph.nodes):
        if not needed.intersection(node.outputs):
            raise ModelError(f"Node {node} is needed for no output.")
        needed.update(node.inputs)
