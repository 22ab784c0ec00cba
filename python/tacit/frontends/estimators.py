"""Fitted estimators of scikit-learn, XGBoost and LightGBM -> ONNX, by skl2onnx and onnxmltools.

Nothing of these packages is imported unless the object that was given comes from one of them.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import onnx

from tacit.errors import ModelError, UnsupportedOperator

BASES = {
    "sklearn": {"BaseEstimator"},
    "xgboost": {"XGBModel", "Booster"},
    "lightgbm": {"LGBMModel", "Booster"},
}
"""Package -> the classes whose instances are its models."""
OPSETS = {"": 20, "ai.onnx.ml": 3}
INPUT = "input"
WITHOUT_ZIPMAP = [True, False, "columns"]
"""What the option may be where skl2onnx has registered none: this very list marks such converters."""
EXTRA = "pip install 'tacit-zkml[estimators]'"


def package_of(model: Any) -> str | None:
    """The package of an estimator: 'xgboost' or 'lightgbm' before 'sklearn', whose classes theirs inherit; None for any other
    object (classes included)."""
    found = {
        root
        for base in type(model).__mro__
        for root in [base.__module__.partition(".")[0]]
        if base.__name__ in BASES.get(root, ())
    }
    return min(found, key=lambda root: root == "sklearn") if found else None


def from_estimator(model: Any) -> Any:
    """The ModelProto of a fitted estimator, one float32 input [N, features]; any other object as it is.

    Raises ModelError when it is not fitted or a package is missing, UnsupportedOperator when there is no conversion of it.
    """
    package = package_of(model)
    if package is None:
        return model
    kind = type(model).__name__
    features = feature_count(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return CONVERSIONS[package](model, features)
        except ImportError as error:
            raise ModelError(f"Compiling a fitted {kind} needs {error.name or 'a converter'}: {EXTRA}.") from None
        except Exception as error:  # converters raise many kinds
            reason = " ".join(str(error).split())[:300].rstrip(".")
            raise UnsupportedOperator(
                f"The estimator {kind} cannot be converted to ONNX ({type(error).__name__}: {reason}); "
                "replace the part it names, or export the model to ONNX yourself."
            ) from None


def feature_count(model: Any) -> int:
    """How many features a fitted model takes. Raises ModelError when it is not fitted."""
    for name in ("num_features", "num_feature"):  # raw boosters of XGBoost and LightGBM
        if callable(count := getattr(model, name, None)):
            found = int(count())
            break
    else:
        found = int(getattr(model, "n_features_in_", 0) or 0) if is_fitted(model) else 0
    if found == 0:
        raise ModelError(f"This {type(model).__name__} is not fitted: call its fit method before tacit.compile.")
    return found


def is_fitted(model: Any) -> bool:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(model)
    except (NotFittedError, TypeError):  # TypeError: a class that cannot be fitted
        return False
    return True


def from_sklearn(model: Any, features: int) -> onnx.ModelProto:
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType

    model = copy.deepcopy(model)
    options: dict[int, dict[str, Any]] = {}
    found = list(parts(model))
    for part in found:
        if package_of(part) in REGISTER:
            REGISTER[str(package_of(part))](type(part))
        prepare(part, options)
    types = [(INPUT, FloatTensorType([None, features]))]
    proto = convert_sklearn(model, initial_types=types, options=options, target_opset=OPSETS)
    sided(proto, [part.tree_ for part in found if hasattr(part, "tree_")])
    return floored(proto, [part for part in found if package_of(part) == "lightgbm"])


def prepare(part: Any, options: dict[int, dict[str, Any]]) -> None:
    """What skl2onnx needs to be told or given in another form, for one estimator inside the (copied) model."""
    if hasattr(part, "_fit_method") or (hasattr(part, "kernel_") and hasattr(part, "X_train_")):
        options[id(part)] = {"optim": "cdist"}  # neighbours, Gaussian processes: distances as one operator instead of a loop
    if hasattr(part, "classes_") and lacks_zipmap(type(part)):
        options[id(part)] = {"zipmap": False}
    if hasattr(part, "flatten_transform"):
        part.flatten_transform = None  # of `transform` alone, and refused when set
    if hasattr(part, "_predictors"):
        take_flags(f"Sklearn{type(part).__name__}")
        for tree in (tree for row in part._predictors for tree in row):
            tree.nodes = signed(tree.nodes)
            tree.nodes["num_threshold"] = [down(threshold) for threshold in tree.nodes["num_threshold"]]


def lacks_zipmap(kind: type) -> bool:
    """Whether skl2onnx's converter of a class of classifiers refuses the option `zipmap`, which its converter of pipelines gives
    to whatever comes last; it takes it from now on."""
    from skl2onnx._supported_operators import sklearn_operator_name_map
    from skl2onnx.common._registration import _converter_pool

    registered = _converter_pool.get(sklearn_operator_name_map.get(kind))
    allowed = getattr(registered, "_options", None)
    if not isinstance(allowed, dict) or "nocl" not in allowed:
        return False
    if "zipmap" not in allowed:
        allowed["zipmap"] = WITHOUT_ZIPMAP
    return allowed["zipmap"] is WITHOUT_ZIPMAP


def take_flags(alias: str) -> None:
    """Lets skl2onnx's converter of histogram gradient boosting write flags among the whole numbers of an attribute, as it does."""
    from skl2onnx.common._registration import _converter_pool

    registered = _converter_pool[alias]
    plain = registered._fct
    if hasattr(plain, "takes_flags"):
        return

    def convert(scope: Any, operator: Any, container: Any) -> None:
        add = container.add_node

        def add_whole(kind: str, inputs: Any, outputs: Any, **attributes: Any) -> Any:
            return add(kind, inputs, outputs, **{name: whole(value) for name, value in attributes.items()})

        container.add_node = add_whole
        try:
            plain(scope, operator, container)
        finally:
            del container.add_node

    convert.takes_flags = True  # type: ignore[attr-defined]
    registered._fct = convert


def whole(value: Any) -> Any:
    """An attribute with numbers for the flags in its list."""
    return [int(item) if isinstance(item, bool) else item for item in value] if isinstance(value, list) else value


def signed(nodes: np.ndarray) -> np.ndarray:
    """Tree nodes (a structured array) whose unsigned integers and flags, which ONNX attributes do not take, are int64."""
    kinds = [(name, np.int64 if nodes.dtype[name].kind in "ub" else nodes.dtype[name]) for name in nodes.dtype.names or ()]
    return nodes.astype(kinds)


def parts(model: Any) -> Iterator[Any]:
    """The estimator and those in its attributes, at any depth, each once."""
    seen: set[int] = set()
    waiting = [model]
    while waiting:
        item = waiting.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if package_of(item) is not None:
            yield item
        if type(item).__module__.partition(".")[0] in BASES:  # estimators, and what holds fitted ones inside them
            waiting.extend(getattr(item, "__dict__", {}).values())
        elif isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)) or (isinstance(item, np.ndarray) and item.dtype == object):
            waiting.extend(np.ravel(item).tolist() if isinstance(item, np.ndarray) else item)


def sided(proto: onnx.ModelProto, trees: Sequence[Any]) -> None:
    """Writes down where scikit-learn's trees send missing values, which skl2onnx leaves out: trees are found again by their shape
    and thresholds."""
    known: dict[tuple[bytes, bytes], list[Any]] = {}
    for tree in trees:
        if np.any(getattr(tree, "missing_go_to_left", 0)):
            inner = tree.children_left >= 0
            shape = np.where(inner, tree.feature, -1).astype(np.int64).tobytes(), tree.children_left.astype(np.int64).tobytes()
            known.setdefault(shape, []).append(tree)
    for node in proto.graph.node if known else ():
        held = {attribute.name: attribute for attribute in node.attribute}
        if "nodes_treeids" not in held:
            continue
        numbers = np.array(held["nodes_treeids"].ints)
        modes = np.array([mode != b"LEAF" for mode in held["nodes_modes"].strings])
        tracks = np.zeros(len(numbers), dtype=np.int64)
        for number in np.unique(numbers):
            rows = np.flatnonzero(numbers == number)
            rows = rows[np.argsort(np.array(held["nodes_nodeids"].ints)[rows])]
            features = np.where(modes[rows], np.array(held["nodes_featureids"].ints)[rows], -1).astype(np.int64)
            left = np.where(modes[rows], np.array(held["nodes_truenodeids"].ints)[rows], -1).astype(np.int64)
            levels = np.array(held["nodes_values"].floats)[rows]
            for tree in known.get((features.tobytes(), left.tobytes()), ()):
                if np.allclose(levels[modes[rows]], tree.threshold[modes[rows]], rtol=1e-6):
                    tracks[rows] = np.where(modes[rows], tree.missing_go_to_left, 0)
        if "nodes_missing_value_tracks_true" in held:
            node.attribute.remove(held["nodes_missing_value_tracks_true"])
        node.attribute.append(onnx.helper.make_attribute("nodes_missing_value_tracks_true", tracks.tolist()))


def from_xgboost(model: Any, features: int) -> onnx.ModelProto:
    from onnxmltools import convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    return convert_xgboost(model, initial_types=[(INPUT, FloatTensorType([None, features]))])


def from_lightgbm(model: Any, features: int) -> onnx.ModelProto:
    from onnxmltools import convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    types = [(INPUT, FloatTensorType([None, features]))]
    return floored(convert_lightgbm(model, initial_types=types, zipmap=False), [model])


def floored(proto: onnx.ModelProto, boosters: Sequence[Any]) -> onnx.ModelProto:
    """The model with LightGBM's thresholds, of 64 bits, rounded down to float32 where the converter rounds them to the nearest:
    x <= t for a float32 x is x <= the largest float32 that is not above t."""
    exact = sorted({threshold for booster in boosters for threshold in thresholds(getattr(booster, "booster_", booster))})
    nearest: dict[np.float32, float] = {}
    for threshold in exact:
        nearest.setdefault(np.float32(threshold), threshold)
    for node in proto.graph.node:
        held = {attribute.name: attribute for attribute in node.attribute}
        if not exact or "nodes_values" not in held:
            continue
        rounded = [down(nearest.get(np.float32(value), value)) for value in held["nodes_values"].floats]
        leq = [mode == b"BRANCH_LEQ" for mode in held["nodes_modes"].strings]
        values = [low if is_leq else value for low, value, is_leq in zip(rounded, held["nodes_values"].floats, leq)]
        held["nodes_values"].floats[:] = values
    return proto


def thresholds(booster: Any) -> Iterator[float]:
    """Every numerical threshold of a LightGBM booster."""
    waiting = [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
    while waiting:
        node = waiting.pop()
        if "split_index" in node:
            if node["decision_type"] == "<=":
                yield float(node["threshold"])
            waiting += [node["left_child"], node["right_child"]]


def down(number: float) -> float:
    """The largest float32 that is not above a number."""
    near = np.float32(number)
    return float(near if float(near) <= number else np.nextafter(near, np.float32(-np.inf)))


def register_xgboost(kind: type) -> None:
    """Makes a class of XGBoost known to skl2onnx, for pipelines that end in it."""
    from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost

    register(kind, "XGBoost", convert_xgboost)


def register_lightgbm(kind: type) -> None:
    from onnxmltools.convert.lightgbm.operator_converters.LightGbm import convert_lightgbm

    register(kind, "LightGbm", convert_lightgbm)


def register(kind: type, alias: str, converter: Any) -> None:
    from skl2onnx import update_registered_converter
    from skl2onnx.common.shape_calculator import (
        calculate_linear_classifier_output_shapes,
        calculate_linear_regressor_output_shapes,
    )

    classifies = hasattr(kind, "predict_proba")
    shapes = calculate_linear_classifier_output_shapes if classifies else calculate_linear_regressor_output_shapes
    options = {"nocl": [True, False], "zipmap": [True, False, "columns"]} if classifies else {}
    update_registered_converter(kind, f"{alias}{kind.__name__}", shapes, converter, options=options)


CONVERSIONS = {"sklearn": from_sklearn, "xgboost": from_xgboost, "lightgbm": from_lightgbm}
REGISTER = {"xgboost": register_xgboost, "lightgbm": register_lightgbm}
