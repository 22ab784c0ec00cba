"""A program's gadgets are called for the first input; what they compute is computed again for every other one."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from tacit.errors import InputError, ModelError
from tacit.execute import Executions, executed
from tacit.primitives import products, threads
from tacit.primitives import program as programs
from tacit.primitives.arithmetic import einsum
from tacit.primitives.evaluate import Evaluate
from tacit.primitives.gadgets.rescale import round_saturate
from tacit.primitives.gadgets.softmax import softmax
from tacit.primitives.program import ProgramBuilder

RNG = np.random.default_rng(11)


def layer():
    b = ProgramBuilder()
    x = b.input("x", (6, 20), -(1 << 11), (1 << 11) - 1, 8)
    w = b.weight("w", RNG.integers(-(1 << 9), 1 << 9, (20, 14)), 8)
    b.output("y", softmax(b, "p", round_saturate(b, "r", einsum(b, "mk,kn->mn", x, w), 8, 10)))
    return b.program(), b.weights


def drawn(size=1 << 11):
    return {"x": RNG.integers(-size, size, (6, 20))}


def seen(builder):
    return builder.witness(), builder.public(), dict(builder.saturated), {k: v.tolist() for k, v in builder.outputs().items()}


def test_each_input_has_the_columns_that_it_has_alone(monkeypatch):
    program, weights = layer()
    runs, run = [], programs.run
    monkeypatch.setattr("tacit.execute.run", lambda *given: runs.append(1) or run(*given))
    executions, found = Executions(), []
    inputs = [drawn(), drawn(30), drawn(), drawn(1)]
    for given in inputs:
        with executions.executed(program, weights, given) as builder:
            found.append(seen(builder))
    assert len(runs) == 1
    assert found == [seen(executed(program, weights, given)) for given in inputs]
    assert found[0][2] and not found[3][2], "both an input that saturates and one that does not"


def test_nothing_is_held_of_an_input_between_two():
    program, weights = layer()
    executions = Executions()
    with executions.executed(program, weights, drawn()) as builder:
        assert builder.values
    assert not builder.values and not builder.inputs and not builder.weights and not builder.saturated
    assert not builder.reading.recent
    executions.clear()
    assert not executions.idle


def test_another_program_is_run_itself():
    executions = Executions()
    for program, weights in (layer(), layer()):
        given = drawn()
        with executions.executed(program, weights, given) as builder:
            assert seen(builder) == seen(executed(program, weights, given))
    assert len(executions.idle) == 1


def test_two_at_a_time_do_not_meet():
    program, weights = layer()
    executions, first, second = Executions(), drawn(), drawn()
    with executions.executed(program, weights, first) as one, executions.executed(program, weights, second) as other:
        assert (seen(one), seen(other)) == (seen(executed(program, weights, first)), seen(executed(program, weights, second)))
    failed = []

    def many():
        for _ in range(5):
            given = drawn(40)
            with executions.executed(program, weights, given) as builder:
                if seen(builder) != seen(executed(program, weights, given)):
                    failed.append(given)

    workers = [threading.Thread(target=many) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed


@pytest.mark.parametrize("first", [True, False])
def test_inputs_that_do_not_fit_are_refused_and_forgotten(first):
    program, weights = layer()
    executions, given = Executions(), drawn()
    if not first:
        with executions.executed(program, weights, given):
            pass
    for wrong in ({}, {"x": given["x"][:3]}, {"x": given["x"] + (1 << 12)}):
        with pytest.raises(InputError, match="input x"), executions.executed(program, weights, wrong):
            pass
    with pytest.raises(ModelError, match="weight w is missing"), executions.executed(program, {}, given):
        pass
    with executions.executed(program, weights, given) as builder:
        assert seen(builder) == seen(executed(program, weights, given))


def test_columns_do_not_depend_on_threads_or_parts(monkeypatch):
    program, weights = layer()
    given = drawn()
    found = [seen(executed(program, weights, given))]
    monkeypatch.setattr(products, "SHARED", 1)
    monkeypatch.setattr(products, "PIECE", 50)
    for count in (1, 2, 5):
        monkeypatch.setattr(threads, "available", lambda count=count: count)
        for part in (1, 17, 60):
            monkeypatch.setattr(threads, "PART", part)
            found.append(seen(executed(program, weights, given)))
    assert all(each == found[0] for each in found)


@pytest.mark.parametrize("part", [1, threads.PART])
def test_a_column_outside_its_interval_is_refused_with_its_ends(monkeypatch, part):
    monkeypatch.setattr(threads, "PART", part)
    b = Evaluate({})
    with pytest.raises(ModelError, match=r"A value of x is outside -1 .. 5: -3 .. 300\."):
        b.commit("x", (2, 3), -1, 5, lambda: np.array([[0, 1, 2], [-3, 300, 1]]))
