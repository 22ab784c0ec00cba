"""Arrays, names and files become arrays of exactly the declared shapes and dtypes, or one sentence."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper

import tacit
from small_models import dense_model
from tacit import inputs
from tacit.errors import InputError
from tacit.inputs import Declared

X = Declared("x", (1, 3), "float32", True)
FIXED = Declared("x", (4, 3), "float32", False)
PAIR = (X, Declared("n", (2,), "int64", False))


def refused(says: str):
    return pytest.raises(InputError, match=re.escape(says))


def floats(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).random(shape, dtype=np.float32)


# One sample


def test_one_takes_the_compiled_shape_or_the_sample_without_its_leading_axis():
    array = floats(1, 3)
    for given_ in (array, array[0], array[0].tolist(), {"x": array}, {"x": array[0].tolist()}):
        assert np.array_equal(inputs.one(given_, [X])["x"], array)
    assert inputs.one(floats(4, 3), [FIXED])["x"].shape == (4, 3)


@pytest.mark.parametrize("shape", [(3, 1), (2, 3), (1, 1, 3), (), (4,), (1, 4), (16, 1, 3)])
def test_one_refuses_every_other_shape(shape):
    with refused(f"shape {list(shape)}, the model takes [1, 3]"):
        inputs.one(floats(*shape), [X])


def test_a_fixed_first_axis_is_not_dropped():
    with refused("the model takes [4, 3]"):
        inputs.one(floats(3), [FIXED])


# Names


def test_names():
    both = {"n": [1, 2], "x": floats(3)}
    assert list(inputs.one(both, PAIR)) == ["x", "n"]
    with refused("no input named 'z'; its inputs are 'x', 'n'"):
        inputs.one({**both, "z": 1}, PAIR)
    with refused("'n' is missing; the model's inputs are 'x', 'n'"):
        inputs.one({"x": floats(3)}, PAIR)
    with refused("has 2 inputs"):
        inputs.one(floats(3), PAIR)


# Samples


@pytest.mark.parametrize(
    ("declared", "shape", "count"),
    [(X, (1, 3), 1), (X, (7, 3), 7), (X, (7, 1, 3), 7), (FIXED, (4, 3), 1), (FIXED, (7, 4, 3), 7)]
    + [(Declared("x", (), "float32", False), (), 1), (Declared("x", (), "float32", False), (5,), 5)],
)
def test_samples(declared, shape, count):
    array = floats(*shape)
    rows = inputs.many(array, [declared])
    assert len(rows) == count and all(row["x"].shape == declared.shape for row in rows)
    assert np.array_equal(np.concatenate([row["x"].reshape(-1) for row in rows]), array.reshape(-1))


@pytest.mark.parametrize(("declared", "shape"), [(X, (3,)), (X, (7, 4)), (FIXED, (3, 3)), (FIXED, (7, 3)), (X, (2, 2, 3))])
def test_samples_of_another_shape_are_refused(declared, shape):
    with refused(f"have shape {list(shape)}; one sample has {list(declared.shape)}"):
        inputs.many(floats(*shape), [declared])


def test_all_inputs_hold_equally_many_samples():
    with refused("different numbers of samples: 'x' has 3, 'n' has 2"):
        inputs.many({"x": floats(3, 3), "n": np.zeros((2, 2), np.int64)}, PAIR)


@pytest.mark.parametrize("shape", [(0, 3), (0,), (0, 1, 3), (1, 0)])
def test_no_sample_is_refused(shape):
    with refused("is empty"):
        inputs.many(floats(*shape), [X])


@pytest.mark.parametrize(
    ("shape", "batched", "given_", "found"),
    [
        ((-1, 3), True, (16, 3), (1, 3)),
        ((-1, 3), True, (16, 1, 3), (1, 3)),
        ((-1, -1, 3), True, (16, 5, 3), (1, 5, 3)),
        ((2, -1), False, (2, 9), (2, 9)),
        ((2, -1), False, (6, 2, 9), (2, 9)),
        ((2, -1), False, (2, 0), (2, 0)),
        ((-2, 3), True, (16, 3), (1, 3)),
        ((-2, 3), True, (0, 3), (0, 3)),
        ((), False, (6,), ()),
    ],
)
def test_symbolic_axes_take_the_samples_lengths(shape, batched, given_, found):
    assert inputs.sample_shape(Declared("x", shape, "float32", batched), np.zeros(given_)) == found


@pytest.mark.parametrize(
    ("shape", "batched", "given_"),
    [
        ((-1, 3), True, (16, 4)),
        ((-1, 3), True, (3,)),
        ((-1, 3), True, (16, 2, 3)),
        ((2, -1), False, (9,)),
        ((2, -1), False, (3, 9)),
    ],
)
def test_samples_that_contradict_declared_axes_are_refused(shape, batched, given_):
    with refused("one sample has ["):
        inputs.sample_shape(Declared("x", shape, "float32", batched), np.zeros(given_))


# Numbers


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused(bad):
    for array in (np.array([0, bad, 0], np.float32), np.array([0, bad, 0], np.float64), [0.0, bad, 0.0]):
        with refused("contains NaN or infinity"):
            inputs.one(array, [X])


@pytest.mark.parametrize(
    "given_",
    [
        np.zeros((1, 3), np.int64),
        np.zeros((1, 3), np.uint8),
        np.zeros((1, 3), bool),
        np.zeros((1, 3), np.complex64),
        np.array([["a", "b", "c"]]),
        [["a", "b", "c"]],
        [[True, False, True]],
        None,
        b"abc",
        [[1, 2], [3]],
        [10**30, 0, 0],
        {"y": 1}.keys(),
    ],
)
def test_other_dtypes_are_refused_for_a_float_input(given_):
    with pytest.raises(InputError, match="'x'"):
        inputs.one(given_, [X])


def test_lists_of_whole_numbers_are_floats_for_a_float_input():
    assert inputs.one([1, 2, 3], [X])["x"].dtype == np.float32


def test_integer_inputs_take_integers_in_range_only():
    bytes_ = Declared("x", (1, 3), "uint8", True)
    assert inputs.one(np.array([0, 255, 7]), [bytes_])["x"].dtype == np.uint8
    for bad in ([0, 256, 0], [-1, 0, 0], np.array([0, 2**63, 0], np.uint64)):
        with refused("values outside uint8"):
            inputs.one(bad, [bytes_])
    with refused("dtype float64, the model takes uint8"):
        inputs.one([0.5, 1, 2], [bytes_])
    truth = Declared("x", (2,), "bool", False)
    assert inputs.one([True, False], [truth])["x"].dtype == np.bool_
    with refused("the model takes bool"):
        inputs.one([1, 0], [truth])


def test_wider_floats_saturate_in_the_declared_dtype():
    largest = np.finfo(np.float32).max
    found = inputs.one(np.array([1e300, -1e300, 0.25]), [X])["x"]
    assert found.dtype == np.float32 and np.array_equal(found, np.array([[largest, -largest, 0.25]], np.float32))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3), st.integers(-20, 20))
@settings(max_examples=60, deadline=None)
def test_integers_are_rounded_and_saturated(values, exponent):
    low, high = -(2**15), 2**15 - 1
    found = inputs.integers(np.array(values, np.float32), exponent, low, high)
    for value, integer in zip(values, found):
        exact = float(np.float32(value)) * 2.0**exponent
        assert low <= integer <= high
        assert abs(integer - min(max(exact, low), high)) <= 0.5


def test_unsigned_integers_saturate_too():
    assert inputs.integers(np.array([2**64 - 1, 3], np.uint64), 0, -5, 100).tolist() == [100, 3]
    assert inputs.integers(np.array([-9, 3], np.int64), 0, -5, 100).tolist() == [-5, 3]


# Files


def test_every_kind_of_file(tmp_path):
    array = floats(1, 3)
    np.savez(tmp_path / "named.npz", x=array)
    np.savez(tmp_path / "nameless.npz", array)
    np.savez_compressed(tmp_path / "small.NPZ", x=array)
    np.save(tmp_path / "a.npy", array)
    (tmp_path / "named.json").write_text(json.dumps({"x": array.tolist()}))
    (tmp_path / "bare.json").write_text(json.dumps(array[0].tolist()))
    files = list(tmp_path.iterdir())
    assert len(files) == 6
    for path in files:
        assert np.allclose(inputs.one(path, [X])["x"], array)
        assert np.allclose(inputs.one(str(path), [X])["x"], array)


def test_several_inputs_from_one_file(tmp_path):
    np.savez(tmp_path / "two.npz", x=floats(3), n=np.array([4, 5]))
    (tmp_path / "two.json").write_text(json.dumps({"x": [1, 2, 3], "n": [4, 5]}))
    for name in ("two.npz", "two.json"):
        assert inputs.one(tmp_path / name, PAIR)["n"].tolist() == [4, 5]


@pytest.mark.parametrize("suffix", [".npz", ".npy", ".json"])
@pytest.mark.parametrize("content", [b"", b"not anything", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"{", b"\xff\xfe", b"[" * 100_000])
def test_damaged_files(tmp_path, suffix, content):
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    with refused(f"is not a valid {suffix} file"):
        inputs.one(path, [X])


def test_other_faults_of_files(tmp_path):
    with refused("does not exist"):
        inputs.one(tmp_path / "absent.npz", [X])
    (tmp_path / "folder.npz").mkdir()
    with refused("is not a file"):
        inputs.one(tmp_path / "folder.npz", [X])
    (tmp_path / "x.csv").write_text("1,2,3")
    with refused("unknown ending"):
        inputs.one(tmp_path / "x.csv", [X])
    np.savez(tmp_path / "z.npz", z=floats(1, 3))
    with refused("no input named 'z'"):
        inputs.one(tmp_path / "z.npz", [X])
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with refused("not a valid .npy file"):
        inputs.one(tmp_path / "objects.npy", [X])
    np.savez(tmp_path / "archive.npz", x=floats(1, 3))
    (tmp_path / "archive.npz").rename(tmp_path / "archive.npy")
    with refused("not a valid .npy file"):
        inputs.one(tmp_path / "archive.npy", [X])
    (tmp_path / "nan.json").write_text('{"x": [NaN, 0, 0]}')
    with refused("NaN"):
        inputs.one(tmp_path / "nan.json", [X])


# Whole models


def test_compile_says_what_is_wrong_with_samples():
    for samples, says in [
        (floats(16, 7), "one sample has [1, 6]"),
        (floats(6), "one sample has [1, 6]"),
        (floats(0, 6), "is empty"),
        ({"z": floats(16, 6)}, "no input named 'z'"),
        (np.full((4, 6), np.nan, np.float32), "NaN"),
        (np.zeros((4, 6), np.int64), "dtype int64"),
        ("/nonexistent.npz", "does not exist"),
    ]:
        with refused(says):
            tacit.compile(dense_model(), samples=samples)


@pytest.mark.parametrize("value", [3.4e38, -3.4e38, 1e6, -1e-38])
def test_unusual_values_saturate_and_still_verify(model, value):
    receipt = model.prove(np.full((1, 6), value, np.float32))
    tacit.verify(receipt, model.key)
    signature = model.key.inputs[0]
    low, high = (np.ldexp(float(end), -signature.exponent) for end in (signature.lowest, signature.highest))
    assert np.allclose(receipt.inputs[0], np.clip(value, low, high), atol=2.0**-signature.exponent)


@pytest.fixture(scope="module")
def two_inputs() -> tacit.Model:
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["s"]), helper.make_node("Relu", ["s"], ["y"])],
        "two",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4]) for name in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 4])],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    rng = np.random.default_rng(0)
    return tacit.compile(proto, samples={name: rng.uniform(-1, 1, (8, 4)).astype(np.float32) for name in "ab"})


def test_several_inputs_prove_by_name(two_inputs):
    a, b = floats(4), -floats(4) / 2
    receipt = two_inputs.prove({"b": b, "a": a}, hide="weights")
    tacit.verify(receipt, two_inputs.key)
    assert [s.name for s in two_inputs.key.inputs] == ["a", "b"]
    assert np.allclose(receipt.inputs[0], [a], atol=1e-3) and np.allclose(receipt.inputs[1], [b], atol=1e-3)
    assert np.allclose(receipt.outputs[0], [np.maximum(a + b, 0)], atol=1e-2)
    with refused("give a mapping"):
        two_inputs.prove(a)
    with refused("'b' is missing"):
        two_inputs.prove({"a": a})
    with refused("image= is for models with one input"):
        tacit.compile(dense_two(), samples={"a": floats(8, 4), "b": floats(8, 4)}, image=255)


def dense_two():
    graph = helper.make_graph(
        [helper.make_node("Add", ["a", "b"], ["y"])],
        "two",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 4]) for name in "ab"],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
