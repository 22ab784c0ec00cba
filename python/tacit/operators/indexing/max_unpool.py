"""MaxUnpool: values written at indices into the flat result; zeros elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tacit.graph import Node
from tacit.operators.indexing.arguments import rounds_if_constant, values_of
from tacit.operators.registry import lowering
from tacit.primitives import gadgets, movement
from tacit.primitives.tensor import constant

if TYPE_CHECKING:
    from tacit.operators.context import Context


def natural_shape(node: Node, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that indices count in: what the pooling with these attributes reads."""
    kernel = [int(i) for i in node.attributes["kernel_shape"]]
    strides = [int(i) for i in node.attributes.get("strides") or [1] * len(kernel)]
    pads = [int(i) for i in node.attributes.get("pads") or [0] * (2 * len(kernel))]
    spatial = (
        (length - 1) * stride + size - before - after
        for length, stride, size, before, after in zip(shape[2:], strides, kernel, pads, pads[len(kernel) :])
    )
    return (*shape[:2], *spatial)


@lowering("MaxUnpool", rounds=rounds_if_constant(1))
def max_unpool(context: Context, node: Node) -> None:
    """Among writes to one place the last one counts. A larger result has zeros beyond the natural shape."""
    builder, output = context.builder, node.outputs[0]
    x, known = values_of(context, node.inputs[0]), context.constant(node.inputs[1])
    shape, target = natural_shape(node, x.shape), context.shape(output)
    size = int(np.prod(shape))
    if any(want < have for want, have in zip(target, shape, strict=True)):
        raise context.unsupported(node, f"its output shape {list(target)} is smaller than {list(shape)}, where its indices count")
    flat = movement.reshape(builder, x, (x.size,))
    if known is not None:
        source = np.full(size, x.size, dtype=np.int64)
        source[known.reshape(-1)] = np.arange(x.size)
        written = movement.take(builder, movement.pad(builder, flat, [(0, 1)]), 0, source.tolist())
    else:
        index = movement.reshape(builder, context.exact(node.inputs[1]), (x.size,))
        written = gadgets.scatter(builder, output, constant((size,), 0, x.exponent), index, flat)
    written = movement.reshape(builder, written, shape)
    context.put(output, movement.pad(builder, written, [(0, want - have) for want, have in zip(target, shape)]))
