"""Dynamic quantisation, as onnxruntime's quantiser exports it: the integers between the layers are onnxruntime's."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from oracle import compare, evaluate, model

from tacit.frontends.onnx import load
from tacit.graph.evaluate import Evaluator
from tacit.numbers.fixed import FLOAT_BITS
from tacit.observe import observe
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand, simplify
from tacit.quantize import quantize
from tacit.quantize.finest import finest

F = np.float32
PIXELS = np.arange(256, dtype=F)


@pytest.mark.parametrize(
    "x",
    [
        PIXELS / F(127.5) - F(1),  # every quotient is next to a half, and the zero point too
        PIXELS / F(255),
        (RANKS := np.array([0, 16, 8, 1, 15, 7, 3])).astype(F) / F(16),
        -RANKS.astype(F),
        np.linspace(-3, 3, 49).astype(F),
        np.zeros(5, F),
    ],
    ids=["symmetric pixels", "pixels", "sixteenths", "negative", "symmetric", "zeros"],
)
def test_integers_and_zero_points_are_those_of_float32(x):
    node = helper.make_node("DynamicQuantizeLinear", ["x"], ["y", "s", "z"], "node")
    compare([node], {"x": x}, ["y"], output_type=TensorProto.UINT8)
    compare([node], {"x": x}, ["z"], output_type=TensorProto.UINT8)
    if x.any():
        compare([node], {"x": x}, ["s"], tolerance=1e-6)


def floats() -> onnx.ModelProto:
    """A convolution, Relu, a maximum, two dense layers with Relu between."""
    rng = np.random.default_rng(5)

    def weights(*shape: int) -> np.ndarray:
        return rng.normal(0, np.prod(shape[1:]) ** -0.5, shape).astype(F)

    constants = {"k": weights(4, 2, 3, 3), "kb": weights(4), "flat": np.array([1, 64]), "w": weights(64, 30), "v": weights(30, 10)}
    nodes = [
        helper.make_node("Conv", ["x", "k", "kb"], ["c"], pads=[1] * 4),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("MaxPool", ["r"], ["p"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Reshape", ["p", "flat"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["m"]),
        helper.make_node("Relu", ["m"], ["d"]),
        helper.make_node("MatMul", ["d", "v"], ["y"]),
    ]
    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    given, result = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", [1, 2, 8, 8]), ("y", [1, 10])))
    graph = helper.make_graph(nodes, "floats", [given], [result], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture(scope="module")
def dynamic(tmp_path_factory) -> onnx.ModelProto:
    """The model as onnxruntime's quantiser writes it; what it quantises are outputs. Weights have 7 bits: with 8, sums of uint8 x
    int8 pairs saturate at 16 bits on some machines."""
    path = tmp_path_factory.mktemp("dynamic") / "model.onnx"
    quantize_dynamic(floats(), path, weight_type=QuantType.QInt8, reduce_range=True)
    quantised = onnx.load(path)
    names = [node.output[0] for node in quantised.graph.node if node.op_type == "DynamicQuantizeLinear"]
    assert len(names) == 3
    quantised.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in names)
    return quantised


@pytest.mark.parametrize("widths", ["lean", "faithful"])
def test_integers_between_layers(dynamic, widths):
    """With 16 bits of what is quantised, 4 in 1,000 of the first integers differ, and a tenth of the last."""
    graph = simplify(expand(load(dynamic, supported=SUPPORTED), EXPANSIONS))
    rows = [{"x": np.random.default_rng(n).normal(0, 1, (1, 2, 8, 8)).astype(F)} for n in range(5)]
    scales = quantize(graph, observe(graph, rows[:3]), widths)
    for row in rows:
        found, _ = evaluate(graph, scales, row)
        expected = Evaluator(graph).run(row)
        for name in graph.outputs[1:]:
            np.testing.assert_array_equal(found[name], expected[name])
        np.testing.assert_allclose(found["y"], expected["y"], atol=1e-4 * np.abs(expected["y"]).max())


def test_what_is_held_finely(dynamic):
    """What dynamic quantisation reads, from its last sum on, and scales; no value of a table."""
    graph = simplify(expand(load(dynamic, supported=SUPPORTED), EXPANSIONS))
    held = finest(graph)
    assert {"x", "r", "p", "f", "d"} <= held
    scales = [n.outputs[1] for n in graph.nodes if n.operator == "DynamicQuantizeLinear"]
    products = [n.outputs[0] for n in graph.nodes if n.operator == "Mul" and n.inputs[0] in scales]
    casts = [n.inputs[0] for n in graph.nodes if n.operator == "Mul" and n.inputs[0] not in scales]
    assert len(products) == len(casts) == 3 and held >= {*scales, *products, *casts} and "y" not in held


@pytest.mark.parametrize("kind", ["Sigmoid", "Softmax", "gelu", "Relu and a factor", "LeakyRelu"])
def test_functions_before_dynamic_quantisation_keep_their_tables(kind):
    """What a table computes has the bits of tables: an integer is one off at most."""
    x = np.random.default_rng(1).normal(0, 1.5, (4, 40)).astype(F)
    constants = {"half": F(0.5), "one": F(1), "root": F(2**-0.5)}
    nodes = {
        "gelu": [
            helper.make_node("Mul", ["x", "root"], ["t"]),
            helper.make_node("Erf", ["t"], ["e"]),
            helper.make_node("Add", ["e", "one"], ["a"]),
            helper.make_node("Mul", ["x", "a"], ["m"]),
            helper.make_node("Mul", ["m", "half"], ["h"]),
        ],
        "Relu and a factor": [helper.make_node("Relu", ["x"], ["r"]), helper.make_node("Mul", ["r", "root"], ["h"])],
    }.get(kind, [helper.make_node(kind, ["x"], ["h"])])
    used = {name: array for name, array in constants.items() if any(name in node.input for node in nodes)}
    quantisation = helper.make_node("DynamicQuantizeLinear", ["h"], ["y", "s", "z"])
    source = load(model([*nodes, quantisation], {"x": x}, ["y"], used, output_type=TensorProto.UINT8), supported=SUPPORTED)
    graph = simplify(expand(source, EXPANSIONS))
    scales = quantize(graph, observe(graph, [{"x": x}]))
    assert scales.bits_of("h") == FLOAT_BITS
    found, _ = evaluate(graph, scales, {"x": x})
    expected = Evaluator(graph).run({"x": x})["y"]
    assert np.abs(found["y"] - expected.astype(int)).max() <= 1 < expected.max()


def test_constants_behind_a_scaled_sum():
    """Sums of integers under a scale of 26 bits have 48 and more: what constants multiply is rounded where it has no room."""
    rng = np.random.default_rng(2)
    factors = {"ws": F(0.0252), "a": F(2.5926616), "b": F(-0.4306299), "c": F(0.7)}
    constants = {"w": rng.integers(-127, 128, (96, 24)).astype(np.int8), **factors}
    nodes = [
        helper.make_node("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]),
        helper.make_node("MatMulInteger", ["q", "w", "z"], ["m"]),
        helper.make_node("Cast", ["m"], ["f"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["s", "ws"], ["t"]),
        helper.make_node("Mul", ["f", "t"], ["p"]),
        helper.make_node("Mul", ["a", "p"], ["d"]),
        helper.make_node("Add", ["d", "b"], ["e"]),
        helper.make_node("Mul", ["e", "c"], ["y"]),
    ]
    compare(nodes, {"x": rng.normal(0, 1, (1, 96)).astype(F)}, ["y"], constants, tolerance=1e-4)
