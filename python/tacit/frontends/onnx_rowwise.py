"""Who may read a padded value: operators that treat the places along the padded axis one by one. Any other would give an answer
about the padding.

A rule says which results of a node are padded, and along which axis; None refuses the node.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from tacit.graph import Node, Value


@dataclass(frozen=True)
class Padded:
    """A value that is padded along `axis`; `count` names how much of it counts."""

    axis: int
    count: str


Rule = Callable[["Reader", Node], "dict[str, Padded] | None"]


@dataclass(frozen=True)
class Reader:
    """What rules look at: shapes, constants, and which values are padded."""

    values: Mapping[str, Value]
    constants: Mapping[str, np.ndarray]
    padded: Mapping[str, Padded]

    def rank(self, name: str) -> int:
        return len(self.values[name].shape)

    def axes(self, node: Node, position: int, rank: int) -> set[int] | None:
        """The axes that a constant input lists; None when it is absent, empty or computed."""
        array = self.constants.get(node.input(position))
        return None if array is None or not array.size else {int(axis) % rank for axis in array.reshape(-1)}


def row_by_row(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """Which results of a node are padded, when it treats the places along its operands' padded axes one by one."""
    if node.domain:
        return None
    rule = RULES.get(node.operator)
    return None if rule is None else rule(reader, node)


def only(reader: Reader, node: Node, *positions: int) -> Padded | None:
    """What the inputs at these positions have in common, when no other input is padded."""
    found = {reader.padded.get(node.input(i)) for i in positions if node.input(i)}
    others = [name for i, name in enumerate(node.inputs) if i not in positions and name in reader.padded]
    return found.pop() if len(found) == 1 and not others else None


def elementwise(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """Every padded operand has the same count, along the same axis of the result; the others do not vary along it."""
    output = node.outputs[0]
    rank = reader.rank(output)
    found = {}
    for name in (name for name in node.inputs if name):
        shift = rank - reader.rank(name)
        if name in reader.padded:
            padded = reader.padded[name]
            found[Padded(padded.axis + shift, padded.count)] = True
    if len(found) != 1:
        return None
    (padded,) = found
    for name in (name for name in node.inputs if name and name not in reader.padded):
        axis = padded.axis - rank + reader.rank(name)
        if axis >= 0 and reader.values[name].shape[axis] != 1:
            return None
    return {output: padded}


def transposed(reader: Reader, node: Node) -> dict[str, Padded] | None:
    padded, rank = only(reader, node, 0), reader.rank(node.inputs[0])
    if padded is None:
        return None
    order = [int(i) for i in node.attributes.get("perm") or range(rank)[::-1]]
    return {node.outputs[0]: Padded(order.index(padded.axis), padded.count)}


def squeezed(reader: Reader, node: Node) -> dict[str, Padded] | None:
    padded, rank = only(reader, node, 0), reader.rank(node.inputs[0])
    axes = reader.axes(node, 1, rank)
    if padded is None or axes is None or padded.axis in axes:
        return None
    return {node.outputs[0]: Padded(padded.axis - sum(axis < padded.axis for axis in axes), padded.count)}


def unsqueezed(reader: Reader, node: Node) -> dict[str, Padded] | None:
    padded, rank = only(reader, node, 0), reader.rank(node.outputs[0])
    axes = reader.axes(node, 1, rank)
    if padded is None or axes is None:
        return None
    return {node.outputs[0]: Padded([i for i in range(rank) if i not in axes][padded.axis], padded.count)}


def sliced(reader: Reader, node: Node) -> dict[str, Padded] | None:
    padded, rank = only(reader, node, 0), reader.rank(node.inputs[0])
    axes = reader.axes(node, 3, rank)
    return None if padded is None or axes is None or padded.axis in axes else {node.outputs[0]: padded}


def divided(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """Concat and Split along another axis."""
    operands = [reader.padded.get(name) for name in node.inputs if name and (node.operator == "Concat" or name == node.inputs[0])]
    axis = int(node.attributes.get("axis", 0)) % reader.rank(node.inputs[0])
    if len(set(operands)) != 1 or operands[0] is None or operands[0].axis == axis:
        return None
    return {name: operands[0] for name in node.outputs if name}


def gathered(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """Padded indices of other data, or constant places along another axis of padded data."""
    data, indices = node.inputs[0], node.inputs[1]
    if data in reader.padded and indices in reader.padded:
        return None
    if indices in reader.padded:
        padded = reader.padded[indices]
        if node.operator == "GatherND":
            batched = int(node.attributes.get("batch_dims", 0)) or padded.axis == reader.rank(indices) - 1
            return None if batched else {node.outputs[0]: padded}
        axis = int(node.attributes.get("axis", 0)) % reader.rank(data)
        return {node.outputs[0]: Padded(axis + padded.axis, padded.count)}
    padded, axis = reader.padded[data], int(node.attributes.get("axis", 0)) % reader.rank(data)
    if node.operator == "GatherND" or axis == padded.axis:
        return None
    shift = reader.rank(indices) - 1 if axis < padded.axis else 0
    return {node.outputs[0]: Padded(padded.axis + shift, padded.count)}

def batched(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """The first axis counts samples; parameters are not padded."""
    padded = only(reader, node, 0)
    return {node.outputs[0]: padded} if padded is not None and padded.axis == 0 and len(node.outputs) == 1 else None


def regions(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """RoiAlign: regions and the numbers of their images."""
    padded = only(reader, node, 1, 2)
    return {node.outputs[0]: padded} if padded is not None and padded.axis == 0 else None


def multiplied(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """MatMul and Gemm with padded rows on the left; nothing on the right varies along the padded axis."""
    padded, (left, right) = only(reader, node, 0), node.inputs[:2]
    rank, columns = reader.rank(left), reader.values[right].shape
    if padded is None or padded.axis == rank - 1 or rank < 2 or len(columns) < 2 or len(columns) > rank:
        return None
    if node.operator == "Gemm":
        added = reader.values[node.input(2)].shape if node.input(2) else ()
        varies = len(added) == 2 and added[0] != 1
        return None if varies or node.attributes.get("transA", 0) else {node.outputs[0]: padded}
    shared = padded.axis - (rank - len(columns))
    varies = padded.axis < rank - 2 and shared >= 0 and columns[shared] != 1
    return None if varies else {node.outputs[0]: padded}


def reshaped(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """The padded axis stays: as much stands before it, and it is as long as before, which Reshape must not say by a number."""
    padded, output, given = only(reader, node, 0), node.outputs[0], reader.constants.get(node.input(1))
    if padded is None or (node.operator == "Reshape" and given is None):
        return None
    shape, target = reader.values[node.inputs[0]].shape, reader.values[output].shape
    before = int(np.prod(shape[: padded.axis]))
    for axis, length in enumerate(target):
        if int(np.prod(target[:axis])) == before and length == shape[padded.axis]:
            if given is not None and int(given.reshape(-1)[axis]) > 0:
                return None
            return {output: Padded(axis, padded.count)}
    return None


def reduced(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """Reductions along other axes."""
    padded, rank = only(reader, node, 0), reader.rank(node.inputs[0])
    axes = {int(node.attributes.get("axis", 0)) % rank} if node.operator.startswith("Arg") else reader.axes(node, 1, rank)
    if padded is None or axes is None or padded.axis in axes:
        return None
    gone = 0 if node.attributes.get("keepdims", 1) else sum(axis < padded.axis for axis in axes)
    return {node.outputs[0]: Padded(padded.axis - gone, padded.count)}


def normalised(reader: Reader, node: Node) -> dict[str, Padded] | None:
    """Softmax along another axis; LayerNormalization over axes behind."""
    padded, rank = only(reader, node, 0), reader.rank(node.inputs[0])
    axis = int(node.attributes.get("axis", -1)) % rank
    if padded is None or len(node.outputs) > 1:
        return None
    outside = padded.axis != axis if node.operator in ("Softmax", "LogSoftmax", "Hardmax") else padded.axis < axis
    shapes = [reader.values[name].shape for name in node.inputs[1:] if name]
    varies = any(len(shape) >= rank - padded.axis and shape[padded.axis - rank] != 1 for shape in shapes)
    return {node.outputs[0]: padded} if outside and not varies else None


BATCHED = (
    "AveragePool", "BatchNormalization", "Conv", "ConvTranspose", "GlobalAveragePool", "GlobalMaxPool", "InstanceNormalization",
    "MaxPool",
)  # fmt: skip
REDUCTIONS = ("ArgMax", "ArgMin", "ReduceL1", "ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum", "ReduceSumSquare")
POINTWISE = (
    "Abs", "Add", "And", "Cast", "Ceil", "Clip", "Cos", "Div", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater",
    "GreaterOrEqual", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Min", "Mul",
    "Neg", "Not", "Or", "Pow", "Reciprocal", "Relu", "Round", "Sigmoid", "Sign", "Sin", "Softplus", "Sqrt", "Sub", "Sum",
    "Tanh", "Where", "Xor",
)  # fmt: skip
RULES: dict[str, Rule] = {
    **dict.fromkeys(BATCHED, batched),
    **dict.fromkeys(POINTWISE, elementwise),
    **dict.fromkeys(REDUCTIONS, reduced),
    "Concat": divided,
    "Flatten": reshaped,
    "Gather": gathered,
    "GatherND": gathered,
    "Gemm": multiplied,
    "LayerNormalization": normalised,
    "LogSoftmax": normalised,
    "MatMul": multiplied,
    "RMSNormalization": normalised,
    "Reshape": reshaped,
    "RoiAlign": regions,
    "Slice": sliced,
    "Softmax": normalised,
    "Split": divided,
    "Squeeze": squeezed,
    "Transpose": transposed,
    "Unsqueeze": unsqueezed,
}
