"""Every mutant still applies, and the tests that are to catch it exist. `make mutants` runs them."""

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from manifest import MUTANTS  # noqa: E402
from mutant import Cargo  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def test_every_old_text_stands_once():
    bad = []
    for mutant in MUTANTS:
        for edit in mutant.edits:
            count = (ROOT / edit.file).read_text().count(edit.old)
            if count != 1 or edit.old == edit.new:
                bad.append(f"{mutant.name}: {count} times in {edit.file}")
    assert not bad, bad


def test_names_are_distinct():
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_the_named_tests_exist():
    packages = {re.search(r'name = "(.*)"', path.read_text())[1]: path.parent for path in ROOT.glob("crates/**/Cargo.toml")}
    for mutant in MUTANTS:
        tests = mutant.caught_by
        is_rust = isinstance(tests, Cargo)
        for name in tests.names:
            if not is_rust:
                file = ROOT / tests.file
            elif tests.target == "lib":
                file = packages[tests.package] / "src" / f"{'/'.join(name.split('::')[:-1])}.rs"
                # Tests of a module stand in a file of their own, or at its end.
                file = file if file.exists() else file.parent.with_suffix(".rs")
            else:
                file = packages[tests.package] / "tests" / f"{tests.target}.rs"
            found = re.search(rf"^ *(fn|def) {name.split('::')[-1]}\(", file.read_text(), re.MULTILINE)
            assert found, f"{mutant.name}: {name} is not in {file}"
