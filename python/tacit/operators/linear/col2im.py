"""Col2Im: blocks added into an image, each at its place: a transposed convolution with one one a tap."""

from __future__ import annotations

from math import prod

import numpy as np

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


def lengths(e: Expansion, node: Node, place: int, what: str) -> list[int]:
    """A constant list of lengths."""
    given = e.known(node.inputs[place])
    if given is None:
        raise UnsupportedOperator(f"{e.place} cannot be proved: its shape of the {what} is computed by the model; give a constant.")
    return [int(i) for i in given.reshape(-1)]


@expansion("Col2Im")
def col2im(e: Expansion, node: Node) -> str:
    """Input [N, C * taps, blocks]; the taps of a block, and the blocks, in C order; output [N, C, image..]."""
    x, image, block = node.inputs[0], lengths(e, node, 1, "image"), lengths(e, node, 2, "blocks")
    if e.dtype(x).kind != "f":
        raise UnsupportedOperator(f"{e.place} cannot be proved: its values are integers; cast them to floats.")
    rank, taps = len(image), prod(block)
    strides = [int(i) for i in node.attributes.get("strides") or [1] * rank]
    dilations = [int(i) for i in node.attributes.get("dilations") or [1] * rank]
    pads = [int(i) for i in node.attributes.get("pads") or [0] * (2 * rank)]
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, block)]
    room = [image[i] + pads[i] + pads[rank + i] - reach[i] for i in range(rank)]
    blocks = [room[i] // strides[i] + 1 for i in range(rank)]
    batch, rows, columns = e.shape(x)
    if min(room) < 0 or prod(blocks) != columns or rows % taps:
        raise UnsupportedOperator(f"{e.place} cannot be proved: its {columns} blocks of {rows} rows do not fill its image.")
    ones = np.zeros((rows, 1, taps), dtype=e.dtype(x))
    ones[np.arange(rows), 0, np.arange(rows) % taps] = 1
    return e.op(
        "ConvTranspose",
        e.op("Reshape", x, e.integers(batch, rows, *blocks)),
        e.constant(ones.reshape(rows, 1, *block)),
        group=rows // taps,
        strides=strides,
        dilations=dilations,
        pads=pads,
        output_padding=[r % s for r, s in zip(room, strides)],
    )
