"""Writes the golden vectors of format 1: keys, receipts, tampered receipts, and manifest.json.

    python vectors/generate.py [FOLDER]

The same version writes the same bytes on every machine. The files are what every verifier of the format agrees on: a change that
makes one of them verify differently needs a new format number. A change of the compiler alone may write other keys; then the files
are written again and the old ones stay valid. The keys and receipts of `relations` do not pass through the compiler.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "tests")]

import edits  # noqa: E402
import exact_models  # noqa: E402
import relations  # noqa: E402

import tacit  # noqa: E402
from reference.circuit import FORMAT, HIDING_FORMAT, KEY_FORMAT, NAMED_FORMAT  # noqa: E402
from reference.verifier import read_key, walk  # noqa: E402
from tacit import _core  # noqa: E402

CONTEXTS = (b"vector", b"")
SMALL: dict[str, Any] = {"openings": 0, "receipts": "small"}
ORDER = 2**64 - 2**32 + 1
HIDDEN = struct.pack("<H", HIDING_FORMAT)
Case = dict[str, Any]
Operation = dict[str, Any]
Places = dict[str, tuple[int, int]]


def compiled() -> dict[str, tuple[bytes, bytes, bytes]]:
    """name -> key, receipt, second receipt (another input and context)."""
    found = {}
    options: dict[str, Any] = {"openings": 0}
    made = [(name, make, options) for name, make in exact_models.MODELS.items()]
    for name, make, options in [*made, ("small", exact_models.MODELS["perceptron"], SMALL)]:
        model, inputs = make(), exact_models.samples(make())
        held = tacit.compile(model, samples=inputs, **options)
        receipts = (held.prove(inputs[i], context=context).to_bytes() for i, context in enumerate(CONTEXTS))
        found[name] = (held.key.to_bytes(), *receipts)
    cases = [relations.case(seed) for seed in (1, 2)]
    prover = _core.Prover(cases[0].circuit, cases[0].weights, _core.Progress())
    receipts = (prover.prove(case.public, case.witness, context, _core.Progress()) for case, context in zip(cases, CONTEXTS))
    found["relations"] = (prover.key(), *receipts)
    return found


def parts(data: bytes) -> Places:
    """Where the fields of a receipt lie."""
    at, found = 0, {}

    def take(name: str, count: int) -> None:
        nonlocal at
        found[name] = (at, at + count)
        at += count

    def sized(name: str) -> None:
        take(f"{name} length", 4)
        take(name, struct.unpack_from("<I", data, at - 4)[0])

    for name, count in (("magic", 6), ("kind", 1), ("format", 2), ("circuit digest", 32), ("weights root", 32)):
        take(name, count)
    number, = struct.unpack("<H", data[slice(*found["format"])])
    if number >= HIDING_FORMAT:
        sized("hide set")
    if number == NAMED_FORMAT:
        take("named count", 4)
        for i in range(struct.unpack_from("<I", data, at - 4)[0]):
            for field, count in (("binding", 4), ("root", 32), ("seal", 24)):
                take(f"{field} {i}", count)
    take("publics", 4)
    for i in range(struct.unpack_from("<I", data, at - 4)[0]):
        sized(f"public {i}")
    sized("context")
    take("witness root", 32)
    sized("proof")
    assert at == len(data)
    return found


def claims_to_hide(key: bytes, receipt: bytes) -> list[Case]:
    """A transparent receipt, called one that hides the weights: its key's commitments have no uniform cells."""
    where = parts(receipt)
    bindings = len(read_key(key).circuit.publics)
    hidden = struct.pack("<I", bindings + 1) + b"\1" + bytes(bindings)
    edit = [edits.splice(where["publics"][0], where["publics"][0], hidden), edits.splice(*where["format"], HIDDEN)]
    return [case("format that hides", edit, "hide"), case("format that hides, no hide set", edit[1:], "noncanonical")]


def cell_edit(key: bytes, receipt: bytes, where: tuple[int, int], binding: int, inside: bool) -> list[Operation] | None:
    """Another value for the last cell of a public tensor, which lies at `where`: in its interval, or next to it. None when the cell
    has no such value."""
    circuit = read_key(key).circuit
    public = circuit.publics[binding]
    size, stop = circuit.columns[public.column].size, where[1]
    value = int.from_bytes(receipt[stop - size : stop], "little", signed=True)
    candidates = (value + 1, value - 1) if inside else (public.highest + 1, public.lowest - 1)
    for wanted in candidates:
        fits = -(1 << 8 * size - 1) <= wanted < 1 << 8 * size - 1
        if fits and (public.lowest <= wanted <= public.highest) == inside:
            return [edits.splice(stop - size, stop, wanted.to_bytes(size, "little", signed=True))]
    return None


CELLS = (
    ("another output", 1, True),
    ("another input", 0, True),
    ("input out of range", 0, False),
    ("output out of range", 1, False),
)


def around(key: bytes, receipt: bytes, shown: tuple[int, ...] = (0, 1)) -> list[Case]:
    """Edits of the fields around the proof. `shown`: the bindings of the public tensors."""
    where = parts(receipt)
    start, length = where["proof"][0], where["proof"][1] - where["proof"][0]
    size = where["proof length"]
    resized = {by: struct.pack("<I", length + by) for by in (-32, 1)}
    cases: dict[str, tuple[list[Operation] | None, str]] = {
        "empty": ([edits.truncate(0)], "truncated"),
        "header alone": ([edits.truncate(9)], "truncated"),
        "last byte missing": ([edits.truncate(len(receipt) - 1)], "truncated"),
        "one byte more": ([edits.append(b"\0")], "trailing"),
        "proof cut": ([edits.splice(*size, resized[-32]), edits.truncate(len(receipt) - 32)], "truncated"),
        "proof extended": ([edits.splice(*size, resized[1]), edits.append(b"\0")], "trailing"),
        "proof missing": ([edits.splice(*size, bytes(4)), edits.truncate(start)], "truncated"),
        "other magic": ([edits.xor(0)], "kind"),
        "kind of a key": ([edits.splice(*where["kind"], b"K")], "kind"),
        "next format": ([edits.splice(*where["format"], struct.pack("<H", NAMED_FORMAT + 1))], "format"),
        "format zero": ([edits.splice(*where["format"], bytes(2))], "format"),
        "other circuit": ([edits.xor(where["circuit digest"][0])], "circuit"),
        "other weights": ([edits.xor(where["weights root"][1] - 1, 0x80)], "weights"),
        "other witness": ([edits.xor(where["witness root"][0])], "check"),
        "other context": ([edits.xor(where["context"][0])], "context"),
    }
    if shown:
        public = where["public 0"]
        longer = struct.pack("<I", public[1] - public[0] + 1) + receipt[slice(*public)] + b"\0"
        cases["no public tensors"] = ([edits.splice(where["publics"][0], where["context length"][0], bytes(4))], "public")
        cases["longer input" if shown[0] == 0 else "longer output"] = (
            [edits.splice(where["public 0 length"][0], public[1], longer)], "public"
        )
    for name, binding, inside in CELLS:
        if binding in shown:
            edit = cell_edit(key, receipt, where[f"public {shown.index(binding)}"], binding, inside)
            cases[name] = (edit, "check" if inside else "public")
    return [case(name, edit, kind) for name, (edit, kind) in cases.items() if edit is not None]


def within(key: bytes, receipt: bytes, chosen: tuple[str, ...] = ("first", "last")) -> list[Case]:
    """The first and the last message under every label of the proof, altered by one bit, and replaced by p."""
    start = parts(receipt)["proof"][0]
    walked = walk(receipt, key, CONTEXTS[0])
    found = []
    first = {label: (begin, end) for label, begin, end in reversed(walked.places)}
    last = {label: (begin, end) for label, begin, end in walked.places}
    for which, places in (("first", first), ("last", last)):
        for label, (begin, end) in places.items():
            if which not in chosen or (which == "last" and "first" in chosen and first[label] == (begin, end)):
                continue
            found.append(case(f"{which} {label}", [edits.xor(start + begin)], "check"))
    for label in ("tree round", "contract value", "opening: rows", "opening: final"):
        if label in last:
            end = start + last[label][1]
            found.append(case(f"{label}: not below p", [edits.splice(end - 8, end, struct.pack("<Q", ORDER))], "noncanonical"))
    return found


MIXED = {
    "witness of another receipt": ("witness root", "witness root", "check"),
    "proof of another receipt": ("proof length", "proof", "check"),
    "all but the context of another receipt": ("witness root", "proof", "check"),
    "tensors of another receipt": ("publics", "public 1", "check"),
    "context of another receipt": ("context length", "context", "context"),
}


def mixed(name: str, receipt: bytes, second: bytes, fields: dict[str, tuple[str, str, str]] = MIXED) -> list[Case]:
    """Fields of the model's other receipt, which is valid, in the place of this one's: from the first to the last of two."""
    here, there = parts(receipt), parts(second)
    file = f"{name}/second.bin"
    grafts = []
    for title, (begin, end, kind) in fields.items():
        operation = edits.graft(here[begin][0], here[end][1], file, there[begin][0], there[end][1])
        grafts.append(case(title, [operation], kind))
    return grafts


def keys(all_keys: Mapping[str, bytes], name: str) -> list[Case]:
    """Edits of a model's key, whose parameters end before its last 56 bytes: the root and the seal of the weights."""
    key, names = all_keys[name], list(all_keys)
    other = names[names.index(name) - 1]
    encoded = read_key(key).circuit.parameters.encoded
    seal, end = len(key) - 24, len(key)
    tail = seal - 32
    head = tail - len(encoded)
    fewer = struct.pack("<H", int.from_bytes(key[tail - 2 : tail], "little") // 2)
    before = edits.splice(7, 9, struct.pack("<H", KEY_FORMAT - 1))
    broken = {
        "empty": [edits.truncate(0)],
        "cut": [edits.truncate(end - 1)],
        "extended": [edits.append(b"\0")],
        "kind of a receipt": [edits.splice(6, 7, b"R")],
        "next format": [edits.splice(7, 9, struct.pack("<H", KEY_FORMAT + 1))],
        "format before": [before],
        "format before, which has no seal": [before, edits.truncate(seal)],
        "half the queries": [edits.splice(tail - 2, tail, fewer)],
        "no rows": [edits.splice(head, head + 1, b"\0")],
        "salts of one byte": [edits.splice(head + 5, head + 6, b"\1")],
        "reserved rows fill the limbs": [edits.splice(head + 1, head + 5, b"\xff" * 4)],
        "no seal": [edits.truncate(seal)],
        "a word of the seal missing": [edits.truncate(end - 8)],
        "a word of the seal more": [edits.append(bytes(8))],
        "first word of the seal not below p": [edits.splice(seal, seal + 8, struct.pack("<Q", ORDER))],
        "second word of the seal not below p": [edits.splice(seal + 8, seal + 16, struct.pack("<Q", ORDER))],
        "last word of the seal not below p": [edits.splice(seal + 16, end, b"\xff" * 8)],
    }
    there = len(all_keys[other]) - end
    grafted = lambda *at: [edits.graft(*at, f"{other}/key.bin", *(place + there for place in at))]  # noqa: E731
    # These are keys; the receipt is not for them.
    unlike = {
        "other weights": ([edits.xor(seal - 1)], "weights"),
        "root of another model": (grafted(tail, seal), "weights"),
        "root and seal of another model": (grafted(tail, end), "weights"),
        "seal of another model": (grafted(seal, end), "check"),
        "seal zero": ([edits.splice(seal, end, bytes(24))], "check"),
        "another seal": ([edits.xor(seal)], "check"),
        "another seal, X": ([edits.xor(seal + 8)], "check"),
        "another seal, X^2": ([edits.xor(seal + 16)], "check"),
    }
    found = {name: (edit, "key") for name, edit in broken.items()} | unlike
    return [case(f"key: {name}", edit, kind, target="key") for name, (edit, kind) in found.items()]


def case(name: str, edit: list[Operation], kind: str, target: str = "receipt") -> Case:
    return {"name": name, "target": target, "edit": edit, "refused": kind}


def entry(name: str, files: Mapping[str, bytes], accepted: Mapping[str, dict[str, Any]], refused: list[Case]) -> dict[str, Any]:
    """A model's entry in the manifest. `files`: by their names in its folder; `accepted`: receipts, and what is said of them."""
    return {
        "files": {f"{name}/{file}": hashlib.sha256(data).hexdigest() for file, data in files.items()},
        "accepted": [{"receipt": f"{name}/{file}", "key": f"{name}/key.bin"} | said for file, said in accepted.items()],
        "refused": refused,
    }


def complete(number: int, models: Mapping[str, Mapping[str, bytes]], entries: Mapping[str, dict[str, Any]]) -> dict[str, bytes]:
    """Every file of a format by its name. `models`: the files of each; `entries`: of each in the manifest."""
    manifest = {"format": number, "context": CONTEXTS[0].hex(), "models": entries}
    files = {f"{name}/{file}": data for name, own in models.items() for file, data in own.items()}
    return files | {"manifest.json": (json.dumps(manifest, indent=1) + "\n").encode()}


def generate() -> dict[str, bytes]:
    """Every file by its name."""
    made, models, entries = compiled(), {}, {}
    all_keys = {name: key for name, (key, _, _) in made.items()}
    for name, (key, receipt, second) in made.items():
        models[name] = {"key.bin": key, "receipt.bin": receipt, "second.bin": second}
        refused = around(key, receipt) + claims_to_hide(key, receipt) + within(key, receipt)
        refused += mixed(name, receipt, second) + keys(all_keys, name)
        contexts = {file: {"context": context.hex()} for file, context in zip(("receipt.bin", "second.bin"), CONTEXTS)}
        entries[name] = entry(name, models[name], contexts, refused)
    return complete(FORMAT, models, entries)


def write(files: dict[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    print(f"{len(files)} files, {sum(map(len, files.values()))} bytes in {folder}")


def main(arguments: list[str]) -> int:
    write(generate(), Path(arguments[0]) if arguments else HERE / f"format-{FORMAT}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
