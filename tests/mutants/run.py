"""Applies every mutant of the manifest to a copy of the tree and demands that the tests that it names fail.

    python tests/mutants/run.py [--only TEXT]

First all those tests must pass on the untouched copy. A mutant that does not compile, or that a named test survives, makes the
run fail. The copy lies in target/mutants; dependencies are those of `cargo test`, this project's crates are built for quick
compilation.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from manifest import MUTANTS  # noqa: E402
from mutant import Cargo, Mutant, Pytest  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
COPY = ROOT / "target" / "mutants"
CRATES = ("algebra", "transcript", "circuit", "columns", "contract", "lookup", "open", "proof")
SETTINGS = ("opt-level=1", "codegen-units=16")
CARGO = [
    "cargo",
    *(part for crate in CRATES for s in SETTINGS for part in ("--config", f"profile.release.package.tacit-{crate}.{s}")),
]
LONGEST = 3600
"""Seconds that one test command may take."""

OTHER_REASON = r"^(?:ERROR|FAILED) (?!.* - (?:assert|AssertionError|Failed: DID NOT RAISE)).*|^FAILED .*the search is too large.*"
"""Lines of pytest's summary that say that something else went wrong than an assertion about the result."""


class Copy:
    """The tree that gets weakened. What is as it should be stays untouched, so that cargo does not build it again."""

    def __init__(self) -> None:
        listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        lines = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
        native = [str(path.relative_to(ROOT)) for path in (ROOT / "python" / "tacit").glob("_core*.so")]
        files = {COPY / line: ROOT / line for line in [*lines, *native] if (ROOT / line).is_file()}
        for path in [path for path in COPY.rglob("*") if path.is_file() and path not in files]:
            path.unlink()
        for path, source in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != source.read_bytes():
                shutil.copyfile(source, path)

    def run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        settings = {
            "CARGO_TARGET_DIR": str(ROOT / "target"),
            "CARGO_INCREMENTAL": "1",
            "PYTHONPATH": str(COPY / "python"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "COLUMNS": "300",
        }
        environment = {**os.environ, **settings}
        return subprocess.run(command, cwd=COPY, env=environment, capture_output=True, text=True, timeout=LONGEST)

    def failed(self, tests: Cargo | Pytest) -> tuple[set[str], set[str]]:
        """Names of the tests that failed and of those that passed. Raises RuntimeError when they could not be run."""
        if isinstance(tests, Cargo):
            command = [*CARGO, "test", "--release", "--locked", "-p", tests.package, *tests.selection]
            built = self.run([*command, "--no-run"])
            if built.returncode != 0:
                raise RuntimeError("does not compile:\n" + built.stderr[-2000:])
            output = self.run([*command, "--", "--exact", *tests.names]).stdout
            results = re.findall(r"^test (\S+) \.\.\. (ok|FAILED)$", output, re.MULTILINE)
        else:
            nodes = [f"{tests.file}::{name}" for name in tests.names]
            options = ["-o", "addopts=", "-p", "no:cacheprovider", "-q", "-rA", "--tb=no"]
            output = self.run([sys.executable, "-m", "pytest", *options, *nodes]).stdout
            if broken := re.findall(OTHER_REASON, output, re.MULTILINE):
                raise RuntimeError("fails for another reason:\n" + broken[0])
            results = [(name, result) for result, name in re.findall(r"^(PASSED|FAILED) \S+::(\w+)", output, re.MULTILINE)]
        failed = {name for name, result in results if result == "FAILED"}
        passed = {name for name, _ in results} - failed
        if failed | passed != set(tests.names):
            raise RuntimeError("not all named tests ran:\n" + output[-2000:])
        return failed, passed

    def apply(self, mutant: Mutant) -> dict[Path, str]:
        """Weakens the copy; returns the texts that stood there."""
        before: dict[Path, str] = {}
        for edit in mutant.edits:
            path = COPY / edit.file
            text = path.read_text()
            before.setdefault(path, text)
            if text.count(edit.old) != 1:
                raise RuntimeError(f"{edit.file} has the old text {text.count(edit.old)} times")
            path.write_text(text.replace(edit.old, edit.new))
        return before


def joined(mutants: Iterable[Mutant]) -> list[Cargo | Pytest]:
    """The tests of all mutants, one command for each file."""
    names: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for tests in (mutant.caught_by for mutant in mutants):
        place = (tests.package, tests.target) if isinstance(tests, Cargo) else (tests.file,)
        names[place] |= set(tests.names)
    return [
        Cargo(*place, tuple(sorted(found))) if len(place) == 2 else Pytest(*place, tuple(sorted(found)))
        for place, found in names.items()
    ]


def judge(copy: Copy, mutant: Mutant) -> str:
    """Why the mutant is not caught; empty if it is."""
    before: dict[Path, str] = {}
    try:
        before = copy.apply(mutant)
        _, passed = copy.failed(mutant.caught_by)
        return f"survived {', '.join(sorted(passed))}" if passed else ""
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return str(error)
    finally:
        for path, text in before.items():
            path.write_text(text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="mutants whose name or file contains this text")
    only = parser.parse_args().only
    chosen = [m for m in MUTANTS if only in m.name or any(only in edit.file for edit in m.edits)]
    if not chosen:
        parser.error(f"no mutant has {only!r} in its name or file")
    copy = Copy()
    for tests in joined(chosen):
        failed, _ = copy.failed(tests)
        if failed:
            print(f"fails without any mutant: {', '.join(sorted(failed))}")
            return 1
    loose = 0
    for number, mutant in enumerate(chosen, 1):
        start = time.monotonic()
        reason = judge(copy, mutant)
        loose += bool(reason)
        outcome = f"NOT CAUGHT: {reason}" if reason else ", ".join(mutant.caught_by.names)
        print(f"{number:3}/{len(chosen)} {time.monotonic() - start:5.0f} s  {mutant.name:52} {outcome}", flush=True)
    print(f"{len(chosen) - loose} of {len(chosen)} mutants caught")
    return 1 if loose else 0


if __name__ == "__main__":
    sys.exit(main())
