"""Matrix products take over slope and offset of the normalisation that they read: its result is neither rounded nor committed."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import tacit

ROWS, WIDTH = 4, 32
RNG = np.random.default_rng(2)
WEIGHTS = {
    "w": RNG.normal(size=(WIDTH, 24)).astype(np.float32),
    "v": RNG.normal(size=(WIDTH, WIDTH)).astype(np.float32),
    "small": RNG.integers(-8, 8, (WIDTH, 24)).astype(np.float32),
    "g": RNG.uniform(0.5, 2, WIDTH).astype(np.float32),
    "b": RNG.normal(size=WIDTH).astype(np.float32),
}
X = RNG.normal(size=(3, ROWS, WIDTH)).astype(np.float32)


def compiled(nodes, outputs):
    made = [helper.make_node(operator, inputs.split(), [output], name=output) for operator, inputs, output in nodes]
    used = {name for node in made for name in node.input}
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, [ROWS, width])  # noqa: E731
    constants = [helper.make_tensor(n, TensorProto.FLOAT, a.shape, a.reshape(-1)) for n, a in WEIGHTS.items() if n in used]
    graph = helper.make_graph(made, "g", [value("x", WIDTH)], [value(*output) for output in outputs], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=8)
    return tacit.compile(model, X, widths="faithful", openings=0)


def normal(x, centred=True):
    x = x - x.mean(-1, keepdims=True) if centred else x
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5)


def proved(model):
    receipt = model.prove(X[0], hide=())
    tacit.verify(receipt, model.key)
    return receipt.outputs


def steps_of(model, name):
    return [step.name for step in model.program.steps if step.name == name or step.name.startswith(f"{name}/")]


@pytest.mark.parametrize(
    "inputs, operator", [("x g b", "LayerNormalization"), ("x g", "RMSNormalization"), ("x g", "LayerNormalization")]
)
def test_products_take_the_line(inputs, operator):
    model = compiled([(operator, inputs, "n"), ("MatMul", "n w", "y"), ("MatMul", "n v", "z")], [("y", 24), ("z", WIDTH)])
    line = normal(X[0], operator == "LayerNormalization") * WEIGHTS["g"] + (WEIGHTS["b"] if " b" in inputs else 0)
    for found, weights in zip(proved(model), ("w", "v")):
        np.testing.assert_allclose(found, line @ WEIGHTS[weights], atol=4e-3)
    rounded = [step.name for step in model.program.steps if step.gadget in ("round_saturate", "round_wide")]
    assert rounded == ["n/normalised", "y/output", "z/output"]


def test_a_sum_reads_the_line_exactly():
    """The one other reader of a line adds it up; only their sum is rounded."""
    model = compiled([("LayerNormalization", "x g b", "n"), ("MatMul", "n v", "p"), ("Add", "n p", "y")], [("y", WIDTH)])
    line = normal(X[0]) * WEIGHTS["g"] + WEIGHTS["b"]
    np.testing.assert_allclose(proved(model)[0], line + line @ WEIGHTS["v"], atol=4e-3)
    assert "n" not in steps_of(model, "n") and "n/wide" not in steps_of(model, "n")


@pytest.mark.parametrize(
    "nodes",
    [
        [("MatMul", "n small", "y")],  # integers, which are kept exactly
        [("MatMul", "n w", "y"), ("MatMul", "x w", "z")],  # a matrix that another product reads
    ],
)
def test_matrices_that_must_stay_read_the_rounded_line(nodes):
    model = compiled([("LayerNormalization", "x g b", "n"), *nodes], [(output, 24) for _, _, output in nodes])
    line = normal(X[0]) * WEIGHTS["g"] + WEIGHTS["b"]
    name = nodes[0][1].split()[1]
    np.testing.assert_allclose(proved(model)[0], line @ WEIGHTS[name], atol=2e-2)
    assert "n" in steps_of(model, "n")
