"""Large constants are read by onnxruntime where they are."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.graph import Graph, Node, Value, evaluate
from tacit.graph.export import to_onnx

RNG = np.random.default_rng(8)


def graph(weight: np.ndarray) -> Graph:
    values = {
        "x": Value("x", (2, weight.shape[0]), "float32"),
        "w": Value("w", weight.shape, "float32"),
        "b": Value("b", (weight.shape[1],), "float32"),
        "p": Value("p", (2, weight.shape[1]), "float32"),
        "y": Value("y", (2, weight.shape[1]), "float32"),
    }
    nodes = (Node("MatMul", "", "product", ("x", "w"), ("p",), {}), Node("Add", "", "sum", ("p", "b"), ("y",), {}))
    return Graph(nodes, values, ("x",), ("y",), {"w": weight, "b": np.ones(weight.shape[1], np.float32)}, 20)


@pytest.mark.parametrize("turned", [False, True])
def test_large_constants_are_fed(turned):
    weight = RNG.standard_normal((256, 256)).astype(np.float32)
    model = graph(weight.T if turned else weight)
    x = RNG.standard_normal((2, 256)).astype(np.float32)
    found = evaluate.Evaluator(model, ["p", "y", "w"])
    assert list(found._fed) == ["w"]
    results = found.run({"x": x})
    np.testing.assert_allclose(results["y"], x @ model.constants["w"] + 1, rtol=1e-4, atol=1e-4)
    assert results["w"] is model.constants["w"]
    proto = to_onnx(model, ["y"], {"w"})
    assert [i.name for i in proto.graph.input] == ["x", "w"] and [i.name for i in proto.graph.initializer] == ["b"]


def test_what_cannot_be_fed_is_part_of_the_model(monkeypatch):
    """Kernels may take constants alone; then the session holds them."""
    loaded = evaluate._loaded

    def refusing(proto):
        if len(proto.graph.input) > 1:
            raise RuntimeError("the weights must be constant")
        return loaded(proto)

    monkeypatch.setattr(evaluate, "_loaded", refusing)
    model = graph(RNG.standard_normal((256, 256)).astype(np.float32))
    found = evaluate.Evaluator(model)
    x = np.ones((2, 256), np.float32)
    assert not found._fed and not found.is_reference
    np.testing.assert_allclose(found.run({"x": x})["y"], x @ model.constants["w"] + 1, rtol=1e-4, atol=1e-4)
    monkeypatch.setattr(evaluate, "LARGEST_PROTO", 1000)
    with pytest.raises(evaluate.ModelError, match="exceed 2 GB"):
        evaluate.Evaluator(model)
