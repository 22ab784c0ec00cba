"""Functions of few elements by polynomials on pieces: no table, and the integers that a table gives."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from onnx import TensorProto, helper

from tacit.execute import executed
from tacit.fidelity import cost_of, integers_of
from tacit.frontends.onnx import load
from tacit.graph import Node
from tacit.lower import lower
from tacit.numbers.fixed import signed_range
from tacit.numbers.functions import Function, tabulate
from tacit.observe import observe
from tacit.operators import pieces
from tacit.operators.applying import apply_function
from tacit.operators.domains import window
from tacit.passes import simplify
from tacit.primitives.evaluate import Evaluate
from tacit.quantize import STANDARD, quantize

GENERATOR = np.random.default_rng(11)


def graph(kinds, size=40):
    """x y through a function, times y, and so on."""
    nodes, name = [helper.make_node("Mul", ["x", "y"], ["s"])], "s"
    for place, kind in enumerate(kinds):
        nodes.append(helper.make_node(kind, [name], [f"v{place}"]))
        nodes.append(helper.make_node("Mul", [f"v{place}", "y"], [f"w{place}"]))
        name = f"w{place}"
    value = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, size])  # noqa: E731
    proto = helper.make_graph(nodes, "functions", [value("x"), value("y")], [value(name)])
    return simplify(load(helper.make_model(proto, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)))


def lowered(source, batch=None):
    size = source.values["x"].shape
    rows = [{name: GENERATOR.standard_normal(size).astype(np.float32) for name in "xy"} for _ in range(4)]
    scales = quantize(source, observe(source, rows), STANDARD)
    return lower(source, scales, batch=batch), scales


@pytest.mark.parametrize("kinds", [("Sigmoid",), ("Tanh", "Elu"), ("HardSigmoid", "Sigmoid"), ("HardSwish",)], ids="-".join)
def test_few_elements_have_no_table_and_the_same_integers(kinds, monkeypatch):
    source = graph(kinds)
    state = GENERATOR.bit_generator.state
    found, scales = lowered(source)
    assert [step.gadget for step in found.program.steps].count("by_pieces") == len(kinds) and cost_of(found).table_rows < 1 << 14
    monkeypatch.setattr(pieces, "applied", lambda *_: None)
    GENERATOR.bit_generator.state = state
    other, _ = lowered(source)
    assert cost_of(other).table_rows >= 1 << 16
    given, _ = integers_of(scales, {name: 2 * GENERATOR.standard_normal((1, 40)).astype(np.float32) for name in "xy"})
    a, b = (next(iter(executed(each.program, each.weights, given).outputs().values())) for each in (found, other))
    np.testing.assert_array_equal(a, b)


def test_many_elements_have_a_table():
    steps = [[step.gadget for step in lowered(graph(("Sigmoid",)), batch)[0].program.steps] for batch in (10, 10_000)]
    assert "by_pieces" in steps[0] and "by_pieces" not in steps[1]


def test_layers_share_a_table_together():
    """Of twenty layers of a thousand elements each pays for no table alone; together they do. Other exponents do not count."""
    context = type("C", (), {})()
    context.graph, context.builder = graph(["Sigmoid"] * 20, 1000), type("B", (), {"batch": None})
    context.bits, context.exponent = lambda name: 16, lambda name: int(name[1:])
    function, relu = pieces.Function("sigmoid"), pieces.Function("elu", (1.0,))
    assert pieces.sharing(context, "v3", function) == 20_000
    assert pieces.sharing(context, "v3", relu) == 1000


@pytest.mark.parametrize("exponent", [9])
def test_windows_are_the_same_whatever_the_number_of_elements(exponent):
    """Gelu saturates beyond a window that is not centred: digits and pieces where elements are few, a table where they are many."""
    function = Function("gelu")
    x = np.concatenate([GENERATOR.integers(-(1 << 40), 1 << 40, 500), GENERATOR.integers(-(1 << 30), 1 << 30, 1548)])
    node = Node("Gelu", "", "g", ("x",), ("y",), {})

    def applied(size):
        values = np.resize(x, size)
        builder = Evaluate({"x": values}, check=True)
        graph = SimpleNamespace(producers={"y": node}, nodes=(node,), values={"y": SimpleNamespace(size=size)})
        context = SimpleNamespace(builder=builder, graph=graph, bits=lambda name: 16, exponent=lambda name: exponent)
        tensor = builder.input("x", (size,), -(1 << 41), 1 << 41, exponent + 16)
        found = apply_function(context, "y", tensor, 16, function, exponent)
        assert found.exponent == exponent + 1
        return builder.value(found)[:2048], any(column.name == "y/piece" for column in builder.stored)

    few, in_pieces = applied(2048)
    many, not_tabulated = applied(1 << 17)
    assert in_pieces and not not_tabulated
    least = window(function, exponent, exponent, 16)
    table = tabulate(function, least, least + 65535, exponent + 1, exponent + 1, *signed_range(17))
    expected = table[np.clip((x + (1 << 14)) >> 15, least, least + 65535) - least]
    assert (few == expected).all() and (many == expected).all()
