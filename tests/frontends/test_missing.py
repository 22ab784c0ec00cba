"""Missing values: samples that hold NaN give the model an input that says where they are; trees and imputers read it."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

import tacit
from tacit import inputs
from tacit.errors import InputError, ModelError
from tacit.execute import execute
from tacit.frontends.onnx_missing import apart

NAN = np.nan
ROWS = np.array([[1, 2, 3], [NAN, 2, 30], [1, NAN, 3], [NAN, NAN, NAN], [5, 0.25, NAN], [-1, 7, 0]], np.float32)
MODES = ("BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ")


def learned(operator, given, result, **attributes):
    return helper.make_node(operator, given.split(), [result], result, domain="ai.onnx.ml", **attributes)


def trees(given: str, result: str, modes=MODES):
    """One tree of one test for every mode, feature and side; every outcome shows in the sum."""
    names = ("treeids", "nodeids", "featureids", "modes", "values", "truenodeids", "falsenodeids", "missing_value_tracks_true")
    found: dict[str, list] = {f"nodes_{name}": [] for name in names}
    targets: dict[str, list] = {f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}
    for number, (mode, feature, track) in enumerate((m, f, t) for m in modes for f in range(3) for t in (0, 1)):
        nodes = [(0, feature, mode, 2.0, 1, 2, track), (1, 0, "LEAF", 0.0, 0, 0, 0), (2, 0, "LEAF", 0.0, 0, 0, 0)]
        for node in nodes:
            for name, value in zip(names, (number, *node)):
                found[f"nodes_{name}"].append(value)
        for name, value in zip(("treeids", "nodeids", "ids", "weights"), (number, 1, number, 1.0)):
            targets[f"target_{name}"].append(value)
        for name, value in zip(("treeids", "nodeids", "ids", "weights"), (number, 2, number, 0.0)):
            targets[f"target_{name}"].append(value)
    return learned("TreeEnsembleRegressor", given, result, n_targets=6 * len(modes), **found, **targets)


def proto(*nodes, output="y", kind=TensorProto.FLOAT):
    graph = helper.make_graph(
        list(nodes),
        "missing",
        [helper.make_tensor_value_info("x", kind, [None, 3])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, None)],
    )
    versions = [helper.make_opsetid("ai.onnx.ml", 3)] + ([helper.make_opsetid("", 17)] if any(not n.domain for n in nodes) else [])
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


def answers(model: tacit.Model, rows: np.ndarray) -> np.ndarray:
    found = []
    for row in rows:
        given = model.integers(inputs.one(row, model.declared))
        _, public, _ = execute(model.program, model.tensors(), given)
        found.append(next(value for signature, value in model.key.public_values(public) if signature.is_output)[0])
    return np.array(found)


def right(model: tacit.Model, source, rows=ROWS, tolerance=1e-3) -> None:
    session = onnxruntime.InferenceSession(source.SerializeToString(), providers=["CPUExecutionProvider"])
    want = session.run(None, {"x": rows})[0]
    np.testing.assert_allclose(answers(model, rows), want, atol=tolerance * np.abs(want).max())


IMPUTER = learned("Imputer", "x", "filled", imputed_value_floats=[0.5, 1e-3, 70.0], replaced_value_float=NAN)
LINEAR = learned("LinearRegressor", "filled", "y", coefficients=[1.0, -200.0, 0.01], intercepts=[0.5])


def test_trees_send_missing_values_where_they_are_told():
    source = proto(trees("x", "y"))
    model = tacit.compile(source, samples=ROWS)
    right(model, source)
    receipt = model.prove(ROWS[1], hide="weights")
    tacit.verify(receipt, model.key)
    np.testing.assert_array_equal(receipt.inputs[0], [[0, 2, 30]])
    np.testing.assert_array_equal(receipt.inputs[1], [[True, False, False]])


def test_features_are_scaled_and_chosen_on_the_way():
    nodes = (
        learned("Scaler", "x", "s", offset=[0.5, -1.0, 2.0], scale=[2.0, 1.0, 0.5]),
        helper.make_node("Gather", ["s", "i"], ["g"], "g", axis=1),
        trees("g", "y", modes=("BRANCH_LEQ", "BRANCH_GT")),
    )
    source = proto(helper.make_node("Constant", [], ["i"], value_ints=[2, 0, 1]), *nodes)
    right(tacit.compile(source, samples=ROWS), source)


def test_an_imputer_replaces_them_and_small_features_stay_exact():
    source = proto(IMPUTER, LINEAR)
    small = ROWS * np.float32([1, 1e-4, 1])
    right(tacit.compile(source, samples=small), source, small)
    chosen = proto(
        helper.make_node("Constant", [], ["i"], value_ints=[2, 0]),
        helper.make_node("Constant", [], ["j"], value_ints=[1]),
        learned("ArrayFeatureExtractor", "x i", "two"),
        learned("Imputer", "two", "a", imputed_value_floats=[0.5, 7.0], replaced_value_float=NAN),
        learned("ArrayFeatureExtractor", "x j", "one"),
        learned("Imputer", "one", "b", imputed_value_floats=[0.25], replaced_value_float=NAN),
        helper.make_node("Concat", ["a", "b"], ["y"], axis=1),
    )
    right(tacit.compile(chosen, samples=ROWS), chosen)


def test_files_and_names_give_the_places_too(tmp_path):
    source = proto(trees("x", "y"))
    np.savez(tmp_path / "x.npz", x=ROWS)
    (tmp_path / "m.onnx").write_bytes(source.SerializeToString())
    for given in (tmp_path / "m.onnx", source.SerializeToString()):
        model = tacit.compile(given, samples=tmp_path / "x.npz", held=ROWS[:2])
        assert [declared.name for declared in model.declared] == ["x", "x.missing"]
        right(model, source)
    mask = np.isnan(ROWS[4])
    explicit = inputs.one({"x": np.nan_to_num(ROWS[4]), "x.missing": mask}, model.declared)
    for name, array in inputs.one({"x": ROWS[4]}, model.declared).items():
        np.testing.assert_array_equal(array, explicit[name])


def test_models_without_missing_samples_stay_as_they_are():
    source = proto(trees("x", "y"))
    assert apart(source, np.nan_to_num(ROWS)) is source and apart(source, None) is source
    model = tacit.compile(source, samples=np.nan_to_num(ROWS))
    with pytest.raises(InputError, match="compile with samples that hold NaN"):
        model.prove(ROWS[1])


def test_what_cannot_be_proved_is_named():
    straight = learned("LinearRegressor", "x", "y", coefficients=[1.0, 2.0, 3.0], intercepts=[0.5])
    with pytest.raises(InputError, match="Node 'y.*reads missing values.*put an imputer before it"):
        tacit.compile(proto(straight), samples=ROWS)
    with pytest.raises(InputError, match="takes no floats there"):
        tacit.compile(proto(learned("Imputer", "x", "y", imputed_value_int64s=[1]), kind=TensorProto.INT64), samples=ROWS)
    body = helper.make_graph([], "body", [], [])
    branch = helper.make_node("If", ["x"], ["y"], then_branch=body, else_branch=body)
    with pytest.raises(ModelError, match="branches or loops"):
        apart(proto(branch), ROWS)
