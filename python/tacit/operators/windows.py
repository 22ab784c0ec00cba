"""Sliding windows: pads and output lengths of convolutions and pooling, as ONNX defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tacit.graph import Node

if TYPE_CHECKING:
    from tacit.operators.context import Context


@dataclass(frozen=True)
class Window:
    """One spatial axis: output y reads positions stride * y + dilation * k - before, for k = 0 .. kernel - 1."""

    length: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    outputs: int

    def position(self, output: int, tap: int) -> int:
        return self.stride * output + self.dilation * tap - self.before

    def is_inside(self, output: int, tap: int) -> bool:
        return 0 <= self.position(output, tap) < self.length

    @property
    def overhangs(self) -> bool:
        """Whether some window reaches beyond the axis."""
        last = self.position(self.outputs - 1, self.kernel - 1)
        return self.before > 0 or last >= self.length


def windows(context: Context, node: Node, lengths: Sequence[int], kernel: Sequence[int]) -> list[Window]:
    """The windows of a node on spatial axes of these lengths. UnsupportedOperator where attributes contradict each
    other."""
    rank = len(lengths)
    strides = list(node.attributes.get("strides") or [1] * rank)
    dilations = list(node.attributes.get("dilations") or [1] * rank)
    pads = list(node.attributes.get("pads") or [0] * (2 * rank))
    automatic = node.attributes.get("auto_pad", "NOTSET") or "NOTSET"
    if isinstance(automatic, bytes):
        automatic = automatic.decode()
    ceiling = bool(node.attributes.get("ceil_mode", 0))
    if len(strides) != rank or len(dilations) != rank or len(pads) != 2 * rank or len(kernel) != rank:
        raise context.unsupported(node, "its kernel, strides, dilations and pads do not have one entry for each axis")
    found = []
    for axis in range(rank):
        reach = dilations[axis] * (kernel[axis] - 1) + 1
        before, after = pads[axis], pads[axis + rank]
        if automatic in ("SAME_UPPER", "SAME_LOWER"):
            if dilations[axis] != 1 and node.operator != "Conv":
                raise context.unsupported(node, "onnxruntime and ONNX disagree on auto_pad with dilations; give pads")
            outputs = -(-lengths[axis] // strides[axis])
            total = max(0, (outputs - 1) * strides[axis] + reach - lengths[axis])
            before = total // 2 if automatic == "SAME_UPPER" else total - total // 2
            after = total - before
        elif automatic == "VALID":
            before = after = 0
        room = lengths[axis] + before + after - reach
        outputs = (-(-room // strides[axis]) if ceiling else room // strides[axis]) + 1
        if ceiling and (outputs - 1) * strides[axis] >= lengths[axis] + before:
            outputs -= 1
        if outputs < 1 or before < 0 or after < 0:
            raise context.unsupported(node, "its window does not fit into its input, or a pad is negative")
        found.append(Window(lengths[axis], kernel[axis], strides[axis], dilations[axis], before, after, outputs))
    return found
