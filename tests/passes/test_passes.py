"""Every pass keeps what the graph computes, and removes what it is there to remove."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from tacit.frontends.onnx import load
from tacit.graph import Graph, Node, Value, check
from tacit.graph.evaluate import Evaluator
from tacit.passes import (
    fold_batch_normalization,
    fold_constants,
    merge_bias,
    remove_dead_code,
    remove_identities,
    simplify,
)

FLOAT = TensorProto.FLOAT
RNG = np.random.default_rng(11)


def graph_of(nodes, shape, outputs=("y",), constants=None, dtype=FLOAT, opset=17) -> Graph:
    proto = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [onnx.ValueInfoProto(name=name) for name in outputs],
        [numpy_helper.from_array(np.asarray(array), name) for name, array in (constants or {}).items()],
    )
    return load(helper.make_model(proto, opset_imports=[helper.make_opsetid("", opset)], ir_version=8))


def random(*shape: int, scale: float = 1.0) -> np.ndarray:
    return (RNG.standard_normal(shape) * scale).astype(np.float32)


def same(before: Graph, after: Graph, rtol: float = 1e-5) -> None:
    assert before.inputs == after.inputs and before.outputs == after.outputs
    for name in before.outputs:
        assert before.values[name] == after.values[name]
    value = before.values["x"]
    for _ in range(3):
        x = (RNG.standard_normal(value.shape) * 3).astype(value.dtype)
        expected, found = Evaluator(before).run({"x": x}), Evaluator(after).run({"x": x})
        for name, array in expected.items():
            largest = float(np.abs(array).max()) if array.size else 0.0
            np.testing.assert_allclose(found[name], array, rtol=rtol, atol=rtol * largest)


def operators(graph: Graph) -> list[str]:
    return [node.operator for node in graph.nodes]


def normalization(count: int) -> dict[str, np.ndarray]:
    return {
        "gamma": random(count),
        "beta": random(count),
        "mean": random(count),
        "variance": np.abs(random(count)) + np.float32(0.1),
    }


PARAMETERS = ["gamma", "beta", "mean", "variance"]
LINEAR = {
    "conv": (helper.make_node("Conv", ["x", "w", "b"], ["h"]), [1, 4, 5, 5], {"w": (6, 4, 3, 3), "b": (6,)}, 6),
    "conv_without_bias": (
        helper.make_node("Conv", ["x", "w"], ["h"], pads=[1, 1, 1, 1]),
        [1, 2, 4, 4],
        {"w": (3, 2, 3, 3)},
        3,
    ),
    "grouped": (helper.make_node("Conv", ["x", "w", "b"], ["h"], group=2), [1, 4, 5], {"w": (6, 2, 2), "b": (6,)}, 6),
    "transposed": (
        helper.make_node("ConvTranspose", ["x", "w", "b"], ["h"]),
        [1, 4, 3, 3],
        {"w": (4, 5, 2, 2), "b": (5,)},
        5,
    ),
    "transposed_grouped": (
        helper.make_node("ConvTranspose", ["x", "w"], ["h"], group=2, strides=[2, 2]),
        [1, 4, 3, 3],
        {"w": (4, 3, 2, 2)},
        6,
    ),
    "dense": (helper.make_node("Gemm", ["x", "w", "b"], ["h"]), [1, 4], {"w": (4, 7), "b": (7,)}, 7),
    "dense_scaled": (
        helper.make_node("Gemm", ["x", "w", "b"], ["h"], transB=1, alpha=0.5, beta=2.0),
        [3, 4],
        {"w": (7, 4), "b": (3, 7)},
        7,
    ),
    "dense_without_bias": (helper.make_node("Gemm", ["x", "w"], ["h"], transB=1), [2, 4], {"w": (7, 4)}, 7),
}


@pytest.mark.parametrize("name", LINEAR)
def test_batch_normalization_folds_into_the_linear_node_before(name):
    linear, shape, weights, count = LINEAR[name]
    norm = helper.make_node("BatchNormalization", ["h", *PARAMETERS], ["y"], epsilon=1e-3)
    constants = {key: random(*size) for key, size in weights.items()} | normalization(count)
    before = graph_of([linear, norm], shape, constants=constants)
    after = fold_batch_normalization(before)
    assert operators(after) == [linear.op_type]
    same(before, check(after))


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("operator", ["Add", "Sub", "Mul"])
@pytest.mark.parametrize("mirrored", [False, True])
def test_constants_per_channel_merge_into_the_linear_node_before(name, operator, mirrored):
    linear, shape, weights, count = LINEAR[name]
    tail = (1,) * (len(shape) - 2)
    constants = {key: random(*size) for key, size in weights.items()} | {"c": random(count, *tail)}
    node = helper.make_node(operator, ["c", "h"] if mirrored else ["h", "c"], ["y"])
    before = graph_of([linear, node], shape, constants=constants)
    after = merge_bias(before)
    assert operators(after) == [linear.op_type]
    same(before, check(after))


def test_folding_needs_a_single_reader_and_constant_parameters():
    linear, shape, weights, count = LINEAR["conv"]
    norm = helper.make_node("BatchNormalization", ["h", *PARAMETERS], ["y"])
    constants = {key: random(*size) for key, size in weights.items()} | normalization(count)
    shared = graph_of([linear, norm, helper.make_node("Relu", ["h"], ["z"])], shape, ("y", "z"), constants)
    assert operators(fold_batch_normalization(shared)) == ["Conv", "BatchNormalization", "Relu"]
    published = graph_of([linear, norm], shape, ("y", "h"), constants)
    assert operators(fold_batch_normalization(published)) == ["Conv", "BatchNormalization"]
    add = helper.make_node("Add", ["h", "c"], ["y"])
    everywhere = graph_of([linear, add], shape, constants=constants | {"c": random(1, 6, 3, 3)})
    assert operators(merge_bias(everywhere)) == ["Conv", "Add"]
    broadcast = graph_of(
        [LINEAR["dense"][0], helper.make_node("Add", ["h", "c"], ["y"])],
        [1, 4],
        constants={"w": random(4, 7), "b": random(7), "c": random(3, 7)},
    )
    assert operators(merge_bias(broadcast)) == ["Gemm", "Add"]


def test_shared_weights_are_not_changed_for_the_other_reader():
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["h"]),
        helper.make_node("Add", ["h", "c"], ["a"]),
        helper.make_node("Mul", ["a", "c"], ["m"]),
        helper.make_node("Gemm", ["x", "w"], ["g"]),
        helper.make_node("Sub", ["m", "g"], ["y"]),
    ]
    before = graph_of(nodes, [2, 3], constants={"w": random(3, 5), "c": random(5)})
    after = merge_bias(before)
    assert operators(after) == ["Gemm", "Gemm", "Sub"]
    same(before, after)


def test_constants_fold_through_shape_arithmetic():
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Slice", ["s", "zero", "one"], ["n"]),
        helper.make_node("Concat", ["n", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["r"]),
        helper.make_node("Exp", ["c"], ["e"]),
        helper.make_node("Mul", ["e", "e"], ["square"]),
        helper.make_node("Add", ["r", "square"], ["y"]),
    ]
    constants = {"zero": np.array([0]), "one": np.array([1]), "rest": np.array([-1]), "c": random(6)}
    before = graph_of(nodes, [2, 2, 3], constants=constants)
    after = fold_constants(before)
    assert operators(after) == ["Reshape", "Add"]
    np.testing.assert_allclose(after.constants["square"], np.exp(2 * constants["c"]), rtol=1e-6)
    assert set(after.constants) == {"target", "square"}
    same(before, check(after))


def test_shape_with_limits_and_a_constant_output():
    nodes = [helper.make_node("Shape", ["x"], ["y"], start=1, end=-1), helper.make_node("Size", ["x"], ["z"])]
    before = graph_of(nodes, [2, 3, 4], ("y", "z"))
    after = simplify(before)
    assert not after.nodes
    same(before, after)


def test_a_constant_node_that_cannot_run_stays():
    nodes = (
        Node("Frobnicate", "com.example", "odd", ("c",), ("f",), {}),
        Node("Neg", "", "negate", ("c",), ("n",), {}),
        Node("Add", "", "sum", ("n", "f"), ("y",), {}),
    )
    values = {name: Value(name, (6,), "float32") for name in "xcfny"}
    constant = random(6)
    graph = fold_constants(Graph(nodes, values, ("x",), ("y",), {"c": constant}, 18))
    assert operators(graph) == ["Frobnicate", "Add"]
    np.testing.assert_array_equal(graph.constants["n"], -constant)


def test_random_nodes_stay():
    noise = helper.make_node("RandomNormal", [], ["n"], shape=[2])
    graph = graph_of([noise, helper.make_node("Add", ["x", "n"], ["y"])], [2])
    assert operators(fold_constants(graph)) == ["RandomNormal", "Add"]


IDENTITIES = {
    "identity": ("Identity", {}, {}),
    "dropout": ("Dropout", {}, {}),
    "reshape": ("Reshape", {}, {"c": np.array([2, 3])}),
    "transpose": ("Transpose", {"perm": [0, 1]}, {}),
    "cast": ("Cast", {"to": FLOAT}, {}),
    "pad": ("Pad", {}, {"c": np.zeros(4, dtype=np.int64)}),
    "concat": ("Concat", {"axis": 0}, {}),
    "add": ("Add", {}, {"c": np.zeros(3, dtype=np.float32)}),
    "multiply": ("Mul", {}, {"c": np.ones((1, 1), dtype=np.float32)}),
    "divide": ("Div", {}, {"c": np.float32(1)}),
    "expand": ("Expand", {}, {"c": np.array([1, 3])}),
    "flatten": ("Flatten", {}, {}),
}


@pytest.mark.parametrize("name", IDENTITIES)
@pytest.mark.parametrize("place", ["first", "middle", "last", "alone"])
def test_identities_go(name, place):
    operator, attributes, constants = IDENTITIES[name]
    extra = list(constants)
    before, after = ("x", "i") if place == "first" else ("a", "i") if place == "middle" else ("a", "y")
    if place == "alone":
        before, after = "x", "y"
    nodes = [helper.make_node(operator, [before, *extra], [after], **attributes)]
    if place == "first":
        nodes = [*nodes, helper.make_node("Relu", ["i"], ["y"])]
    elif place == "middle":
        nodes = [helper.make_node("Relu", ["x"], ["a"]), *nodes, helper.make_node("Neg", ["i"], ["y"])]
    elif place == "last":
        nodes = [helper.make_node("Relu", ["x"], ["a"]), *nodes]
    graph = graph_of(nodes, [2, 3], constants=constants)
    result = remove_identities(graph)
    assert (
        operators(result)
        == {"first": ["Relu"], "middle": ["Relu", "Neg"], "last": ["Relu"], "alone": ["Identity"]}[place]
    )
    same(graph, check(result), rtol=0)


def there_and_back(element: int) -> list[onnx.NodeProto]:
    return [helper.make_node("Cast", ["x"], ["a"], to=element), helper.make_node("Cast", ["a"], ["y"], to=FLOAT)]


def test_what_only_looks_like_an_identity_stays():
    kept = [
        ([helper.make_node("Transpose", ["x"], ["y"], perm=[1, 0])], {}),
        ([helper.make_node("Transpose", ["x"], ["y"])], {}),
        ([helper.make_node("Slice", ["x", "s", "e", "a", "t"], ["y"])],
         {"s": np.array([-1]), "e": np.array([-9]), "a": np.array([0]), "t": np.array([-1])}),
        ([helper.make_node("Pad", ["x", "p"], ["y"])], {"p": np.array([1, 0, -1, 0])}),
        ([helper.make_node("Sub", ["c", "x"], ["y"])], {"c": np.zeros((3, 3), dtype=np.float32)}),
        ([helper.make_node("Div", ["c", "x"], ["y"])], {"c": np.ones((3, 3), dtype=np.float32)}),
        ([helper.make_node("Add", ["x", "c"], ["y"])], {"c": np.zeros((2, 3, 3), dtype=np.float32)}),
        (there_and_back(TensorProto.INT32), {}),
        (there_and_back(TensorProto.FLOAT16), {}),
    ]  # fmt: skip
    for nodes, constants in kept:
        graph = graph_of(nodes, [3, 3], constants=constants)
        assert operators(remove_identities(graph)) == operators(graph)


def test_casts_to_a_wider_float_and_back_go():
    nodes = [
        helper.make_node("Cast", ["x"], ["wide"], to=TensorProto.DOUBLE),
        helper.make_node("Cast", ["wide"], ["back"], to=FLOAT),
        helper.make_node("Relu", ["back"], ["y"]),
    ]
    graph = graph_of(nodes, [3])
    assert operators(simplify(graph)) == ["Relu"]
    same(graph, simplify(graph), rtol=0)


def test_one_value_under_two_output_names():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Identity", ["a"], ["y"]),
        helper.make_node("Identity", ["a"], ["z"]),
        helper.make_node("Neg", ["a"], ["n"]),
    ]
    graph = graph_of(nodes, [3], ("y", "z", "n"))
    result = remove_identities(graph)
    assert sorted(operators(result)) == ["Identity", "Neg", "Relu"]
    same(graph, check(result), rtol=0)


def test_dead_nodes_and_unread_outputs_go():
    nodes = [
        helper.make_node("Relu", ["x"], ["a"]),
        helper.make_node("Neg", ["a"], ["dead"]),
        helper.make_node("MaxPool", ["a"], ["y", "indices"], kernel_shape=[2, 2]),
    ]
    graph = graph_of(nodes, [1, 1, 4, 4])
    result = remove_dead_code(graph)
    assert operators(result) == ["Relu", "MaxPool"] and result.nodes[-1].outputs == ("y",)
    assert "dead" not in result.values
    same(graph, check(result, "simplified"), rtol=0)


STEPS = ["conv", "norm", "relu", "bias", "scale", "identity", "zero", "dropout", "reshape", "constant"]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(STEPS), min_size=1, max_size=8))
def test_simplify_keeps_random_networks(steps):
    nodes, constants, current, channels = [], {}, "x", 3
    for i, step in enumerate(steps):
        new = f"v{i}"
        names = [f"{key}{i}" for key in "abcd"]
        if step == "conv":
            constants[names[0]] = random(4, channels, 3, 3, scale=0.3)
            nodes.append(helper.make_node("Conv", [current, names[0]], [new], pads=[1, 1, 1, 1]))
            channels = 4
        elif step == "norm":
            constants |= dict(zip(names, normalization(channels).values()))
            nodes.append(helper.make_node("BatchNormalization", [current, *names], [new]))
        elif step in ("bias", "scale", "zero"):
            constants[names[0]] = np.zeros(1, dtype=np.float32) if step == "zero" else random(channels, 1, 1)
            nodes.append(helper.make_node("Mul" if step == "scale" else "Add", [current, names[0]], [new]))
        elif step == "reshape":
            nodes += [
                helper.make_node("Shape", [current], [names[0]]),
                helper.make_node("Reshape", [current, names[0]], [new]),
            ]
        elif step == "constant":
            constants[names[0]] = random(1, channels, 1, 1)
            nodes += [
                helper.make_node("Tanh", [names[0]], [names[1]]),
                helper.make_node("Sub", [current, names[1]], [new]),
            ]
        else:
            operator = {"relu": "Relu", "identity": "Identity", "dropout": "Dropout"}[step]
            nodes.append(helper.make_node(operator, [current], [new]))
        current = new
    before = graph_of(nodes, [1, 3, 4, 4], (current,), constants)
    after = simplify(before)
    assert not {"Shape", "Dropout", "Reshape"} & set(operators(after))
    same(before, after, rtol=1e-4)
