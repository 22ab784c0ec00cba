"""Fitted estimators on scikit-learn's own data, 60 % to fit and 40 % held out: held-out rows as integers against onnxruntime and
against the estimator, one row proved.

python bench/estimators.py [--rows N] [NAME ...]    writes bench/estimators.json; needs the extra `estimators`, xgboost and lightgbm
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from sklearn import datasets
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    IsolationForest,
    RandomForestClassifier,
    RandomForestRegressor,
    VotingClassifier,
)
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MinMaxScaler, Normalizer, PolynomialFeatures, StandardScaler
from sklearn.svm import SVC, SVR, LinearSVC, NuSVC
from sklearn.tree import DecisionTreeClassifier

import tacit
from tacit.execute import execute
from tacit.frontends.estimators import from_estimator
from tacit.services.measure import mode

RESULTS = Path(__file__).resolve().parent / "estimators.json"
SAMPLES = 100
CLOSE = 2.0**-8
"""Of the largest: numbers within it count as the same answer."""
SEED = {"random_state": 0}


def boosted(package: str, kind: str, **options: Any) -> Any:
    return getattr(__import__(package), kind)(random_state=0, **options)


def scaled(*steps: Any) -> Any:
    return make_pipeline(StandardScaler(), *steps)


def voting() -> Any:
    return VotingClassifier([("a", scaled(LogisticRegression())), ("b", DecisionTreeClassifier(**SEED))], voting="soft")


MODELS: dict[str, tuple[str, Callable[[], Any]]] = {
    "tree": ("iris", lambda: DecisionTreeClassifier(**SEED)),
    "forest": ("digits", lambda: RandomForestClassifier(50, max_depth=10, **SEED)),
    "forest_cancer": ("breast_cancer", lambda: RandomForestClassifier(100, **SEED)),
    "forest_scaled": ("breast_cancer", lambda: scaled(RandomForestClassifier(30, **SEED))),
    "forest_regressor": ("diabetes", lambda: RandomForestRegressor(50, max_depth=6, **SEED)),
    "extra_trees": ("breast_cancer", lambda: ExtraTreesClassifier(50, **SEED)),
    "extra_trees_regressor": ("diabetes", lambda: ExtraTreesRegressor(20, max_depth=8, **SEED)),
    "gradient_boosting": ("breast_cancer", lambda: GradientBoostingClassifier(n_estimators=50, **SEED)),
    "gradient_boosting_three": ("wine", lambda: GradientBoostingClassifier(n_estimators=20, **SEED)),
    "gradient_boosting_regressor": ("diabetes", lambda: GradientBoostingRegressor(n_estimators=50, **SEED)),
    "hist_boosting": ("breast_cancer", lambda: HistGradientBoostingClassifier(max_iter=30, **SEED)),
    "hist_boosting_regressor": ("diabetes", lambda: HistGradientBoostingRegressor(max_iter=30, **SEED)),
    "ada_boost": ("breast_cancer", lambda: AdaBoostClassifier(n_estimators=10, **SEED)),
    "ada_boost_regressor": ("diabetes", lambda: AdaBoostRegressor(n_estimators=5, **SEED)),
    "bagging": ("wine", lambda: BaggingClassifier(n_estimators=5, **SEED)),
    "bagging_regressor": ("diabetes", lambda: BaggingRegressor(n_estimators=5, **SEED)),
    "isolation_forest": ("breast_cancer", lambda: IsolationForest(n_estimators=10, **SEED)),
    "xgboost": ("digits", lambda: boosted("xgboost", "XGBClassifier", n_estimators=10, max_depth=4)),
    "xgboost_two": ("breast_cancer", lambda: boosted("xgboost", "XGBClassifier", n_estimators=50, max_depth=4)),
    "xgboost_regressor": ("diabetes", lambda: boosted("xgboost", "XGBRegressor", n_estimators=50, max_depth=4)),
    "xgboost_scaled": ("breast_cancer", lambda: scaled(boosted("xgboost", "XGBClassifier", n_estimators=20, max_depth=4))),
    "lightgbm": ("breast_cancer", lambda: boosted("lightgbm", "LGBMClassifier", n_estimators=50, verbose=-1)),
    "lightgbm_three": ("wine", lambda: boosted("lightgbm", "LGBMClassifier", n_estimators=20, verbose=-1)),
    "lightgbm_regressor": ("diabetes", lambda: boosted("lightgbm", "LGBMRegressor", n_estimators=50, verbose=-1)),
    "lightgbm_scaled": ("breast_cancer", lambda: scaled(boosted("lightgbm", "LGBMClassifier", n_estimators=20, verbose=-1))),
    "svm": ("wine", lambda: scaled(SVC())),
    "svm_linear": ("breast_cancer", lambda: scaled(SVC(kernel="linear"))),
    "svm_poly": ("breast_cancer", lambda: scaled(SVC(kernel="poly"))),
    "svm_sigmoid": ("wine", lambda: scaled(SVC(kernel="sigmoid"))),
    "svm_probabilities": ("breast_cancer", lambda: scaled(SVC(probability=True, **SEED))),
    "svm_coupled": ("wine", lambda: scaled(SVC(probability=True, **SEED))),
    "nu_svm": ("wine", lambda: scaled(NuSVC(**SEED))),
    "linear_svm": ("breast_cancer", lambda: scaled(LinearSVC())),
    "svr": ("diabetes", lambda: scaled(SVR(C=100))),
    "logistic": ("breast_cancer", lambda: scaled(LogisticRegression())),
    "logistic_digits": ("digits", lambda: scaled(LogisticRegression(max_iter=1000))),
    "calibrated": ("wine", lambda: CalibratedClassifierCV(scaled(LinearSVC()), cv=2)),
    "voting": ("wine", voting),
    "ridge": ("diabetes", Ridge),
    "linear": ("diabetes", LinearRegression),
    "polynomial": ("iris", lambda: scaled(PolynomialFeatures(2), LogisticRegression(max_iter=1000))),
    "polynomial_ridge": ("diabetes", lambda: make_pipeline(PolynomialFeatures(2), Ridge())),
    "principal_components": ("breast_cancer", lambda: scaled(PCA(5), LogisticRegression())),
    "min_max": ("breast_cancer", lambda: make_pipeline(MinMaxScaler(), LogisticRegression())),
    "bins": ("diabetes", lambda: make_pipeline(KBinsDiscretizer(3, encode="onehot-dense"), Ridge())),
    "normalizer_forest": (
        "breast_cancer",
        lambda: make_pipeline(SimpleImputer(), Normalizer(), RandomForestClassifier(20, **SEED)),
    ),
    "neighbours": ("iris", lambda: KNeighborsClassifier(5)),
    "neighbours_scaled": ("wine", lambda: scaled(KNeighborsClassifier(5))),
    "neighbours_weighted": ("wine", lambda: scaled(KNeighborsClassifier(5, weights="distance"))),
    "neighbours_digits": ("digits", lambda: KNeighborsClassifier(3)),
    "neighbours_regressor": ("diabetes", lambda: KNeighborsRegressor(5)),
    "gaussian_bayes": ("iris", GaussianNB),
    "gaussian_bayes_cancer": ("breast_cancer", GaussianNB),
    "multinomial_bayes": ("digits", MultinomialNB),
    "bernoulli_bayes": ("digits", lambda: BernoulliNB(binarize=8.0)),
    "complement_bayes": ("digits", ComplementNB),
    "mlp": ("breast_cancer", lambda: scaled(MLPClassifier((32,), max_iter=300, **SEED))),
    "mlp_digits": ("digits", lambda: MLPClassifier((64,), max_iter=100, **SEED)),
    "mlp_regressor": ("diabetes", lambda: scaled(MLPRegressor(hidden_layer_sizes=(32,), max_iter=500, **SEED))),
    "linear_discriminant": ("wine", LinearDiscriminantAnalysis),
    "quadratic_discriminant": ("iris", QuadraticDiscriminantAnalysis),
    "k_means": ("digits", lambda: KMeans(10, n_init=3, **SEED)),
    "gaussian_process": (
        "diabetes",
        lambda: scaled(GaussianProcessRegressor(RBF(3.0) * 1000.0 + WhiteKernel(3000.0), optimizer=None)),
    ),
}


def answers_of(session: onnxruntime.InferenceSession, names: list[str], row: np.ndarray) -> list[np.ndarray]:
    """The outputs for one row; probabilities by class name as an array."""
    results = session.run(names, {session.get_inputs()[0].name: row[None]})
    return [np.array([list(r[0].values())]) if isinstance(r, list) else r for r in results]


def measure(name: str, rows: int | None = None) -> dict[str, Any]:
    """`differ` from onnxruntime and `differ_estimator`: held-out rows with another label, or a number that is off by more than
    CLOSE of the largest. `score_error`: the largest error of probabilities or scores against onnxruntime, over the largest."""
    data, make = MODELS[name]
    features, targets = getattr(datasets, f"load_{data}")(return_X_y=True)
    fit, held, fit_targets, _ = train_test_split(features.astype(np.float32), targets, test_size=0.4, random_state=0)
    held = held[:rows]
    fitted = make().fit(fit, fit_targets)
    model = tacit.compile(fitted, samples=fit[:SAMPLES])
    names = [signature.name for signature in model.key.outputs]
    session = onnxruntime.InferenceSession(from_estimator(fitted).SerializeToString(), providers=["CPUExecutionProvider"])
    found: list[list[np.ndarray]] = []
    wanted: list[list[np.ndarray]] = []
    for row in held:
        _, public, _ = execute(model.program, model.tensors(), model.integers({model.declared[0].name: row[None]}))
        found.append([v for s, v in model.key.public_values(public) if s.is_output])
        wanted.append(answers_of(session, names, row))
    got, onnx, want = (
        np.array([np.ravel(answer)[0] for answer in answers])
        for answers in (
            [outputs[0] for outputs in found],
            [outputs[0] for outputs in wanted],
            np.asarray(fitted.predict(held)),
        )
    )
    limit = np.abs(want).max() * CLOSE if got.dtype.kind == "f" else 0
    gap = np.abs(got.astype(np.float64) - onnx)
    scores = [(a[1], b[1]) for a, b in zip(found, wanted) if len(a) > 1]
    model.prepare()
    start = time.perf_counter()
    receipt = model.prove(held[0])
    proved = time.perf_counter()
    tacit.verify(receipt, model.key)
    verified = time.perf_counter()
    return {
        "model": name,
        "data": data,
        "mode": mode(model.openings),
        "rows": len(held),
        "differ": int((gap > limit).sum()),
        "differ_estimator": int((np.abs(got.astype(np.float64) - want) > limit).sum()),
        "max_error": float(gap.max()),
        "score_error": max((float(np.abs(a - b).max()) for a, b in scores), default=0.0)
        / max((float(np.abs(b).max()) for _, b in scores), default=1.0),
        "bits": model.scales.width.bits,
        "cells": model.report.cells,
        "lookups": model.report.lookups,
        "prove_s": proved - start,
        "verify_ms": 1000 * (verified - proved),
        "receipt_kb": len(receipt.to_bytes()) / 1000,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(MODELS))
    parser.add_argument("--rows", type=int, help="at most so many held-out rows of each")
    given = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in given.names:
        results[name] = measure(name, given.rows)
        print(json.dumps(results[name]), flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
