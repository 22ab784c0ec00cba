"""Older forms of operators -> those of opset 20: former attributes are inputs, old defaults are explicit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tacit.errors import ModelError
from tacit.graph import Node, Value

CANONICAL_OPSET = 20


@dataclass
class Rewriter:
    """One pass over the nodes. `constants` grows by former attributes, `added` by the values of new nodes."""

    values: Mapping[str, Value]
    constants: dict[str, np.ndarray]
    opset: int
    added: dict[str, Value] = field(default_factory=dict)

    def constant(self, node: Node, stem: str, array: np.ndarray) -> str:
        name = f"{node.name}/{stem}"
        while name in self.values or name in self.constants:
            name += "_"
        self.constants[name] = array
        self.added[name] = Value(name, tuple(array.shape), array.dtype.name)
        return name

    def value(self, node: Node, stem: str, shape: Sequence[int], dtype: str) -> str:
        name = f"{node.name}/{stem}"
        while name in self.values or name in self.added:
            name += "_"
        self.added[name] = Value(name, tuple(shape), dtype)
        return name

    def lift(self, node: Node, attributes: Mapping[str, Any], drop: Sequence[str] = ()) -> Node:
        """Appends inputs in the given order (None: absent), and drops the attributes they come from."""
        inputs = list(node.inputs)
        for stem, array in attributes.items():
            inputs.append("" if array is None else self.constant(node, stem, array))
        while inputs and not inputs[-1]:
            inputs.pop()
        kept = {k: v for k, v in node.attributes.items() if k not in attributes and k not in drop}
        return replace(node, inputs=tuple(inputs), attributes=kept)


Rule = Callable[[Rewriter, Node], list[Node]]


def canonical(
    nodes: Sequence[Node], values: Mapping[str, Value], constants: dict[str, np.ndarray], opset: int
) -> tuple[list[Node], dict[str, Value]]:
    """The nodes in the forms of max(20, opset), and the values that were added. Adds to `constants`."""
    rewriter = Rewriter(values, constants, opset)
    result: list[Node] = []
    for node in nodes:
        rule = RULES.get(node.operator) if not node.domain else None
        result.extend([node] if rule is None else rule(rewriter, node))
    return result, rewriter.added


def _integers(node: Node, name: str) -> np.ndarray | None:
    return np.array(node.attributes[name], dtype=np.int64).reshape(-1) if name in node.attributes else None


def _axes(since: int) -> Rule:
    def rule(rewriter: Rewriter, node: Node) -> list[Node]:
        if rewriter.opset >= since or "axes" not in node.attributes:
            return [node]
        return [rewriter.lift(node, {"axes": _integers(node, "axes")})]

    return rule


def _softmax(rewriter: Rewriter, node: Node) -> list[Node]:
    """Before opset 13 the axes from `axis` on (default 1) count as one: flatten, softmax, reshape."""
    shape = rewriter.values[node.inputs[0]].shape
    if rewriter.opset >= 13:
        return [replace(node, attributes={**node.attributes, "axis": node.attributes.get("axis", -1)})]
    rank = len(shape)
    axis = int(node.attributes.get("axis", 1)) % max(rank, 1)
    last = {**node.attributes, "axis": -1}
    if all(length == 1 for length in shape[axis:-1]):
        return [replace(node, attributes=last)]
    rows = int(np.prod(shape[:axis], dtype=np.int64))
    flat = (rows, int(np.prod(shape[axis:], dtype=np.int64)))
    dtype = rewriter.values[node.inputs[0]].dtype
    before = rewriter.value(node, "flat", flat, dtype)
    after = rewriter.value(node, "normalised", flat, dtype)
    whole = rewriter.constant(node, "shape", np.array(shape, dtype=np.int64))
    return [
        Node("Flatten", "", f"{node.name}/flatten", node.inputs, (before,), {"axis": axis}),
        replace(node, inputs=(before,), outputs=(after,), attributes=last),
        Node("Reshape", "", f"{node.name}/reshape", (after, whole), node.outputs, {}),
    ]


def _clip(rewriter: Rewriter, node: Node) -> list[Node]:
    if rewriter.opset >= 11:
        return [node]
    dtype = rewriter.values[node.inputs[0]].dtype
    bounds = {
        key: np.array(node.attributes[key], dtype=dtype) if key in node.attributes else None for key in ("min", "max")
    }
    return [rewriter.lift(node, bounds)]


def _dropout(rewriter: Rewriter, node: Node) -> list[Node]:
    training = rewriter.constants.get(node.input(2))
    if node.input(2) and (training is None or bool(np.any(training))):
        raise ModelError(f"Node {node} is in training mode; export the model for inference.")
    return [replace(node, inputs=node.inputs[:1], attributes={})]


def _batch_normalization(rewriter: Rewriter, node: Node) -> list[Node]:
    if node.attributes.get("training_mode", 0):
        raise ModelError(f"Node {node} is in training mode; export the model for inference.")
    if node.attributes.get("spatial", 1) != 1:
        raise ModelError(f"Node {node} normalises every position by itself (spatial=0); export with opset 9 or later.")
    return [replace(node, outputs=node.outputs[:1], attributes={"epsilon": node.attributes.get("epsilon", 1e-5)})]


def _pad(rewriter: Rewriter, node: Node) -> list[Node]:
    if rewriter.opset >= 11:
        return [node]
    fill = np.array(node.attributes.get("value", 0.0), dtype=rewriter.values[node.inputs[0]].dtype)
    return [rewriter.lift(node, {"pads": _integers(node, "pads"), "value": fill})]


def _slice(rewriter: Rewriter, node: Node) -> list[Node]:
    if rewriter.opset >= 10:
        return [node]
    return [rewriter.lift(node, {key: _integers(node, key) for key in ("starts", "ends", "axes")})]


def _top_k(rewriter: Rewriter, node: Node) -> list[Node]:
    return [node] if rewriter.opset >= 10 else [rewriter.lift(node, {"k": _integers(node, "k")})]


def _split(rewriter: Rewriter, node: Node) -> list[Node]:
    """Always with explicit lengths: equal ones, the last smaller, when the node gives none."""
    if node.input(1):
        return [node]
    lengths = _integers(node, "split")
    if lengths is None:
        shape = rewriter.values[node.inputs[0]].shape
        length, parts = shape[int(node.attributes.get("axis", 0))], len(node.outputs)
        each = -(-length // parts)
        lengths = np.array([min(each, max(length - each * i, 0)) for i in range(parts)], dtype=np.int64)
    return [rewriter.lift(replace(node, inputs=node.inputs[:1]), {"split": lengths}, drop=("num_outputs",))]


def _resize(rewriter: Rewriter, node: Node) -> list[Node]:
    """Upsample and Resize before opset 11: asymmetric coordinates, floor."""
    if rewriter.opset >= 11:
        return [node]
    if node.operator == "Upsample" and "scales" in node.attributes:
        scales = rewriter.constant(node, "scales", np.array(node.attributes["scales"], dtype=np.float32))
    else:
        scales = node.input(1)
    mode = {"bilinear": "linear"}.get(node.attributes.get("mode", "nearest"), node.attributes.get("mode", "nearest"))
    settings = {"mode": mode, "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return [replace(node, operator="Resize", inputs=(node.inputs[0], "", scales), attributes=settings)]


def _grid_sample(rewriter: Rewriter, node: Node) -> list[Node]:
    """Before opset 20 the modes were called bilinear and bicubic."""
    mode = {"bilinear": "linear", "bicubic": "cubic"}.get(node.attributes.get("mode", "linear"), node.attributes.get("mode"))
    return [node if mode is None else replace(node, attributes={**node.attributes, "mode": mode})]


def _dft(rewriter: Rewriter, node: Node) -> list[Node]:
    """Before opset 20 the axis (default 1) was an attribute."""
    if rewriter.opset >= 20:
        return [node]
    inputs = (*node.inputs, "")[:2]
    axis = rewriter.constant(node, "axis", np.array(node.attributes.get("axis", 1), dtype=np.int64))
    kept = {k: v for k, v in node.attributes.items() if k != "axis"}
    return [replace(node, inputs=(*inputs, axis), attributes=kept)]


def _einsum(rewriter: Rewriter, node: Node) -> list[Node]:
    """Two operands at a time, from the left; letters that nothing after them reads are summed at once."""
    left, arrow, result = str(node.attributes["equation"]).replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) <= 2:
        return [node]
    if not arrow:
        plain = left.replace("...", "").replace(",", "")
        result = ("..." if "..." in left else "") + "".join(sorted(letter for letter in plain if plain.count(letter) == 1))
    written: list[Node] = []
    name, letters, shape = node.inputs[0], parts[0], tuple(rewriter.values[node.inputs[0]].shape)
    for i in range(1, len(parts)):
        both = f"{letters},{parts[i]}"
        lengths, batch = _letters([(letters, shape), (parts[i], rewriter.values[node.inputs[i]].shape)])
        later = "".join(parts[i + 1 :]) + result
        kept = "".join(letter for letter in lengths if letter in later)
        letters, output = (("..." if "..." in both else "") + kept, "") if i + 1 < len(parts) else (result, node.outputs[0])
        shape = (*(batch if "..." in both else ()), *(lengths[letter] for letter in kept))
        output = output or rewriter.value(node, f"product_{i}", shape, rewriter.values[node.inputs[0]].dtype)
        attributes = {"equation": f"{both}->{letters}"}
        written.append(Node("Einsum", "", f"{node.name}/product_{i}", (name, node.inputs[i]), (output,), attributes))
        name = output
    return written


def _letters(operands: Sequence[tuple[str, Sequence[int]]]) -> tuple[dict[str, int], tuple[int, ...]]:
    """The length of each letter, in order of appearance, and the common shape of the dimensions that '...' stands for."""
    lengths: dict[str, int] = {}
    batch: tuple[int, ...] = ()
    for letters, shape in operands:
        before, dots, after = letters.partition("...")
        end = len(shape) - len(after)
        if dots:
            batch = np.broadcast_shapes(batch, tuple(shape[len(before) : end]))
        for letter, length in [*zip(before, shape), *zip(after, shape[end:])]:
            lengths[letter] = max(length, lengths.get(letter, 1))
    return lengths, batch


def _scatter(rewriter: Rewriter, node: Node) -> list[Node]:
    return [replace(node, operator="ScatterElements")]


REDUCTIONS = ("Mean", "Max", "Min", "Prod", "L1", "L2", "LogSum", "LogSumExp", "SumSquare")
RULES: dict[str, Rule] = {
    "GridSample": _grid_sample,
    "DFT": _dft,
    "Einsum": _einsum,
    "Squeeze": _axes(13),
    "Unsqueeze": _axes(13),
    "ReduceSum": _axes(13),
    **{f"Reduce{name}": _axes(18) for name in REDUCTIONS},
    "Softmax": _softmax,
    "LogSoftmax": _softmax,
    "Hardmax": _softmax,
    "Clip": _clip,
    "Dropout": _dropout,
    "BatchNormalization": _batch_normalization,
    "Pad": _pad,
    "Slice": _slice,
    "TopK": _top_k,
    "Split": _split,
    "Upsample": _resize,
    "Resize": _resize,
    "Scatter": _scatter,
}
