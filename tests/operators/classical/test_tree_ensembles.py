"""Tree ensembles against onnxruntime: aggregates, base values, transforms, modes, labels, trees without tests."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from oracle import compare, evaluate, model

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.graph.export import DOMAIN_VERSIONS
from tacit.observe import observe, run_float
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.operators.classical.tree_paths import last_below
from tacit.passes import expand, simplify
from tacit.quantize import quantize

ROWS = np.array([[-0.5, 0.25], [0.1, -1.0], [0.5, 0.25], [0.2, 3.0]], np.float32)
DEEP = [
    [("BRANCH_LEQ", 0, 0.0, 1, 2), None, ("BRANCH_LEQ", 1, 1.0, 3, 4), None, None],
    [("BRANCH_LEQ", 0, 0.2, 1, 2), None, None],
]
"""Two trees: nodes as (mode, feature, value, true, false), or a leaf."""
Weights = dict[tuple[int, int], list[tuple[int, float]]]
"""(tree, leaf) -> (target, weight)."""
POSITIVE: Weights = {(0, 1): [(0, 0.1)], (0, 3): [(0, 0.4)], (0, 4): [(0, 0.2)], (1, 1): [(0, 0.15)], (1, 2): [(0, 0.3)]}
MIXED: Weights = {(0, 1): [(0, -0.3)], (0, 3): [(0, 0.4)], (0, 4): [(0, 0.2)], (1, 1): [(0, -0.15)], (1, 2): [(0, 0.3)]}
THREE: Weights = {
    (0, 1): [(0, 0.1), (1, 0.4)],
    (0, 3): [(2, 0.4), (1, 0.1)],
    (0, 4): [(2, 0.3)],
    (1, 1): [(0, 0.15), (1, 0.35)],
    (1, 2): [(0, 0.3), (1, 0.2)],
}
NEGATIVE: Weights = {leaf: [(target, -weight) for target, weight in named] for leaf, named in THREE.items()}


def second(weights: Weights) -> Weights:
    return {leaf: [(1, weight) for _, weight in named] for leaf, named in weights.items()}


def attributes(kind: str, weights: Weights, trees: list = DEEP) -> dict:
    names = ("treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids")
    found: dict[str, list] = {f"nodes_{name}": [] for name in names}
    found |= {f"{kind}_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")}
    for tree, nodes in enumerate(trees):
        for number, node in enumerate(nodes):
            for name, value in zip(names, (tree, number, *(node or ("LEAF", 0, 0.0, 0, 0)))):
                found[f"nodes_{name}"].append(value)
    for (tree, number), named in weights.items():
        for target, weight in named:
            for name, value in zip(("treeids", "nodeids", "ids", "weights"), (tree, number, target, weight)):
                found[f"{kind}_{name}"].append(value)
    return found


def ensemble(operator: str, outputs: list[str], **given):
    return helper.make_node(operator, ["x"], outputs, "trees", domain="ai.onnx.ml", **given)


def check(node, rows=ROWS, **options) -> None:
    """Scores, and labels where there are any, of every row."""
    for output in node.output:
        kind = TensorProto.INT64 if output == "l" else TensorProto.FLOAT
        compare([node], {"x": rows}, [output], output_type=kind, **options)


@pytest.mark.parametrize("aggregate", ["SUM", "AVERAGE", "MIN", "MAX"])
@pytest.mark.parametrize("weights, base", [(POSITIVE, [0.05]), (MIXED, []), (THREE, []), (NEGATIVE, [0.1, -0.2, 0.3])])
def test_aggregates(aggregate, weights, base):
    targets = 1 if weights in (POSITIVE, MIXED) else 3
    given = attributes("target", weights) | ({"base_values": base} if base else {})
    check(ensemble("TreeEnsembleRegressor", ["y"], n_targets=targets, aggregate_function=aggregate, **given))


@pytest.mark.parametrize("transform", ["LOGISTIC", "SOFTMAX", "SOFTMAX_ZERO"])
@pytest.mark.parametrize("weights, targets", [(MIXED, 1), (NEGATIVE, 3)])
def test_transforms_of_several_scores_and_none_of_one(transform, weights, targets):
    given = attributes("target", weights)
    check(ensemble("TreeEnsembleRegressor", ["y"], n_targets=targets, post_transform=transform, **given), tolerance=4e-3)


@pytest.mark.parametrize("targets", [1, 2])
def test_probit(targets):
    weights = {leaf: [*named, (1, 0.3)][:targets] for leaf, named in POSITIVE.items()}
    given = attributes("target", weights) | {"base_values": [0.05, 0.1][:targets]}
    check(ensemble("TreeEnsembleRegressor", ["y"], n_targets=targets, post_transform="PROBIT", **given), tolerance=1e-2)


@pytest.mark.parametrize("transform", ["NONE", "LOGISTIC", "SOFTMAX"])
@pytest.mark.parametrize("weights", [POSITIVE, MIXED, second(POSITIVE), second(MIXED)])
def test_two_classes_of_which_one_has_weights(transform, weights):
    for base in ([], [0.05]):
        given = attributes("class", weights) | ({"base_values": base} if base else {})
        node = ensemble("TreeEnsembleClassifier", ["l", "y"], classlabels_int64s=[3, 5], post_transform=transform, **given)
        if base and weights[0, 1][0][0] == 1:
            with pytest.raises(UnsupportedOperator, match="base values for a class without weights"):
                check(node)
        else:
            check(node, tolerance=4e-3)


def test_base_values_of_both_classes_need_weights_of_both():
    given = attributes("class", POSITIVE) | {"base_values": [0.1, 0.2]}
    with pytest.raises(UnsupportedOperator, match="export one base value"):
        check(ensemble("TreeEnsembleClassifier", ["l", "y"], classlabels_int64s=[3, 5], **given))


def test_the_label_is_one_that_has_a_score():
    """All scores are negative, and 0 is the score of a class that no reached leaf names."""
    weights = {leaf: [pair for pair in named if pair[0] != 0 or leaf != (0, 1)] for leaf, named in NEGATIVE.items()}
    weights[1, 1], weights[1, 2] = [(1, -0.3)], [(1, -0.2)]
    check(ensemble("TreeEnsembleClassifier", ["l", "y"], classlabels_int64s=[3, 5, 9], **attributes("class", weights)))
    check(ensemble("TreeEnsembleClassifier", ["l", "y"], classlabels_int64s=[3, 5, 9], **attributes("class", THREE)))


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT", "BRANCH_EQ", "BRANCH_NEQ"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_modes(mode, dtype):
    trees = [[(mode, 0, 1.0, 1, 2), None, None], [(mode, 1, -2.0, 1, 2), None, (mode, 0, 0.5, 3, 4), None, None]]
    weights = {(0, 1): [(0, 1.0)], (0, 2): [(0, 2.0)], (1, 1): [(0, 4.0)], (1, 3): [(0, 8.0)], (1, 4): [(0, 16.0)]}
    rows = np.array([[1, -2], [0, -2], [2, 5], [1, -3], [-4, 0]], dtype)
    check(ensemble("TreeEnsembleRegressor", ["y"], n_targets=1, **attributes("target", weights, trees)), rows)


def test_trees_that_are_one_leaf():
    single: Weights = {(0, 0): [(0, 0.25)], (1, 0): [(0, -1.0)]}
    check(ensemble("TreeEnsembleRegressor", ["y"], n_targets=1, **attributes("target", single, [[None], [None]])))
    for aggregate in ("MIN", "MAX"):
        given = attributes("target", MIXED | {(2, 0): [(0, 0.25)]}, [*DEEP, [None]])
        check(ensemble("TreeEnsembleRegressor", ["y"], n_targets=1, aggregate_function=aggregate, **given))


@pytest.mark.parametrize("equal", [True, False])
def test_bounds_before_a_scaler_are_those_of_float32(equal):
    generator = np.random.default_rng(0)
    offset = np.concatenate([generator.normal(size=300) * 10.0 ** generator.integers(-3, 4, 300), [0]]).astype(np.float32)
    scale = np.exp(generator.normal(size=301) * 3).astype(np.float32)
    seen = (offset + generator.normal(size=301) / scale).astype(np.float32)
    levels = ((seen - offset) * scale).astype(np.float32)
    levels[-1] = 0
    last = last_below(offset, scale, levels, np.full(301, equal))
    after = np.nextafter(last, np.float32(np.inf))
    holds = np.less_equal if equal else np.less
    assert holds((last - offset) * scale, levels).all() and not holds((after - offset) * scale, levels).any()


@pytest.mark.parametrize("mode", ["BRANCH_LEQ", "BRANCH_LT", "BRANCH_GTE", "BRANCH_GT"])
def test_scaled_features_are_compared_as_they_are(mode):
    scaler = helper.make_node("Scaler", ["x"], ["s"], domain="ai.onnx.ml", offset=[0.1, -0.3], scale=[3.0, 0.7])
    trees = [[(mode, 0, 0.6, 1, 2), None, None]]
    given = attributes("target", {(0, 1): [(0, 1.0)], (0, 2): [(0, 2.0)]}, trees)
    level = last_below(*(np.float32([n]) for n in (0.1, 3.0, 0.6)), np.array([True]))[0]
    node = helper.make_node("TreeEnsembleRegressor", ["s"], ["y"], "trees", domain="ai.onnx.ml", n_targets=1, **given)
    for first in (level, np.nextafter(level, np.float32(9)), np.nextafter(level, np.float32(0))):
        feeds = {"x": np.array([[first, 2.0]], np.float32)}
        source = load(model([scaler, node], feeds, ["y"]), supported=SUPPORTED)
        graph = simplify(expand(source, EXPANSIONS))
        values, _ = evaluate(graph, quantize(graph, observe(graph, [feeds])), feeds)
        np.testing.assert_array_equal(values["y"], run_float(source, feeds)["y"])


def test_ensembles_of_the_same_features_are_one_forest():
    """The members of a bagging, some of which choose or scale their features, share one comparison and one path a level."""

    def regression(features, output, weights, trees=DEEP):
        given = attributes("target", weights, trees)
        return helper.make_node("TreeEnsembleRegressor", [features], [output], output, domain="ai.onnx.ml", n_targets=1, **given)

    labelled = {"classlabels_int64s": [0, 1, 2], **attributes("class", THREE)}
    nodes = [
        regression("x", "a", POSITIVE),
        helper.make_node("Gather", ["x", "order"], ["turned"], axis=1),
        helper.make_node("Scaler", ["turned"], ["scaled"], domain="ai.onnx.ml", offset=[0.5, 0.0], scale=[2.0, 0.5]),
        regression("scaled", "b", MIXED),
        regression("x", "c", {(0, 0): [(0, 0.5)], (1, 1): [(0, 1.0)], (1, 2): [(0, 2.0)]}, [[None], DEEP[1]]),
        helper.make_node("TreeEnsembleClassifier", ["x"], ["l", "y"], "y", domain="ai.onnx.ml", **labelled),
        helper.make_node("ArrayFeatureExtractor", ["x", "one"], ["chosen"], domain="ai.onnx.ml"),
        regression("chosen", "d", MIXED, [[DEEP[0][0], None, ("BRANCH_LEQ", 0, 1.0, 3, 4), None, None], DEEP[1]]),
    ]
    constants = {"order": np.array([1, 0]), "one": np.array([1])}
    compare(nodes, {"x": ROWS}, ["a", "b", "c", "d", "y"], constants)
    graph = expand(load(model(nodes, {"x": ROWS}, ["a", "b", "c", "d", "y"], constants), supported=SUPPORTED), EXPANSIONS)
    assert [node.operator for node in graph.nodes].count("LessOrEqual") == 1


@pytest.mark.parametrize("aggregate", range(4))
@pytest.mark.parametrize("transform", [0, 3])
def test_the_form_of_version_5(aggregate, transform, monkeypatch):
    monkeypatch.setitem(DOMAIN_VERSIONS, "ai.onnx.ml", 5)
    check(newer(aggregate, transform), tolerance=4e-3)


def test_softmax_and_logistic_have_the_numbers_of_the_standard(monkeypatch):
    """onnxruntime exchanges 1, SOFTMAX, and 2, LOGISTIC."""
    monkeypatch.setitem(DOMAIN_VERSIONS, "ai.onnx.ml", 5)
    found = []
    for transform in (0, 1, 2):
        proto = model([newer(1, transform)], {"x": ROWS}, ["y"])
        graph = expand(load(proto, supported=SUPPORTED), EXPANSIONS)
        values, _ = evaluate(graph, quantize(graph, observe(graph, [{"x": ROWS}]), "faithful"), {"x": ROWS})
        found.append(values["y"])
    scores, softmax, logistic = found
    np.testing.assert_allclose(softmax, np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True), atol=2e-3)
    np.testing.assert_allclose(logistic, 1 / (1 + np.exp(-scores)), atol=2e-3)


def newer(aggregate: int, transform: int):
    """One tree of two tests, the second a set; one tree of one leaf, which is a test with twice the same leaf."""
    tensors = {
        "nodes_splits": np.array([0.3, 0.0, 0.0], np.float32),
        "nodes_modes": np.array([3, 6, 0], np.uint8),
        "leaf_weights": np.array([0.5, -1.0, 2.0, 0.75], np.float32),
        "membership_values": np.array([-1.0, 3.0, np.nan], np.float32),
    }
    return ensemble(
        "TreeEnsemble",
        ["y"],
        n_targets=2,
        aggregate_function=aggregate,
        post_transform=transform,
        nodes_featureids=[0, 1, 0],
        nodes_truenodeids=[0, 1, 3],
        nodes_trueleafs=[1, 1, 1],
        nodes_falsenodeids=[1, 2, 3],
        nodes_falseleafs=[0, 1, 1],
        leaf_targetids=[0, 1, 0, 1],
        tree_roots=[0, 2],
        **{name: numpy_helper.from_array(array, name) for name, array in tensors.items()},
    )
