"""ConvTranspose with constant weights, by output phases: with t + pad = stride i + phase + .., each phase is a
correlation of stride 1 with every stride-th tap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from tacit.circuit import Affine
from tacit.graph import Node
from tacit.operators.registry import lowering
from tacit.operators.weights import add_bias, weigh
from tacit.primitives import arithmetic, movement
from tacit.primitives.tensor import Axis, Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


@dataclass(frozen=True)
class Spread:
    """One spatial axis: input i adds tap k to the output stride i + k - before, for outputs 0 .. outputs - 1."""

    length: int
    kernel: int
    stride: int
    before: int
    outputs: int

    @property
    def blocks(self) -> int:
        return -(-self.outputs // self.stride)

    @property
    def first(self) -> int:
        """The least m such that stride m + phase + before is a tap for some phase."""
        return -((self.stride - 1 + self.before) // self.stride)

    @property
    def taps(self) -> int:
        return max(1, (self.kernel - 1 - self.before) // self.stride - self.first + 1)


def dilated(array: np.ndarray, dilations: list[int]) -> np.ndarray:
    """The kernel with zeros between its taps."""
    for i, dilation in enumerate(dilations):
        axis = 2 + i
        shape = list(array.shape)
        shape[axis] = dilation * (shape[axis] - 1) + 1
        spread = np.zeros(shape, dtype=array.dtype)
        spread[(slice(None),) * axis + (slice(None, None, dilation),)] = array
        array = spread
    return array


def spreads(context: Context, node: Node, lengths: tuple[int, ...], kernel: tuple[int, ...]) -> list[Spread]:
    """Pads follow from the output's shape where the node pads by itself; an odd rest goes to the end, or to the start
    (SAME_UPPER)."""
    rank = len(lengths)
    outputs = context.shape(node.outputs[0])[2:]
    strides = list(node.attributes.get("strides") or [1] * rank)
    extra = list(node.attributes.get("output_padding") or [0] * rank)
    pads = list(node.attributes.get("pads") or [0] * (2 * rank))
    automatic = node.attributes.get("auto_pad", "NOTSET") or "NOTSET"
    found = []
    for i in range(rank):
        before = pads[i]
        if automatic in ("SAME_UPPER", "SAME_LOWER") or node.attributes.get("output_shape"):
            total = strides[i] * (lengths[i] - 1) + extra[i] + kernel[i] - outputs[i]
            before = total // 2 if automatic == "SAME_UPPER" else total - total // 2
        elif automatic == "VALID":
            before = 0
        found.append(Spread(lengths[i], kernel[i], strides[i], before, outputs[i]))
    return found


def weighs(context: Context, node: Node) -> tuple[str, np.ndarray] | None:
    array = context.constant(node.inputs[1])
    return None if array is None else (node.inputs[0], array)


@lowering("ConvTranspose", weighs=weighs)
def transposed(context: Context, node: Node) -> None:
    """Input [N, C, spatial..], weights [C, O / group, kernel..], bias [O]."""
    builder = context.builder
    x = context.factor(node.inputs[0])
    array = context.require_constant(node, 1, "kernel")
    rank = array.ndim - 2
    array = dilated(array, list(node.attributes.get("dilations") or [1] * rank))
    spans = spreads(context, node, x.shape[2:], array.shape[2:])
    groups = int(node.attributes.get("group", 1))
    product = by_phases(context, x, weigh(context, node, node.inputs[1], array, x), spans, groups)
    for i, span in enumerate(spans):
        if span.blocks * span.stride != span.outputs:
            product = movement.slice_(builder, product, 2 + i, 0, span.outputs)
    if node.input(2):
        bias = context.require_constant(node, 2, "bias")
        product = add_bias(context, node, node.inputs[2], bias.reshape((-1,) + (1,) * rank), product)
    context.put(node.outputs[0], product)


def by_phases(context: Context, x: Tensor, kernel: Tensor, spans: list[Spread], groups: int) -> Tensor:
    """[N, O, blocks * stride..] with output (i, phase) = sum over m of x[i - m] kernel[stride m + phase + before]."""
    builder, rank = context.builder, len(spans)
    for i, span in enumerate(spans):
        read = terms((Axis(span.blocks), 1), (Axis(span.taps), -1))
        x = movement.reindex(builder, x, 2 + i, Affine(-span.first, read))
        read = terms((Axis(span.taps), span.stride), (Axis(span.stride), 1))
        kernel = movement.reindex(builder, kernel, 2 + i, Affine(span.stride * span.first + span.before, read))
    # What is no view of its column was copied, one axis a dimension: the axes are told apart by their lengths alone.
    x = movement.reshape(builder, x, (*x.shape[:2], *(n for span in spans for n in (span.blocks, span.taps))))
    kernel = movement.reshape(builder, kernel, (*kernel.shape[:2], *(n for span in spans for n in (span.taps, span.stride))))
    evens, odds = range(2, 2 + 2 * rank, 2), range(3, 3 + 2 * rank, 2)
    x = movement.transpose(builder, x, [0, 1, *evens, *odds])
    kernel = movement.transpose(builder, kernel, [0, 1, *odds, *evens])
    x, kernel = arithmetic.cut(builder, x, 1, groups), arithmetic.cut(builder, kernel, 0, groups)
    places, within, inner = "abcde"[:rank], "fghij"[:rank], "klmno"[:rank]
    spec = f"NGC{places}{inner},GCO{within}{inner}->NGO{places}{within}"
    result = arithmetic.einsum(builder, spec, x, kernel)
    dims = result.dims
    spatial = tuple(dims[3 + i] + dims[3 + rank + i] for i in range(rank))
    return replace(result, dims=(dims[0], dims[1] + dims[2], *spatial))


def terms(*reads: tuple[Axis, int]) -> tuple[tuple[Axis, int], ...]:
    return tuple((axis, stride) for axis, stride in reads if axis.size > 1)

