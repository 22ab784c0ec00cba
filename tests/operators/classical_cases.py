"""Operators of ai.onnx.ml, one at a time; trees as scikit-learn fits them."""

from __future__ import annotations

import numpy as np
from cases import case, node, random
from forests import attributes_of
from onnx import TensorProto
from sklearn.datasets import load_iris
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor

LEARNING = "ai.onnx.ml"
FLOWERS, KINDS = load_iris(return_X_y=True)
FLOWERS = FLOWERS.astype(np.float32)
TESTED = FLOWERS[[0, 57, 77, 133]]


def learned(operator: str, inputs: str, outputs: str = "y", **attributes):
    return node(operator, inputs, outputs, domain=LEARNING, **attributes)


FOREST = RandomForestClassifier(5, max_depth=4, random_state=0).fit(FLOWERS, KINDS)
VOTES = attributes_of([t.tree_ for t in FOREST.estimators_], "class", lambda tree, n: tree.value[n, 0] / 5)
FLAT = RandomForestRegressor(4, max_depth=3, random_state=0).fit(FLOWERS[:, :3], FLOWERS[:, 3])
MEANS = attributes_of([t.tree_ for t in FLAT.estimators_], "target", lambda tree, n: tree.value[n, 0] / 4)
BOOSTED = GradientBoostingClassifier(n_estimators=4, max_depth=2, random_state=0).fit(FLOWERS[:100], KINDS[:100])
STEPS = attributes_of([t[0].tree_ for t in BOOSTED.estimators_], "class", lambda tree, n: tree.value[n, 0] * 0.1)

for name, output, fast in (("label", "y s", False), ("scores", "l y", True)):
    kind = TensorProto.INT64 if name == "label" else TensorProto.FLOAT
    case(
        f"ml_forest_{name}",
        learned("TreeEnsembleClassifier", "x", output, classlabels_int64s=[3, 5, 9], **VOTES),
        TESTED,
        output_type=kind,
        fast=fast,
    )
case("ml_forest_regressor", learned("TreeEnsembleRegressor", "x", n_targets=1, **MEANS), TESTED[:, :3])
case(
    "ml_boosted",
    learned("TreeEnsembleClassifier", "x", "l y", classlabels_int64s=[0, 1], post_transform="LOGISTIC", **STEPS),
    TESTED,
)
WIDE = random(61, 3, 4)
case("ml_scaler", learned("Scaler", "x", offset=[0.5, 1, 0, -2], scale=[2.0, 0.1, 1.5, 3]), WIDE)
case("ml_normalizer_l1", learned("Normalizer", "x", norm="L1"), WIDE, widths="faithful")
case("ml_normalizer_l2", learned("Normalizer", "x", norm="L2"), WIDE, widths="faithful")
case("ml_binarizer", learned("Binarizer", "x", threshold=0.3), WIDE)
case("ml_linear_regressor", learned("LinearRegressor", "x", coefficients=[0.3, -1, 2, 0.7], intercepts=[0.1]), WIDE)
LINEAR = {"coefficients": [*random(62, 12).tolist()], "intercepts": [0.1, -0.2, 0.3]}
case(
    "ml_linear_classifier",
    learned("LinearClassifier", "x", "l y", classlabels_ints=[0, 1, 2], post_transform="SOFTMAX", **LINEAR),
    WIDE,
    fast=True,
)
case(
    "ml_linear_label",
    learned("LinearClassifier", "x", "y s", classlabels_ints=[7, 1, 2], post_transform="SOFTMAX", **LINEAR),
    WIDE,
    output_type=TensorProto.INT64,
)
case(
    "ml_label_encoder",
    learned("LabelEncoder", "x", keys_int64s=[1, 5, 9], values_int64s=[10, -20, 30], default_int64=-1),
    np.array([[1, 9, 5, 2]], np.int64),
    output_type=TensorProto.INT64,
    fast=True,
)
case("ml_one_hot", learned("OneHotEncoder", "x", cats_int64s=[1, 5, 9]), np.array([1, 9, 5, 1], np.int64))
case("ml_features", learned("FeatureVectorizer", "x z", inputdimensions=[4, 2]), {"x": WIDE, "z": random(63, 3, 2)})
case("ml_extractor", learned("ArrayFeatureExtractor", "x i"), WIDE, {"i": np.array([2, 0], np.int64)})

# support vectors: three classes of 2, 3 and 2 vectors, so that coefficients have two rows and there are three pairs
VECTORS = random(64, 7, 4, scale=0.7)
PAIRWISE = {
    "coefficients": random(65, 14).tolist(),
    "support_vectors": VECTORS.reshape(-1).tolist(),
    "vectors_per_class": [2, 3, 2],
    "rho": [0.1, -0.2, 0.05],
    "classlabels_ints": [4, 0, 7],
}
TWO = {
    "coefficients": random(66, 7).tolist(),
    "support_vectors": VECTORS.reshape(-1).tolist(),
    "vectors_per_class": [3, 4],
    "rho": [0.1],
    "classlabels_ints": [0, 1],
}
KERNELS = {
    "linear": {"kernel_type": "LINEAR", "kernel_params": [0.0, 0.0, 0.0]},
    "poly": {"kernel_type": "POLY", "kernel_params": [0.3, 0.5, 3.0]},
    "rbf": {"kernel_type": "RBF", "kernel_params": [0.25, 0.0, 0.0]},
    "sigmoid": {"kernel_type": "SIGMOID", "kernel_params": [0.2, 0.1, 0.0]},
}
for kernel, attributes in KERNELS.items():
    regression = {"coefficients": random(67, 7).tolist(), "support_vectors": VECTORS.reshape(-1).tolist(), "rho": [0.3]}
    case(f"ml_svr_{kernel}", learned("SVMRegressor", "x", n_supports=7, **regression, **attributes), WIDE, widths="faithful")
    case(f"ml_svc_{kernel}", learned("SVMClassifier", "x", "l y", **PAIRWISE, **attributes), WIDE, widths="faithful")
PLAIN = {"n_supports": 0, "coefficients": [0.3, -1, 2, 0.7], "rho": [0.3]}
case("ml_svr_plain", learned("SVMRegressor", "x", **PLAIN, **KERNELS["linear"]), WIDE)
case(
    "ml_svc_votes",
    learned("SVMClassifier", "x", "y s", **PAIRWISE, **KERNELS["rbf"]),
    WIDE,
    output_type=TensorProto.INT64,
    widths="faithful",
    fast=True,
)
case("ml_svc_two", learned("SVMClassifier", "x", "l y", **TWO, **KERNELS["rbf"]), WIDE, widths="faithful")
case(
    "ml_imputer",
    learned("Imputer", "x", replaced_value_float=-1.0, imputed_value_floats=[0.5, 1.5, 2.5, 3.5]),
    np.array([[-1, 2, -1, 0.25], [1, -1, 0, -1]], np.float32),
    fast=True,
)
case(
    "ml_distances",
    node("CDist", "x r", domain="com.microsoft", metric="euclidean"),
    WIDE,
    {"r": random(68, 5, 4)},
    widths="faithful",
)
case(
    "ml_squared_distances",
    node("CDist", "x r", domain="com.microsoft", metric="sqeuclidean"),
    WIDE,
    {"r": random(68, 5, 4)},
    widths="faithful",
)
