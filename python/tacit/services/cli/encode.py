"""tacit encode MODEL.tacit: writes the encoded weights beside a large model, for faster proofs."""

from __future__ import annotations

import argparse

from tacit.model import Model


def run(arguments: argparse.Namespace) -> int:
    model = Model.load(arguments.model)
    model.prepare()
    if model.encoded_file is not None:
        print(f"{model.encoded_file} is there already, and proofs read it: remove it first to have it written again")
        return 0
    path = model.encode()
    if path is None:
        print("nothing was written: the encoded weights of this model are held in memory")
    else:
        size = path.stat().st_size / 1e9
        print(f"wrote {path} (private: holds the weights), {size:.1f} GB: proofs read there what they show of them")
    return 0
