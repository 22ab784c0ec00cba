"""The scale of attention scores goes into the weights and the bias of the queries, and the function stays."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from tacit.frontends.onnx import load
from tacit.observe import run_float
from tacit.passes import simplify

GENERATOR = np.random.default_rng(5)
ARRAYS = {
    "w": GENERATOR.standard_normal((6, 6)).astype(np.float32),
    "b": GENERATOR.standard_normal(6).astype(np.float32),
    "k": GENERATOR.standard_normal((6, 6)).astype(np.float32),
    "heads": np.array([4, 2, 3]),
    "three": np.float32(1 / 3),
    "root": np.float32([1.7]),
    "four": np.float32(4.0),
    "column": GENERATOR.uniform(1, 2, (4, 1)).astype(np.float32),
}


def graph(*steps, outputs=("y",)):
    """Queries x w + b and keys x k in two heads, then the given steps; `s` is their product."""
    made = [
        ("MatMul", "x w", "p"), ("Add", "p b", "q"), ("Reshape", "q heads", "qr"),
        ("MatMul", "x k", "kp"), ("Reshape", "kp heads", "kr"),
    ]  # fmt: skip
    nodes = [helper.make_node(operator, i.split(), [o], name=o) for operator, i, o in made]
    nodes.append(helper.make_node("Transpose", ["qr"], ["qt"], perm=[1, 0, 2], name="qt"))
    nodes.append(helper.make_node("Transpose", ["kr"], ["kt"], perm=[1, 2, 0], name="kt"))
    nodes += [helper.make_node(operator, i.split(), [o], name=o) for operator, i, o in (("MatMul", "qt kt", "s"), *steps)]
    used = {name for node in nodes for name in node.input}
    proto = helper.make_graph(
        nodes, "scores", [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4, 6])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(array, name) for name, array in ARRAYS.items() if name in used],
    )  # fmt: skip
    return load(helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8))


def scalings(found):
    return [node for node in found.nodes if node.operator in ("Mul", "Div")]


def same(source, found):
    row = {"x": GENERATOR.standard_normal((4, 6)).astype(np.float32)}
    for name, value in run_float(source, row).items():
        np.testing.assert_allclose(run_float(found, row)[name], value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("scaling", [("Div", "s root", "y"), ("Mul", "s three", "y"), ("Mul", "three s", "y")])
def test_weights_and_bias_take_the_scale(scaling):
    source = graph(scaling)
    found = simplify(source)
    assert scalings(source) and not scalings(found)
    same(source, found)


@pytest.mark.parametrize(
    "steps, outputs",
    [
        ([("Mul", "s four", "y")], ["y"]),  # a power of two costs nothing
        ([("Div", "root s", "y")], ["y"]),  # no multiple of the scores
        ([("Mul", "s column", "y")], ["y"]),  # no number
        ([("Mul", "s three", "y")], ["y", "s"]),  # the unscaled scores are an output
        ([("Mul", "s three", "y")], ["y", "q"]),  # so are the queries
        ([("Mul", "q three", "y")], ["y", "s"]),  # no product of two computed matrices
    ],
)
def test_what_others_read_or_what_gains_nothing_stays(steps, outputs):
    source = graph(*steps, outputs=outputs)
    found = simplify(source)
    assert len(scalings(found)) == 1
    same(source, found)
