"""docs/operators.md lists what can be proved."""

from pathlib import Path

from tacit.operators import SUPPORTED

TABLE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"


def test_the_table_lists_every_operator():
    proved = TABLE.read_text().partition("## Not proved")[0]
    rows = {line.split("|")[2].strip() for line in proved.splitlines() if line.startswith("| ")}
    assert not SUPPORTED - rows, "run PYTHONPATH=python:tests .venv/bin/python -m conformance.report"
