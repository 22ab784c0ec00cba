"""Maps that numbers scale and shift before convolutions: the kernels take it over, and the function stays."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.fidelity import cost_of
from tacit.frontends.onnx import load
from tacit.lower import lower
from tacit.observe import observe, run_float
from tacit.passes import simplify
from tacit.quantize import quantize

GENERATOR = np.random.default_rng(5)
ARRAYS = {
    "scale": np.float32([0.4]),
    "negative": np.array(-0.3, dtype=np.float32),
    "shift": np.float32([[[[-0.7]]]]),
    "far": np.float32([40.0]),
    "none": np.float32([0.0]),
    "each": GENERATOR.uniform(0.5, 1, (1, 4, 1, 1)).astype(np.float32),
    "w": GENERATOR.standard_normal((6, 4, 3, 3)).astype(np.float32),
    "c": GENERATOR.standard_normal(6).astype(np.float32),
    "own": GENERATOR.standard_normal((4, 1, 3, 3)).astype(np.float32),
    "point": GENERATOR.standard_normal((5, 4, 1, 1)).astype(np.float32),
}


def node(operator, inputs, output, **attributes):
    return helper.make_node(operator, inputs.split(), [output], name=output, **attributes)


def graph(*nodes, outputs=("y",)):
    nodes = [node("HardSwish", "x", "h"), *nodes]
    used = {name for each in nodes for name in each.input}
    proto = helper.make_graph(
        nodes,
        "maps",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 4, 6, 5])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in ARRAYS.items() if name in used],
    )
    return load(helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


SHIFTED = [node("Mul", "scale h", "a"), node("Add", "a shift", "b")]
TAKEN = {
    "padded": [*SHIFTED, node("Conv", "b w c", "y", pads=[1, 1, 1, 1])],
    "padded at one side, of strides and dilations": [
        *SHIFTED,
        node("Conv", "b w", "y", pads=[0, 2, 0, 0], strides=[2, 1], dilations=[1, 2]),
    ],
    "a kernel for each channel": [*SHIFTED, node("Conv", "b own", "y", pads=[1, 1, 1, 1], group=4)],
    "a point": [*SHIFTED, node("Conv", "b point", "y")],
    "scaled alone": [node("Mul", "h negative", "a"), node("Conv", "a w c", "y", pads=[1, 1, 1, 1])],
    "shifted, then scaled": [
        node("Add", "shift h", "a"),
        node("Mul", "a negative", "b"),
        node("Conv", "b w", "y", pads=[1, 1, 1, 1]),
    ],
    "read twice": [
        *SHIFTED,
        node("Conv", "b own", "p", pads=[1, 1, 1, 1], group=4),
        node("Conv", "b point", "q"),
        node("Concat", "p q", "y", axis=1),
    ],
}


@pytest.mark.parametrize("name", TAKEN)
def test_the_kernels_take_it_over(name):
    source = graph(*TAKEN[name])
    simple = simplify(source)
    assert {each.operator for each in simple.nodes} <= {"Conv", "Pad", "HardSwish", "Concat"}
    x = 3 * GENERATOR.standard_normal((1, 4, 6, 5)).astype(np.float32)
    want, got = (run_float(g, {"x": x})["y"] for g in (source, simple))
    np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-4)


KEPT = {
    "read by more": [*SHIFTED, node("Conv", "b w", "p", pads=[1, 1, 1, 1]), node("Relu", "b", "q")],
    "by channel": [node("Mul", "h each", "b"), node("Conv", "b w", "y", pads=[1, 1, 1, 1])],
    "of a function that others read": [*SHIFTED, node("Conv", "b w", "p", pads=[1, 1, 1, 1]), node("Relu", "h", "q")],
    "padded as it comes": [*SHIFTED, node("Conv", "b w", "y", auto_pad="SAME_UPPER")],
    "shifted by far more": [node("Mul", "scale h", "a"), node("Add", "a far", "b"), node("Conv", "b w", "y", pads=[1, 1, 1, 1])],
    "by nothing": [node("Mul", "none h", "b"), node("Conv", "b w", "y", pads=[1, 1, 1, 1])],
    "of an input": [node("Mul", "x scale", "b"), node("Conv", "b w", "y", pads=[1, 1, 1, 1])],
}


@pytest.mark.parametrize("name", KEPT)
def test_it_stays(name):
    source = graph(*KEPT[name], outputs=("p", "q") if "p" in [each.output[0] for each in KEPT[name]] else ("y",))
    kinds = [each.operator for each in simplify(source).nodes]
    assert kinds.count("Mul") + kinds.count("Add") >= 1 and "Pad" not in kinds


def test_layers_share_a_function():
    """Two layers of one function, scaled and shifted otherwise: tables are of the function alone, and the border costs no cell."""

    def lowered(*nodes):
        first = [*SHIFTED, node("Conv", "b own", "p", pads=[1, 1, 1, 1], group=4), node("HardSwish", "p", "k")]
        simple = simplify(graph(*first, *nodes))
        rows = [{"x": 3 * GENERATOR.standard_normal((1, 4, 6, 5)).astype(np.float32)} for _ in range(4)]
        return lower(simple, quantize(simple, observe(simple, rows), "standard"))

    shifted = lowered(node("Mul", "k negative", "d"), node("Add", "d shift", "e"), node("Conv", "e w", "y", pads=[1, 1, 1, 1]))
    plain = lowered(node("Conv", "k w", "y", pads=[1, 1, 1, 1]))
    found = [step.arguments["function"].label for step in shifted.program.steps if "function" in step.arguments]
    assert found == ["hard_swish", "hard_swish"]
    assert cost_of(shifted).cells == cost_of(plain).cells
