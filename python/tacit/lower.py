"""Graph and scales -> program and weights: every value becomes integers, rounded where a consumer demands it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from tacit.errors import ModelError, UnsupportedOperator
from tacit.graph import MOVES, Graph, Node, require_supported
from tacit.numbers.drawing import FIRST
from tacit.operators import LOWERINGS, state
from tacit.operators.chosen import choose
from tacit.operators.context import Columns, Context
from tacit.operators.fusion import fuse
from tacit.operators.mixtures import divide_last
from tacit.operators.norms import recognise
from tacit.operators.weights import SHIFT, common_shift
from tacit.primitives.builder import Builder
from tacit.primitives.gadgets.digits import range_check
from tacit.primitives.program import Program, ProgramBuilder
from tacit.primitives.ranges import with_tables
from tacit.primitives.tensor import IntervalTooWide, Tensor
from tacit.quantize import Scales

__all__ = ["Lowered", "lower", "lower_into"]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A program and its weight columns by name (signed integers in the bytes of their columns); `graph`, as it was put together
    before lowering, and the tensor that each of its values became, for whoever compares them with floats. `scales`: with what was
    decided on the way, so that a model with these scales computes with the same integers."""

    program: Program
    weights: dict[str, np.ndarray]
    graph: Graph
    values: dict[str, Tensor]
    scales: Scales


def lower(
    graph: Graph, scales: Scales, shared: Columns | None = None, hideable: bool = False, batch: int | None = None
) -> Lowered:
    """Lowers a simplified graph. `shared`: weight columns of a model whose commitment to the weights this one shall have.
    `hideable`: the circuit holds the inputs in their intervals, so that nobody needs to see them. `batch`: how many samples one
    proof holds, each with the integers that it has alone.

    Raises UnsupportedOperator listing every node without a lowering, and ModelError naming a node whose sums could
    overflow.
    """
    builder = ProgramBuilder(batch)
    context = lower_into(builder, graph, scales, shared, hideable)
    for column in builder.columns.values():
        column.forget()
    kept = () if graph.state is None else state.forms(context, graph.state)
    decided = replace(scales, weighed={**context.weighed, SHIFT: context.shift}, kept=kept)
    return Lowered(with_tables(builder.program()), builder.weights, context.graph, context.held(), decided)


def lower_into(builder: Builder, graph: Graph, scales: Scales, shared: Columns | None = None, hideable: bool = False) -> Context:
    """Lowers a graph through any builder; returns what its values became."""
    require_supported(graph, LOWERINGS.keys())
    require_static(graph)
    made = (name for node in graph.nodes if node.kind not in MOVES for name in node.outputs if name)
    builder.computed = sum(graph.values[name].size for name in made)
    graph = fuse(Context(divide_last(recognise(graph), builder.batch or 1), scales, builder, shared))
    context = Context(graph, scales, builder, shared)
    context.shift = common_shift(context)
    context.hideable = hideable
    past = () if graph.state is None else graph.state.past
    for name in graph.inputs:
        if any(name in names for names in past):
            continue
        value, scale = graph.values[name], scales.inputs[name]
        if graph.choice is not None and name == graph.choice.fed:
            context.put(name, builder.claim(name, value.shape, scale.low, scale.high, value.dtype))
            continue
        tensor = builder.input(name, value.shape, scale.low, scale.high, scale.exponent, value.dtype)
        checked = hideable and 0 not in value.shape
        context.put(name, range_check(builder, f"{name}/range", tensor, scale.low, scale.high) if checked else tensor)
    if graph.state is not None:
        state.read(context, graph.state)
    if FIRST in graph.inputs:
        state.begin(context)
    for node in graph.nodes:
        lower_node(context, node)
        if graph.state is not None:
            state.settle(context, graph.state, node)
    for name in graph.outputs:
        if graph.choice is None or name != graph.choice.scores:
            context.publish(name)
    if graph.choice is not None:
        choose(context, graph.choice)
    if graph.state is not None and graph.state.shown:
        state.show(context, graph.state)
    return context


STRUCTURE = {
    "Expand": (1,),
    "Pad": (1, 3),
    "Reshape": (1,),
    "Resize": (1, 2, 3),
    "Slice": (1, 2, 3, 4),
    "Split": (1,),
    "Squeeze": (1,),
    "Tile": (1,),
    "Unsqueeze": (1,),
}
"""Inputs that say where values go: the circuit fixes them, so they must be constants."""


def require_static(graph: Graph) -> None:
    """Refuses shapes, axes and positions that a model computes from its inputs, naming every such node."""
    computed = [
        f"{node.name!r} ({node.kind})"
        for node in graph.nodes
        for place in STRUCTURE.get(node.kind, ())
        if node.input(place) and graph.constant(node.input(place)) is None
    ]
    if computed:
        raise UnsupportedOperator(
            f"Shapes or axes are computed from the inputs at {', '.join(dict.fromkeys(computed))}; "
            "export the model with fixed shapes."
        )


def lower_node(context: Context, node: Node) -> None:
    """Lowers one node; errors name it."""
    try:
        LOWERINGS[node.kind].lower(context, node)
        context.check_outputs(node)
    except IntervalTooWide as error:
        raise ModelError(f"Node {node}: {error}") from None
