"""The suite's cases and exclusions.toml agree; a sample passes; results that differ are noticed; a dead worker is replaced."""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from conformance import exclusions
from conformance.assess import Result, Wrong, assess, compare, readings
from conformance.collect import collect
from conformance.pool import spread
from conformance.report import COUNTED
from conformance.run import DEFAULT_GROUPS, judge, lost, summary

SAMPLE = ("test_add", "test_conv_with_strides_padding", "test_gather_negative_indices", "test_reduce_sum_keepdims_example")


def test_the_groups_are_what_the_suite_has():
    count = Counter(case.group for case in collect().values())
    assert sum(count.values()) == 1884
    core = {case.operator for case in collect().values() if case.group == "core"}
    assert (count["core"], len(core)) == (1183, 183)
    assert (count["packed"], count["structured"]) == (134, 23)


def test_every_exclusion_names_cases_and_no_case_twice():
    excluded = exclusions.load()
    names = [case.name for case in collect().values() if case.group in COUNTED]
    idle = [entry.pattern for entry in excluded if not any(map(entry.matches, names))]
    assert not idle, f"no case has such a name: {idle}"
    twice = [name for name in names if sum(entry.matches(name) for entry in excluded) > 1]
    assert not twice, f"two lines exclude {twice}"
    assert COUNTED == DEFAULT_GROUPS


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sample_is_proved(name):
    result = assess(collect()[name], "proved")
    assert (result.status, result.level) == ("passed", "proved"), result.reason
    assert exclusions.find(exclusions.load(), name) is None


def test_a_wrong_stored_output_is_noticed():
    case = collect()["test_add"]
    (name, array), *_ = case.outputs.items()
    changed = array.copy()
    changed.flat[0] += 0.1 * np.abs(array).max()
    assert assess(replace(case, outputs={name: changed}), "executor").status == "wrong"


def test_integers_are_compared_exactly():
    with pytest.raises(Wrong):
        compare({"y": np.array([1000000], dtype=np.int64)}, {"y": np.array([1000001], dtype=np.int64)})


def test_a_failure_and_an_exclusion_that_passes_are_faults():
    entry = next(e for e in exclusions.load() if e.level == "executor")
    excluded = next(name for name in collect() if entry.matches(name))
    results = {"test_add": Result("refused"), excluded: Result("passed", "proved")}
    assert len(judge(results, "proved")) == 2
    assert not judge({"test_add": Result("passed", "proved"), excluded: Result("refused")}, "proved")


def test_the_summary_says_which_cases_computed_nothing():
    results = {
        "test_range_float_type_positive_delta": Result("passed", "proved", constant=(0, 1, 2)),
        "test_add": Result("passed", "proved", constant=(1,)),
        "test_constant": Result("passed", "proved"),
    }
    assert "core: 3 of 3 cases pass (1 of them with every input fixed), " in summary(results)


@pytest.mark.parametrize("operator, count, most", [("Add", 2, 1), ("Relu", 1, 0), ("Range", 3, 3), ("Constant", 0, 0)])
def test_not_all_inputs_are_fixed_unless_they_shape_the_result(operator, count, most):
    assert max(map(len, readings(operator, count))) == most


def work(name: str) -> str:
    if name == "dies":
        os._exit(3)
    if name == "sleeps":
        time.sleep(60)
    return name.upper()


def test_the_pool_outlives_its_workers():
    names = ["one", "dies", "two", "sleeps", "three"]
    found = dict(spread(work, names, 2, 6.0, lambda status, reason: lost(status, reason).status))
    assert found == {"one": "ONE", "dies": "crashed", "two": "TWO", "sleeps": "late", "three": "THREE"}
