"""Writes the tables of docs/operators.md between their markers. Rows of operators whose cases did not all run keep what
they say; limits.toml has the limits; what stands outside the markers is written by hand.

    PYTHONPATH=tests python -m conformance.report      (rows of new operators and changed limits, without running anything)
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import onnx

from conformance import exclusions
from conformance.assess import Result
from conformance.collect import Case, collect
from tacit.operators import EXPANSIONS, LOWERINGS, SUPPORTED

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "operators.md"
LIMITS = Path(__file__).with_name("limits.toml")
START, END = "<!-- conformance:start -->\n", "<!-- conformance:end -->\n"
COUNTED = ("core", "packed", "structured")
PROVED_HEAD = (
    "| family | operator | since | cases | cells | lookups | error | limits |\n|---|---|---|---|---|---|---|---|\n"
)
MISSING_HEAD = "| operator | since | cases | why |\n|---|---|---|---|\n"


@dataclass(frozen=True)
class Row:
    """One operator: what its cases gave ('' where none ran)."""

    operator: str
    since: str
    cases: str = "-"
    cells: str = ""
    lookups: str = ""
    error: str = ""


def write(results: Mapping[str, Result]) -> None:
    """Brings the document up to date with these results."""
    text = DOCUMENT.read_text()
    before, rest = text.split(START)
    old, after = rest.split(END)
    rows = {row.operator: row for row in parsed(old)}
    kept = {operator: rows.get(operator, fresh(operator)) for operator in operators()}
    kept.update(measured(results))
    DOCUMENT.write_text(before + START + tables(kept) + END + after)


def operators() -> list[str]:
    """Those that can be proved, and those of the suite's counted cases."""
    return sorted(SUPPORTED | {case.operator for case in counted()})


def counted() -> list[Case]:
    return [case for case in collect().values() if case.group in COUNTED]


def fresh(operator: str) -> Row:
    return Row(operator, since(operator), f"0/{count}" if (count := len(cases_of(operator))) else "-")


def since(operator: str) -> str:
    """The version of the operator's current schema; of other domains than ONNX's own, 1."""
    domain, _, name = operator.rpartition(".")
    try:
        return str(onnx.defs.get_schema(name, domain=domain).since_version)
    except onnx.defs.SchemaError:
        return "1"


def cases_of(operator: str) -> list[Case]:
    return [case for case in counted() if case.operator == operator]


def measured(results: Mapping[str, Result]) -> dict[str, Row]:
    """Rows of the operators all of whose cases have a result."""
    rows = {}
    for operator in {case.operator for case in counted()}:
        cases = cases_of(operator)
        if all(case.name in results for case in cases):
            passed = [results[case.name] for case in cases if results[case.name].status == "passed"]
            row = replace(fresh(operator), cases=f"{len(passed)}/{len(cases)}")
            if passed:
                cells, lookups = median(r.cells for r in passed), median(r.lookups for r in passed)
                worst = 100 * max(r.error for r in passed)
                row = replace(row, cells=f"{cells:.3g}", lookups=f"{lookups:.3g}", error=f"{worst:.1g} %" if worst else "0")
            rows[operator] = row
    return rows


def parsed(text: str) -> list[Row]:
    """The rows of both tables as they stand."""
    rows = []
    for line in text.splitlines():
        parts = [part.strip() for part in line.split("|")[1:-1]]
        if len(parts) == PROVED_HEAD.partition("\n")[0].count("|") - 1 and parts[0] not in ("family", "---"):
            rows.append(Row(*parts[1:7]))
        elif len(parts) == MISSING_HEAD.partition("\n")[0].count("|") - 1 and parts[0] not in ("operator", "---"):
            rows.append(Row(*parts[:3]))
    return rows


def tables(rows: Mapping[str, Row]) -> str:
    """The figure, the table of what can be proved, and that of what cannot."""
    limits = tomllib.loads(LIMITS.read_text())
    proved = sorted((row for row in rows.values() if is_proved(row)), key=lambda r: (family(r.operator), r.operator))
    missing = sorted((row for row in rows.values() if not is_proved(row)), key=lambda r: r.operator)
    body = "".join(
        f"| {family(r.operator)} | {r.operator} | {r.since} | {r.cases} | {r.cells} | {r.lookups} | {r.error} "
        f"| {limits.get(r.operator, '')} |\n"
        for r in proved
    )
    rest = "".join(f"| {r.operator} | {r.since} | {r.cases} | {why(r.operator)} |\n" for r in missing)
    return f"\n{figure(rows.values())}\n\n{PROVED_HEAD}{body}\n## Not proved\n\n{MISSING_HEAD}{rest}"


def is_proved(row: Row) -> bool:
    """Whether an operator can be proved, itself or by what the importer makes of it."""
    return row.operator in SUPPORTED or not row.cases.startswith(("0/", "-"))


def figure(rows: Iterable[Row]) -> str:
    shares = [tuple(map(int, row.cases.split("/"))) for row in rows if "/" in row.cases]
    passed, count = sum(p for p, _ in shares), sum(c for _, c in shares)
    whole = sum(p == c for p, c in shares)
    return (
        f"**{passed:,} of {count:,} cases of {len(shares)} operators pass, {whole} operators whole** "
        f"(onnx {onnx.__version__}); of the others tests/conformance/exclusions.toml gives the reasons."
    )


def family(operator: str) -> str:
    """The folder that proves an operator; `import` for one that the importer replaces."""
    if operator not in SUPPORTED:
        return "import"
    entry = LOWERINGS[operator].lower if operator in LOWERINGS else EXPANSIONS[operator]
    return entry.__module__.split(".")[2]


def why(operator: str) -> str:
    """The reason that excludes the operator's first case."""
    excluded = exclusions.load()
    found = (exclusions.find(excluded, case.name) for case in cases_of(operator))
    return next((entry.reason for entry in found if entry is not None), "").removeprefix("not supported yet: ").replace("|", "/")


if __name__ == "__main__":
    write({})
