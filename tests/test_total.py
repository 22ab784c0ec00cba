"""Inputs far outside the calibrated range: every one executes with exactly one answer, and what it gives can be proved."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import tacit
from small_models import dense_model
from tacit import inputs
from tacit.execute import executed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
models = import_module("models")
TOKENS, WIDTH, HIDDEN, WORDS = 4, 8, 12, 20


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def declared(name: str, shape: list[int], dtype: int = TensorProto.FLOAT) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, dtype, shape)


def proto(nodes: list, constants: dict[str, np.ndarray], given: list, output: list[int]) -> onnx.ModelProto:
    tensors = [numpy_helper.from_array(np.asarray(array), name) for name, array in constants.items()]
    graph = helper.make_graph(nodes, "model", given, [declared("y", output)], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def normalised(x: str, out: str) -> list[onnx.NodeProto]:
    """Root-mean-square normalisation, written out."""
    return [
        helper.make_node("Mul", [x, x], [f"{out}_square"]),
        helper.make_node("ReduceMean", [f"{out}_square"], [f"{out}_mean"], axes=[-1]),
        helper.make_node("Add", [f"{out}_mean", "epsilon"], [f"{out}_sum"]),
        helper.make_node("Sqrt", [f"{out}_sum"], [f"{out}_root"]),
        helper.make_node("Div", [x, f"{out}_root"], [out]),
    ]


def block() -> onnx.ModelProto:
    """Words, attention, a gated layer, both beside a residual stream."""
    shapes = {"words": (WORDS, WIDTH), "gate": (WIDTH, HIDDEN), "up": (WIDTH, HIDDEN), "down": (HIDDEN, WIDTH), "last": (WIDTH, 5)}
    constants: dict[str, np.ndarray] = {name: normal(n, *shape) / 2 for n, (name, shape) in enumerate(shapes.items())}
    constants["epsilon"] = np.array(1e-5, np.float32)
    nodes = [
        helper.make_node("Gather", ["words", "ids"], ["x"]),
        *normalised("x", "n"),
        helper.make_node("Transpose", ["n"], ["t"], perm=[1, 0]),
        helper.make_node("MatMul", ["n", "t"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["shares"], axis=-1),
        helper.make_node("MatMul", ["shares", "n"], ["mixed"]),
        helper.make_node("Add", ["x", "mixed"], ["h"]),
        *normalised("h", "m"),
        helper.make_node("MatMul", ["m", "gate"], ["g"]),
        helper.make_node("Sigmoid", ["g"], ["sg"]),
        helper.make_node("Mul", ["g", "sg"], ["silu"]),
        helper.make_node("MatMul", ["m", "up"], ["u"]),
        helper.make_node("Mul", ["silu", "u"], ["p"]),
        helper.make_node("MatMul", ["p", "down"], ["d"]),
        helper.make_node("Add", ["h", "d"], ["o"]),
        helper.make_node("Add", ["o", "shift"], ["moved"]),
        helper.make_node("MatMul", ["moved", "last"], ["y"]),
    ]
    given = [declared("ids", [TOKENS], TensorProto.INT64), declared("shift", [TOKENS, WIDTH])]
    return proto(nodes, constants, given, [TOKENS, 5])


def mixed() -> onnx.ModelProto:
    """Functions with poles and steep ends, a quotient of two inputs, a maximum, a place of it."""
    nodes = [
        helper.make_node("Exp", ["a"], ["e"]),
        helper.make_node("Abs", ["b"], ["positive"]),
        helper.make_node("Sqrt", ["positive"], ["root"]),
        helper.make_node("Div", ["a", "b"], ["q"]),
        helper.make_node("Tanh", ["q"], ["bounded"]),
        helper.make_node("Mul", ["e", "root"], ["product"]),
        helper.make_node("Max", ["product", "bounded"], ["larger"]),
        helper.make_node("ReduceMax", ["larger"], ["y"], axes=[-1]),
    ]
    return proto(nodes, {}, [declared("a", [3, 6]), declared("b", [3, 6])], [3, 1])


def recurrent() -> onnx.ModelProto:
    constants = {"w": normal(1, 1, 12, 4) / 2, "r": normal(2, 1, 12, 3) / 2}
    node = helper.make_node("LSTM", ["x", "w", "r"], ["y"], hidden_size=3)
    return proto([node], constants, [declared("x", [3, 1, 4])], [3, 1, 1, 3])


def forest(trees: int = 4, features: int = 5, classes: int = 3) -> onnx.ModelProto:
    """Full trees of depth 2 beside a linear model of the same features, whose scores are added to theirs."""
    draw = np.random.default_rng(8)
    ids = [(tree, node) for tree in range(trees) for node in range(7)]
    leaves = [(tree, node) for tree, node in ids if node > 2]
    attributes = {
        "nodes_treeids": [tree for tree, _ in ids],
        "nodes_nodeids": [node for _, node in ids],
        "nodes_featureids": draw.integers(0, features, len(ids)).tolist(),
        "nodes_modes": ["LEAF" if node > 2 else "BRANCH_LEQ" for _, node in ids],
        "nodes_values": draw.normal(0, 1, len(ids)).tolist(),
        "nodes_truenodeids": [0 if node > 2 else 2 * node + 1 for _, node in ids],
        "nodes_falsenodeids": [0 if node > 2 else 2 * node + 2 for _, node in ids],
        "target_treeids": [tree for tree, _ in leaves],
        "target_nodeids": [node for _, node in leaves],
        "target_ids": draw.integers(0, classes, len(leaves)).tolist(),
        "target_weights": draw.uniform(0, 1, len(leaves)).tolist(),
        "n_targets": classes,
    }
    nodes = [
        helper.make_node("TreeEnsembleRegressor", ["x"], ["votes"], domain="ai.onnx.ml", **attributes),
        helper.make_node("MatMul", ["x", "slopes"], ["linear"]),
        helper.make_node("Add", ["votes", "linear"], ["y"]),
        helper.make_node("ArgMax", ["y"], ["label"], axis=-1, keepdims=0),
    ]
    model = proto(nodes, {"slopes": normal(9, features, classes) / 4}, [declared("x", [1, features])], [1, classes])
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 3))
    model.graph.output.append(declared("label", [1], TensorProto.INT64))
    return model


@dataclass(frozen=True)
class Case:
    model: Callable[[], Any]
    samples: Callable[[], Any]


CASES = {
    "dense": Case(lambda: dense_model((6, 8, 4)), lambda: normal(3, 8, 6)),
    "convolution": Case(lambda: models.build("lenet5"), lambda: models.samples("lenet5", 4)),
    "block": Case(
        block,
        lambda: {"ids": np.arange(8 * TOKENS).reshape(8, TOKENS) % WORDS, "shift": normal(4, 8, TOKENS, WIDTH) / 8},
    ),
    "mixed": Case(mixed, lambda: {"a": normal(5, 8, 3, 6), "b": normal(6, 8, 3, 6) + 2}),
    "recurrent": Case(recurrent, lambda: normal(7, 8, 3, 1, 4)),
    "forest": Case(forest, lambda: normal(10, 8, 5)),
}
TOGETHER, ROUNDS = 250, 8
"""So many inputs are executed and proved at once, so many times a model: 2,000 of each of six models."""


@cache
def compiled(name: str, batch: int | None = None) -> tacit.Model:
    return tacit.compile(CASES[name].model(), CASES[name].samples(), batch=batch)


def far(spec: inputs.Declared, generator: np.random.Generator) -> np.ndarray:
    """An input of magnitudes from 2^-149 to the largest float, ends and zeros among them; integers over their whole type."""
    if np.dtype(spec.dtype).kind == "i":
        ends = np.iinfo(spec.dtype)
        return np.asarray(generator.integers(ends.min, ends.max, spec.shape, endpoint=True), dtype=spec.dtype)
    sign = generator.choice([-1.0, 1.0], spec.shape)
    kind = generator.integers(0, 4)
    power = {0: generator.uniform(-149, 128, spec.shape), 1: np.full(spec.shape, 127.99), 2: generator.uniform(2, 9, spec.shape)}
    size = np.exp2(power.get(int(kind), generator.choice([-149.0, 0.0, 100.0], spec.shape)))
    size[generator.random(spec.shape) < 0.1] = 0
    return (sign * size).astype(spec.dtype)


def rows_of(model: tacit.Model, count: int, seed: int) -> list[dict[str, np.ndarray]]:
    """Random inputs of one sample each."""
    generator = np.random.default_rng(seed)
    return [{spec.name: far(spec, generator) for spec in model.declared} for _ in range(count)]


@pytest.mark.parametrize("name", CASES)
def test_far_inputs_execute_and_one_is_proved(name):
    model = compiled(name)
    rows = rows_of(model, 20, 1)
    for turn, row in enumerate(rows):
        builder = executed(model.program, model.tensors(), model.integers(row), check=turn == 0)
        assert len(builder.witness()) > 0
    receipt = model.prove(rows[-1])
    tacit.verify(receipt.to_bytes(), model.key)
    assert model.saturated and all(count > 0 for count in model.saturated.values())


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_thousand_far_inputs_of_each_of_six_models(name):
    """All are executed, as samples of batches; of the first batch every relation is evaluated, every batch is proved and verified,
    and what a batch gives for its first sample is what that sample gives alone."""
    model, alone = compiled(name, TOGETHER), compiled(name)
    for part in range(ROUNDS):
        rows = rows_of(alone, TOGETHER, 100 + part)
        signatures = {signature.name: signature for signature in model.key.inputs}
        given = {n: np.stack([row[n] for row in rows]).reshape(s.shape) for n, s in signatures.items()}
        if part == 0:
            sample = inputs.batch(given, model.declared, None, TOGETHER)
            executed(model.program, model.tensors(), model.integers(sample), check=True)
        receipt = model.prove(given)
        tacit.verify(receipt.to_bytes(), model.key)
        single = executed(alone.program, alone.tensors(), alone.integers(rows[0]))
        for signature, found in zip(model.key.outputs, receipt.outputs):
            exact = np.ldexp(single.outputs()[signature.name].astype(np.float64), -signature.exponent)
            np.testing.assert_array_equal(found[0].reshape(-1), exact.astype(found.dtype).reshape(-1))


def test_what_saturates_is_counted_by_node():
    model = compiled("dense")
    near = CASES["dense"].samples()[0]
    model.prove(near)
    assert model.saturated == {}
    model.prove(np.full(6, 1e6, np.float32))
    assert model.saturated["x"] == 6
