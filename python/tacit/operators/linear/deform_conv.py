"""DeformConv: the image sampled where each tap of each window was moved to, then one product with the kernel."""

from __future__ import annotations

from itertools import product
from math import prod

import numpy as np

from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


def unmoved(node: Node, kernel: tuple[int, ...], outputs: tuple[int, ...]) -> np.ndarray:
    """[taps, axes, outputs..]: the place in the image of every tap of every window, before it is moved."""
    rank = len(kernel)
    strides = node.attributes.get("strides") or [1] * rank
    dilations = node.attributes.get("dilations") or [1] * rank
    pads = node.attributes.get("pads") or [0] * (2 * rank)
    found = np.zeros((prod(kernel), rank, *outputs), dtype=np.float32)
    for number, tap in enumerate(product(*map(range, kernel))):
        for axis in range(rank):
            place = np.arange(outputs[axis]) * strides[axis] - pads[axis] + tap[axis] * dilations[axis]
            found[number, axis] = place.reshape((-1,) + (1,) * (rank - 1 - axis))
    return found


def sampled(e: Expansion, node: Node) -> str:
    """[batch * offset groups, channels of one, taps, windows]: linear between elements, zero outside."""
    x, weights, offset = node.inputs[:3]
    (batch, channels, *lengths), kernel, outputs = e.shape(x), e.shape(weights)[2:], e.shape(offset)[2:]
    rank, taps, parts = len(lengths), prod(kernel), int(node.attributes.get("offset_group", 1))
    # GridSample without aligned corners reads at ((g + 1) length - 1) / 2; its grid names the last axis first.
    shape = (batch * parts, taps, rank, *outputs)
    places = e.op("Add", e.op("Reshape", offset, e.integers(*shape)), e.constant(unmoved(node, kernel, outputs)))
    per_axis = (rank, *(1,) * rank)
    grid = e.op("Mul", places, e.constant((2 / np.array(lengths)).reshape(per_axis), e.dtype(x)))
    grid = e.op("Add", grid, e.constant((1 / np.array(lengths) - 1).reshape(per_axis), e.dtype(x)))
    grid = e.op("Reshape", grid, e.integers(batch * parts, taps, rank, prod(outputs)))
    columns = [e.op("Slice", grid, e.integers(axis), e.integers(axis + 1), e.integers(2)) for axis in reversed(range(rank))]
    grid = e.op("Reshape", e.op("Transpose", e.op("Concat", *columns, axis=2), perm=[0, 1, 3, 2]), e.integers(
        batch * parts, taps * prod(outputs), *(1,) * (rank - 1), rank
    ))
    image = e.op("Reshape", x, e.integers(batch * parts, channels // parts, *lengths))
    read = e.op("GridSample", image, grid, align_corners=0, mode="linear", padding_mode="zeros")
    return e.op("Reshape", read, e.integers(batch * parts, channels // parts, taps, prod(outputs)))


@expansion("DeformConv")
def deform_conv(e: Expansion, node: Node) -> str:
    """Inputs [N, C, lengths..], kernel [O, C / group, taps..], offset [N, parts * taps * axes, outputs..], bias [O], mask
    [N, parts * taps, outputs..]; the offsets of an axis lie beside each other, tap by tap."""
    x, weights, offset = node.inputs[:3]
    (batch, *_), (results, inner, *kernel), outputs = e.shape(x), e.shape(weights), e.shape(offset)[2:]
    group, parts = int(node.attributes.get("group", 1)), int(node.attributes.get("offset_group", 1))
    read = sampled(e, node)
    if node.input(4):
        read = e.op("Mul", read, e.op("Reshape", node.input(4), e.integers(batch * parts, 1, prod(kernel), prod(outputs))))
    read = e.op("Reshape", read, e.integers(batch, group, inner * prod(kernel), prod(outputs)))
    weights = e.op("Reshape", weights, e.integers(1, group, results // group, inner * prod(kernel)))
    total = e.op("Reshape", e.op("MatMul", weights, read), e.integers(batch, results, *outputs))
    if node.input(3):
        total = e.op("Add", total, e.op("Reshape", node.input(3), e.integers(1, results, *(1,) * len(outputs))))
    return total
