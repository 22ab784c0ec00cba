"""The golden vectors: the Rust verifier and the reference verifier say of each what the manifest says."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path

import pytest

from tacit import _core

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "vectors" / "format-1"
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
import edits  # noqa: E402

import reference  # noqa: E402

MANIFEST = json.loads((FOLDER / "manifest.json").read_text())
MODELS = MANIFEST["models"]
CONTEXT = bytes.fromhex(MANIFEST["context"])
FILES = {name: (FOLDER / name).read_bytes() for entry in MODELS.values() for name in entry["files"]}
REFUSED = [(name, case) for name, entry in MODELS.items() for case in entry["refused"]]
# What the reference verifier reads in the default run, besides what it refuses before the proof: one stage of the proof a model.
STAGES = {
    "linear": ("last tree values", "proof extended"),
    "perceptron": (),
    "convolution": ("last contract round", "last Merkle siblings"),
    "softmax": ("first contract virtual total", "opening: rows: not below p"),
    "relations": ("last contract value", "another output", "proof of another receipt"),
}
EARLY = {"kind", "format", "truncated", "trailing", "key", "circuit", "weights", "context", "public", "hide"}
MESSAGES = {
    "kind": "this is not a tacit",
    "format": "has format",
    "truncated": "ends inside",
    "trailing": "bytes follow",
    "noncanonical": "not in canonical form",
    "circuit": "another circuit",
    "weights": "other weights",
    "context": "another context",
    "public": "public tensor",
    "hide": "cannot hide|too short to hide in",
    "check": "the check of",
}


def agrees(found: str | None, wanted: str) -> bool:
    """An altered message moves the queries, and with them how many siblings the proof must hold: then it may run out, or have
    bytes left, where the manifest expects a check to fail."""
    return found == wanted or (wanted == "check" and found in ("truncated", "trailing"))


def accepted() -> list[tuple[str, dict]]:
    return [(each["receipt"], each) for entry in MODELS.values() for each in entry["accepted"]]


def native(receipt: bytes, key: bytes, context: bytes) -> str | None:
    """The Rust verifier's answer: None, or the kind of its refusal."""
    try:
        held = _core.VerifyingKey(key)
    except _core.Malformed:
        return "key"
    try:
        held.verify(_core.Receipt(receipt), context)
    except _core.Refused as error:
        kinds = [kind for kind, text in MESSAGES.items() if re.search(text, str(error))]
        assert len(kinds) == 1, str(error)
        return kinds[0]
    return None


def plain(receipt: bytes, key: bytes, context: bytes) -> str | None:
    """The reference verifier's answer."""
    try:
        reference.verify(receipt, key, context)
    except reference.Refused as error:
        return error.kind
    return None


def tampered(name: str, case: dict) -> tuple[bytes, bytes]:
    """Receipt and key of a refused case."""
    receipt, key = FILES[f"{name}/receipt.bin"], FILES[f"{name}/key.bin"]
    if case["target"] == "key":
        return receipt, edits.apply(key, case["edit"], FILES)
    return edits.apply(receipt, case["edit"], FILES), key


def test_the_files_are_those_of_the_manifest():
    assert MANIFEST["format"] == 1
    for entry in MODELS.values():
        for name, digest in entry["files"].items():
            assert hashlib.sha256(FILES[name]).hexdigest() == digest, name
    assert sum(path.stat().st_size for path in FOLDER.rglob("*") if path.is_file()) < 1_500_000


@pytest.mark.parametrize("each", [each for _, each in accepted()], ids=[name for name, _ in accepted()])
def test_the_core_accepts(each):
    assert native(FILES[each["receipt"]], FILES[each["key"]], bytes.fromhex(each["context"])) is None


@pytest.mark.parametrize("name", MODELS)
def test_the_core_refuses_as_the_manifest_says(name):
    for case in MODELS[name]["refused"]:
        found = native(*tampered(name, case), CONTEXT)
        assert agrees(found, case["refused"]), (case["name"], found)


@pytest.mark.parametrize(
    "each",
    [pytest.param(each, id=name, marks=pytest.mark.slow if "second" in name else ()) for name, each in accepted()],
)
def test_the_reference_accepts(each):
    assert plain(FILES[each["receipt"]], FILES[each["key"]], bytes.fromhex(each["context"])) is None


def chosen(name: str, case: dict) -> bool:
    return case["name"] in STAGES[name] or (case["refused"] in EARLY and not case["name"].startswith("proof"))


@pytest.mark.parametrize(
    ("name", "case"),
    [
        pytest.param(name, case, id=f"{name}-{case['name']}", marks=() if chosen(name, case) else pytest.mark.slow)
        for name, case in REFUSED
    ],
)
def test_the_reference_refuses_as_the_manifest_says(name, case):
    assert agrees(plain(*tampered(name, case), CONTEXT), case["refused"])


def test_every_chosen_case_exists():
    names = {(name, case["name"]) for name, case in REFUSED}
    assert {(name, stage) for name, stages in STAGES.items() for stage in stages} <= names


@pytest.mark.slow
def test_regenerating_gives_the_same_bytes():
    import generate

    files = generate.generate()
    stored = {str(path.relative_to(FOLDER)): path.read_bytes() for path in FOLDER.rglob("*") if path.is_file()}
    assert files == stored
