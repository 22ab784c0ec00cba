"""Feature maps that one number scales and one shifts before convolutions: the kernels take it over.

A function of a map, say HardSwish, that is scaled and shifted by numbers of its own in every layer would be a function of its own,
with a table of its own, in every layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from tacit.graph import Graph, Node, Value
from tacit.passes.linear import LINEAR

LARGEST_FILL = 64.0
"""A padding of a larger number would widen what the convolution reads."""


@dataclass(frozen=True)
class Scaled:
    """scale * source + shift."""

    source: str
    scale: float
    shift: float


def fold_map_scaling(graph: Graph) -> Graph:
    """Conv(s h + t) with zeros around = Conv'(h) with -t / s around, of kernels s W and t sum W more bias. Only where convolutions
    with constant kernels are all that read it, and where h is no sum that is scaled by its own weights."""
    changes = Changes({}, {})
    replaced: dict[str, list[Node]] = {}
    for name in graph.values:
        found = scaled(graph, name)
        if found is not None and all(reads(graph, node, name, found) for node in graph.consumers[name]):
            for node in graph.consumers[name]:
                replaced[node.outputs[0]] = moved(graph, node, found, changes)
    nodes = [each for node in graph.nodes for each in replaced.get(node.outputs[0], [node])]
    return graph.rebuild(nodes, changes.constants, changes.values) if replaced else graph


@dataclass(frozen=True)
class Changes:
    constants: dict[str, np.ndarray]
    values: dict[str, Value]


def scaled(graph: Graph, name: str) -> Scaled | None:
    """A value that steps with numbers make of another computed one, of its shape and read by nothing else."""
    if name in graph.outputs or not graph.consumers.get(name):
        return None
    source, scale, shift = name, 1.0, 0.0
    while (found := step(graph, source)) is not None and (source == name or graph.uses(source) == 1):
        source, scale, shift = found.source, scale * found.scale, shift + scale * found.shift
    producer = graph.producers.get(source)
    if source == name or producer is None or producer.operator in LINEAR or graph.uses(source) != 1 or scale == 0:
        return None
    return Scaled(source, scale, shift)


def step(graph: Graph, name: str) -> Scaled | None:
    """A product or a sum with one number."""
    node = graph.producers.get(name)
    if node is None or node.domain or node.operator not in ("Mul", "Add") or not graph.values[name].is_float:
        return None
    for data, other in ((0, 1), (1, 0)):
        number, source = graph.constant(node.inputs[other]), node.inputs[data]
        if number is None or number.size != 1 or graph.constant(source) is not None:
            continue
        if graph.values[source].shape == graph.values[name].shape and np.isfinite(number).all():
            value = float(number.reshape(-1)[0])
            return Scaled(source, value, 0.0) if node.operator == "Mul" else Scaled(source, 1.0, value)
    return None


def reads(graph: Graph, node: Node, name: str, found: Scaled) -> bool:
    """Whether a node is a convolution of the value with constant float32 kernels, whose padding is told."""
    if node.domain or node.operator != "Conv" or node.inputs[0] != name or name in node.inputs[1:]:
        return False
    known = all(graph.constant(i) is not None and graph.constants[i].dtype == np.float32 for i in node.inputs[1:] if i)
    padding = node.attributes.get("auto_pad", "NOTSET")
    return known and padding in ("NOTSET", b"NOTSET", "") and abs(found.shift / found.scale) <= LARGEST_FILL


def moved(graph: Graph, node: Node, found: Scaled, changes: Changes) -> list[Node]:
    """The convolution of the source, after a node that pads it where it is shifted and padded."""

    def constant(part: str, array: np.ndarray) -> str:
        name = graph.fresh(f"{node.name}/{part}")
        changes.constants[name] = array
        return name

    kernels = graph.constants[node.inputs[1]].astype(np.float64)
    bias = graph.constants[node.inputs[2]].astype(np.float64) if node.input(2) else np.zeros(len(kernels))
    bias = bias + found.shift * kernels.sum(axis=tuple(range(1, kernels.ndim)))
    scaled_kernels = constant("scaled_kernel", (found.scale * kernels).astype(np.float32))
    inputs = (scaled_kernels, constant("moved_bias", bias.astype(np.float32)))
    pads = [int(amount) for amount in np.asarray(node.attributes.get("pads", ())).reshape(-1)]
    if not found.shift or not any(pads):
        return [replace(node, inputs=(found.source, *inputs))]
    half, before = len(pads) // 2, graph.values[found.source]
    amounts = np.array([0, 0, *pads[:half], 0, 0, *pads[half:]], dtype=np.int64)
    fill = np.array(-found.shift / found.scale, dtype=np.float32)
    around = graph.fresh(f"{node.name}/around")
    shape = tuple(size + amounts[i] + amounts[i + len(before.shape)] for i, size in enumerate(before.shape))
    changes.values[around] = replace(before, name=around, shape=tuple(map(int, shape)))
    given = (found.source, constant("around_amounts", amounts), constant("around_fill", fill))
    attributes: Mapping[str, object] = {**node.attributes, "pads": [0] * len(pads)}
    pad = Node("Pad", "", f"{node.name}/around", given, (around,), {"mode": "constant"})
    return [pad, replace(node, inputs=(around, *inputs), attributes=attributes)]
