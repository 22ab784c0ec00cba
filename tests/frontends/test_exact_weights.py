"""Weights of GGUF files that are quantised are used as the integers that they are: the columns of a compiled model, times their
steps, are the file's numbers, no second rounding between. So are 16-bit floats at faithful widths; at others they are rounded once.
"""

from __future__ import annotations

import numpy as np
import plain_models as plain
import pytest
from onnx import TensorProto, helper, numpy_helper
from plain_models import LAYERS
from test_families import IDS, LLAMA_NAMES, POSITIONS, llama_metadata, renamed
from weight_files import F16, F32, Q4_0, Q4_1, Q8_0, bfloat16, ggml_blocks, gguf_bytes

from tacit.frontends import models
from tacit.frontends.checkpoint import brain_floats
from tacit.frontends.gguf_blocks import TYPES
from tacit.frontends.onnx import load
from tacit.lower import lower
from tacit.numbers.fixed import exact_exponent
from tacit.observe import observe
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.operators.weights import are_half_precision
from tacit.passes import expand, join_softmax, simplify
from tacit.quantize import quantize

ROWS = [{"input_ids": ids[None], "position": place.reshape(1)} for ids, place in zip(IDS, POSITIONS)]


def exactly(integers: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether integers times one power of two are these floats."""
    return not off(integers, numbers).any()


def rounded(integers: np.ndarray, numbers: np.ndarray) -> bool:
    """Whether they are the nearest ones, and some floats lie between, as less than 2^15 steps root mean square leave them."""
    least = np.sqrt(np.square(integers.astype(np.float64)).mean()) < 2**15
    return bool(off(integers, numbers).any() and off(integers, numbers).max() <= 0.5 and least)


def off(integers: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """By how many steps, of a power of two, the floats miss the integers."""
    steps = np.abs(integers).max() / np.abs(numbers).max()
    exact = np.ldexp(numbers.astype(np.float64), round(float(np.log2(steps))))
    return np.abs(integers.reshape(numbers.shape) - exact)


@pytest.mark.parametrize("kind", [Q8_0, Q4_0, Q4_1, F16])
@pytest.mark.parametrize("widths", ["lean", "standard", "faithful"])
def test_columns_are_the_files_numbers(tmp_path, kind, widths):
    tensors = plain.llama_tensors(np.random.default_rng(2), "llama", 8, tied=False)
    given = {
        renamed(name, LLAMA_NAMES, "model.layers."): (array, F32 if array.ndim < 2 else kind if array.shape[1] % 32 == 0 else F16)
        for name, array in tensors.items()
    }
    data, meant = gguf_bytes(llama_metadata("llama", 8), given)
    (tmp_path / "model.gguf").write_bytes(data)
    graph = models.load(tmp_path / "model.gguf", {"input_ids": IDS.shape[-1:], "position": ()}, set())
    graph = simplify(expand(join_softmax(graph), EXPANSIONS))
    columns = lower(graph, quantize(graph, observe(graph, ROWS), widths)).weights
    # The families put the rows of some matrices in another order: numbers are compared with the file's as sets.
    held = [np.sort(array, axis=None) for array in meant.values()]
    products = [node.inputs[1] for node in graph.nodes if node.kind == "MatMul" and node.inputs[1] in graph.constants]
    assert len(products) == 7 * LAYERS + 1
    for name in products:
        numbers = graph.constants[name]
        assert any(np.array_equal(np.sort(numbers, axis=None), array) for array in held)
        if widths == "faithful" or not are_half_precision(numbers):
            assert exactly(columns[name], numbers), name
        else:
            assert f"{name}/sloped" in columns or rounded(columns[name], numbers), name


@pytest.mark.parametrize("kind", [*ggml_blocks(), "BF16", "F16"])
@pytest.mark.parametrize("widths", ["lean", "standard", "faithful"])
def test_columns_are_the_numbers_of_every_type(kind, widths):
    """Blocks that ggml wrote, as the weights of a product: their scales of 16 bits times those of 4 to 8 fit in 30 bits. Floats
    of 16 bits are rounded where widths are not faithful."""
    if kind in ggml_blocks():
        blocks = next(blocks for blocks in TYPES.values() if blocks.name == kind)
        weights = blocks.floats(ggml_blocks()[kind][0].reshape(-1, blocks.bytes)).reshape(4, 256)
    else:
        drawn = np.random.default_rng(4).normal(0, 0.05, (4, 256)).astype(np.float32)
        weights = brain_floats(bfloat16(drawn)) if kind == "BF16" else drawn.astype(np.float16).astype(np.float32)
    assert len(np.unique(weights)) > 8
    kept = widths == "faithful" or kind in ggml_blocks()
    assert exactly(weight_column(weights.T, widths), weights.T) if kept else rounded(weight_column(weights.T, widths), weights.T)


def test_wide_spread_brain_floats_are_kept_but_for_the_least():
    """No 30 bits hold bfloat16 numbers whose magnitudes differ by 2^40; those within 2^-18 of the largest are kept, others to
    2^-30 of it."""
    drawn = np.random.default_rng(6).normal(0, 1, (256, 4)) * np.ldexp(1.0, -np.random.default_rng(7).integers(0, 40, (256, 4)))
    weights = brain_floats(bfloat16(drawn.astype(np.float32)))
    assert exact_exponent(weights, 30) is None
    found = weight_column(weights, "faithful").reshape(weights.shape)
    step = np.abs(weights).max() / np.abs(found).max()
    step = 2.0 ** round(float(np.log2(step)))
    error = np.abs(found * step - weights.astype(np.float64))
    large = np.abs(weights) >= np.abs(weights).max() * 2.0**-18
    assert 100 < large.sum() < 900 and not error[large].any() and 0 < error.max() <= np.abs(weights).max() * 2.0**-29


def weight_column(weights: np.ndarray, widths: str) -> np.ndarray:
    """The integers that a product of three rows with these weights holds."""
    nodes = [helper.make_node("MatMul", ["x", "w"], ["y"])]
    size, results = weights.shape
    given, result = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [3, k]) for n, k in (("x", size), ("y", results)))
    graph = helper.make_graph(nodes, "product", [given], [result], [numpy_helper.from_array(np.ascontiguousarray(weights), "w")])
    model = simplify(load(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), supported=SUPPORTED))
    rows = [{"x": np.random.default_rng(5).normal(0, 1, (3, size)).astype(np.float32)}]
    return lower(model, quantize(model, observe(model, rows), widths)).weights["w"]


def test_the_least_exponent():
    grid = np.array([[3.0, -5.0], [0.0, 7.0]])
    assert exact_exponent(grid * 2.0**-9, 4) == 9
    assert exact_exponent(grid * 2.0**5, 4) == -5
    assert exact_exponent(grid * 2.0**-9, 3) is None
    assert exact_exponent(np.array([1.0, 2.0**-20]), 20) is None
    assert exact_exponent(np.array([1.0, 2.0**-20]), 22) == 20
    many = np.full(1 << 17, 0.5)
    many[-1] = 0.3
    assert exact_exponent(many, 30) is None
    assert exact_exponent(np.random.default_rng(0).normal(0, 1, 2000).astype(np.float32), 30) is None
