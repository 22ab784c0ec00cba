"""How a node reads weights that an axis shares out: where it moves the axis to, what it cuts, over what it sums."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from tacit.graph import Graph, Node

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True)
class Product:
    """An einsum of weights and values, the weights first; `axis`: their dimension that is summed; `rows`: the result's of rows."""

    equation: str
    axis: int
    rows: int
    values: str


def product_of(graph: Graph, node: Node, name: str, axis: int, rows: int) -> Product | None:
    """The product of a node that reads weights as `name` and sums over this dimension of them, and over no other; -1: no rows."""
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
        sides = (("transA", "XY"), ("transB", "YZ"))
        parts = [part[::-1] if node.attributes.get(flag, 0) else part for flag, part in sides]
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
    place_of_rows = result.index(weights[rows]) if rows >= 0 else -1
    return Product(f"{weights},{values}->{result}", axis, place_of_rows, node.inputs[1 - place])


def is_plain(node: Node) -> bool:
    factors = (float(node.attributes.get(name, 1.0)) for name in ("alpha", "beta"))
    return len([name for name in node.inputs if name]) == 2 and all(factor == 1.0 for factor in factors)


def place_of(before: tuple[int, ...], axis: int, after: tuple[int, ...]) -> int | None:
    """The dimension that one of another shape of the same elements becomes; None where it is none alone, or has one element."""
    if axis < 0 or before[axis] < 2:
        return None
    length, ahead = before[axis], prod(before[:axis])
    return next((i for i, size in enumerate(after) if size == length and prod(after[:i]) == ahead), None)


def cuts_of(graph: Graph, node: Node) -> tuple[int, list[int]] | None:
    """The only dimension that a Slice or a Split cuts, and where its parts begin; None where these are computed or several, or
    where elements are left out or turned round."""
    rank = len(graph.values[node.inputs[0]].shape)
    if node.operator == "Split":
        axis = int(node.attributes.get("axis", 0)) % rank
        lengths = [graph.values[name].shape[axis] for name in node.outputs]
        return axis, [sum(lengths[:i]) for i in range(len(lengths))]
    starts, axes = graph.constant(node.input(1)), graph.constant(node.input(3))
    steps = graph.constant(node.input(4)) if node.input(4) else None
    if starts is None or starts.size != 1 or (node.input(3) and axes is None) or (node.input(4) and steps is None):
        return None
    if steps is not None and steps.reshape(-1)[0] != 1:
        return None
    axis = int(axes.reshape(-1)[0]) % rank if axes is not None else 0
    length, start = graph.values[node.inputs[0]].shape[axis], int(starts.reshape(-1)[0])
    return axis, [min(max(start + length if start < 0 else start, 0), length)]
