"""NonMaxSuppression: ONNX's node cases, and onnxruntime on random boxes."""

import node_cases
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare

from tacit.errors import UnsupportedOperator

CASES = node_cases.of("NonMaxSuppression", "nonmaxsuppression")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case, constant=(2, 3, 4))


def boxes(seed, batch, count, centred=False):
    """Boxes on a grid of eighths, many of which overlap; centred ones have even widths."""
    generator = np.random.default_rng(seed)
    low = generator.integers(0, 24, (batch, count, 2))
    span = generator.integers(1, 20, (batch, count, 2))
    corners = np.concatenate([low + span, 2 * span] if centred else [low, low + span], axis=-1)
    return (corners / 8).astype(np.float32)


@pytest.mark.parametrize("centred", [False, True])
@pytest.mark.parametrize("most, overlap, least", [(2, 0.5, None), (9, 0.25, 0.3), (4, 0.0, 0.0)])
def test_batches_and_classes(centred, most, overlap, least):
    generator = np.random.default_rng(most)
    feeds = {"b": boxes(most, 2, 7, centred), "s": generator.integers(0, 8, (2, 3, 7)).astype(np.float32) / 8}
    constants = {"m": np.array([most]), "i": np.float32([overlap])}
    if least is not None:
        constants["t"] = np.float32([least])
    node = helper.make_node("NonMaxSuppression", ["b", "s", *constants], ["y"], center_point_box=int(centred))
    compare([node], feeds, ["y"], constants, output_type=TensorProto.INT64)


def test_thresholds_that_decide_everything():
    feeds = {"b": boxes(0, 1, 4), "s": np.float32([[[0.5, 0.25, 0.75, 0.5]]])}
    for least in (-9.0, 9.0):
        constants = {"m": np.array([4]), "i": np.float32([1]), "t": np.float32([least])}
        node = helper.make_node("NonMaxSuppression", ["b", "s", *constants], ["y"])
        compare([node], feeds, ["y"], constants, output_type=TensorProto.INT64)


def test_a_selection_of_nothing_is_refused():
    feeds = {"b": boxes(0, 1, 4), "s": np.float32([[[0.5, 0.25, 0.75, 0.5]]])}
    with pytest.raises(UnsupportedOperator, match="select nothing"):
        compare([helper.make_node("NonMaxSuppression", ["b", "s"], ["y"], "n")], feeds, ["y"], output_type=TensorProto.INT64)
