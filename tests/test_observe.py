"""Ranges over samples equal what a direct computation gives; float outputs are onnxruntime's."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.errors import InputError, ModelError
from tacit.frontends.onnx import load
from tacit.observe import Range, observe, range_of, run_float
from tacit.passes import simplify

WEIGHT = np.random.default_rng(3).standard_normal((4, 5)).astype(np.float32)
TIGHT = 2.0**-12


def graph():
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["product"]),
        helper.make_node("Relu", ["product"], ["positive"]),
        helper.make_node("ArgMax", ["positive"], ["best"], axis=1, keepdims=0),
    ]
    proto = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("positive", TensorProto.FLOAT, ["N", 5]),
         helper.make_tensor_value_info("best", TensorProto.INT64, ["N"])],
        [numpy_helper.from_array(WEIGHT, "w")],
    )  # fmt: skip
    return simplify(load(helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)))


def samples(count: int = 20) -> list[dict[str, np.ndarray]]:
    rows = np.random.default_rng(4).standard_normal((count, 1, 4)).astype(np.float32)
    return [{"x": row} for row in rows]


def test_ranges_of_every_value():
    rows = samples()
    ranges = observe(graph(), rows)
    assert set(ranges) == {"x", "product", "positive", "best"}
    x = np.concatenate([row["x"] for row in rows])
    product = x @ WEIGHT
    direct = {"x": x, "product": product, "positive": np.maximum(product, 0), "best": np.maximum(product, 0).argmax(1)}
    for name, array in direct.items():
        seen = ranges[name]
        assert seen.low == pytest.approx(float(array.min()), rel=TIGHT)
        assert seen.high == pytest.approx(float(array.max()), rel=TIGHT)
        assert seen.absolute == pytest.approx(float(np.abs(array).max()), rel=TIGHT)
    assert ranges["positive"].low == 0.0


def test_a_wrong_range_would_be_noticed():
    rows = samples()
    assert observe(graph(), rows[:1])["product"] != observe(graph(), rows)["product"]


def test_typical_magnitude_ignores_rare_outliers():
    array = np.ones(10_000)
    array[:5] = 1000.0
    assert range_of(array) == Range(1.0, 1000.0, 1000.0, 1.0)
    array[:50] = 1000.0
    assert range_of(array).typical == 1000.0
    assert range_of(np.float32([-2.0])) == Range(-2.0, -2.0, 2.0, 2.0)
    assert range_of(np.array([True, False])) == Range(0.0, 1.0, 1.0, 1.0)
    assert range_of(np.int8([-128])).absolute == 128.0


def test_last_bits_do_not_matter():
    assert range_of(np.float32([1.0])) == range_of(np.nextafter(np.float32([1.0]), np.float32(2)))
    assert not np.isfinite(range_of(np.float32([np.inf, 1.0])).absolute)


def test_float_outputs():
    model = graph()
    for row in samples(3):
        found = run_float(model, row)
        assert list(found) == ["positive", "best"]
        np.testing.assert_allclose(found["positive"], np.maximum(row["x"] @ WEIGHT, 0), rtol=1e-5)
        assert found["best"].dtype == np.int64


def test_bad_samples():
    with pytest.raises(InputError, match="no sample"):
        observe(graph(), [])
    with pytest.raises(ModelError, match="on a sample"):
        observe(graph(), [{"x": np.zeros((1, 7), dtype=np.float32)}])
