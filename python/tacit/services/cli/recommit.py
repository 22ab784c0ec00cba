"""tacit recommit MODEL.tacit -o NEW.tacit: a new commitment to the same weights, for more proofs that hide."""

from __future__ import annotations

import argparse
import os

from tacit import storage
from tacit.errors import InputError
from tacit.model import Model
from tacit.services.cli.compile import targets


def run(arguments: argparse.Namespace) -> int:
    output, key = targets(arguments.output)
    for path in (output, key):
        if str(storage.require_target(path)) == os.path.realpath(arguments.model):
            raise InputError(f"{path} would overwrite what is read; name another output.")
    fresh = Model.load(arguments.model).recommit()
    fresh.save(output, key=key)
    print(f"wrote {output} (private: holds the weights) and {key} (public): {fresh.openings:,} proofs can hide the weights")
    return 0
