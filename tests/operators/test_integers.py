"""Integer values of a model are exact, and wrap as their dtype does; what would round or scale them is refused."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model, random

from tacit import _core
from tacit.circuit import encode
from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.lower import lower_into
from tacit.observe import observe, range_of
from tacit.operators import wrapping
from tacit.primitives.builder import Builder
from tacit.primitives.evaluate import Evaluate
from tacit.quantize import quantize

WHOLE = np.random.default_rng(0).integers(-90_000, 90_000, (2, 3, 4)).astype(np.int64)


def node(operator, inputs, outputs="y", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), name=operator, **attributes)


EXACT = {
    "max": ([node("ReduceMax", "x", axes=[1])], {}),
    "sum": ([node("ReduceSum", "x")], {}),
    "power of two": ([node("Mul", "x c")], {"c": np.array(4)}),
    "row": ([node("Mul", "x c")], {"c": np.array([3, -1, 0, 1000])}),
    "matrix": ([node("MatMul", "x c")], {"c": np.arange(8).reshape(4, 2) - 3}),
    "shared sum": ([node("Add", "x x", "a"), node("Neg", "a", "n"), node("Concat", "a n", axis=0)], {}),
    "maximum of a product": ([node("Mul", "x x", "a"), node("ReduceMax", "a", axes=[2])], {}),
}


@pytest.mark.parametrize("name", EXACT)
def test_integers_are_exact(name):
    nodes, constants = EXACT[name]
    compare(nodes, {"x": WHOLE}, ["y"], constants, output_type=TensorProto.INT64)


BYTES = np.array([0, 1, 2, 127, 128, 250, 255], dtype=np.uint8)
LONG = np.arange(6).astype(np.uint64)
WRAPPED = {
    "narrowing cast": (node("Cast", "x", to=TensorProto.INT8), WHOLE, {}, WHOLE.astype(np.int8)),
    "sum of bytes": (node("Add", "x x"), BYTES, {}, BYTES + BYTES),
    "difference of bytes": (node("Sub", "x c"), BYTES, {"c": np.uint8(3)}, BYTES - np.uint8(3)),
    "truth": (node("Cast", "x", to=TensorProto.BOOL), BYTES.view(np.int8), {}, BYTES != 0),
    "difference of long integers": (node("Sub", "x c"), LONG, {"c": np.uint64(3)}, LONG - np.uint64(3)),
    "product of bytes": (node("Mul", "x x"), BYTES.view(np.int8), {}, BYTES.view(np.int8) * BYTES.view(np.int8)),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_integers_wrap_as_their_dtype_does(name):
    made, x, constants, expected = WRAPPED[name]
    kind = helper.np_dtype_to_tensor_dtype(expected.dtype)
    graph = load(model([made], {"x": x}, ["y"], constants, output_type=kind))
    found, _ = evaluate(graph, quantize(graph, {"x": range_of(x)}), {"x": x})
    np.testing.assert_array_equal(found["y"].astype(expected.dtype), expected)


def wrapped(reader, to):
    """x - 3 of long integers, then one more node that reads it."""
    nodes = [helper.make_node("Sub", ["x", "c"], ["d"], "difference"), *reader]
    constants = {"c": np.uint64(3), "axes": np.array([0])}
    graph = load(model(nodes, {"x": LONG}, ["y"], constants, output_type=to))
    return evaluate(graph, quantize(graph, {"x": range_of(LONG), "y": range_of(np.float32([6]))}), {"x": LONG})[0]["y"]


def test_long_integers_wrap_where_only_their_class_counts():
    reader = [node("Mul", "d x", "e"), node("Unsqueeze", "e axes", "u"), node("Cast", "u", to=TensorProto.UINT8)]
    expected = ((LONG - np.uint64(3)) * LONG).astype(np.uint8)
    np.testing.assert_array_equal(wrapped(reader, TensorProto.UINT8)[0], expected)
    for reader, to in (
        ([node("Cast", "d", to=TensorProto.FLOAT)], TensorProto.FLOAT),
        ([node("Less", "d x")], TensorProto.BOOL),
        ([node("Gather", "x d")], TensorProto.UINT64),
    ):
        with pytest.raises(UnsupportedOperator, match="'difference'.* could leave uint64"):
            wrapped(reader, to)



REFUSED = {
    "mean": (node("ReduceMean", "x"), WHOLE, {}, TensorProto.INT64),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_round_or_wrap_is_refused(name):
    made, x, constants, kind = REFUSED[name]
    graph = load(model([made], {"x": x}, ["y"], constants, output_type=kind))
    scales = quantize(graph, {"x": range_of(x)})
    with pytest.raises(UnsupportedOperator, match=made.name):
        lower_into(Builder(), graph, scales)


def test_a_column_of_eight_bytes_wraps_within_what_the_prover_counts():
    """Its cells and those of the quotient could together reach 2^63 by their widths alone."""
    x = np.array([0, 2**31, 2**48 - 1, 3 * 2**32 + 5])
    b = Evaluate({"x": x}, check=True)
    y = wrapping.wrap(b, "y", b.input("x", (4,), 0, 2**48 - 1, 0), -(2**31), 32)
    b.output("y", y, "int32")
    np.testing.assert_array_equal(b.outputs()["y"], x.astype(np.int32))
    assert _core.check(encode(b.finish()), b.weight_buffer(), b.public(), b.witness()) is None


def test_an_index_times_itself_is_published_exactly():
    """No weight is in it, so nothing has to be rounded away."""
    nodes = [
        node("ArgMax", "x", "i", axis=0),
        node("Cast", "i", "f", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["f"], ["t"], name="t", perm=[0, 2, 1]),
        node("MatMul", "f t"),
    ]
    graph = load(model(nodes, {"x": random(1, 2, 3, 4)}, ["y"]))
    feeds = {"x": random(1, 2, 3, 4)}
    found, _ = evaluate(graph, quantize(graph, observe(graph, [feeds])), feeds)
    index = feeds["x"].argmax(axis=0)
    np.testing.assert_array_equal(found["y"][0], index @ index.T)
