"""Processors add up float32 in different orders: the last bits of what is observed decide nothing."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit import observe as observing


def model():
    """Values whose largest magnitudes are powers of two: 2 where x is 1, and the probability 1 of one choice."""
    matrix = np.kron(np.eye(2), np.ones((2, 1))).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["s"], name="sums"),
        helper.make_node("Mul", ["s", "hundred"], ["t"], name="sharp"),
        helper.make_node("Softmax", ["t"], ["p"], name="choice"),
        helper.make_node("MatMul", ["p", "v"], ["y"], name="mixed"),
    ]
    given, result = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, n]) for name, n in (("x", 4), ("y", 3)))
    constants = {"w": matrix, "hundred": np.float32(100), "v": np.random.default_rng(1).normal(size=(2, 3)).astype(np.float32)}
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "g", [given], [result], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("direction", [-1, 1])
def test_the_last_bits_of_floats_decide_nothing(direction, monkeypatch):
    samples = np.array([[1, 1, 0, 0], [-1, -1, 0.5, 0.25], [0.25, 0, 1, 1]], np.float32)
    expected = tacit.compile(model(), samples, openings=0)

    class Another(observing.Evaluator):
        """Computed values are off by 2^-20 of themselves, four times the sum of 8 roundings."""

        def run(self, sample):
            found = super().run(sample)
            off = np.float32(1 + direction * 2.0**-20)
            return {name: array if name in self._graph.inputs else array * off for name, array in found.items()}

    monkeypatch.setattr(observing, "Evaluator", Another)
    found = tacit.compile(model(), samples, openings=0)
    assert found.circuit == expected.circuit and bytes(found.weights) == bytes(expected.weights)
    assert found.scales.to_json() == expected.scales.to_json()
    # Without rounding, 2 and a little more takes another bit.
    monkeypatch.setattr(observing, "_rounded", lambda number: number)
    assert (tacit.compile(model(), samples, openings=0).circuit != expected.circuit) == (direction > 0)
