"""Fitted estimators given to `tacit.compile` as they are. What needs skl2onnx and onnxmltools is skipped without them."""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import tacit
from tacit import fidelity, inputs
from tacit.errors import ModelError, UnsupportedOperator
from tacit.execute import execute
from tacit.frontends.estimators import from_estimator, package_of

FLOWERS, KINDS = load_iris(return_X_y=True)
FLOWERS = FLOWERS.astype(np.float32)
NAMES = np.array(["setosa", "versicolor", "virginica"])
TESTED = FLOWERS[::7]


def converters():
    pytest.importorskip("skl2onnx", reason="the extra 'estimators' is not installed")


def predicted(model: tacit.Model, rows: np.ndarray) -> list[list[np.ndarray]]:
    """The outputs of the integer model, row by row, without proofs."""
    found = []
    for row in rows:
        _, public, _ = execute(model.program, model.tensors(), model.integers({model.declared[0].name: row[None]}))
        found.append([value for signature, value in model.key.public_values(public) if signature.is_output])
    return found


def test_other_objects_stay_what_they_are():
    for other in (b"model", "model.onnx", np.zeros(3), RandomForestClassifier, None):
        assert package_of(other) is None and from_estimator(other) is other
    assert package_of(DecisionTreeClassifier()) == "sklearn"


@pytest.mark.parametrize("model", [RandomForestClassifier(), make_pipeline(StandardScaler(), LinearRegression())])
def test_an_estimator_must_be_fitted(model):
    with pytest.raises(ModelError, match=f"This {type(model).__name__} is not fitted: call its fit method"):
        tacit.compile(model, samples=FLOWERS)


def test_the_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ModelError, match="tacit-zkml\\[estimators\\]"):
        tacit.compile(DecisionTreeClassifier().fit(FLOWERS, KINDS), samples=FLOWERS)


CLASSIFIERS = {
    "tree": DecisionTreeClassifier(random_state=0),
    "forest": RandomForestClassifier(5, random_state=0),
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "neighbours": KNeighborsClassifier(3),
    "support vectors": SVC(),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_classifiers_answer_as_they_do(name):
    converters()
    fitted = CLASSIFIERS[name].fit(FLOWERS, KINDS)
    model = tacit.compile(fitted, samples=TESTED)
    found = predicted(model, TESTED)
    np.testing.assert_array_equal([int(label[0]) for label, _ in found], fitted.predict(TESTED))
    if hasattr(fitted, "predict_proba"):
        gap = np.abs(np.array([scores[0] for _, scores in found]) - fitted.predict_proba(TESTED)).max()
        assert gap < 1e-2
    receipt = model.prove(TESTED[0])
    tacit.verify(receipt, model.key)
    np.testing.assert_array_equal(receipt.outputs[0], found[0][0])


def test_rows_between_samples_are_means_of_floats():
    rows = [{"x": np.float32([0, 2]), "n": np.array([1])}, {"x": np.float32([1, 0]), "n": np.array([5])}]
    (found,) = fidelity.between(rows)
    np.testing.assert_array_equal(found["x"], np.float32([0.5, 1]))
    np.testing.assert_array_equal(found["n"], [1])
    assert len(fidelity.between(rows[:1])) == 1 and len(fidelity.between(rows * 3)) == 5


def test_an_estimator_that_is_right_on_its_samples_alone_gets_finer_widths(monkeypatch):
    """A network is measured between its samples as well."""
    converters()
    fitted = MLPClassifier((4,), max_iter=30, random_state=0).fit(FLOWERS, KINDS)
    assert tacit.compile(fitted, samples=TESTED).scales.width.bits == 12
    monkeypatch.setattr(fidelity, "is_close", lambda report, graph: report.samples == len(TESTED))
    assert tacit.compile(fitted, samples=TESTED).scales.width.bits == 16


def test_neighbours_get_finer_widths():
    """Each sample is its own nearest neighbour: on the samples any widths are right."""
    converters()
    fitted = KNeighborsRegressor(1).fit(FLOWERS[:40], FLOWERS[:40, 0])
    assert tacit.compile(fitted, samples=FLOWERS[:40]).scales.width.bits == 16


@pytest.mark.parametrize(
    "unfitted",
    [RandomForestClassifier(4, random_state=0), HistGradientBoostingClassifier(max_iter=4), make_pipeline(SimpleImputer(), SVC())],
)
def test_missing_values_go_where_the_estimator_sends_them(unfitted):
    converters()
    holes = np.where(np.random.default_rng(0).random(FLOWERS.shape) < 0.3, np.nan, FLOWERS).astype(np.float32)
    fitted = unfitted.fit(holes, KINDS)
    model = tacit.compile(fitted, samples=holes[::7])
    found = []
    for row in holes[::5]:
        _, public, _ = execute(model.program, model.tensors(), model.integers(inputs.one(row, model.declared)))
        found.append(int(next(value for signature, value in model.key.public_values(public) if signature.is_output)[0]))
    np.testing.assert_array_equal(found, fitted.predict(holes[::5]))


def test_class_names_become_numbers():
    converters()
    model = tacit.compile(DecisionTreeClassifier(random_state=0).fit(FLOWERS, NAMES[KINDS]), samples=TESTED)
    assert model.classes == tuple(NAMES)
    np.testing.assert_array_equal([int(o[0][0]) for o in predicted(model, TESTED)], KINDS[::7])


def test_features_of_different_magnitudes_are_compared_as_floats_are():
    """One exponent for 2^-10 beside 2^12: thresholds and values agree to the last float32 step that was seen."""
    converters()
    generator = np.random.default_rng(8)
    x = np.stack([generator.uniform(0, 4000, 200), generator.uniform(0, 0.001, 200)], axis=1).astype(np.float32)
    y = 1000 * x[:, 1] + x[:, 0] / 8000
    fitted = DecisionTreeRegressor(max_depth=5, random_state=0).fit(x, y)
    model = tacit.compile(fitted, samples=x)
    found = np.array([o[0][0, 0] for o in predicted(model, x)])
    np.testing.assert_allclose(found, fitted.predict(x), atol=1e-4)


def test_linear_support_vectors_at_the_end_of_a_pipeline_within_another():
    """skl2onnx gives what comes last an option that its converter of LinearSVC refuses; twice, for the registry is changed once."""
    converters()
    for _ in range(2):
        inner = make_pipeline(StandardScaler(), LinearSVC())
        fitted = CalibratedClassifierCV(inner, cv=2).fit(FLOWERS, KINDS)
        operators = {node.op_type for node in from_estimator(fitted).graph.node}
        assert "LinearClassifier" in operators and from_estimator(inner.fit(FLOWERS, KINDS)).graph.node


def test_what_cannot_be_converted_is_named(caplog):
    converters()
    from sklearn.cluster import AffinityPropagation

    caplog.set_level(logging.ERROR)
    with pytest.raises(UnsupportedOperator, match="AffinityPropagation cannot be converted"):
        tacit.compile(AffinityPropagation().fit(FLOWERS[:20]), samples=FLOWERS)


def boosters():
    """(fitted, what it predicts) of both packages, the raw boosters among them."""
    xgboost = pytest.importorskip("xgboost", reason="xgboost is not installed")
    lightgbm = pytest.importorskip("lightgbm", reason="lightgbm is not installed")
    pytest.importorskip("onnxmltools", reason="the extra 'estimators' is not installed")
    gradient = xgboost.XGBClassifier(n_estimators=4, max_depth=3, random_state=0).fit(FLOWERS, KINDS)
    light = lightgbm.LGBMClassifier(n_estimators=4, verbose=-1, random_state=0).fit(FLOWERS, KINDS)
    scaled = make_pipeline(StandardScaler(), lightgbm.LGBMClassifier(n_estimators=4, verbose=-1, random_state=0))
    return [
        (gradient, gradient.predict(TESTED)),
        (gradient.get_booster(), gradient.predict(TESTED)),
        (light, light.predict(TESTED)),
        (light.booster_, light.predict(TESTED)),
        (scaled.fit(FLOWERS, KINDS), scaled.predict(TESTED)),
    ]


def test_gradient_boosting_of_other_packages():
    converters()
    for fitted, want in boosters():
        model = tacit.compile(fitted, samples=TESTED)
        np.testing.assert_array_equal([int(o[0].reshape(-1)[0]) for o in predicted(model, TESTED)], want)
