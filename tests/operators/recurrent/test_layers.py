"""RNN, GRU and LSTM: ONNX's node cases as integers; the parts against onnxruntime in float for every form; the same as integers."""

import itertools

import node_cases
import numpy as np
import pytest
from onnx import TensorProto, helper
from oracle import compare, model, random

from tacit.errors import UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.observe import run_float
from tacit.operators import EXPANSIONS, SUPPORTED
from tacit.passes import expand

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
CASES = [case for operator in GATES for case in node_cases.of(operator, operator.lower())]
TIME, BATCH, INPUT, HIDDEN = 4, 3, 5, 6
LENGTHS = np.array([4, 2, 1], np.int32)
ACTIVATIONS = ["Relu", "Tanh", "Sigmoid", "Softsign", "Softplus", "LeakyRelu", "ThresholdedRelu", "Elu", "Affine", "ScaledTanh",
               "HardSigmoid"]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_node_case(case):
    node_cases.check(case)
    node_cases.check(case, tuple(range(1, 8)))


def layer(operator, lengths=None, computed=(), peepholes=False, states=True, **attributes):
    """(node, inputs, constants, outputs) of a layer; `computed` names the inputs that are no constants."""
    directions = 2 if attributes.get("direction") == "bidirectional" else 1
    width = GATES[operator] * HIDDEN
    arrays = {
        "w": random(1, directions, width, INPUT, scale=0.5),
        "r": random(2, directions, width, HIDDEN, scale=0.5),
        "b": random(3, directions, 2 * width),
    }
    inputs = ["x", "w", "r", "b", "n" if lengths is not None else ""]
    if lengths is not None:
        arrays["n"] = lengths
    if states:
        arrays |= {"h": random(4, directions, BATCH, HIDDEN), "c": random(5, directions, BATCH, HIDDEN)}
    inputs += ["h" if states else ""] + (["c" if states else ""] if operator == "LSTM" else [])
    if peepholes:
        arrays["p"] = random(6, directions, 3 * HIDDEN)
        inputs.append("p")
    outputs = ["y", "last", "cell"][: 3 if operator == "LSTM" else 2]
    node = helper.make_node(operator, inputs, outputs, "layer", hidden_size=HIDDEN, **attributes)
    arrays = {name: array for name, array in arrays.items() if name in inputs}
    feeds = {"x": random(0, TIME, BATCH, INPUT)} | {name: arrays.pop(name) for name in computed}
    return node, feeds, arrays, outputs


def parts_agree(node, feeds, constants, outputs):
    source = load(model([node], feeds, outputs, constants), supported=SUPPORTED)
    wanted, found = run_float(source, feeds), run_float(expand(source, EXPANSIONS), feeds)
    for name in outputs:
        np.testing.assert_allclose(found[name], wanted[name], atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
@pytest.mark.parametrize("lengths", [None, "constant", "computed"])
@pytest.mark.parametrize("states", [False, True])
def test_directions_lengths_and_states(operator, direction, lengths, states):
    computed = ("n",) if lengths == "computed" else ()
    parts_agree(*layer(operator, LENGTHS if lengths else None, computed, states=states, direction=direction))


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("operator", GATES)
def test_activations(operator, name):
    """The function in every place, with numbers of its own; it reads them only where ONNX says so."""
    places = {"RNN": 1, "GRU": 2, "LSTM": 3}[operator]
    names = ["Tanh"] * (places - 1) + [name]
    parts_agree(*layer(operator, activations=names, activation_alpha=[0.3], activation_beta=[0.6]))
    if name != "Softplus":  # grows without bound
        parts_agree(*layer(operator, activations=[name] * places, activation_alpha=[0.3] * places, activation_beta=[0.4] * places))
    if name not in ("Affine", "ScaledTanh", "ThresholdedRelu"):
        parts_agree(*layer(operator, activations=names))


def test_parameters_go_to_the_functions_that_read_them():
    names = ["HardSigmoid", "Tanh", "LeakyRelu", "Sigmoid", "ScaledTanh", "Elu"]
    alphas, betas = [0.3, 0.2, 0.7, 0.6], [0.45, 0.8]
    parts_agree(*layer("LSTM", direction="bidirectional", activations=names, activation_alpha=alphas, activation_beta=betas))


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("clip", [0.1, 0.7])
def test_clipped_arguments(operator, clip):
    parts_agree(*layer(operator, clip=clip))


@pytest.mark.parametrize("peepholes, input_forget, states", list(itertools.product([False, True], [0, 1], [False, True])))
def test_peepholes_and_coupled_gates(peepholes, input_forget, states):
    parts_agree(*layer("LSTM", peepholes=peepholes, input_forget=input_forget, states=states, direction="bidirectional"))


@pytest.mark.parametrize("states", [False, True])
@pytest.mark.parametrize("computed", [(), ("b", "r")])
def test_reset_after_the_product(states, computed):
    parts_agree(*layer("GRU", LENGTHS, computed, states=states, linear_before_reset=1, direction="bidirectional"))


@pytest.mark.parametrize("operator", GATES)
@pytest.mark.parametrize("options", [{}, {"lengths": LENGTHS, "computed": ("n", "h")}, {"computed": ("w", "r", "b")}])
def test_integers(operator, options):
    node, feeds, constants, outputs = layer(operator, direction="bidirectional", **options)
    compare([node], feeds, outputs, constants)


@pytest.mark.parametrize("operator", GATES)
def test_time_after_batch(operator):
    """layout = 1, which onnxruntime lacks: the same numbers in another order."""
    node, feeds, constants, outputs = layer(operator, LENGTHS, direction="bidirectional")
    wanted = run_float(load(model([node], feeds, outputs, constants), supported=SUPPORTED), feeds)
    node.attribute.append(helper.make_attribute("layout", 1))
    feeds["x"] = np.swapaxes(feeds["x"], 0, 1)
    constants |= {name: np.swapaxes(constants[name], 0, 1) for name in ("h", "c") if name in constants}
    graph = expand(load(model([node], feeds, outputs, constants), supported=SUPPORTED), EXPANSIONS)
    found = run_float(graph, feeds)
    np.testing.assert_allclose(found["y"], wanted["y"].transpose(2, 0, 1, 3), atol=1e-5)
    for name in outputs[1:]:
        np.testing.assert_allclose(found[name], np.swapaxes(wanted[name], 0, 1), atol=1e-5)


@pytest.mark.parametrize(
    "operator, attributes, reason",
    [
        ("RNN", {"activations": ["Sin"]}, "activation 'Sin'"),
        ("RNN", {"activations": ["Affine"], "activation_alpha": [0.5]}, "without its numbers"),
        ("LSTM", {"activations": ["Tanh"]}, "names 1 activations"),
    ],
)
def test_what_onnx_does_not_list_is_refused(operator, attributes, reason):
    node, feeds, constants, outputs = layer(operator, **attributes)
    with pytest.raises(UnsupportedOperator, match=reason):
        expand(load(model([node], feeds, outputs, constants, output_type=TensorProto.FLOAT), supported=SUPPORTED), EXPANSIONS)
