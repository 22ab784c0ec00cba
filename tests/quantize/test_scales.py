"""Exponents leave one bit of headroom, and widths follow the size of the model."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tacit.errors import ModelError
from tacit.graph import Graph, Node, Value
from tacit.quantize import quantize


@dataclass(frozen=True)
class Seen:
    low: float
    high: float
    least: float = 0.0
    typical: float = 0.0

    @property
    def absolute(self) -> float:
        return max(abs(self.low), abs(self.high))


def graph(size: int, dtype: str = "float32") -> Graph:
    node = Node("Relu", "", "relu", ("x",), ("y",), {})
    values = {"x": Value("x", (size,), dtype), "y": Value("y", (size,), "float32")}
    return Graph((node,), values, ("x",), ("y",), {}, 17)


@given(st.floats(1e-2, 1e6), st.sampled_from(["lean", "standard", "faithful"]))
def test_one_headroom_bit_and_no_more(largest, widths):
    seen = Seen(-largest, largest / 2)
    scales = quantize(graph(4), {"x": seen, "y": seen}, widths)
    steps = largest * 2.0 ** scales.exponents["y"]
    assert 2 ** (scales.bits - 3) < steps <= 2 ** (scales.bits - 2)


def test_nothing_that_was_observed_is_clipped():
    scales = quantize(graph(4), {"x": Seen(-1.0, 3.0), "y": Seen(0.0, 3.0)})
    x = scales.inputs["x"]
    assert x.low <= -1.0 * 2**x.exponent and 3.0 * 2**x.exponent <= x.high


def test_toys_get_12_bits_and_others_16():
    ranges = {"x": Seen(-1.0, 1.0), "y": Seen(0.0, 1.0)}
    assert quantize(graph(100), ranges).bits == 12
    assert quantize(graph(1 << 16), ranges).bits == 16
    assert quantize(graph(1 << 16), ranges, "lean").bits == 12
    assert quantize(graph(100), ranges, "faithful").bits == 16


def test_integer_inputs_stay_integers():
    scales = quantize(graph(4, "uint8"), {"x": Seen(0, 7), "y": Seen(0.0, 7.0)})
    assert (scales.inputs["x"].exponent, scales.inputs["x"].low, scales.inputs["x"].high) == (0, 0, 255)
    assert quantize(graph(4, "int64"), {"x": Seen(-5, 7), "y": Seen(0.0, 7.0)}).inputs["x"].low <= -5


def embedding(*more: Node) -> Graph:
    """x, reshaped, picks rows of a table of 1000; `more` reads x too."""
    nodes = (
        Node("Reshape", "", "r", ("x", "shape"), ("flat",), {}),
        Node("Cast", "", "c", ("flat",), ("short",), {"to": 6}),
        Node("Gather", "", "g", ("table", "short"), ("y",), {"axis": 0}),
        *more,
    )
    constants = {"table": np.zeros((1000, 4), np.float32), "shape": np.array([3])}
    kinds = {
        "x": ((1, 3), "int64"),
        "flat": ((3,), "int64"),
        "short": ((3,), "int32"),
        "y": ((3, 4), "float32"),
        "z": ((1, 3), "float32"),
    }
    values = {name: Value(name, *kind) for name, kind in kinds.items()}
    values |= {name: Value(name, array.shape, array.dtype.name) for name, array in constants.items()}
    return Graph(nodes, values, ("x",), ("y", *(o for node in more for o in node.outputs)), constants, 17)


def test_places_on_an_axis_have_its_length_whatever_was_observed():
    ranges = {"x": Seen(3, 9), "y": Seen(0.0, 1.0)}
    found = quantize(embedding(), ranges).inputs["x"]
    assert (found.exponent, found.low, found.high) == (0, 0, 999)
    found = quantize(embedding(), {**ranges, "x": Seen(-2, 9)}).inputs["x"]
    assert (found.low, found.high) == (-1000, 999)
    other = Node("Gather", "", "h", ("table", "x"), ("z",), {"axis": -1})
    assert quantize(embedding(other), ranges).inputs["x"].high == 999, "the longer of two axes"
    other = Node("Cast", "", "f", ("x",), ("z",), {"to": 1})
    assert quantize(embedding(other), ranges).inputs["x"].high == 32, "a number, too: twice the power of two above 9"


def test_an_exact_zero_minimum_is_a_physical_one():
    assert quantize(graph(4), {"x": Seen(0.0, 1.0), "y": Seen(0.0, 1.0)}).inputs["x"].low == 0
    assert quantize(graph(4), {"x": Seen(0.01, 1.0), "y": Seen(0.0, 1.0)}).inputs["x"].low < 0


def test_faults_are_named():
    ranges = {"x": Seen(-1.0, 1.0), "y": Seen(0.0, 1.0)}
    with pytest.raises(ModelError, match="widths"):
        quantize(graph(4), ranges, "huge")
    with pytest.raises(ModelError, match="'x'"):
        quantize(graph(4), {"y": Seen(0.0, 1.0)})
    with pytest.raises(ModelError, match="'y'"):
        quantize(graph(4), {"x": Seen(0.0, 1.0), "y": Seen(0.0, np.inf)})
