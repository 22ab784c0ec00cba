"""Program, weights and inputs -> the columns of one proof."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import numpy as np

from tacit.primitives.evaluate import Evaluate
from tacit.primitives.program import Program, claim_of, run

__all__ = ["Executions", "claims_missed", "execute", "executed"]


def execute(
    program: Program, weights: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray], check: bool = False
) -> tuple[bytes, bytes, dict[str, np.ndarray]]:
    """The witness buffer, the public buffer (docs/circuit.md, Buffers), and the output integers by name.

    `weights`: signed arrays by column name; `inputs`: int64 arrays of the declared shapes by input name, in a batch after an axis
    of samples. With `check`, every relation is evaluated too. Raises InputError for inputs that do not fit.
    """
    builder = executed(program, weights, inputs, check)
    return builder.witness(), builder.public(), builder.outputs()


def executed(
    program: Program,
    weights: Mapping[str, np.ndarray],
    inputs: Mapping[str, np.ndarray],
    check: bool = False,
    alone: bool = False,
) -> Evaluate:
    """As `execute`, but every column, and how many values left the range of the step that computes them. `alone`: one sample of a
    batch, without its axis."""
    builder = Evaluate(inputs, weights, check, program.batch, alone, values_only=not check)
    run(program, builder)
    return builder


class Executions:
    """Runs a program for one input after the other, and calls its gadgets for the first one only: what they compute, and in which
    order, does not depend on the input. Any thread may use it."""

    def __init__(self) -> None:
        self.idle: list[tuple[Program, Evaluate]] = []

    @contextmanager
    def executed(
        self, program: Program, weights: Mapping[str, np.ndarray], inputs: Mapping[str, np.ndarray]
    ) -> Iterator[Evaluate]:
        """As the function of this name gives it, while the context lasts."""
        try:
            ran, builder = self.idle.pop()
        except IndexError:
            ran, builder = None, None
        if builder is not None and ran is program:
            builder.again(inputs, weights)
        else:
            builder = Evaluate(inputs, weights, False, program.batch, values_only=True, repeats=True)
            run(program, builder)
        try:
            yield builder
        finally:
            builder.clear()
            self.idle[:] = [(program, builder)]

    def clear(self) -> None:
        self.idle.clear()


def claims_missed(program: Program, builder: Evaluate) -> dict[str, np.ndarray]:
    """Of every claimed output: what the relations give minus what was given, in the output's shape. A program without claims has
    none."""
    claimed = [step.name for step in program.steps if step.gadget == "claim"]
    relations = {step.name: step.arguments["tensor"] for step in program.steps if step.gadget == "contract"}
    return {name: builder.value(relations[claim_of(name)]) for name in claimed}
