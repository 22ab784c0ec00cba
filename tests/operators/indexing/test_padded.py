"""Results of a size that depends on data: padded results and their counts against onnxruntime, and who may read them."""

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, evaluate, model, random

from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import observe
from tacit.operators import SUPPORTED
from tacit.quantize import quantize

X = np.array([[0, 3, 0, -2], [5, 0, 0, 1]], np.float32)
INT64, BOOL = TensorProto.INT64, TensorProto.BOOL


def node(operator, inputs, outputs="y", **attributes):
    names = [output if output != "-" else "" for output in outputs.split()]
    return helper.make_node(operator, inputs.split(), names, f"{operator}_{names[-1]}", **attributes)


def loaded(nodes, feeds, outputs=("y",), constants=None, **options):
    return load(model(nodes, feeds, outputs, constants, **options), supported=SUPPORTED)


def test_places_are_first_and_zeros_fill_up():
    graph = loaded([node("NonZero", "x")], {"x": X}, output_type=INT64)
    found, _ = evaluate(graph, quantize(graph, observe(graph, [{"x": X}])), {"x": X})
    assert list(graph.outputs) == ["y", "y.count"]
    assert found["y.count"].shape == () and found["y.count"] == 4
    np.testing.assert_array_equal(found["y"], [[0, 0, 1, 1, 0, 0, 0, 0], [1, 3, 0, 3, 0, 0, 0, 0]])


@pytest.mark.parametrize("x", [X * 0, X * 0 + 1, X, np.abs(X), X[:1, :1], X.reshape(2, 2, 2), X != 0, X.astype(np.int32)])
def test_non_zero(x):
    compare([node("NonZero", "x")], {"x": x}, ["y"], output_type=INT64)


@pytest.mark.parametrize("axis", [None, 0, 1, -1])
@pytest.mark.parametrize("keep", [[1, 0, 1], [0, 0, 0], [1, 1, 1], [1]])
def test_compress(axis, keep):
    """By a computed and by a constant condition; beyond the condition nothing is kept."""
    attributes = {} if axis is None else {"axis": axis}
    keep = np.array(keep, dtype=bool)
    compare([node("Compress", "x c", **attributes)], {"x": random(0, 3, 4), "c": keep}, ["y"])
    if keep.any():
        compare([node("Compress", "x c", **attributes)], {"x": random(0, 3, 4)}, ["y"], {"c": keep})


def test_many_places():
    """So many that rows are moved by `compacted`."""
    generator = np.random.default_rng(0)
    compare([node("NonZero", "x")], {"x": generator.integers(0, 2, (6, 7)).astype(np.int32)}, ["y"], output_type=INT64)
    feeds = {"x": random(1, 40, 2), "c": generator.integers(0, 2, 40).astype(bool)}
    compare([node("Compress", "x c", axis=0)], feeds, ["y"])
    for ascending in (0, 1):
        made = node("Unique", "x", "a b c d", sorted=ascending)
        compare([made], {"x": generator.integers(0, 20, 40)}, ["a", "b", "c", "d"], output_type=INT64)


def test_compress_of_an_accumulator_by_its_own_sign():
    nodes = [node("MatMul", "x w", "a"), node("ReduceSum", "a one", "s", keepdims=0), node("Greater", "s zero", "c"),
             node("Compress", "a c", axis=0)]  # fmt: skip
    constants = {"w": random(1, 4, 5), "one": np.array([1]), "zero": np.float32(0)}
    compare(nodes, {"x": random(0, 6, 4)}, ["y"], constants)


WIDE = np.random.default_rng(3).integers(-(2**30), 2**30, (5, 3))[[0, 2, 0, 1, 3, 2, 4]]


@pytest.mark.parametrize("ascending", [0, 1])
@pytest.mark.parametrize(
    "x, axis",
    [
        (np.float32([2, 1, 1, 3, 4, 3]), None),
        (np.float32([[3, 3], [3, 3]]), None),
        (np.float32([-1.5]), None),
        (np.int64([[1, 0, 0], [1, 0, 0], [2, 3, 4]]), 0),
        (np.int64([[1, 0, 0], [1, 0, 0], [2, 3, 4]]), 1),
        (np.array([[[1, 1], [0, 1]], [[1, 1], [0, 1]], [[2, 1], [0, 1]]], np.float32), -1),
        (WIDE, 0),
    ],
)
def test_unique(x, axis, ascending):
    """All four results, and each alone."""
    attributes = {"sorted": ascending} | ({} if axis is None else {"axis": axis})
    kind = helper.np_dtype_to_tensor_dtype(x.dtype)
    compare([node("Unique", "x", **attributes)], {"x": x}, ["y"], output_type=kind)
    compare([node("Unique", "x", "a b c d", **attributes)], {"x": x}, ["b", "c", "d"], output_type=INT64)
    for place in range(1, 4):
        outputs = " ".join("y" if i == place else "-" for i in range(place + 1))
        if axis is None:
            compare([node("Unique", "x", outputs, **attributes)], {"x": x}, ["y"], output_type=INT64)


def test_rows_too_wide_to_order_are_refused():
    x = np.array([2**61, -(2**61)])
    with pytest.raises((UnsupportedOperator, ModelError)):
        compare([node("Unique", "x")], {"x": x}, ["y"], output_type=INT64)


READERS = {
    "cast": ([node("Cast", "p", to=TensorProto.FLOAT)], TensorProto.FLOAT),
    "transposed": ([node("Transpose", "p", perm=[1, 0])], INT64),
    "row": ([node("Gather", "p one", axis=0)], INT64),
    "squeezed": ([node("Slice", "p one two zero", "s"), node("Squeeze", "s zero")], INT64),
    "lengthened": ([node("Unsqueeze", "p zero")], INT64),
    "split": ([node("Split", "p ones", "y b", axis=0)], INT64),
    "joined": ([node("Concat", "p p", axis=0)], INT64),
    "summed": ([node("Add", "p p", "s"), node("Mul", "s column")], INT64),
    "compared": ([node("Greater", "p scalar")], BOOL),
    "gathered": ([node("Gather", "p one", "i", axis=0), node("Gather", "x i", axis=1)], TensorProto.FLOAT),
    "tuples": ([node("Transpose", "p", "i"), node("GatherND", "x i")], TensorProto.FLOAT),
}
CONSTANTS = {
    "zero": np.array([0]), "one": np.array([1]), "two": np.array([2]), "ones": np.array([1, 1]), "scalar": np.array(0),
    "column": np.array([[2], [3]]), "row": np.arange(8), "shape": np.array([-1]), "tuple": np.array([[0]]),
}  # fmt: skip
PLACES = node("NonZero", "x", "p")


@pytest.mark.parametrize("name", READERS)
def test_operators_that_treat_places_one_by_one_may_read(name):
    """The result is padded as well, and has a count; ahead of it stands what onnxruntime computes without padding."""
    import onnxruntime

    nodes, kind = READERS[name]
    proto = model([PLACES, *nodes], {"x": X}, ["y"], CONSTANTS, output_type=kind)
    graph = load(proto, supported=SUPPORTED)
    assert list(graph.outputs) == ["y", "y.count"]
    found, _ = evaluate(graph, quantize(graph, observe(graph, [{"x": X}])), {"x": X})
    (want,) = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"]).run(["y"], {"x": X})
    (axis,) = [i for i, (a, b) in enumerate(zip(found["y"].shape, want.shape, strict=True)) if a != b]
    np.testing.assert_allclose(np.split(found["y"], [int(found["y.count"])], axis)[0], want, atol=1e-3)


KEPT = node("Compress", "f c", "p", axis=0)
ROWS = {"f": random(5, 6, 2, 4, 4), "c": np.array([1, 0, 1, 1, 0, 1], dtype=bool)}
FLAT = [node("Flatten", "p", "q")]
ROW_READERS = {
    "convolved": [node("Conv", "p k", "a", pads=[1, 1, 1, 1]), node("MaxPool", "a", "m", kernel_shape=[2, 2]), node("Relu", "m")],
    "averaged": [node("AveragePool", "p", "a", kernel_shape=[2, 2]), node("GlobalAveragePool", "a")],
    "dense": [*FLAT, node("Gemm", "q w b", "h"), node("MatMul", "h w2", "l"), node("Softmax", "l")],
    "reduced": [
        node("ReduceMean", "p axes", "r", keepdims=0), node("Transpose", "r", "t", perm=[1, 0]), node("Softmax", "t", axis=0),
    ],
    "matrices": [node("MatMul", "p square")],
    "split up": [node("Reshape", "p shape")],
    "normalised": [*FLAT, node("LayerNormalization", "q gain")],
}
PARAMETERS = {
    "k": random(6, 3, 2, 3, 3), "w": random(7, 32, 5), "b": random(8, 5), "w2": random(9, 5, 4), "axes": np.array([2, -1]),
    "square": random(10, 4, 3), "shape": np.array([-1, 8, 4]), "gain": random(11, 32),
}  # fmt: skip


@pytest.mark.parametrize("name", ROW_READERS)
def test_layers_over_rows_of_which_some_count(name):
    import onnxruntime

    proto = model([KEPT, *ROW_READERS[name]], ROWS, ["y"], PARAMETERS, opset=18)
    graph = load(proto, supported=SUPPORTED)
    found, _ = evaluate(graph, quantize(graph, observe(graph, [ROWS]), "faithful"), ROWS)
    (want,) = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"]).run(["y"], ROWS)
    (axis,) = [i for i, (a, b) in enumerate(zip(found["y"].shape, want.shape, strict=True)) if a != b]
    assert found["y.count"] == 4
    np.testing.assert_allclose(np.split(found["y"], [4], axis)[0], want, atol=3e-3)


ROWS_REFUSED = {
    "Softmax": [*FLAT, node("Softmax", "q", axis=0)],
    "ReduceMean": [node("ReduceMean", "p zero")],
    "ReduceMax": [node("ReduceMax", "p none")],
    "Gemm": [*FLAT, node("Gemm", "q w tall")],
    "MatMul": [*FLAT, node("MatMul", "wide q")],
    "Conv": [node("Conv", "f p")],
    "Reshape": [node("Reshape", "p other")],
    "Flatten": [node("Flatten", "p", axis=2)],
    "LayerNormalization": [*FLAT, node("LayerNormalization", "q many", axis=0)],
    "TopK": [*FLAT, node("TopK", "q two", "y i", axis=1)],
}


@pytest.mark.parametrize("operator", ROWS_REFUSED)
def test_layers_that_mix_rows_are_refused(operator):
    """TopK treats them one by one, but is not among the readers."""
    constants = PARAMETERS | {
        "zero": np.array([0]), "none": np.array([], dtype=np.int64), "tall": random(1, 6, 5), "wide": random(1, 3, 6),
        "other": np.array([6, 32]), "many": random(1, 6, 32), "two": np.array([2]),
    }  # fmt: skip
    with pytest.raises(UnsupportedOperator, match=rf"\({operator}\) reads '[^']*', whose size depends on the input"):
        loaded([KEPT, *ROWS_REFUSED[operator]], ROWS, constants=constants, opset=18)


@pytest.mark.parametrize("operator", ["Transpose", "Squeeze", "Slice", "Gather"])
def test_a_padded_parameter_is_refused(operator):
    """Starts of a slice, axes and the like are no data."""
    nodes = {"Slice": node("Slice", "x i i"), "Squeeze": node("Squeeze", "x i"), "Gather": node("Gather", "i i"),
             "Transpose": node("Expand", "x i")}  # fmt: skip
    with pytest.raises(UnsupportedOperator):
        feeds = {"whole": np.array([0, 1]), "x": np.array([True, False])}
        loaded([node("Compress", "whole x", "i", axis=0), nodes[operator]], feeds)


def test_regions_that_were_selected():
    """A detector's tail: boxes that survive, their features pooled, a head over them."""
    import onnxruntime

    nodes = [
        node("NonMaxSuppression", "b s most overlap", "n"), node("Gather", "n two", "i", axis=1), node("Squeeze", "i one", "j"),
        node("Squeeze", "b zero", "d"), node("Gather", "d j", "r", axis=0), node("Mul", "j none", "batch"),
        node("RoiAlign", "f r batch", "a", output_height=2, output_width=2, sampling_ratio=2),
        node("Flatten", "a", "v"), node("MatMul", "v w", "h"), node("Concat", "r h", axis=1),
    ]  # fmt: skip
    feeds = {"b": np.float32([[[0, 0, 2, 2], [0, 0.25, 2, 2.25], [1, 2, 3, 3.5], [0.5, 2, 3, 3.5]]]),
             "s": np.float32([[[0.5, 0.75, 0.25, 0.125]]]), "f": random(3, 1, 3, 4, 4)}  # fmt: skip
    constants = {"most": np.array([9]), "overlap": np.float32([0.5]), "two": np.array([2]), "one": np.array([1]),
                 "zero": np.array([0]), "none": np.array(0), "w": random(4, 12, 3)}  # fmt: skip
    proto = model(nodes, feeds, ["y"], constants, opset=18)
    graph = load(proto, supported=SUPPORTED)
    found, _ = evaluate(graph, quantize(graph, observe(graph, [feeds]), "faithful"), feeds)
    (want,) = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"]).run(["y"], feeds)
    assert found["y.count"] == len(want) == 2
    np.testing.assert_allclose(found["y"][:2], want, atol=5e-3)


REFUSED = {
    "Shape": [node("Shape", "p")],
    "Size": [node("Size", "p")],
    "Reshape": [node("Reshape", "p shape")],
    "Flatten": [node("Flatten", "p", axis=0)],
    "ReduceSum": [node("ReduceSum", "p one")],
    "ArgMax": [node("Cast", "p", "f", to=TensorProto.FLOAT), node("ArgMax", "f", axis=1)],
    "TopK": [node("TopK", "p two", "y i")],
    "NonZero": [node("NonZero", "p")],
    "Unique": [node("Unique", "p")],
    "Squeeze": [node("Slice", "p one two zero", "s"), node("Squeeze", "s")],
    "Add": [node("Add", "p row")],
    "Gather": [node("Gather", "p one", axis=1)],
    "GatherND": [node("GatherND", "p tuple")],
    "Concat": [node("Concat", "p p", axis=1)],
    "Split": [node("Split", "p twice", "y b", axis=1)],
    "Slice": [node("Slice", "p zero two one")],
    "Mul": [node("NonZero", "x", "q"), node("Mul", "p q")],
    "CumSum": [node("CumSum", "p scalar")],
}


@pytest.mark.parametrize("operator", REFUSED)
def test_other_readers_are_refused_by_name(operator):
    """Each would count the padding as data, or pair places of two different counts."""
    with pytest.raises(UnsupportedOperator, match=rf"\({operator}\) reads '[^']*', whose size depends on the input.*p.count"):
        loaded([PLACES, *REFUSED[operator]], {"x": X}, constants=CONSTANTS | {"twice": np.array([4, 4])}, output_type=INT64)


def test_every_padded_output_has_a_count_after_the_model_s_own():
    graph = loaded([node("Unique", "x", "y i v n")], {"x": X}, ("n", "v", "y"), output_type=INT64)
    assert list(graph.outputs) == ["n", "v", "y", "n.count", "y.count"]


def test_a_name_that_is_taken_is_refused():
    nodes = [PLACES, node("Identity", "x", "p.count")]
    with pytest.raises(ModelError, match="rename"):
        loaded(nodes, {"x": X}, ("p", "p.count"), output_type=INT64)


def test_constants_have_their_own_size():
    """Shapes are fixed, so that places in what depends on a shape only are no padded result."""
    nodes = [node("Shape", "x", "s"), node("ConstantOfShape", "s", "o", value=helper.make_tensor("v", INT64, [1], [1])),
             node("NonZero", "o", "i"), node("Transpose", "i", "t"), node("GatherND", "x t")]  # fmt: skip
    graph = loaded(nodes, {"x": X})
    assert graph.outputs == ("y",) and graph.values["y"].shape == (8,)


def test_the_receipt_holds_padding_and_count(tmp_path):
    import tacit

    proto = model([node("Compress", "x c", axis=1)], {"x": X, "c": np.ones(4, dtype=bool)}, ["y"])
    keep = np.array([False, True, False, True])
    compiled = tacit.compile(proto, samples={"x": X[None], "c": keep[None]})
    receipt = compiled.prove({"x": X, "c": keep})
    tacit.verify(receipt, compiled.key)
    assert [signature.name for signature in compiled.key.outputs] == ["y", "y.count"]
    padded, count = receipt.outputs
    assert padded.shape == (2, 4) and count == 2 and count.dtype == np.int64
    np.testing.assert_allclose(padded, [[3, -2, 0, 0], [0, 1, 0, 0]], atol=1e-2)
