"""Writes the golden vectors of format 2, receipts that hide: keys, receipts, tampered receipts, and manifest.json.

    python vectors/hiding.py [FOLDER] [--prove]

Keys and manifest are written again, the receipts are kept (kept.py).
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping

import edits
import generate
import kept
from generate import HERE, Case, case, parts
from kept import Wanted

from reference.circuit import FORMAT, HIDING_FORMAT

FOLDER = HERE / f"format-{HIDING_FORMAT}"
RECEIPTS = {"receipt.bin": Wanted((1, 0, 0), 0), "second.bin": Wanted((1, 1, 1), 1, seed=2)}
MORE = {"weights-inputs.bin": Wanted((1, 1, 0), 0), "inputs.bin": Wanted((0, 1, 0), 0)}
MODELS = {"relations": RECEIPTS | MORE, "layer": RECEIPTS}


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


def refused(name: str, files: Mapping[str, bytes]) -> list[Case]:
    """`files`: the model's, by their names in its folder."""
    key, receipt, second = files["key.bin"], files["receipt.bin"], files["second.bin"]
    cases = generate.around(key, receipt) + sets(receipt) + generate.within(key, receipt, ("last",))
    cases += generate.mixed(name, receipt, second, MIXED)
    if "inputs.bin" in files:
        at = parts(files["inputs.bin"])["hide set"][0]
        shown = case("hide set: weights too", [edits.splice(at, at + 1, b"\1")], "check")
        cases.append(shown | {"receipt": f"{name}/inputs.bin"})
    return cases


def complete(receipts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file by its name, given the receipts."""
    return kept.complete(HIDING_FORMAT, MODELS, {name: kept.prover(name).key() for name in MODELS}, receipts, refused)


def main(arguments: list[str]) -> int:
    return kept.write(arguments, FOLDER, MODELS, complete)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
