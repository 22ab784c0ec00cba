"""tacit prove MODEL.tacit --input FILE -o OUT.receipt [--hide NAMES|none] [--commit NAME=FILE] [--committed NAME=FILE]
[--context TEXT]"""

from __future__ import annotations

import argparse
import os
import time

from tacit import inputs, storage
from tacit.commitments import Committed
from tacit.errors import InputError
from tacit.model import Model
from tacit.report import saturation_text


def run(arguments: argparse.Namespace) -> int:
    output = arguments.output
    hide = hidden(arguments.hide)
    read = [arguments.model, arguments.input or arguments.model, *(path for _, path in arguments.committed)]
    written = [output, *(path for _, path in arguments.commit)]
    if len({str(storage.require_target(path)) for path in written}) < len(written):
        raise InputError("Two outputs have one name: name another one.")
    for path in written:
        if str(storage.require_target(path)) in map(os.path.realpath, read):
            raise InputError(f"{path} would overwrite what is read; name another output.")
    model = Model.load(arguments.model)
    commit = dict(arguments.commit)
    given = named_inputs(model, arguments.input, {name: Committed.load(path) for name, path in arguments.committed})
    model.prepare()
    started = time.perf_counter()
    context = arguments.context.encode("utf-8", "surrogateescape")
    receipt = model.prove(given, hide=hide, context=context, commit=commit)
    elapsed = time.perf_counter() - started
    for name, path in commit.items():
        receipt.secrets[name].save(path)
    receipt.save(output)
    concealed = ", ".join(receipt.hidden) or "nothing"
    if receipt.hidden and not model.opened:
        concealed += f" (proof {model.hidden_proofs():,} of {model.openings:,} that can hide the weights)"
    print(f"wrote {output}: {len(receipt.to_bytes()):,} bytes, proved in {elapsed:.3f} s; hidden: {concealed}")
    for name, path in commit.items():
        print(f"wrote {path} (private): the secret behind the commitment of {name!r}")
    if model.saturated:
        print(f"saturated (not in the receipt): {saturation_text(tuple(model.saturated.items()))}")
    return 0


def named_inputs(model: Model, path: str | None, committed: dict[str, Committed]) -> inputs.Given:
    """What a file and committed tensors give together."""
    if not committed:
        if path is None:
            raise InputError("There is no input: give --input FILE.")
        return path
    rest = [declared for declared in model.declared if declared.name not in committed]
    return {**(inputs.named(path, rest, model.image) if path is not None else {}), **committed}


def hidden(option: str | None) -> list[str] | None:
    """What --hide says, as `prove` takes it."""
    return None if option is None else [] if option == "none" else option.split(",")
