"""Matrix products take over slope and offset of the normalisation that they read: its result is neither rounded nor committed."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import tacit
from tacit import _core
from tacit.execute import executed

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


def compiled(nodes, outputs, widths="faithful"):
    made = [helper.make_node(operator, inputs.split(), [output], name=output) for operator, inputs, output in nodes]
    used = {name for node in made for name in node.input}
    value = lambda name, width: helper.make_tensor_value_info(name, TensorProto.FLOAT, [ROWS, width])  # noqa: E731
    constants = [helper.make_tensor(n, TensorProto.FLOAT, a.shape, a.reshape(-1)) for n, a in WEIGHTS.items() if n in used]
    graph = helper.make_graph(made, "g", [value("x", WIDTH)], [value(*output) for output in outputs], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=8)
    return tacit.compile(model, X, widths=widths, openings=0)


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


@pytest.mark.parametrize("inputs", ["x g b", "x g"])
def test_a_matrix_of_integers_stays_one(inputs):
    """Slope and matrix are factors of their own of a product of three, rounded once."""
    model = compiled([("LayerNormalization", inputs, "n"), ("MatMul", "n small", "y")], [("y", 24)])
    line = normal(X[0]) * WEIGHTS["g"] + (WEIGHTS["b"] if " b" in inputs else 0)
    np.testing.assert_allclose(proved(model)[0], line @ WEIGHTS["small"], atol=2e-2)
    assert [step.name for step in model.program.steps if step.gadget.startswith("round")] == ["n/normalised", "y/output"]
    np.testing.assert_array_equal(model.tensors()["small"].reshape(WIDTH, 24), WEIGHTS["small"])
    terms = [term for step in model.program.steps if step.name == "y/output" for term in step.arguments["x"].terms]
    assert [factor.column.name for factor in terms[0].factors] == ["n/normalised", "small/slope", "small"]


def test_no_other_line_joins_a_matrix_of_integers():
    """The relation of the rounded product refuses every other cell of the rows, and every other result."""
    model = compiled([("RMSNormalization", "x g", "n"), ("MatMul", "n small", "y")], [("y", 24)])
    builder = executed(model.program, model.tensors(), model.integers({"x": X[0]}), check=True)
    assert _core.check(model.circuit, model.weights, builder.public(), builder.witness()) is None
    for name in ("n/normalised", "y/output"):
        kept = builder.values[name]
        builder.values[name] = kept.copy()
        builder.values[name].reshape(-1)[5] += 1
        assert _core.check(model.circuit, model.weights, builder.public(), builder.witness()) is not None
        builder.values[name] = kept


@pytest.mark.parametrize(("widths", "error"), [("standard", 2e-2), ("faithful", 4e-3)])
def test_16_bit_floats_are_kept_at_faithful_widths(widths, error):
    """The least lie far below the others. At standard widths the slope goes into them; at faithful ones they are kept, and a slope
    leaves no room beside so many bits, so that the line is made."""
    wide = (RNG.normal(size=(WIDTH, 24)) * np.exp2(RNG.uniform(-14, 0, (WIDTH, 24)))).astype(np.float16).astype(np.float32)
    WEIGHTS["wide"] = wide
    model = compiled([("RMSNormalization", "x g", "n"), ("MatMul", "n wide", "y")], [("y", 24)], widths)
    np.testing.assert_allclose(proved(model)[0], normal(X[0], False) * WEIGHTS["g"] @ wide, atol=error)
    assert ("wide/sloped" in model.tensors()) == (widths == "standard")
    assert "wide/slope" not in model.tensors()


def test_a_matrix_that_another_product_reads_leaves_the_line():
    nodes = [("MatMul", "n w", "y"), ("MatMul", "x w", "z")]
    model = compiled([("LayerNormalization", "x g b", "n"), *nodes], [(output, 24) for _, _, output in nodes])
    line = normal(X[0]) * WEIGHTS["g"] + WEIGHTS["b"]
    np.testing.assert_allclose(proved(model)[0], line @ WEIGHTS["w"], atol=2e-2)
    assert any(name in ("n", "n/factor") for name in steps_of(model, "n"))


def test_a_line_that_must_be_made_is_not_joined():
    """One reader needs the line itself: the matrix of integers reads it too."""
    nodes = [("LayerNormalization", "x g b", "n"), ("MatMul", "n small", "y"), ("Relu", "n", "z")]
    model = compiled(nodes, [("y", 24), ("z", WIDTH)])
    line = normal(X[0]) * WEIGHTS["g"] + WEIGHTS["b"]
    np.testing.assert_allclose(proved(model)[0], line @ WEIGHTS["small"], atol=2e-2)
    assert "small/slope" not in model.tensors()
