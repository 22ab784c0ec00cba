"""The lints that keep a verifier from panicking and from wrapping integers hold in every crate that is built into the product.

What only a prover runs lies in `prove/` folders, whose lints are relaxed where they are declared; nothing outside refers to them.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LINTS = {
    "arithmetic_side_effects", "expect_used", "indexing_slicing", "panic", "string_slice", "todo", "unimplemented",
    "unreachable", "unwrap_used",
}  # fmt: skip
PROVERS = {"arithmetic_side_effects", "expect_used", "indexing_slicing"}
# (file under crates/, item) -> the lints that it may break. Each says why in the source.
RELAXED = {
    ("algebra/src/lib.rs", "packed"): {"arithmetic_side_effects", "indexing_slicing"},
    ("transcript/src/lib.rs", "prove"): {"arithmetic_side_effects", "indexing_slicing"},
    ("circuit/src/lib.rs", "prove"): PROVERS,
    ("columns/src/lib.rs", "prove"): PROVERS,
    ("memory/src/lib.rs", "arrays"): set(),
    ("memory/src/lib.rs", "kept"): set(),
    ("protocols/contract/src/lib.rs", "prove"): PROVERS,
    ("protocols/hide/src/lib.rs", "prove"): PROVERS,
    ("protocols/lookup/src/lib.rs", "prove"): PROVERS,
    ("protocols/open/src/lib.rs", "prove"): PROVERS,
}
# Field elements, their vectors, and the generic values of a verifier, whose text is empty or V: nothing that can overflow.
FIELD_TYPES = {
    "p3_goldilocks::Goldilocks", "tacit_algebra::F", "p3_field::extension::ExtField",
    "tacit_algebra::p3_field::extension::ExtField", "tacit_algebra::packed::Packed", "affine::Affine", "tacit_hide::Affine",
    "V", "",
}  # fmt: skip
PROVER_FILES = ("proof/src/prove.rs", "proof/src/blinding.rs", "proof/src/oracle.rs", "binding/src/prover.rs", "binding/src/lib.rs")


@cache
def closure() -> dict[str, Path]:
    """Crates of this workspace that are built into the native module: name -> folder."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    found = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    names = {package["id"]: package for package in found["packages"]}
    nodes = {node["id"]: node for node in found["resolve"]["nodes"]}
    queue = [each for each in found["workspace_members"] if names[each]["name"] == "tacit-binding"]
    reached: set[str] = set()
    while queue:
        each = queue.pop()
        if each not in reached:
            reached.add(each)
            normal = [dep["pkg"] for dep in nodes[each]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
            queue += [package for package in normal if package in found["workspace_members"]]
    return {names[each]["name"]: Path(names[each]["manifest_path"]).parent for each in reached}


def short(path: Path) -> str:
    return str(path.relative_to(ROOT / "crates"))


def sources() -> Iterator[tuple[Path, str]]:
    """Every source file of the closure without comments and unit tests."""
    for folder in closure().values():
        for path in sorted((folder / "src").rglob("*.rs")):
            text = re.sub(r"//.*", "", path.read_text())
            yield path, re.split(r"#\[cfg\(test\)\]\s*mod tests", text)[0]


def only_provers(path: Path) -> bool:
    return "prove" in path.parent.parts or short(path) in PROVER_FILES


def verifiers() -> Iterator[tuple[Path, str]]:
    return ((path, text) for path, text in sources() if not only_provers(path))


def listed(text: str) -> set[str]:
    """The lints in the parentheses of an attribute."""
    return set(re.findall(r"clippy::(\w+)", text))


def test_the_closure_is_what_verifies():
    assert {"tacit-proof", "tacit-circuit", "tacit-transcript", "tacit-open", "tacit-binding"} <= set(closure())


@pytest.mark.parametrize("name", sorted(closure()))
def test_every_crate_denies_every_lint(name):
    folder = closure()[name]
    root = (folder / "src" / "lib.rs").read_text()
    denied = re.search(r"#!\[cfg_attr\(\s*not\(test\),\s*deny\(([^)]*)\)\s*\)\]", root)
    assert denied and listed(denied[1]) == LINTS, f"{name} denies other lints than {sorted(LINTS)}"
    # PyO3's macros write unsafe code for the border to Python, and an allocator's interface is unsafe; both deny it elsewhere.
    border = name in {"tacit-binding", "tacit-memory"}
    assert "#![forbid(unsafe_code)]" in root or border, f"{name} does not forbid unsafe code"
    manifest = tomllib.loads((folder / "Cargo.toml").read_text())
    assert manifest["lints"] == {"workspace": True}, f"{name} has lints of its own"


def test_the_workspace_denies_the_rest():
    lints = tomllib.loads((ROOT / "Cargo.toml").read_text())["workspace"]["lints"]
    assert lints["rust"]["unsafe_code"] == "deny" and lints["rust"]["unused_must_use"] == "deny"
    assert lints["clippy"] == {"all": {"level": "deny", "priority": -1}}
    places = [ROOT, *(folder for folder in (ROOT / "crates").rglob("*") if folder.is_dir())]
    settings = [place / name for place in places for name in ("clippy.toml", ".clippy.toml") if (place / name).exists()]
    assert settings == [ROOT / "clippy.toml"]
    allowed = tomllib.loads(settings[0].read_text())
    assert allowed.keys() == {"arithmetic-side-effects-allowed"} and set(*allowed.values()) == FIELD_TYPES
    flags = tomllib.loads((ROOT / ".cargo" / "config.toml").read_text())
    assert flags == {"build": {"rustflags": ["-Ctarget-cpu=native", "-Cllvm-args=-slp-vectorize-hor=false"]}}


def test_lints_are_relaxed_only_where_listed():
    relaxing = r"#!?\[(?:cfg_attr\([^,]*,\s*)?(?:allow|warn|expect)\((.*?)\)\s*\)?\s*\]"
    attribute = re.compile(relaxing + r"(?:\s*#\[[^\]]*\])*([^{;]*)", re.S)
    groups = {"all", "restriction", "pedantic"}
    found = {}
    for path, text in sources():
        for given, item in attribute.findall(text):
            lints = listed(given) & (LINTS | groups)
            if lints or "unsafe_code" in given or "warnings" in given:
                assert 'reason = "' in given, f"{short(path)}: a lint is relaxed without a reason"
                found[short(path), item.split()[-1]] = lints
    assert found == RELAXED


def test_a_verifier_asserts_nothing():
    """Failed assertions are panics that no lint above sees."""
    bad = [short(path) for path, text in verifiers() if re.search(r"\b(debug_)?assert(_eq|_ne)?!", text)]
    assert not bad, bad


def exported() -> dict[str, set[str]]:
    """Crate, as a path names it -> what it shows of its prover."""
    found = {}
    for name, folder in closure().items():
        own = [text for path, text in verifiers() if path.is_relative_to(folder)]
        shown = re.findall(r"pub use (?:crate::)?prove::(\w+|\{[^}]*\})", "".join(own))
        found[name.replace("-", "_")] = set(re.findall(r"\w+", " ".join(shown)))
    return found


def test_a_verifier_uses_nothing_of_a_prover():
    """Neither modules, nor what crates show of them, nor the methods that they add to types of both."""
    shown, bad = exported(), []
    assert "open" in shown["tacit_open"] and "Model" in shown["tacit_proof"] and "Tree" in shown["tacit_transcript"]
    prover = "".join(text for path, text in sources() if only_provers(path))
    own = set(re.findall(r"\b(?:struct|enum) (\w+)", prover))
    blocks = re.findall(r"^impl(?:<[^>]*>)? (\w+)[^{]*\{(.*?)^\}", prover, re.S | re.M)
    methods = {each for name, body in blocks if name not in own for each in re.findall(r"fn (\w+)", body)}
    assert {"committed", "weights"} <= methods
    for path, text in verifiers():
        named = re.findall(r"(?<!pub use crate::)(?<!pub use )(?:crate|super|self)::prove::\w+", text)
        for crate, names in shown.items():
            used = " ".join(re.findall(rf"\b{crate}::(\w[\w:]*|\{{[^}}]*\}})", text))
            named += names & set(re.findall(r"\w+", used))
        named += [each for each in methods if re.search(rf"\.{each}\(", text)]
        bad += [f"{short(path)}: {each}" for each in named]
    assert not bad, bad
