"""TfIdfVectorizer against ONNX's node cases and onnxruntime; texts are refused."""

import node_cases
import numpy as np
import pytest
from onnx import helper
from oracle import compare

from tacit.errors import UnsupportedOperator

CASES = node_cases.of("TfIdfVectorizer", "tfidfvectorizer")
POOL = {
    "pool_int64s": [2, 3, 5, 5, 4, 5, 6, 7, 8, 6, 7, 2, 3, 5],
    "ngram_counts": [0, 3, 11],
    "ngram_indexes": [4, 1, 0, 3, 2, 5, 6, 8],
}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)


@pytest.mark.parametrize("mode", ["TF", "IDF", "TFIDF"])
@pytest.mark.parametrize("weights", [None, [0.5, 2.0, 3.0, 1.0, 0.25, 7.0, 4.0, 1.5, 2.5]], ids=["plain", "weighted"])
def test_modes(mode, weights):
    counts = {"min_gram_length": 1, "max_gram_length": 3, "max_skip_count": 2}
    node = helper.make_node("TfIdfVectorizer", ["x"], ["y"], mode=mode, **counts, **POOL)
    if weights:
        node.attribute.append(helper.make_attribute("weights", weights))
    x = np.array([[2, 3, 5, 5, 4, 5, 2], [6, 7, 2, 7, 8, 2, 3]], dtype=np.int64)
    compare([node], {"x": x}, ["y"], tolerance=1e-3)


def test_texts_are_refused():
    counts = {"min_gram_length": 1, "max_gram_length": 1, "max_skip_count": 0}
    node = helper.make_node(
        "TfIdfVectorizer", ["x"], ["y"], mode="TF", pool_strings=["a"], ngram_counts=[0], ngram_indexes=[0], **counts
    )
    with pytest.raises(UnsupportedOperator, match="its n-grams are texts"):
        compare([node], {"x": np.array([1], dtype=np.int64)}, ["y"])
