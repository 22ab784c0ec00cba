"""Writes the golden vectors of format 3, receipts with named commitments: keys, receipts, tampered receipts, and manifest.json.

    python vectors/committed.py [FOLDER] [--prove]

The receipts of `layer` and `relations` are kept (kept.py). Those of `wide` are by the prover in plain Python, whose seeds are
fixed.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Mapping

import edits
import generate
import kept
import layer
import plain_layer
from generate import CONTEXTS, HERE, HIDDEN, ORDER, Case, Places, case, parts
from kept import Wanted

from reference.circuit import NAMED_FORMAT
from reference.verifier import walk

FOLDER = HERE / f"format-{NAMED_FORMAT}"
BOTH, OTHER_BOTH = (Wanted((1, 1, 1), context, (0, 1)) for context in (0, 1))
KEPT = {
    "layer": {"receipt.bin": BOTH, "second.bin": Wanted((0, 1, 0), 1, (0,))},
    "relations": {"receipt.bin": Wanted((1, 0, 1), 0, (1,)), "second.bin": OTHER_BOTH},
}
MODELS = KEPT | {"wide": {"receipt.bin": Wanted((1, 1, 0), 0, (0,)), "second.bin": OTHER_BOTH}}
WIDE = (1, 9000)
"""Rows and columns of the layer whose input takes two limbs."""


def wide() -> tuple[bytes, dict[str, bytes]]:
    """The key, and the receipts."""
    model = plain_layer.model(layer.case(1, kept.OPENINGS, *WIDE))
    tensors = {binding: model.tensor(binding, 64 + binding) for binding in (0, 1)}
    files = {}
    for seed, (file, wanted) in enumerate(MODELS["wide"].items()):
        named = {binding: tensors[binding] for binding in wanted.named}
        prover = plain_layer.LayerProver(model, bytes(wanted.hidden), named, seed)
        files[f"wide/{file}"] = prover.receipt(CONTEXTS[wanted.context])
    return model.key, files


def entry(where: Places, i: int) -> tuple[int, int]:
    return where[f"binding {i}"][0], where[f"seal {i}"][1]


def listed(receipt: bytes, hidden: tuple[int, ...], bindings: tuple[int, ...]) -> list[Case]:
    """Edits of how the list of named commitments is written."""
    where = parts(receipt)
    count, start, stop = where["named count"][0], where["binding 0"][0], where["publics"][0]
    first, seal = receipt[slice(*entry(where, 0))], where["seal 0"][0]
    two = struct.pack("<I", len(bindings) + 1)
    flag = where["hide set"][0] + 1 + bindings[0]
    shown = next((number for number in (0, 1) if not hidden[1 + number]), None)
    cases = {
        "named: none": ([edits.splice(count, stop, bytes(4))], "noncanonical"),
        "named: none counted": ([edits.splice(count, start, bytes(4))], "noncanonical"),
        "named: taken out": ([edits.splice(count, stop, b"")], "noncanonical"),
        "named: one more counted": ([edits.splice(count, start, two)], "noncanonical"),
        "named: twice": ([edits.splice(start, start, first), edits.splice(count, start, two)], "noncanonical"),
        "named: a binding that does not exist": ([edits.splice(start, start + 4, struct.pack("<I", 2))], "noncanonical"),
        "named: the weights": ([edits.splice(start, start + 4, b"\xff" * 4)], "noncanonical"),
        "named: no longer hidden": ([edits.splice(flag, flag + 1, b"\0")], "noncanonical"),
        "named: first word of a seal not below p": ([edits.splice(seal, seal + 8, struct.pack("<Q", ORDER))], "noncanonical"),
        "named: last word of a seal not below p": ([edits.splice(seal + 16, seal + 24, b"\xff" * 8)], "noncanonical"),
        "named: format that hides": ([edits.splice(*where["format"], HIDDEN)], "truncated"),
        "named: transparent format": ([edits.splice(*where["format"], b"\1\0")], "truncated"),
        "named: taken out, format that hides": ([edits.splice(count, stop, b""), edits.splice(*where["format"], HIDDEN)], "check"),
    }
    if shown is not None:
        cases["named: a tensor that is shown"] = ([edits.splice(start, start + 4, struct.pack("<I", shown))], "noncanonical")
    return [case(name, edit, kind) for name, (edit, kind) in cases.items()]


def stated(receipt: bytes) -> list[Case]:
    """Other roots and seals, in canonical form."""
    where = parts(receipt)
    root, seal = where["root 0"], where["seal 0"]
    copy = lambda name: edits.splice(*root, receipt[slice(*where[name])])  # noqa: E731
    cases = {
        "another root": [edits.xor(root[0])],
        "another root, last byte": [edits.xor(root[1] - 1, 0x80)],
        "another seal": [edits.xor(seal[0])],
        "another seal, X": [edits.xor(seal[0] + 8)],
        "another seal, X^2": [edits.xor(seal[0] + 16)],
        "root of the witness": [copy("witness root")],
        "root of the weights": [copy("weights root")],
    }
    return [case(f"named: {name}", edit, "check") for name, edit in cases.items()]


def exchanged(receipt: bytes) -> list[Case]:
    """Of a receipt with two named commitments: what belongs to one, said of the other."""
    where = parts(receipt)
    text = lambda name: receipt[slice(*where[name])]  # noqa: E731
    both = lambda name: [edits.splice(*where[f"{name} {i}"], text(f"{name} {1 - i}")) for i in (0, 1)]  # noqa: E731
    swapped = {name: both(name) for name in ("binding", "root", "seal")}
    (start, middle), (_, stop) = entry(where, 0), entry(where, 1)
    one = edits.splice(*where["named count"], struct.pack("<I", 1))
    cases = {
        "bindings exchanged": (swapped["binding"], "noncanonical"),
        "roots exchanged": (swapped["root"], "check"),
        "seals exchanged": (swapped["seal"], "check"),
        "roots and seals exchanged": (swapped["root"] + swapped["seal"], "check"),
        "entries exchanged": ([edits.splice(start, stop, receipt[middle:stop] + receipt[start:middle])], "noncanonical"),
        "one root twice": (swapped["root"][:1], "check"),
        "one root and seal twice": (swapped["root"][:1] + swapped["seal"][:1], "check"),
        "seal of the other": (swapped["seal"][:1], "check"),
        "the first alone": ([edits.splice(middle, stop, b""), one], "check"),
        "the second alone": ([edits.splice(start, middle, b""), one], "check"),
    }
    return [case(f"named: {name}", edit, kind) for name, (edit, kind) in cases.items()]


def opened(key: bytes, receipt: bytes, count: int) -> list[Case]:
    """What the opening of oracle 0 shows of the last named tree: rows, salts, siblings."""
    start = parts(receipt)["proof"][0]
    places = walk(receipt, key, CONTEXTS[0]).places
    rows = next(place for place in places if place[0] == "opening: rows")
    at = [n for n, place in enumerate(places) if place[0] == "opening: salts"][1 + count]
    salts, siblings = places[at], places[at + 1]
    assert siblings[0] == "Merkle siblings" and siblings[1] == salts[2]
    cases = {
        "last row": edits.xor(start + rows[2] - 8),
        "first salt": edits.xor(start + salts[1]),
        "last salt": edits.xor(start + salts[2] - 1),
        "first sibling": edits.xor(start + siblings[1]),
    }
    return [case(f"named tree: {name}", [edit], "check") for name, edit in cases.items()]


MIXED = {
    "witness of another receipt": ("witness root", "witness root", "check"),
    "proof of another receipt": ("proof length", "proof", "check"),
    "all but the context of another receipt": ("witness root", "proof", "check"),
    "context of another receipt": ("context length", "context", "context"),
}


def refused(name: str, files: Mapping[str, bytes]) -> list[Case]:
    """`files`: the model's, by their names in its folder."""
    key, receipt = files["key.bin"], files["receipt.bin"]
    hidden, _, bindings, _ = MODELS[name]["receipt.bin"]
    shown = tuple(binding for binding in (0, 1) if not hidden[1 + binding])
    cases = generate.around(key, receipt, shown) + listed(receipt, hidden, bindings) + stated(receipt)
    cases += exchanged(receipt) if len(bindings) == 2 else []
    cases += opened(key, receipt, len(bindings)) + generate.within(key, receipt, ("last",))
    return cases + generate.mixed(name, receipt, files["second.bin"], MIXED)


def complete(receipts: Mapping[str, bytes]) -> dict[str, bytes]:
    """Every file by its name, given the receipts that are kept."""
    key, made = wide()
    keys = {name: kept.prover(name).key() for name in KEPT} | {"wide": key}
    return kept.complete(NAMED_FORMAT, MODELS, keys, receipts | made, refused)


def main(arguments: list[str]) -> int:
    return kept.write(arguments, FOLDER, KEPT, complete)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
