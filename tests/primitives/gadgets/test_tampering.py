"""Every committed cell of every gadget matters: one more or one less is refused by a relation."""

from __future__ import annotations

import numpy as np
import pytest

from tacit.circuit import encode
from tacit.errors import ModelError
from tacit.numbers.functions import RELU, Function
from tacit.primitives.evaluate import Evaluate, Unsatisfied
from tacit.primitives.gadgets import (
    argmax,
    compare,
    divide,
    divide_constant,
    maximum,
    round_saturate,
    round_wide,
    scatter,
    select,
    softmax,
    top_k,
)
from tacit.primitives.movement import slice_
from tacit.primitives.program import Program, ProgramBuilder, run

X = np.array([[-70000, -1000, -9, -8, 0, 7, 8, 500, 40000], [5, 4, 3, 2, 70000, 0, -1, 70000, -70000]])
D = np.array([[1, 2, 3, 4, 5, 6, 7, 8, 9], [100, 90, 80, 70, 60, 50, 40, 30, 20]])
SIGMOID = Function("sigmoid")

def two(b, x):
    """The first two columns."""
    return slice_(b, x, 1, 0, 2)


GADGETS = {
    "plain": lambda b, x, d: round_saturate(b, "y", x, 4, 16),
    "whole": lambda b, x, d: round_saturate(b, "y", x, 4, 8, SIGMOID, 6, form="whole"),
    "wide": lambda b, x, d: round_saturate(b, "y", x, 4, 8, RELU, form="wide"),
    "grid": lambda b, x, d: round_saturate(b, "y", x, 4, 8, RELU, form="grid"),
    "wide shift": lambda b, x, d: round_wide(b, "y", x, 3),
    "public": lambda b, x, d: round_wide(b, "y", x, 3, public=True),
    "constant": lambda b, x, d: divide_constant(b, "y", x, 7),
    "compare": lambda b, x, d: compare(b, "y", x, d),
    "maximum": lambda b, x, d: maximum(b, "y", x, d),
    "argmax": lambda b, x, d: argmax(b, "y", x, 1),
    "argmax last": lambda b, x, d: argmax(b, "y", x, 1, last=True),
    "divide": lambda b, x, d: divide(b, "y", x + 70000, d),
    "select": lambda b, x, d: select(b, "y", x, d - 11, 1),
    "top k": lambda b, x, d: top_k(b, "y", x, 4)[0],
    "order": lambda b, x, d: top_k(b, "y", x, 9)[1],
    "scatter": lambda b, x, d: scatter(b, "y", x, two(b, d) - 11, two(b, d), 1),
    "scatter add": lambda b, x, d: scatter(b, "y", x, two(b, d) - 11, two(b, d), 1, "add"),
    "scatter min": lambda b, x, d: scatter(b, "y", two(b, x), two(b, d) - 3, two(b, d), 1, "min"),
    "softmax": lambda b, x, d: softmax(b, "y", x, 10),
}


class Tampered(Evaluate):
    """Adds `delta` to one cell of the `number`-th committed column, after everything honest was computed from it."""

    def __init__(self, inputs, number=-1, index=0, delta=0):
        super().__init__(inputs, check=True)
        self.number, self.index, self.delta, self.committed = number, index, delta, []

    def on_commit(self, column, shape, compute):
        super().on_commit(column, shape, compute)
        self.committed.append(column)
        if len(self.committed) - 1 == self.number:
            values = self.values[column.name].copy()
            values.reshape(-1)[self.index] += self.delta
            self.values[column.name] = values


def inputs_of(b):
    return b.input("x", X.shape, -70000, 70000, 9), b.input("d", D.shape, 1, 100, 9)


@pytest.mark.parametrize("name", GADGETS)
def test_a_changed_cell_is_refused(name):
    inputs = {"x": X, "d": D}
    honest = Tampered(inputs)
    GADGETS[name](honest, *inputs_of(honest))
    rng = np.random.default_rng(0)
    for number, column in enumerate(honest.committed):
        cells = int(np.prod(column.shape))
        for index in set(rng.integers(0, cells, 4).tolist()) | {0, cells - 1}:
            for delta in (-1, 1):
                b = Tampered(inputs, number, index, delta)
                with pytest.raises((Unsatisfied, ModelError, ArithmeticError)):
                    GADGETS[name](b, *inputs_of(b))


@pytest.mark.parametrize("name", GADGETS)
def test_a_replayed_program_computes_the_same(name):
    recorder = ProgramBuilder()
    result = GADGETS[name](recorder, *inputs_of(recorder))
    recorder.output("out", result)
    program = Program.from_json(recorder.program().to_json())
    replayed, direct = Evaluate({"x": X, "d": D}, check=True), Evaluate({"x": X, "d": D})
    run(program, replayed)
    expected = GADGETS[name](direct, *inputs_of(direct))
    assert (replayed.outputs()["out"] == direct.value(expected)).all()
    assert (result.low, result.high, result.exponent) == (expected.low, expected.high, expected.exponent)


@pytest.mark.parametrize("name", GADGETS)
def test_the_core_accepts_the_circuit_and_its_witness(name):
    core = pytest.importorskip("tacit._core")
    b = Evaluate({"x": X, "d": D})
    b.output("out", GADGETS[name](b, *inputs_of(b)))
    circuit = core.finish(encode(b.finish()))
    assert core.check(circuit, b"", b.public(), b.witness()) is None
