"""16-bit floats of so wide a spread that no product of three factors holds them with a slope: at standard widths their matrix is
stored with the slope in it, at faithful ones it is kept and the line is made."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.execute import executed
from tacit.fidelity import integers_of, outputs_of
from tacit.frontends.onnx import load
from tacit.lower import lower
from tacit.numbers.fixed import exact_exponent
from tacit.observe import observe
from tacit.operators import SUPPORTED
from tacit.passes import simplify
from tacit.quantize import FAITHFUL, STANDARD, quantize

ROWS, WIDTH, RESULTS = 4, 32, 24


def lowered(width, slope, matrix, samples):
    nodes = [helper.make_node("RMSNormalization", ["x", "g"], ["n"], name="n"), helper.make_node("MatMul", ["n", "w"], ["y"])]
    given, result = (
        helper.make_tensor_value_info(name, TensorProto.FLOAT, [ROWS, size]) for name, size in (("x", WIDTH), ("y", RESULTS))
    )
    constants = [numpy_helper.from_array(slope, "g"), numpy_helper.from_array(matrix, "w")]
    graph = helper.make_graph(nodes, "g", [given], [result], constants)
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=9)
    graph = simplify(load(proto, supported=SUPPORTED))
    scales = quantize(graph, observe(graph, samples), width)
    return lower(graph, scales), scales


@pytest.mark.parametrize(("width", "held"), [(STANDARD, {"w/sloped"}), (FAITHFUL, {"w", "g/stretched"})])
def test_the_slope_goes_into_the_matrix_at_standard_widths(width, held):
    rng = np.random.default_rng(5)
    spread = rng.choice([-1, 1], (WIDTH, RESULTS)) * np.exp2(rng.uniform(-19, 1, (WIDTH, RESULTS)))
    matrix = (spread.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)  # numbers of bfloat16
    slope = rng.uniform(0.5, 2, WIDTH).astype(np.float32)
    assert exact_exponent(matrix, 30) == 26
    samples = [{"x": rng.normal(size=(ROWS, WIDTH)).astype(np.float32)} for _ in range(3)]
    found, scales = lowered(width, slope, matrix, samples)
    assert set(found.weights) == held
    builder = executed(found.program, found.weights, integers_of(scales, samples[0])[0], check=True)
    x = samples[0]["x"].astype(np.float64)
    expected = x / np.sqrt(np.square(x).mean(-1, keepdims=True) + 1e-5) * slope @ matrix
    np.testing.assert_allclose(outputs_of(builder)["y"], expected, atol=4e-4 * np.abs(expected).max())
