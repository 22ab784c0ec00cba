"""One case through the whole pipeline: integers executed, relations checked, proof made and verified."""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from conformance.collect import Case
from tacit.numbers.dtypes import kind_of, plain

LEVELS = ("executor", "check", "proved")
TOLERANCE = 1e-2
"""Of the largest stored output; it depends on nothing that the compiler chooses. Integers and booleans must be equal."""
WIDTHS = "faithful"


class Wrong(Exception):
    """The integer model's outputs are not the stored ones."""


@dataclass(frozen=True)
class Result:
    """What became of a case. `status`: passed, wrong, refused (an error that names the node), unsatisfied, crashed or late.
    `level`: the last level that holds, '' for none; `constant`: the inputs that were constants of the model."""

    status: str
    level: str = ""
    reason: str = ""
    constant: tuple[int, ...] = ()
    error: float = 0.0
    cells: float = 0.0
    lookups: float = 0.0
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


SHAPED = frozenset(
    {"BlackmanWindow", "ConstantOfShape", "HammingWindow", "HannWindow", "If", "Loop", "MelWeightMatrix", "Range"}
)
"""Operators that may take nothing but what shapes their results: all their inputs may be constants."""


def readings(operator: str, count: int) -> list[tuple[int, ...]]:
    """Which inputs are constants: none; all but the first; the first; all but the last; the last; of some operators all."""
    every = tuple(range(count))
    tried = dict.fromkeys([(), every[1:], every[:1], every[:-1], every[-1:], every])
    return [constant for constant in tried if not count or len(constant) < count or operator in SHAPED]


def assess(case: Case, level: str) -> Result:
    """The first reading of the case that passes at `level`; else what came of the reading that got furthest, and of equals
    the first. A wrong answer in any reading that is tried before is the case's result."""
    started = time.perf_counter()
    best: Result | None = None
    for constant in readings(case.operator, len(case.inputs)):
        result = replace(attempt(case, constant, level), constant=constant)
        if result.status != "refused":
            best = result
            break
        if best is None or LEVELS.index(result.level or "executor") > LEVELS.index(best.level or "executor"):
            best = result
    assert best is not None
    return replace(best, seconds=round(time.perf_counter() - started, 3))


def attempt(case: Case, constant: Sequence[int], level: str) -> Result:
    """One reading of a case, up to `level`."""
    from tacit.errors import TacitError

    reached = ""
    try:
        with warnings.catch_warnings(action="ignore"):
            result = Result("passed")
            for reached_now, measured in _levels(case, constant, level):
                reached = reached_now
                result = replace(result, level=reached, **measured)
            return result
    except TacitError as error:
        return Result("refused", reached, _line(error))
    except Wrong as error:
        return Result("wrong", reached, _line(error))
    except Exception as error:
        return Result("crashed", reached, f"{type(error).__name__}: {_line(error)}")


def _levels(case: Case, constant: Sequence[int], level: str):
    """Yields (level, measurements) for every level that holds."""
    import tacit
    from tacit.execute import execute

    names = list(case.inputs)
    fixed = {names[place]: case.inputs[names[place]] for place in constant}
    given = {name: array for name, array in case.inputs.items() if name not in fixed}
    model = tacit.compile(case.model, samples=given, widths=WIDTHS, shapes=case.shapes, fixed=fixed, openings=0)
    witness, public, _ = execute(model.program, model.tensors(), model.integers(given))
    found = {s.name: value for s, value in model.key.public_values(public) if s.is_output}
    error = compare(case.outputs, found)
    size = max(sum(np.asarray(array).size for array in found.values()), 1)
    yield "executor", {"error": error, "cells": model.report.cells / size, "lookups": model.report.lookups / size}
    if level == "executor":
        return
    failure = tacit._core.check(model.circuit, bytes(model.weights), public, witness)
    if failure is not None:
        raise Wrong(f"the oracle refuses the witness: {failure}")
    yield "check", {}
    if level == "check":
        return
    receipt = model.prove(given, context=case.name)
    tacit.verify(receipt, model.key, context=case.name)
    compare(case.outputs, dict(zip([s.name for s in model.key.outputs], receipt.outputs, strict=True)))
    yield "proved", {}


def compare(expected: Mapping[str, Any], found: Mapping[str, np.ndarray]) -> float:
    """The largest error, as a share of the largest stored value of its output. Raises Wrong beyond TOLERANCE."""
    worst = 0.0
    for name, want in expected.items():
        want = np.asarray(want)
        got = without_padding(found, name, want.shape)
        if got.shape != want.shape or got.dtype != want.dtype:
            raise Wrong(f"{name} is {got.dtype}{list(got.shape)}, stored is {want.dtype}{list(want.shape)}")
        if kind_of(want.dtype) != "f":
            if not np.array_equal(got, want):
                place = tuple(int(i) for i in np.argwhere(got != want)[0])
                raise Wrong(f"{name}{list(place)} is {got[place]}, stored is {want[place]}")
            continue
        want, got = plain(want), plain(got)
        if not np.isfinite(want).all():
            raise Wrong(f"the stored {name} has values that are not finite")
        largest = float(np.abs(want.astype(np.float64)).max(initial=0.0))
        error = float(np.abs(got.astype(np.float64) - want.astype(np.float64)).max(initial=0.0))
        if error > TOLERANCE * largest:
            raise Wrong(f"{name} is off by {error:.3g}; its largest stored value is {largest:.3g}")
        worst = max(worst, error / largest if largest else 0.0)
    return worst


def without_padding(found: Mapping[str, np.ndarray], name: str, shape: Sequence[int]) -> np.ndarray:
    """A result without its padding, if it has one: `<name>.count` says how much counts, along the one axis whose length is
    not the stored one; the rest must be zero."""
    got, count = found[name], found.get(f"{name}.count")
    axes = [axis for axis, (a, b) in enumerate(zip(got.shape, shape)) if a != b]
    if count is None or len(axes) != 1 or len(got.shape) != len(shape):
        return got
    kept, padding = np.split(got, [int(count)], axes[0])
    if padding.any():
        raise Wrong(f"the padding of {name} is not zero")
    return kept


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
