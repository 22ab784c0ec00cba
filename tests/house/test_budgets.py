"""The size and the manners of the tree: file budgets, no foreign hosts or paths, no unfinished places."""

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUDGETS = {".py": 500, ".rs": 600}


def tracked() -> list[Path]:
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / line for line in listing.stdout.splitlines() if (ROOT / line).is_file()]


def test_files_stay_within_their_budget():
    over = []
    for path in tracked():
        budget = BUDGETS.get(path.suffix)
        if budget is not None:
            lines = len(path.read_text().splitlines())
            if lines > budget:
                over.append(f"{path.relative_to(ROOT)}: {lines} > {budget}")
    assert not over, over


def test_no_module_is_called_utils():
    assert not [p for p in tracked() if p.stem in {"utils", "util", "helpers", "common", "misc"}]


def test_nothing_is_left_unfinished():
    pattern = re.compile(r"\b(to" + r"do|unimplemented)!\(|raise NotImplemented" + r"Error|[#/] *(TO" + r"DO|FIX" + r"ME|XXX)\b")
    places = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked()
        if path.suffix in BUDGETS
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if pattern.search(line)
    ]
    assert not places, places


def test_plonky3_is_named_in_three_crates_only():
    """Its interface changes with every release: algebra, transcript and the opening stand between it and the rest."""
    allowed = ("crates/algebra/", "crates/transcript/", "crates/protocols/open/")
    named = [
        str(path.relative_to(ROOT))
        for path in tracked()
        if path.suffix == ".rs" and re.search(r"\bp3_\w+::", path.read_text())
    ]
    assert named and not [path for path in named if not path.startswith(allowed)], named


def test_the_hook_for_cheating_provers_is_not_in_the_product():
    """Only the tests of whole proofs enable `tamper`; what the native module is built from does not."""
    enabled = [path for path in tracked() if path.name == "Cargo.toml" and '"tamper"' in path.read_text()]
    assert [str(path.relative_to(ROOT)) for path in enabled] == ["crates/proof/Cargo.toml"]
    _, tests = enabled[0].read_text().split("[dev-dependencies]")
    assert '"tamper"' in tests
    command = ["cargo", "tree", "--locked", "-e", "normal,build,features", "-f", "{p} {f}", "-p", "tacit-binding"]
    tree = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "tacit-transcript" in tree and "tamper" not in tree.replace(str(ROOT), "")
