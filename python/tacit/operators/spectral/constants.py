"""What the operators of this family ask of their inputs."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, helper

from tacit.errors import UnsupportedOperator
from tacit.graph import Node
from tacit.passes.expansion import Expansion


def number(e: Expansion, node: Node, position: int, what: str) -> float:
    """A constant input of one element; raises UnsupportedOperator when the model computes it."""
    found = e.known(node.input(position))
    if found is None:
        raise UnsupportedOperator(f"Node {node} cannot be proved: its {what} is computed by the model; make it a constant.")
    return float(found.reshape(-1)[0])


def made_of(e: Expansion, node: Node, array: np.ndarray) -> str:
    """An array as a constant of the dtype that the node's attribute `output_datatype` gives."""
    dtype = helper.tensor_dtype_to_np_dtype(int(node.attributes.get("output_datatype", TensorProto.FLOAT)))
    return e.constant(array, dtype)
