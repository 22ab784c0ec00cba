"""EyeLike: a constant, for it reads only a shape."""

from __future__ import annotations

import numpy as np
from onnx import helper

from tacit.graph import Node
from tacit.operators.registry import expansion
from tacit.passes.expansion import Expansion


@expansion("EyeLike")
def eye_like(parts: Expansion, node: Node) -> str:
    """Ones on the k-th diagonal, of the attribute's dtype or the input's."""
    rows, columns = parts.shape(node.inputs[0])
    wanted = node.attributes.get("dtype")
    dtype = parts.dtype(node.inputs[0]) if wanted is None else helper.tensor_dtype_to_np_dtype(int(wanted))
    return parts.constant(np.eye(rows, columns, int(node.attributes.get("k", 0)), dtype=dtype))
