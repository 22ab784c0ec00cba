"""exclusions.toml: [level] tables of lines `'pattern' = "reason"`. A case whose whole name matches is not expected to pass at
that level nor at a later one."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from conformance.assess import LEVELS

FILE = Path(__file__).with_name("exclusions.toml")


@dataclass(frozen=True)
class Exclusion:
    level: str
    pattern: str
    reason: str

    def matches(self, name: str) -> bool:
        return re.fullmatch(self.pattern, name) is not None


def load() -> list[Exclusion]:
    """Every line. Raises ValueError for a level that there is not and for a line without a reason."""
    found = []
    for level, lines in tomllib.loads(FILE.read_text()).items():
        for pattern, reason in lines.items():
            if level not in LEVELS or not str(reason).strip():
                raise ValueError(f"exclusions.toml, [{level}] {pattern}: an unknown level, or no reason")
            found.append(Exclusion(level, pattern, reason))
    return found


def find(excluded: Sequence[Exclusion], name: str, level: str = LEVELS[-1]) -> Exclusion | None:
    """The line that excludes a case at `level`, or None."""
    held = LEVELS[: LEVELS.index(level) + 1]
    return next((entry for entry in excluded if entry.level in held and entry.matches(name)), None)
