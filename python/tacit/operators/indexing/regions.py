"""What pooling over regions shares: taps of one number for every bin, and the image as rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.primitives import movement
from tacit.primitives.tensor import Tensor

if TYPE_CHECKING:
    from tacit.operators.context import Context


def filled(array: np.ndarray, length: int, with_zeros: bool) -> np.ndarray:
    """`length` elements: the array's, then zeros or its first again."""
    rest = length - len(array)
    return np.concatenate([array, np.zeros(rest, array.dtype) if with_zeros or not len(array) else np.repeat(array[:1], rest)])


def as_rows(context: Context, x: Tensor) -> Tensor:
    """x [batch, channels, height, width] as [channels, batch * height * width]."""
    turned = movement.transpose(context.builder, x, [1, 0, 2, 3])
    return movement.reshape(context.builder, turned, (x.shape[1], x.size // x.shape[1]))


def as_regions(context: Context, node: Node, found: Tensor) -> Tensor:
    """[channels, regions * bins] as the output."""
    count, channels, height, width = context.shape(node.outputs[0])
    found = movement.reshape(context.builder, found, (channels, count, height, width))
    return movement.transpose(context.builder, found, [1, 0, 2, 3])
