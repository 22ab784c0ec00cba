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
FOLDERS = {number: ROOT / "vectors" / f"format-{number}" for number in (1, 2, 3)}
sys.path[:0] = [str(ROOT / "vectors"), str(ROOT / "tests")]
import edits  # noqa: E402

import reference.verifier  # noqa: E402

MANIFESTS = {number: json.loads((folder / "manifest.json").read_text()) for number, folder in FOLDERS.items()}
# (format, name)
MODELS = {(number, name): entry for number, manifest in MANIFESTS.items() for name, entry in manifest["models"].items()}
CONTEXT = b"vector"
FILES = {
    number: {name: (FOLDERS[number] / name).read_bytes() for entry in manifest["models"].values() for name in entry["files"]}
    for number, manifest in MANIFESTS.items()
}
REFUSED = [(model, case) for model, entry in MODELS.items() for case in entry["refused"]]
ACCEPTED = [(number, each) for (number, _), entry in MODELS.items() for each in entry["accepted"]]
# What the reference verifier reads in the default run, besides what it refuses before the proof: one stage of the proof a model.
STAGES = {
    (1, "linear"): ("last tree values", "proof extended"),
    (1, "perceptron"): (),
    (1, "small"): (),
    (1, "convolution"): ("last contract round", "last Merkle siblings"),
    (1, "softmax"): ("first contract virtual total", "opening: rows: not below p"),
    (1, "relations"): ("last contract value", "another output", "proof of another receipt"),
    (2, "relations"): (),
    (2, "layer"): ("last opening: salts",),
    (3, "layer"): ("named: seals exchanged", "named tree: last row"),
    (3, "relations"): (),
    (3, "wide"): (),
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


def title(number: int, name: str) -> str:
    return {1: "", 2: "hiding-", 3: "named-"}[number] + name


def read(number: int, each: dict) -> tuple[bytes, bytes, bytes]:
    """Receipt, key and context of an accepted case."""
    files = FILES[number]
    return files[each["receipt"]], files[each["key"]], bytes.fromhex(each["context"])


def tampered(model: tuple[int, str], case: dict) -> tuple[bytes, bytes]:
    """Receipt and key of a refused case."""
    number, name = model
    files = FILES[number]
    receipt, key = files[case.get("receipt", f"{name}/receipt.bin")], files[f"{name}/key.bin"]
    if case["target"] == "key":
        return receipt, edits.apply(key, case["edit"], files)
    return edits.apply(receipt, case["edit"], files), key


@pytest.mark.parametrize("number", FOLDERS)
def test_the_files_are_those_of_the_manifest(number):
    manifest, files = MANIFESTS[number], FILES[number]
    assert manifest["format"] == number and bytes.fromhex(manifest["context"]) == CONTEXT
    for entry in manifest["models"].values():
        for name, digest in entry["files"].items():
            assert hashlib.sha256(files[name]).hexdigest() == digest, name
    assert sum(path.stat().st_size for path in FOLDERS[number].rglob("*") if path.is_file()) < 1_500_000


@pytest.mark.parametrize(("number", "each"), ACCEPTED, ids=[title(number, each["receipt"]) for number, each in ACCEPTED])
def test_the_core_accepts(number, each):
    assert native(*read(number, each)) is None


@pytest.mark.parametrize(
    ("number", "each"),
    [(number, each) for number, each in ACCEPTED if number > 1],
    ids=[title(number, each["receipt"]) for number, each in ACCEPTED if number > 1],
)
def test_a_hiding_receipt_says_what_it_hides(number, each):
    data, hidden = FILES[number][each["receipt"]], bytes.fromhex(each["hidden"])
    receipt, plainly = _core.Receipt(data), reference.verifier.read_receipt(data)
    assert receipt.hidden() == plainly.hidden == hidden
    assert len(receipt.publics()) == len(plainly.publics) == hidden[1:].count(0)
    named = [(one.binding, one.root, one.seal.to_bytes()) for one in plainly.named]
    assert receipt.named() == named and [binding for binding, _, _ in named] == each.get("named", [])
    assert data[7] == number and receipt.to_bytes() == data


def test_receipts_of_one_tensor_carry_one_commitment():
    for name, entry in MANIFESTS[3]["models"].items():
        stated = [{b: rest for b, *rest in _core.Receipt(FILES[3][each["receipt"]]).named()} for each in entry["accepted"]]
        (shared,) = set(stated[0]) & set(stated[1])
        assert stated[0][shared] == stated[1][shared], name


@pytest.mark.parametrize("model", MODELS, ids=[title(*model) for model in MODELS])
def test_the_core_refuses_as_the_manifest_says(model):
    for case in MODELS[model]["refused"]:
        found = native(*tampered(model, case), CONTEXT)
        assert agrees(found, case["refused"]), (case["name"], found)


ALWAYS = {2: "relations", 3: "wide"}
"""Whose first receipt that hides the reference verifier reads in the default run."""


def seldom(number: int, each: dict) -> bool:
    return "second" in each["receipt"] if number == 1 else each["receipt"] != f"{ALWAYS[number]}/receipt.bin"


@pytest.mark.parametrize(
    ("number", "each"),
    [
        pytest.param(number, each, id=title(number, each["receipt"]), marks=pytest.mark.slow if seldom(number, each) else ())
        for number, each in ACCEPTED
    ],
)
def test_the_reference_accepts(number, each):
    assert plain(*read(number, each)) is None


def chosen(model: tuple[int, str], case: dict) -> bool:
    return case["name"] in STAGES[model] or (case["refused"] in EARLY and not case["name"].startswith("proof"))


@pytest.mark.parametrize(
    ("model", "case"),
    [
        pytest.param(model, case, id=f"{title(*model)}-{case['name']}", marks=() if chosen(model, case) else pytest.mark.slow)
        for model, case in REFUSED
    ],
)
def test_the_reference_refuses_as_the_manifest_says(model, case):
    assert agrees(plain(*tampered(model, case), CONTEXT), case["refused"])


def test_every_chosen_case_exists():
    names = {(model, case["name"]) for model, case in REFUSED}
    assert {(model, stage) for model, stages in STAGES.items() for stage in stages} <= names


@pytest.mark.slow
@pytest.mark.parametrize("number", FOLDERS)
def test_regenerating_gives_the_same_bytes(number):
    """Of receipts that hide, which are kept, the keys and the manifest."""
    import committed
    import generate
    import hiding

    folder = FOLDERS[number]
    files = {1: lambda _: generate.generate(), 2: hiding.complete, 3: committed.complete}[number](FILES[number])
    stored = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files == stored


HIDDEN = [None, *(bytes(b >> i & 1 for i in range(3)) for b in range(1, 8))]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relations", "layer"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=lambda hidden: "none" if hidden is None else hidden.hex())
def test_fresh_receipts_of_every_hide_set_get_one_answer(name, hidden):
    """Transparent ones of commitments with salts and uniform rows, too."""
    import kept

    made, held = kept.of(name, 3), kept.prover(name)
    receipt = held.prove(made.public, made.witness, CONTEXT, _core.Progress(), hide=hidden)
    assert (native(receipt, held.key(), CONTEXT), plain(receipt, held.key(), CONTEXT)) == (None, None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["relations", "layer"])
@pytest.mark.parametrize(("hidden", "bindings"), [(b"\0\1\0", (0,)), (b"\1\0\1", (1,)), (b"\1\1\1", (1,)), (b"\0\1\1", (0, 1))])
def test_fresh_receipts_with_named_commitments_get_one_answer(name, hidden, bindings):
    import kept

    made, held = kept.of(name, 3), kept.prover(name)
    secrets = [(binding, kept.secret(binding)) for binding in bindings]
    receipt = held.prove(made.public, made.witness, CONTEXT, _core.Progress(), hide=hidden, named=secrets)
    assert (native(receipt, held.key(), CONTEXT), plain(receipt, held.key(), CONTEXT)) == (None, None)
