"""Fitted estimators on scikit-learn's own data, 60 % to fit and 40 % held out: every held-out row as integers, one row proved.

python bench/estimators.py [NAME ...]    writes bench/estimators.json; needs the extra `estimators`, xgboost and lightgbm
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
from sklearn import datasets
from sklearn.ensemble import ExtraTreesClassifier, GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR
from sklearn.tree import DecisionTreeClassifier

import tacit
from tacit.execute import execute

RESULTS = Path(__file__).resolve().parent / "estimators.json"
SAMPLES = 200


def boosted(package: str, kind: str, **options: Any) -> Any:
    return getattr(__import__(package), kind)(random_state=0, **options)


MODELS: dict[str, tuple[str, Callable[[], Any]]] = {
    "tree": ("iris", lambda: DecisionTreeClassifier(random_state=0)),
    "forest": ("digits", lambda: RandomForestClassifier(50, max_depth=10, random_state=0)),
    "forest_cancer": ("breast_cancer", lambda: RandomForestClassifier(100, random_state=0)),
    "forest_regressor": ("diabetes", lambda: RandomForestRegressor(50, max_depth=6, random_state=0)),
    "extra_trees": ("breast_cancer", lambda: ExtraTreesClassifier(50, random_state=0)),
    "gradient_boosting": ("breast_cancer", lambda: GradientBoostingClassifier(n_estimators=50, random_state=0)),
    "xgboost": ("digits", lambda: boosted("xgboost", "XGBClassifier", n_estimators=10, max_depth=4)),
    "lightgbm": ("breast_cancer", lambda: boosted("lightgbm", "LGBMClassifier", n_estimators=50, verbose=-1)),
    "svm": ("wine", lambda: make_pipeline(StandardScaler(), SVC())),
    "svm_linear": ("breast_cancer", lambda: make_pipeline(StandardScaler(), SVC(kernel="linear"))),
    "svr": ("diabetes", lambda: make_pipeline(StandardScaler(), SVR(C=100))),
    "logistic": ("breast_cancer", lambda: make_pipeline(StandardScaler(), LogisticRegression())),
    "ridge": ("diabetes", Ridge),
}


def measure(name: str) -> dict[str, Any]:
    """`differ`: held-out rows whose label is another one (numbers: off by more than 2^-8 of the largest)."""
    data, make = MODELS[name]
    features, targets = getattr(datasets, f"load_{data}")(return_X_y=True)
    fit, held, fit_targets, _ = train_test_split(features.astype(np.float32), targets, test_size=0.4, random_state=0)
    fitted = make().fit(fit, fit_targets)
    model = tacit.compile(fitted, samples=fit[:SAMPLES])
    found = []
    for row in held:
        _, public, _ = execute(model.program, model.tensors(), model.integers({model.declared[0].name: row[None]}))
        found.append(next(v for s, v in model.key.public_values(public) if s.is_output).reshape(-1)[0])
    want, got = np.asarray(fitted.predict(held)), np.array(found)
    gap = np.abs(got.astype(np.float64) - want)
    differ = gap > (np.abs(want).max() * 2.0**-8 if got.dtype.kind == "f" else 0)
    model.prepare()
    start = time.perf_counter()
    receipt = model.prove(held[0])
    proved = time.perf_counter()
    tacit.verify(receipt, model.key)
    verified = time.perf_counter()
    return {
        "model": name,
        "data": data,
        "rows": len(held),
        "differ": int(differ.sum()),
        "max_error": float(gap.max()),
        "cells": model.report.cells,
        "lookups": model.report.lookups,
        "prove_s": proved - start,
        "verify_ms": 1000 * (verified - proved),
        "receipt_kb": len(receipt.to_bytes()) / 1000,
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", default=list(MODELS))
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in parser.parse_args().names:
        results[name] = measure(name)
        print(json.dumps(results[name]), flush=True)
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
