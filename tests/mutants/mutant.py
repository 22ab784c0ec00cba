"""What a mutant is: a weakened copy of the tree, and the tests that must fail on it.

A mutant drops one check or one distinction where prover and verifier share it, or on both sides, so that honest proofs still
verify: only a test that cheats can notice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
    """`old`, which stands exactly once in `file`, becomes `new`."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Cargo:
    """Tests `names` of the test target `target` of `package`; 'lib' for those inside its sources."""

    package: str
    target: str
    names: tuple[str, ...]

    @property
    def selection(self) -> list[str]:
        return ["--lib"] if self.target == "lib" else ["--test", self.target]


@dataclass(frozen=True)
class Pytest:
    """Test functions `names` of `file`, with all their parameters."""

    file: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Mutant:
    name: str
    edits: tuple[Edit, ...]
    caught_by: Cargo | Pytest
