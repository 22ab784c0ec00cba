"""Every gadget and primitive, drawn at random: the readings agree, the proof verifies, and no other cell satisfies it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from covered import Lines, kinds, kinds_of
from drawn import DRAWN
from hypothesis import HealthCheck, Phase, given, settings
from walk import Tally, build, computes, is_forced, proves, repeats, replays

from tacit.primitives import arithmetic, gadgets, movement
from tacit.primitives.builder import GADGETS
from tacit.primitives.gadgets.digits import forgetting

for path in sorted(Path(__file__).parent.glob("*.py")):  # every file that may register draws
    if path.stem.endswith("_draws") or path.stem.startswith("test_") and path != Path(__file__):
        importlib.import_module(path.stem)

EXAMPLES, MANY_EXAMPLES = 12, 100
MOST_CELLS, ALL_CELLS = 8, 1 << 20
"""Cells of a column that are changed."""
POSITIVE = {"float_step", "inverse_root", "logarithm", "normalised"}
"""Gadgets whose operand is at least 1."""
quiet = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
CI = settings(
    max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=quiet
)
THOROUGH = settings(max_examples=MANY_EXAMPLES, deadline=None, database=None, suppress_health_check=quiet)
KEYS = sorted(DRAWN)
NAMES = [f"{key}-{form}" if form else key for key, form in KEYS]


def for_each(key, profile, demand):
    """Calls `demand` with the instances that this profile draws for one form of a gadget."""

    @profile
    @given(DRAWN[key])
    def drawn(instance):
        demand(instance)

    drawn()


def walk(key, profile, cells):
    """Executes, replays, proves and changes the instances that are drawn for one form of a gadget."""
    tally = Tally()

    def each(instance):
        built = build(instance)
        computes(instance, built)
        replays(instance, built)
        repeats(instance, built)
        proves(built)
        is_forced(built, cells, tally)
        tally.examples += 1

    for_each(key, profile, each)
    return tally


@pytest.mark.parametrize("key", KEYS, ids=NAMES)
def test_drawn_instances(key):
    assert walk(key, CI, MOST_CELLS).examples


@pytest.mark.slow
@pytest.mark.parametrize("key", KEYS, ids=NAMES)
def test_many_drawn_instances(key):
    tally = walk(key, THOROUGH, ALL_CELLS)
    print(f"{' '.join(key)}: {tally.examples} examples, {tally.cells} cells, {tally.changes} changes")
    assert tally.examples >= MANY_EXAMPLES // 2


def primitives():
    """The functions of movement and arithmetic that take a builder."""
    for module in (movement, arithmetic):
        for name, function in vars(module).items():
            own = inspect.isfunction(function) and function.__module__ == module.__name__
            if own and next(iter(inspect.signature(function).parameters), "") == "builder":
                yield name


def test_everything_is_drawn():
    """A gadget or primitive without a function that draws it is named here: see `drawn`."""
    registered = {key for key, _ in DRAWN}
    expected = {key for key in GADGETS if not key.startswith("test/")} | set(primitives())
    assert not expected - registered, f"nothing draws {sorted(expected - registered)}"
    assert registered - expected == {"virtual"}, "drawn, but no gadget"


def test_the_draws_reach_every_statement_and_every_kind_of_relation():
    """Every statement of the gadgets but refusals, in what the default profile draws; every kind of column, rule, map and
    term; the ends of the interval, zero and ties among every gadget's operands."""
    modules = [importlib.import_module(f"{gadgets.__name__}.{m.name}") for m in pkgutil.iter_modules(gadgets.__path__)]
    lines, found = Lines([*modules, movement, arithmetic]), set()
    unseen = {key: {"low", "high", "zero", "tie"} - ({"zero"} if key[0] in POSITIVE else set()) for key in KEYS}

    def reach(key, instance):
        with lines.traced(), forgetting() as forget:
            built = build(instance)
            forget()
        found.update(kinds_of(built.circuit))
        for operand in instance.operands:
            v = operand.values
            seen = {"low": operand.low in v, "high": operand.high in v, "zero": 0 in v, "tie": len(np.unique(v)) < v.size}
            unseen[key] -= {name for name, there in seen.items() if there}

    for key in KEYS:
        for_each(key, CI, partial(reach, key))
    assert not lines.missing(), "no drawn instance reaches\n" + "\n".join(lines.missing())
    assert found == kinds(), f"no drawn instance has {sorted(kinds() - found)}"
    missing = {name: sorted(unseen[key]) for key, name in zip(KEYS, NAMES) if unseen[key]}
    assert not missing, f"operands that are never drawn: {missing}"
