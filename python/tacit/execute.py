"""Program, weights and inputs -> the columns of one proof."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tacit.primitives.evaluate import Evaluate
from tacit.primitives.program import Program, claim_of, run

__all__ = ["claims_missed", "execute", "executed"]


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


def claims_missed(program: Program, builder: Evaluate) -> dict[str, np.ndarray]:
    """Of every claimed output: what the relations give minus what was given, in the output's shape. A program without claims has
    none."""
    claimed = [step.name for step in program.steps if step.gadget == "claim"]
    relations = {step.name: step.arguments["tensor"] for step in program.steps if step.gadget == "contract"}
    return {name: builder.value(relations[claim_of(name)]) for name in claimed}
