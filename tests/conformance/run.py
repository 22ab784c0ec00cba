"""Runs ONNX's node cases and holds them to exclusions.toml. `make conformance`, or

    PYTHONPATH=tests python -m conformance.run --filter 'test_(add|sub)' --level check

Fails when a case that is not excluded does not pass, and when an excluded one does.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from conformance import exclusions
from conformance.assess import LEVELS, Result, assess
from conformance.collect import GROUPS, collect
from conformance.pool import spread

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "target" / "conformance.json"
DEFAULT_GROUPS = ("core", "packed", "structured")
LIMIT = 90.0
"""Seconds for one case: all its readings, with their proofs."""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--filter", default="", metavar="REGEX", help="only cases whose name matches")
    parser.add_argument("--level", choices=LEVELS, default="proved")
    parser.add_argument("--groups", nargs="+", choices=GROUPS, default=list(DEFAULT_GROUPS))
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("JOBS") or os.cpu_count() or 1))
    parser.add_argument("--limit", type=float, default=LIMIT, metavar="SECONDS")
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--document", action="store_true", help="write docs/operators.md's rows of the operators that ran")
    options = parser.parse_args(arguments)
    names = selected(options.filter, options.groups)
    if not names:
        parser.error("no case has such a name")
    results = run(names, options.level, options.jobs, options.limit)
    save(results, options.results, options.level)
    if options.document:
        from conformance import report

        report.write(results)
    faults = judge(results, options.level)
    print(summary(results))
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def selected(pattern: str, groups: list[str]) -> list[str]:
    """The names of the chosen cases, in the suite's order."""
    return [case.name for case in collect().values() if case.group in groups and re.search(pattern, case.name)]


def run(names: list[str], level: str, jobs: int, limit: float) -> dict[str, Result]:
    """Every case's result, in the order of `names`."""
    cases = collect()
    results: dict[str, Result] = {}
    for name, result in spread(lambda n: assess(cases[n], level), names, jobs, limit, lost):
        results[name] = result
        if sys.stderr.isatty():
            print(f"\r{len(results)}/{len(names)} {name[:60]:60}", end="", file=sys.stderr, flush=True)
    return {name: results[name] for name in names}


def lost(status: str, reason: str) -> Result:
    return Result(status, reason=reason)


def judge(results: Mapping[str, Result], level: str) -> list[str]:
    """One line for every case that is not as exclusions.toml says."""
    excluded = exclusions.load()
    faults = []
    for name, result in results.items():
        entry = exclusions.find(excluded, name, level)
        if result.status != "passed" and entry is None:
            faults.append(f"{name}: {result.status}: {result.reason}")
        elif result.status == "passed" and entry is not None:
            faults.append(f"{name}: passes, but {entry.pattern!r} excludes it ({entry.reason})")
    return faults


def summary(results: Mapping[str, Result]) -> str:
    """Passed of all, by group; and how many of what else."""
    cases, lines = collect(), []
    for group in GROUPS:
        mine = {name: result for name, result in results.items() if cases[name].group == group}
        if mine:
            count = Counter(result.status for result in mine.values())
            operators = {cases[name].operator for name in mine}
            whole = {o for o in operators if all(r.status == "passed" for n, r in mine.items() if cases[n].operator == o)}
            rest = [f"{count[status]} {status}" for status in sorted(count) if status != "passed"]
            fixed = sum(is_constant(result, len(cases[name].inputs)) for name, result in mine.items())
            lines.append(
                f"{group}: {count['passed']} of {len(mine)} cases pass ({fixed} of them with every input fixed), "
                f"{len(whole)} of {len(operators)} operators whole" + "".join(f"; {part}" for part in rest)
            )
    return "\n".join(lines)


def is_constant(result: Result, inputs: int) -> bool:
    """Whether a case passed as a model that has inputs and computes nothing of them: all were constants."""
    return result.status == "passed" and inputs > 0 and len(result.constant) == inputs


def save(results: Mapping[str, Result], path: Path, level: str) -> None:
    """Results as JSON: {"level", "cases": {name: operator, group and Result's fields}}."""
    cases = collect()
    rows = {
        name: {"operator": cases[name].operator, "group": cases[name].group, **result.to_json()}
        for name, result in results.items()
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"level": level, "cases": rows}, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
