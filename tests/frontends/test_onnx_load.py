"""Files, bytes and protos: what loads, and the sentence for what does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends.onnx import load, to_onnx
from tacit.graph.evaluate import Evaluator

FLOAT = TensorProto.FLOAT


def model(nodes, inputs, outputs, initializers=None, opset=17, functions=(), domains=()) -> onnx.ModelProto:
    """`inputs`: {name: (element type, shape)}; `initializers`: {name: array}."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info(name, *kind) for name, kind in inputs.items()],
        [helper.make_tensor_value_info(name, *kind) for name, kind in outputs.items()],
        [numpy_helper.from_array(array, name) for name, array in (initializers or {}).items()],
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)


def dense(batch="N") -> onnx.ModelProto:
    weight = np.arange(600, dtype=np.float32).reshape(3, 200) / 600
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("Relu", ["y"], ["z"])]
    return model(nodes, {"x": (FLOAT, [batch, 3])}, {"z": (FLOAT, [batch, 200])}, {"w": weight})


def test_path_bytes_and_proto_load_alike(tmp_path: Path):
    proto = dense()
    path = tmp_path / "dense.onnx"
    onnx.save(proto, path)
    for given in (proto, path, str(path), path.read_bytes()):
        graph = load(given)
        assert [node.operator for node in graph.nodes] == ["MatMul", "Relu"]
        assert graph.inputs == ("x",) and graph.outputs == ("z",)
        assert graph.values["x"].shape == (1, 3) and graph.values["z"].shape == (1, 200)
        np.testing.assert_array_equal(graph.constants["w"], numpy_helper.to_array(proto.graph.initializer[0]))
    assert proto.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "N", "the caller's proto was changed"


def test_what_is_not_a_model_is_refused(tmp_path: Path):
    with pytest.raises(ModelError, match="does not exist"):
        load(tmp_path / "absent.onnx")
    with pytest.raises(ModelError, match="is a folder"):
        load(tmp_path)
    with pytest.raises(ModelError, match="not int"):
        load(3)
    good = dense().SerializeToString()
    for bad in (
        b"",
        b"hello world",
        b"\x00" * 100,
        good[:-7],
        good[: len(good) // 2],
        np.random.default_rng(1).bytes(500),
    ):
        with pytest.raises(ModelError):
            load(bad)
    path = tmp_path / "text.onnx"
    path.write_text("not a model")
    with pytest.raises(ModelError, match="text.onnx is not an ONNX model"):
        load(path)


def test_damaged_bytes_never_raise_anything_else():
    good = bytearray(dense().SerializeToString()[:400] + dense().SerializeToString()[-120:])
    generator = np.random.default_rng(5)
    for _ in range(60):
        bad = bytearray(good)
        for place in generator.integers(0, len(bad), 3):
            bad[place] ^= 1 << int(generator.integers(0, 8))
        try:
            load(bytes(bad))
        except ModelError:
            continue


def test_external_data(tmp_path: Path):
    path = tmp_path / "dense.onnx"
    onnx.save(dense(), path, save_as_external_data=True, location="dense.data", size_threshold=0)
    np.testing.assert_array_equal(load(path).constants["w"], load(dense()).constants["w"])
    with pytest.raises(ModelError, match="dense.data.*by its path"):
        load(path.read_bytes())
    (tmp_path / "dense.data").write_bytes(b"short")
    with pytest.raises(ModelError, match="dense.data"):
        load(path)
    (tmp_path / "dense.data").unlink()
    with pytest.raises(ModelError, match="'dense.data' beside the model is missing; it holds the initialiser 'w'"):
        load(path)


def test_input_dtypes():
    names = {"FLOAT16": "float16", "INT64": "int64", "BOOL": "bool", "BFLOAT16": "bfloat16", "UINT4": "uint4"}
    for element, dtype in ((getattr(TensorProto, key), name) for key, name in names.items()):
        node = helper.make_node("Identity", ["x"], ["y"])
        assert load(model([node], {"x": (element, [2])}, {"y": (element, [2])})).values["x"].dtype == dtype
    for element in (TensorProto.STRING, TensorProto.COMPLEX64):
        node = helper.make_node("Identity", ["x"], ["y"])
        with pytest.raises(ModelError, match="input 'x' has dtype"):
            load(model([node], {"x": (element, [2])}, {"y": (element, [2])}))


def test_shape_arithmetic_is_resolved():
    """Reshape to [N, -1] with the batch taken from Shape, as exporters write it."""
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "zero"], ["n"], axis=0),
        helper.make_node("Unsqueeze", ["n", "axes"], ["n1"]),
        helper.make_node("Concat", ["n1", "rest"], ["target"], axis=0),
        helper.make_node("Reshape", ["x", "target"], ["y"]),
    ]
    constants = {"zero": np.array(0), "axes": np.array([0]), "rest": np.array([-1])}
    graph = load(model(nodes, {"x": (FLOAT, ["N", 3, 4])}, {"y": (FLOAT, ["N", "M"])}, constants))
    assert graph.values["y"].shape == (1, 12)


def test_shapes_that_inference_leaves_open_are_measured():
    nodes = [
        helper.make_node("Abs", ["big"], ["a"]),
        helper.make_node("ReduceSum", ["a"], ["total"], keepdims=1),
        helper.make_node("Cast", ["total"], ["count"], to=TensorProto.INT64),
        helper.make_node("Reshape", ["count", "one"], ["length"]),
        helper.make_node("Expand", ["x", "length"], ["y"]),
    ]
    constants = {"big": np.full((3, 128), 1 / 128, dtype=np.float32), "one": np.array([1])}
    graph = load(model(nodes, {"x": (FLOAT, [1])}, {"y": (FLOAT, ["K"])}, constants))
    assert graph.values["y"].shape == (3,)


def test_shapes_that_depend_on_values_are_refused():
    nodes = [helper.make_node("ReduceSum", ["x"], ["s"], keepdims=0), helper.make_node("Range", ["zero", "s", "one"], ["y"])]
    constants = {"zero": np.float32(0), "one": np.float32(1)}
    with pytest.raises(UnsupportedOperator, match="computed by Range. depends on input values"):
        load(model(nodes, {"x": (FLOAT, [3])}, {"y": (FLOAT, ["K"])}, constants))


def test_constant_nodes_become_constants():
    nodes = [
        helper.make_node("Constant", [], ["a"], value=numpy_helper.from_array(np.float32([1, 2]))),
        helper.make_node("Constant", [], ["b"], value_floats=[3.0, 4.0]),
        helper.make_node("Constant", [], ["c"], value_float=2.0),
        helper.make_node("Add", ["x", "a"], ["p"]),
        helper.make_node("Mul", ["p", "b"], ["q"]),
        helper.make_node("Div", ["q", "c"], ["y"]),
    ]
    graph = load(model(nodes, {"x": (FLOAT, [2])}, {"y": (FLOAT, [2])}))
    assert [node.operator for node in graph.nodes] == ["Add", "Mul", "Div"] and set(graph.constants) == {"a", "b", "c"}
    found = Evaluator(graph).run({"x": np.float32([1, 1])})
    np.testing.assert_array_equal(found["y"], [3, 6])


def test_attributes_are_plain_python():
    node = helper.make_node(
        "Conv", ["x", "w"], ["y"], kernel_shape=[3, 3], auto_pad="SAME_UPPER", group=1, strides=[2, 2], dilations=[1, 1]
    )
    weight = np.ones((1, 1, 3, 3), dtype=np.float32)
    graph = load(model([node], {"x": (FLOAT, [1, 1, 5, 5])}, {"y": (FLOAT, None)}, {"w": weight}))
    assert graph.values["y"].shape == (1, 1, 3, 3)
    attributes = graph.nodes[0].attributes
    assert attributes["kernel_shape"] == [3, 3] and attributes["auto_pad"] == "SAME_UPPER" and attributes["group"] == 1


def test_unnamed_and_equal_names_become_unique():
    nodes = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Relu", ["a"], ["b"], name="same")]
    nodes += [helper.make_node("Relu", ["b"], ["c"], name="same")]
    graph = load(model(nodes, {"x": (FLOAT, [2])}, {"c": (FLOAT, [2])}))
    assert len({node.name for node in graph.nodes}) == 3 and all(node.name for node in graph.nodes)


def test_local_functions_are_inlined():
    body = [helper.make_node("Relu", ["a"], ["b"]), helper.make_node("Neg", ["b"], ["c"])]
    function = helper.make_function("local", "Twist", ["a"], ["c"], body, [helper.make_opsetid("", 17)])
    nodes = [
        helper.make_node("Twist", ["x"], ["t"], domain="local"),
        helper.make_node("Twist", ["t"], ["y"], domain="local"),
    ]
    proto = model(nodes, {"x": (FLOAT, [2])}, {"y": (FLOAT, [2])}, functions=[function], domains=["local"])
    graph = load(proto)
    assert [node.operator for node in graph.nodes] == ["Relu", "Neg", "Relu", "Neg"]
    np.testing.assert_array_equal(Evaluator(graph).run({"x": np.float32([-1, 2])})["y"], [0, 0])


def test_operators_with_a_body_are_expanded_unless_supported():
    nodes = [helper.make_node("LayerNormalization", ["x", "g", "b"], ["y"], axis=-1)]
    constants = {"g": np.float32([1, 2, 3, 4]), "b": np.float32([0, 1, 0, 1])}
    proto = model(nodes, {"x": (FLOAT, [2, 4])}, {"y": (FLOAT, [2, 4])}, constants)
    assert [node.operator for node in load(proto).nodes] == ["LayerNormalization"]
    assert [node.operator for node in load(proto, supported={"LayerNormalization"}).nodes] == ["LayerNormalization"]
    graph = load(proto, supported={"ReduceMean", "Sub", "Mul", "Add", "Sqrt", "Div", "Reshape"})
    assert "LayerNormalization" not in {node.operator for node in graph.nodes}
    x = np.random.default_rng(0).standard_normal((2, 4)).astype(np.float32)
    expected = onnxruntime.InferenceSession(proto.SerializeToString()).run(None, {"x": x})[0]
    np.testing.assert_allclose(Evaluator(graph).run({"x": x})["y"], expected, rtol=1e-5, atol=1e-6)


def test_a_broken_graph_is_a_model_error():
    node = helper.make_node("MatMul", ["x", "nowhere"], ["y"])
    with pytest.raises(ModelError):
        load(model([node], {"x": (FLOAT, [2, 2])}, {"y": (FLOAT, [2, 2])}))
    unknown = helper.make_node("Frobnicate", ["x"], ["y"], domain="com.example")
    with pytest.raises(UnsupportedOperator, match="Frobnicate"):
        load(model([unknown], {"x": (FLOAT, [2])}, {"y": (FLOAT, [2])}, domains=["com.example"]))


def test_export_is_valid_onnx():
    exported = to_onnx(load(dense()))
    onnx.checker.check_model(exported, full_check=True)
