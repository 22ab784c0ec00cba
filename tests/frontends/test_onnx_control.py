"""Control flow, sequences and optionals: flat graphs that compute what onnxruntime computes from the model as it is."""

from __future__ import annotations

import control_cases
import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from tacit.errors import ModelError, UnsupportedOperator
from tacit.frontends.onnx import load
from tacit.graph import Graph
from tacit.graph.evaluate import Evaluator

FLOAT, INT64, BOOL = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
REFUSED = {
    "test_range_float_type_positive_delta_expanded": "the input decides how often it turns",
    "test_range_float16_type_positive_delta_expanded": "the input decides how often it turns",
    "test_range_bfloat16_type_positive_delta_expanded": "the input decides how often it turns",
    "test_sequence_model8": "into parts of",
}


def graph(name: str, nodes, inputs, outputs, constants=None) -> onnx.GraphProto:
    """`inputs`, `outputs`: {name: (element type, shape)}."""
    return helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info(key, *kind) for key, kind in inputs.items()],
        [helper.make_tensor_value_info(key, *kind) for key, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(array), key) for key, array in (constants or {}).items()],
    )


def model(nodes, inputs, outputs, constants=None, opset=17, **options) -> onnx.ModelProto:
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(f.domain, 1) for f in options.get("functions", ()))]
    return helper.make_model(graph("test", nodes, inputs, outputs, constants), opset_imports=imports, ir_version=8, **options)


def same(proto: onnx.ModelProto, *samples: dict[str, np.ndarray], **options) -> Graph:
    """The flat graph, which gives the results of the model as it is for every sample."""
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    flat = load(proto, **options)
    for sample in samples:
        expected = session.run(None, sample)
        found = Evaluator(flat).run(sample)
        for name, array in zip((entry.name for entry in session.get_outputs()), expected):
            np.testing.assert_allclose(found[name], array, rtol=1e-5, atol=1e-6)
            assert found[name].dtype == array.dtype
    return flat


def choice(condition: str = "c") -> onnx.NodeProto:
    """2 x or x + w, w of the branch's own."""
    double = graph("then", [helper.make_node("Add", ["x", "x"], ["r"])], {}, {"r": (FLOAT, [3])})
    shift = graph("else", [helper.make_node("Add", ["x", "w"], ["r"])], {}, {"r": (FLOAT, [3])}, {"w": np.float32([1, 2, 3])})
    return helper.make_node("If", [condition], ["y"], name="choice", then_branch=double, else_branch=shift)


def until(limit: float, constants: dict, inputs: dict, scans: bool = False, names=("count", "go", "s")) -> onnx.ModelProto:
    """s = s + x while the sum of s is below `limit`; `scans` collects s."""
    nodes = [
        helper.make_node("Add", ["state", "x"], ["next"]),
        helper.make_node("ReduceSum", ["next"], ["total"], keepdims=0),
        helper.make_node("Less", ["total", "limit"], ["again"]),
        helper.make_node("Identity", ["next"], ["seen"]),
    ]
    outputs = {"again": (BOOL, []), "next": (FLOAT, [2]), "seen": (FLOAT, [2])}
    body = graph(
        "body", nodes, {"i": (INT64, []), "c": (BOOL, []), "state": (FLOAT, [2])},
        outputs if scans else {name: outputs[name] for name in ("again", "next")}, {"limit": np.float32(limit)},
    )  # fmt: skip
    results = ["y", "z"] if scans else ["y"]
    node = helper.make_node("Loop", list(names), results, name="until", body=body)
    return model([node], inputs, dict.fromkeys(results, (FLOAT, None)), constants)


@pytest.mark.parametrize("name", control_cases.cases())
def test_cases_of_onnx(name):
    proto, feeds, expected = control_cases.flat(control_cases.cases()[name])
    try:
        flat = load(proto)
    except (ModelError, UnsupportedOperator):
        proto, feeds = control_cases.settled(proto, feeds)
        if name in REFUSED:
            with pytest.raises(ModelError, match=REFUSED[name]):
                load(proto)
            return
        flat = load(proto)
    found = Evaluator(flat).run(feeds)
    assert list(found) == list(expected)
    for key, array in expected.items():
        np.testing.assert_allclose(found[key], array, rtol=1e-4, atol=1e-5)
        assert found[key].dtype == array.dtype
    assert not {node.operator for node in flat.nodes} & control_cases.KINDS


def test_a_constant_condition_takes_one_branch():
    x = np.float32([1, -2, 3])
    for condition in (True, False):
        flat = same(model([choice()], {"x": (FLOAT, [3])}, {"y": (FLOAT, [3])}, {"c": np.array(condition)}), {"x": x})
        assert len([node for node in flat.nodes if node.operator == "Add"]) == 1
        assert ("choice/else_branch/w" in flat.constants) is not condition


@pytest.mark.parametrize("shape", [[], [1]])
def test_a_computed_condition_selects(shape):
    proto = model([choice()], {"c": (BOOL, shape), "x": (FLOAT, [3])}, {"y": (FLOAT, [3])})
    flat = same(proto, *({"x": np.float32([1, -2, 3]), "c": np.full(shape, c)} for c in (True, False)))
    assert "Where" in {node.operator for node in flat.nodes}


def test_a_computed_condition_selects_booleans_and_integers():
    then = graph("then", [helper.make_node("Less", ["x", "k"], ["r"]), helper.make_node("Neg", ["n"], ["m"])], {},
                 {"r": (BOOL, [3]), "m": (INT64, [2])}, {"k": np.float32(0)})  # fmt: skip
    other = graph("else", [helper.make_node("Greater", ["x", "k"], ["r"]), helper.make_node("Add", ["n", "n"], ["m"])], {},
                  {"r": (BOOL, [3]), "m": (INT64, [2])}, {"k": np.float32(2)})  # fmt: skip
    node = helper.make_node("If", ["c"], ["y", "z"], then_branch=then, else_branch=other)
    inputs = {"c": (BOOL, []), "x": (FLOAT, [3]), "n": (INT64, [2])}
    proto = model([node], inputs, {"y": (BOOL, [3]), "z": (INT64, [2])})
    for condition in (True, False):
        same(proto, {"c": np.array(condition), "x": np.float32([-1, 1, 3]), "n": np.array([4, -5])})


def test_branches_of_different_shapes_need_a_constant_condition():
    one = graph("then", [helper.make_node("ReduceSum", ["x"], ["r"])], {}, {"r": (FLOAT, [1])})
    all_of_it = graph("else", [helper.make_node("Neg", ["x"], ["r"])], {}, {"r": (FLOAT, [3])})
    node = helper.make_node("If", ["c"], ["y"], name="choice", then_branch=one, else_branch=all_of_it)
    with pytest.raises(UnsupportedOperator, match=r"'choice' \(If\) cannot be unrolled: .*float32\[1\] and float32\[3\]"):
        load(model([node], {"c": (BOOL, []), "x": (FLOAT, [3])}, {"y": (FLOAT, None)}))
    proto = model([node], {"x": (FLOAT, [3])}, {"y": (FLOAT, None)}, {"c": np.array(False)})
    assert load(proto).values["y"].shape == (3,)


def test_conditions_on_shapes_are_constant():
    """If rank and length, as exporters write them, around a Squeeze."""
    squeeze = graph("then", [helper.make_node("Squeeze", ["x", "axis"], ["r"])], {}, {"r": (FLOAT, None)}, {"axis": np.array([1])})
    keep = graph("else", [helper.make_node("Identity", ["x"], ["r"])], {}, {"r": (FLOAT, None)})
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Gather", ["s", "one"], ["length"]),
        helper.make_node("Equal", ["length", "one"], ["c"]),
        helper.make_node("If", ["c"], ["y"], then_branch=squeeze, else_branch=keep),
    ]
    for length, shape in ((1, (1, 4)), (3, (1, 3, 4))):
        proto = model(nodes, {"x": (FLOAT, ["N", "T", 4])}, {"y": (FLOAT, None)}, {"one": np.array(1)})
        flat = load(proto, shapes={"x": (length, 4)})
        assert flat.values["y"].shape == shape


LONG = np.array(2**62)
"""A trip count that stands for "until the condition says so"."""


def test_loops_end_where_count_or_condition_say():
    x = np.float32([0.5, 0.25])
    inputs = {"x": (FLOAT, [2]), "s": (FLOAT, [2])}
    for total in (-1.0, 0.0, 0.6, 2.0, 3.0, 100.0):
        proto = until(total, {"count": np.array(5), "go": np.array(True)}, inputs)
        same(proto, {"x": x, "s": np.float32([0, 0])}, {"x": x * 0 - 1, "s": np.float32([3, 3])})
    stopped = until(9.0, {"count": np.array(5), "go": np.array(False)}, inputs)
    assert same(stopped, {"x": x, "s": np.float32([1, 2])}).outputs == ("y",)


def test_loops_whose_start_or_count_is_computed():
    x, s = np.float32([0.5, 0.25]), np.float32([0.1, 0.2])
    proto = until(2.0, {"count": np.array(4)}, {"x": (FLOAT, [2]), "s": (FLOAT, [2]), "go": (BOOL, [])})
    same(proto, *({"x": x, "s": s, "go": np.array(go)} for go in (True, False)))
    proto = until(2.0, {"go": np.array(True)}, {"x": (FLOAT, [2]), "s": (FLOAT, [2]), "count": (INT64, [])})
    with pytest.raises(UnsupportedOperator, match=r"'until' \(Loop\).*without a bound; .*trips="):
        load(proto)
    same(proto, *({"x": x, "s": s, "count": np.array(count)} for count in range(5)), trips=4)
    bounded = Evaluator(load(proto, trips=2)).run({"x": x, "s": s, "count": np.array(9)})
    np.testing.assert_allclose(bounded["y"], s + 2 * x, rtol=1e-6)


def test_loops_without_a_count_need_a_bound():
    inputs = {"x": (FLOAT, [2]), "s": (FLOAT, [2])}
    for names, constants in ((("", "", "s"), {}), (("count", "", "s"), {"count": LONG})):
        proto = until(2.0, constants, inputs, names=names)
        with pytest.raises(UnsupportedOperator, match=r"'until' \(Loop\).*trips="):
            load(proto)
        sample = {"x": np.float32([0.5, 0.25]), "s": np.float32([0, 0])}
        expected = {1: [0.5, 0.25], 2: [1, 0.5], 3: [1.5, 0.75], 4: [1.5, 0.75]}
        for trips, result in expected.items():
            np.testing.assert_allclose(Evaluator(load(proto, trips=trips)).run(sample)["y"], result, rtol=1e-6)


def test_collected_values_need_a_fixed_count():
    inputs = {"x": (FLOAT, [2]), "s": (FLOAT, [2])}
    with pytest.raises(UnsupportedOperator, match="'until' .Loop.*collects a value each turn.*fixed trip count"):
        load(until(2.0, {"count": np.array(4), "go": np.array(True)}, inputs, scans=True))


def counted(turns: int, axis: int | None = None, names=("count", "")) -> onnx.ModelProto:
    """h = tanh(h W + x) `turns` times, every h collected; W belongs to the body and is large."""
    weight = (np.random.default_rng(3).standard_normal((20, 20)) / 4).astype(np.float32)
    nodes = [
        helper.make_node("Shape", ["h"], ["whole"]),
        helper.make_node("MatMul", ["h", "w"], ["p"]),
        helper.make_node("Reshape", ["p", "whole"], ["q"]),
        helper.make_node("Add", ["q", "x"], ["a"]),
        helper.make_node("Tanh", ["a"], ["b"]),
        helper.make_node("Exp", ["x"], ["outside"]),
        helper.make_node("Identity", ["c"], ["again"]),
        helper.make_node("Mul", ["b", "outside"], ["seen"]),
    ]
    inputs = {"i": (INT64, []), "c": (BOOL, []), "h": (FLOAT, [1, 20])}
    body = graph("body", nodes, inputs, {"again": (BOOL, []), "b": (FLOAT, [1, 20]), "seen": (FLOAT, [1, 20])}, {"w": weight})
    node = helper.make_node("Loop", [*names, "h0"], ["y", "z"], name="rnn", body=body)
    given = {"x": (FLOAT, [1, 20]), "h0": (FLOAT, [1, 20])}
    return model([node], given, {"y": (FLOAT, None), "z": (FLOAT, None)}, {"count": np.array(turns)})


def test_what_a_loop_computes_of_its_surroundings_is_there_once():
    generator = np.random.default_rng(0)
    sample = {name: generator.standard_normal((1, 20)).astype(np.float32) for name in ("x", "h0")}
    flat = same(counted(6), sample)
    operators = [node.operator for node in flat.nodes]
    assert operators.count("MatMul") == 6 and operators.count("Exp") == 1
    assert [array.shape for array in flat.constants.values() if array.size > 20] == [(20, 20)], "one copy of the weights"
    assert flat.values["z"].shape == (6, 1, 20)


def test_a_loop_without_turns_keeps_its_state_and_collects_nothing():
    flat = load(counted(0))
    assert flat.values["z"].shape == (0, 1, 20)


def test_endless_loops_are_refused():
    with pytest.raises(UnsupportedOperator, match=r"'rnn/\d+/.*more than 1,000 nodes"):
        load_with_few_nodes(counted(10**6))


def load_with_few_nodes(proto: onnx.ModelProto) -> Graph:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tacit.frontends.onnx_unroll.MOST_NODES", 1000)
        return load(proto)


@pytest.mark.parametrize("backwards", [0, 1])
def test_scan_with_axes_directions_and_several_states(backwards):
    """Two scanned inputs along axes 1 and -1, two states, two results along axes 1 and 0."""
    nodes = [
        helper.make_node("Add", ["p", "a"], ["sum"]),
        helper.make_node("Mul", ["q", "b"], ["product"]),
        helper.make_node("Sub", ["sum", "product"], ["difference"]),
        helper.make_node("Neg", ["b"], ["minus"]),
    ]
    kind = (FLOAT, [3])
    body = graph("body", nodes, dict.fromkeys("pqab", kind), dict.fromkeys(("sum", "product", "difference", "minus"), kind))
    node = helper.make_node(
        "Scan", ["p0", "q0", "u", "v"], ["s", "t", "d", "m"], body=body, num_scan_inputs=2, scan_input_axes=[1, -1],
        scan_input_directions=[0, backwards], scan_output_axes=[1, 0], scan_output_directions=[backwards, 0],
    )  # fmt: skip
    inputs = {"p0": kind, "q0": kind, "u": (FLOAT, [3, 4]), "v": (FLOAT, [3, 4])}
    generator = np.random.default_rng(7)
    sample = {name: generator.standard_normal(shape).astype(np.float32) for name, (_, shape) in inputs.items()}
    flat = same(model([node], inputs, dict.fromkeys("stdm", (FLOAT, None))), sample)
    assert flat.values["d"].shape == (3, 4) and flat.values["m"].shape == (4, 3)


def test_loops_within_loops_and_branches_within_them():
    """For i < 3: for j < 2: s = s + x where i + j is even (a constant), else s - x; then doubled where s's sum is positive."""
    plus = graph("plus", [helper.make_node("Add", ["s", "x"], ["r"])], {}, {"r": (FLOAT, [2])})
    minus = graph("minus", [helper.make_node("Sub", ["s", "x"], ["r"])], {}, {"r": (FLOAT, [2])})
    nodes = [
        helper.make_node("Add", ["i", "j"], ["k"]),
        helper.make_node("Mod", ["k", "two"], ["odd"]),
        helper.make_node("Cast", ["odd"], ["is_odd"], to=BOOL),
        helper.make_node("If", ["is_odd"], ["r"], then_branch=minus, else_branch=plus),
        helper.make_node("Identity", ["c1"], ["c2"]),
    ]
    inner = graph("inner", nodes, {"j": (INT64, []), "c1": (BOOL, []), "s": (FLOAT, [2])}, {"c2": (BOOL, []), "r": (FLOAT, [2])})
    double = graph("double", [helper.make_node("Add", ["after", "after"], ["d"])], {}, {"d": (FLOAT, [2])})
    keep = graph("keep", [helper.make_node("Identity", ["after"], ["d"])], {}, {"d": (FLOAT, [2])})
    nodes = [
        helper.make_node("Loop", ["two", "", "t"], ["after"], body=inner),
        helper.make_node("ReduceSum", ["after"], ["total"], keepdims=0),
        helper.make_node("Greater", ["total", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["d"], then_branch=double, else_branch=keep),
        helper.make_node("Identity", ["c3"], ["c4"]),
    ]
    outer = graph("outer", nodes, {"i": (INT64, []), "c3": (BOOL, []), "t": (FLOAT, [2])}, {"c4": (BOOL, []), "d": (FLOAT, [2])})
    node = helper.make_node("Loop", ["three", "", "x0"], ["y"], body=outer)
    constants = {"three": np.array(3), "two": np.array(2), "zero": np.float32(0)}
    proto = model([node], {"x": (FLOAT, [2]), "x0": (FLOAT, [2])}, {"y": (FLOAT, [2])}, constants)
    flat = same(proto, *({"x": np.float32([1, 2]), "x0": np.float32(start)} for start in ([1, 1], [-9, 3], [0.5, -0.25])))
    assert [node.operator for node in flat.nodes].count("Sub") == 3


def test_functions_with_control_flow_and_control_flow_with_functions():
    inner = graph("then", [helper.make_node("Twice", ["v"], ["r"], domain="local")], {}, {"r": (FLOAT, [3])})
    other = graph("else", [helper.make_node("Neg", ["v"], ["r"])], {}, {"r": (FLOAT, [3])})
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)]
    twice = helper.make_function("local", "Twice", ["a"], ["b"], [helper.make_node("Add", ["a", "a"], ["b"])], opsets)
    body = [helper.make_node("If", ["c"], ["r"], then_branch=inner, else_branch=other)]
    either = helper.make_function("local", "Either", ["c", "v"], ["r"], body, opsets)
    nodes = [
        helper.make_node("Either", ["flag", "x"], ["t"], domain="local"),
        helper.make_node("Either", ["no", "t"], ["y"], domain="local"),
    ]
    inputs = {"flag": (BOOL, []), "x": (FLOAT, [3])}
    proto = model(nodes, inputs, {"y": (FLOAT, [3])}, {"no": np.array(False)}, functions=[twice, either])
    flat = same(proto, *({"flag": np.array(flag), "x": np.float32([1, -2, 3])} for flag in (True, False)))
    assert [node.operator for node in flat.nodes].count("Where") == 1


def test_sequences_of_outputs_are_one_output_an_element():
    nodes = [helper.make_node("SplitToSequence", ["x"], ["s"], axis=1, keepdims=0)]
    proto = model(nodes, {"x": (FLOAT, [2, 3])}, {})
    proto.graph.output.append(helper.make_tensor_sequence_value_info("s", FLOAT, None))
    flat = load(proto)
    assert flat.outputs == ("s_0", "s_1", "s_2") and flat.values["s_2"].shape == (2,)


def test_sequences_that_the_circuit_cannot_fix_are_refused():
    nodes = [helper.make_node("SequenceConstruct", ["x", "x"], ["s"]), helper.make_node("SequenceAt", ["s", "i"], ["y"], name="at")]
    inputs = {"x": (FLOAT, [2]), "i": (INT64, [])}
    with pytest.raises(UnsupportedOperator, match=r"'at' \(SequenceAt\).*position is computed from the input"):
        load(model(nodes, inputs, {"y": (FLOAT, None)}))
    with pytest.raises(ModelError, match="'at' .*position 2 of a sequence with room for 2"):
        load(model(nodes, {"x": (FLOAT, [2])}, {"y": (FLOAT, None)}, {"i": np.array(2)}))
    empty = model([helper.make_node("SequenceEmpty", [], ["s"])], {"x": (FLOAT, [2])}, {})
    empty.graph.output.append(helper.make_tensor_sequence_value_info("s", FLOAT, None))
    with pytest.raises(UnsupportedOperator, match="output 's' is empty"):
        load(empty)


def test_damaged_subgraphs_never_raise_anything_else():
    good = until(2.0, {"count": np.array(3), "go": np.array(True)}, {"x": (FLOAT, [2]), "s": (FLOAT, [2])}).SerializeToString()
    generator = np.random.default_rng(5)
    for _ in range(200):
        bad = bytearray(good)
        for place in generator.integers(0, len(bad), 2):
            bad[place] ^= 1 << int(generator.integers(0, 8))
        try:
            load_with_few_nodes(bytes(bad))
        except ModelError:
            continue


def test_a_loop_is_proved():
    """The state of a loop that the input ends, out of an integer model with its receipt."""
    proto = until(2.0, {"count": np.array(4), "go": np.array(True)}, {"x": (FLOAT, [1, 2]), "s": (FLOAT, [1, 2])})
    generator = np.random.default_rng(1)
    samples = {name: generator.uniform(0.1, 0.9, (12, 2)).astype(np.float32) for name in ("x", "s")}
    compiled = tacit.compile(proto, samples)
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for row in range(3):
        sample = {name: array[row : row + 1] for name, array in samples.items()}
        receipt = compiled.prove(sample)
        tacit.verify(receipt, compiled.key)
        np.testing.assert_allclose(receipt.outputs[0], session.run(None, sample)[0], atol=5e-3)


def test_operators_of_other_domains_in_a_loop():
    """ONNX knows no shapes of com.microsoft: running the node gives them, so that what is collected can be stacked."""
    nodes = [
        helper.make_node("FusedMatMul", ["h", "h"], ["p"], domain="com.microsoft", transB=1),
        helper.make_node("Shape", ["p"], ["shape"]),
        helper.make_node("ConstantOfShape", ["shape"], ["zeros"]),
        helper.make_node("Add", ["p", "zeros"], ["seen"]),
        helper.make_node("Tanh", ["h"], ["next"]),
        helper.make_node("Identity", ["c"], ["again"]),
    ]
    outputs = {"again": (BOOL, []), "next": (FLOAT, [2, 3]), "seen": (FLOAT, [2, 2])}
    body = graph("body", nodes, {"i": (INT64, []), "c": (BOOL, []), "h": (FLOAT, [2, 3])}, outputs)
    node = helper.make_node("Loop", ["count", "", "x"], ["y", "z"], body=body)
    proto = model([node], {"x": (FLOAT, [2, 3])}, {"y": (FLOAT, None), "z": (FLOAT, None)}, {"count": np.array(3)})
    proto.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    flat = same(proto, {"x": np.random.default_rng(0).standard_normal((2, 3)).astype(np.float32)})
    assert flat.values["z"].shape == (3, 2, 2)


def test_sizes_that_depend_on_values_stay_unknown_in_a_loop():
    nodes = [
        helper.make_node("Unique", ["h"], ["u"]),
        helper.make_node("ReduceSum", ["u"], ["s"], keepdims=0),
        helper.make_node("Add", ["h", "s"], ["next"]),
        helper.make_node("Identity", ["c"], ["again"]),
    ]
    outputs = {"again": (BOOL, []), "next": (FLOAT, [4]), "u": (FLOAT, None)}
    body = graph("body", nodes, {"i": (INT64, []), "c": (BOOL, []), "h": (FLOAT, [4])}, outputs)
    node = helper.make_node("Loop", ["count", "", "x"], ["y", "z"], name="uneven", body=body)
    proto = model([node], {"x": (FLOAT, [4])}, {"y": (FLOAT, None), "z": (FLOAT, None)}, {"count": np.array(2)})
    with pytest.raises(UnsupportedOperator, match="'uneven' .*collects tensors of .*unknown shape"):
        load(proto)
