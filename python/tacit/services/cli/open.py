"""tacit open SECRET RECEIPT --key KEY --name NAME -o OPENING: what reveals a tensor that a receipt hides."""

from __future__ import annotations

import argparse
import os

from tacit import storage
from tacit.commitments import Committed, open_commitment
from tacit.errors import InputError
from tacit.key import Key
from tacit.links import find
from tacit.receipt import Receipt


def run(arguments: argparse.Namespace) -> int:
    output = arguments.output
    if str(storage.require_target(output)) in map(os.path.realpath, (arguments.secret, arguments.receipt, arguments.key)):
        raise InputError(f"{output} would overwrite what is read; name another output.")
    key, receipt = Key.load(arguments.key), Receipt.load(arguments.receipt)
    find(key.signatures, arguments.name)
    if receipt.circuit_digest != key.circuit_digest:
        raise InputError(f"{arguments.receipt} is no receipt of the model of {arguments.key}; give that model's key.")
    receipt.bind(key.signatures)
    open_commitment(receipt, arguments.name, Committed.load(arguments.secret)).save(output)
    check = f"tacit verify --opening {arguments.name}={output}"
    print(f"wrote {output}: whoever has it knows {arguments.name!r}, and can check it ({check})")
    return 0
