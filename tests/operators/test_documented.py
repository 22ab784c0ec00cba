"""docs/operators.md lists what can be proved."""

from pathlib import Path

from tacit.operators import SUPPORTED

TABLE = Path(__file__).resolve().parents[2] / "docs" / "operators.md"


def test_the_table_lists_every_operator():
    rows = [line.split("|")[2].strip() for line in TABLE.read_text().splitlines() if line.startswith("| ")][1:]
    assert sorted(rows) == sorted(SUPPORTED), "run bench/operators.py"
