"""Shapes and axes that a model computes from its inputs are refused: the circuit could only guess them."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import tacit


@pytest.mark.parametrize("operator", ["Reshape", "Squeeze", "Unsqueeze", "Expand", "Tile"])
def test_computed_structure_is_refused(operator):
    node = helper.make_node(operator, ["x", "s"], ["y"], name="shaped")
    lengths = {"Squeeze": 1, "Unsqueeze": 1}.get(operator, 3)
    graph = helper.make_graph(
        [node],
        "g",
        [
            helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 4]),
            helper.make_tensor_value_info("s", TensorProto.INT64, [lengths]),
        ],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    samples = {"x": np.ones((2, 3, 4), np.float32), "s": np.ones((2, lengths), np.int64)}
    with pytest.raises(tacit.ModelError):
        tacit.compile(model, samples)
