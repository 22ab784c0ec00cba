"""Linear models and support vector machines against onnxruntime: transforms, one score for two classes, coupled probabilities."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, random

from tacit.errors import UnsupportedOperator
from tacit.operators.classical.coupling import chebyshev

ROWS = np.array([[0.1, 0.2], [0.3, -0.1], [-0.3, 0.5], [0.05, 0.0]], np.float32)
TRANSFORMS = ["NONE", "LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"]
LINEAR = {"kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 0.0]}


def check(operator: str, *outputs: str, tolerance: float = 4e-3, **attributes) -> None:
    node = helper.make_node(operator, ["x"], list(outputs), "node", domain="ai.onnx.ml", **attributes)
    for output in outputs:
        kind = TensorProto.INT64 if output == "l" else TensorProto.FLOAT
        compare([node], {"x": ROWS}, [output], output_type=kind, tolerance=tolerance)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_linear_regression(transform):
    check("LinearRegressor", "y", coefficients=[1.0, 0.5], intercepts=[0.25], post_transform=transform)
    two = {"coefficients": [1.0, 0.5, -2.0, 0.0], "intercepts": [0.25, 0.0], "targets": 2}
    check("LinearRegressor", "y", post_transform=transform, **two)


def test_probit_is_the_inverse_normal_distribution():
    two = {"coefficients": [0.5, 0.5, -0.2, 0.1], "intercepts": [0.4, 0.7]}
    check("LinearRegressor", "y", targets=2, post_transform="PROBIT", tolerance=1e-2, **two)
    with pytest.raises(UnsupportedOperator, match="export a score for each class"):
        one = {"coefficients": [1.0, 0.5], "intercepts": [0.2], "classlabels_ints": [3, 5]}
        check("LinearClassifier", "l", "y", post_transform="PROBIT", **one)


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_linear_classification(transform):
    one = {"coefficients": [1.0, 0.5], "intercepts": [0.2], "post_transform": transform}
    check("LinearClassifier", "l", "y", **one)
    check("LinearClassifier", "l", "y", classlabels_ints=[3, 5], **one)
    two = {"coefficients": [1.0, 0.5, -2.0, 0.1], "intercepts": [0.2, 0.0], "post_transform": transform}
    check("LinearClassifier", "l", "y", classlabels_ints=[3, 5], **two)


def test_labels_and_scores_must_be_as_many():
    with pytest.raises(UnsupportedOperator, match="one score for 3 labels"):
        check("LinearClassifier", "l", "y", coefficients=[1.0, 0.5], intercepts=[0.2], classlabels_ints=[3, 5, 6])


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_support_vectors_of_two_classes(transform):
    both = {"rho": [0.15], "classlabels_ints": [3, 5], "post_transform": transform, **LINEAR}
    vectors = {"support_vectors": [1.0, 0.5, 2.0, 0.25], "vectors_per_class": [1, 1]}
    check("SVMClassifier", "l", "y", coefficients=[1.0, -1.0], **vectors, **both)
    check("SVMClassifier", "l", "y", coefficients=[1.0, 0.5, -1.0, 2.0], **both)
    check("SVMClassifier", "l", "y", coefficients=[1.0, 0.5, 1.0, 2.0], **both)
    check("SVMRegressor", "y", coefficients=[1.0, 0.5], n_supports=0, rho=[0.15], post_transform=transform, **LINEAR)


@pytest.mark.parametrize("classes", [2, 3, 6])
def test_coupled_probabilities(classes):
    """onnxruntime stops where its gradient is below 0.005 / classes."""
    pairs = classes * (classes - 1) // 2
    check(
        "SVMClassifier",
        "l",
        "y",
        coefficients=random(2, 2 * classes * (classes - 1)).tolist(),
        support_vectors=random(3, 2 * classes, 2).reshape(-1).tolist(),
        vectors_per_class=[2] * classes,
        rho=random(4, pairs).tolist(),
        classlabels_ints=list(range(classes)),
        prob_a=(-1 - np.abs(random(5, pairs))).tolist(),
        prob_b=random(6, pairs, scale=0.3).tolist(),
        kernel_type="RBF",
        kernel_params=[0.3, 0.0, 0.0],
        tolerance=1e-2,
    )


@pytest.mark.parametrize("classes", [2, 3, 7, 12])
def test_the_iteration_converges_for_every_pair_probabilities(classes):
    """Random ones and certain ones: within 2^-9 of the minimum."""
    pairs, generator = list(combinations(range(classes), 2)), np.random.default_rng(classes)
    for wins in (*generator.uniform(size=(20, len(pairs))), *generator.integers(0, 2, (20, len(pairs)))):
        r = np.zeros((classes, classes))
        for (i, j), win in zip(pairs, wins):
            r[i, j], r[j, i] = win, 1 - win
        q = np.diag((r**2).sum(axis=0)) - r.T * r
        turned = q @ (np.eye(classes) - 1 / classes)
        p, before = np.full(classes, 1 / classes), np.zeros(classes)
        for step, momentum in chebyshev(1 / classes, classes - 1):
            before, p = p, p - step * (p @ turned) + momentum * (p - before)
        bordered = np.block([[q, np.ones((classes, 1))], [np.ones((1, classes)), np.zeros((1, 1))]])
        np.testing.assert_allclose(p, np.linalg.solve(bordered, np.eye(classes + 1)[-1])[:-1], atol=2.0**-9)
