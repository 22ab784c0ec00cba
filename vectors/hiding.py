"""Writes the golden vectors of format 2, receipts that hide: keys, receipts, tampered receipts, and manifest.json.

    python vectors/hiding.py [FOLDER] [--prove]

A hiding receipt holds fresh randomness, so the receipts are kept; only `--prove` makes others. Keys follow from a fixed seed. From
keys and receipts the same version writes the same manifest on every machine.
"""

from __future__ import annotations

import hashlib
import json
import struct
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import edits
import generate
import layer
import relations
from generate import CONTEXTS, HERE, HIDDEN, Case, case, parts

from reference.circuit import FORMAT, HIDING_FORMAT
from tacit import _core
from tacit.circuit import encode

SEED = bytes(range(32))
OPENINGS = 2
FOLDER = HERE / f"format-{HIDING_FORMAT}"
# File: hidden weights, first and second binding; which context.
RECEIPTS = {"receipt.bin": ((1, 0, 0), 0), "second.bin": ((1, 1, 1), 1)}
MORE = {"weights-inputs.bin": ((1, 1, 0), 0), "inputs.bin": ((0, 1, 0), 0)}
MODELS = {"relations": RECEIPTS | MORE, "layer": RECEIPTS}


def of(name: str, seed: int) -> relations.Case:
    """A model's circuit, whose commitments can hide, and buffers."""
    if name == "layer":
        return layer.case(seed, OPENINGS)
    case = relations.case(seed)
    circuit = encode(replace(relations.skeleton(), parameters=layer.hiding_in(OPENINGS)))
    return relations.Case(circuit, case.weights, case.public, case.witness)


def prover(name: str) -> _core.Prover:
    made = of(name, 1)
    return _core.Prover(made.circuit, made.weights, _core.Progress(), seed=SEED)


def proved() -> dict[str, bytes]:
    """Other receipts than those that are kept."""
    files = {}
    for name, wanted in MODELS.items():
        held = prover(name)
        for file, (hidden, which) in wanted.items():
            made = of(name, 1 + which)
            receipt = held.prove(made.public, made.witness, CONTEXTS[which], _core.Progress(), hide=bytes(hidden))
            files[f"{name}/{file}"] = receipt
    return files


def sets(receipt: bytes) -> list[Case]:
    """Other hide sets for a receipt that hides the weights alone, of a circuit with two bindings."""
    where = parts(receipt)
    length, start = where["hide set length"]
    stop, second = where["hide set"][1], where["public 0"][1]
    both = edits.splice(start + 1, start + 2, b"\1")
    alone = edits.splice(where["publics"][0], second, struct.pack("<I", 1))
    twice = edits.splice(*where["publics"], struct.pack("<I", 3) + receipt[slice(second, where["public 1"][1])])
    visible = edits.splice(*where["format"], struct.pack("<H", FORMAT))
    cases = {
        "hide set: nothing": ([edits.splice(start, stop, bytes(3))], "noncanonical"),
        "hide set: a two": ([edits.splice(start, start + 1, b"\2")], "noncanonical"),
        "hide set: a two beside a one": ([edits.splice(start + 2, stop, b"\2")], "noncanonical"),
        "hide set: empty": ([edits.splice(length, stop, bytes(4))], "noncanonical"),
        "hide set: a part more": ([edits.splice(length, stop, struct.pack("<I", 4) + b"\1\0\0\0")], "noncanonical"),
        "hide set: a part less": ([edits.splice(length, stop, struct.pack("<I", 2) + b"\1\0")], "noncanonical"),
        "hide set: input too, which is still there": ([both], "public"),
        "hide set: input too, which is taken out": ([alone, both], "check"),
        "hide set: output shown twice": ([twice], "public"),
        "format of a transparent receipt": ([visible], "truncated"),
        "hide set taken out": ([edits.splice(length, stop, b""), visible], "check"),
    }
    return [case(name, edit, kind) for name, (edit, kind) in cases.items()]


MIXED = {
    "witness of another receipt": ("witness root", "witness root", "check"),
    "proof of another receipt": ("proof length", "proof", "check"),
    "all but the context of another receipt": ("witness root", "proof", "check"),
    "hide set of another receipt": ("hide set length", "hide set", "public"),
    "context of another receipt": ("context length", "context", "context"),
}


def described(name: str, files: Mapping[str, bytes]) -> dict[str, Any]:
    """A model's entry in the manifest. `files`: by their names in its folder."""
    key, receipt, second = files["key.bin"], files["receipt.bin"], files["second.bin"]
    refused = generate.around(key, receipt) + sets(receipt) + generate.within(key, receipt, ("last",))
    refused += generate.mixed(name, receipt, second, MIXED) + generate.keys(key)
    if "inputs.bin" in files:
        at = parts(files["inputs.bin"])["hide set"][0]
        shown = case("hide set: weights too", [edits.splice(at, at + 1, b"\1")], "check")
        refused.append(shown | {"receipt": f"{name}/inputs.bin"})
    return {
        "files": {f"{name}/{file}": hashlib.sha256(data).hexdigest() for file, data in files.items()},
        "accepted": [
            {"receipt": f"{name}/{file}", "key": f"{name}/key.bin", "context": CONTEXTS[which].hex(), "hidden": bytes(hidden).hex()}
            for file, (hidden, which) in MODELS[name].items()
        ],
        "refused": refused,
    }


def complete(receipts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file by its name, given the receipts."""
    files, entries = {}, {}
    for name, wanted in MODELS.items():
        own = {"key.bin": prover(name).key()} | {file: receipts[f"{name}/{file}"] for file in wanted}
        entries[name] = described(name, own)
        files |= {f"{name}/{file}": data for file, data in own.items()}
    assert all(parts(receipt)["hide set"] and receipt[7:9] == HIDDEN for receipt in receipts.values())
    manifest = {"format": HIDING_FORMAT, "context": CONTEXTS[0].hex(), "models": entries}
    files["manifest.json"] = (json.dumps(manifest, indent=1) + "\n").encode()
    return files


def kept(folder: Path) -> dict[str, bytes]:
    return {f"{name}/{file}": (folder / name / file).read_bytes() for name, wanted in MODELS.items() for file in wanted}


def main(arguments: list[str]) -> int:
    names = [argument for argument in arguments if argument != "--prove"]
    folder = Path(names[0]) if names else FOLDER
    files = complete(proved() if "--prove" in arguments else kept(folder))
    generate.write(files, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
